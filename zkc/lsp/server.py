"""The server: documents that are opened and edited, and questions about them, each handed to `zkc.lsp.answers`.

What is wrong is said a moment after the last keystroke; what is found only while tables are made, when a file is opened or saved, from a
thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from lsprotocol import types as t
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from zkc.dsl.diagnostics import DiagnosticError
from zkc.lsp import answers
from zkc.lsp.folder import Folder
from zkc.runtime.errors import InputError

PAUSE: Final = 0.2
"""Seconds without a keystroke after which a text is looked at."""


class Server(LanguageServer):
    """Folders by path. `edits` counts changes of each: an answer about an older text is not published."""

    def __init__(self, version: str) -> None:
        super().__init__("zkc", version, t.TextDocumentSyncKind.Incremental)
        self.folders: dict[Path, Folder] = {}
        self.edits: dict[Path, int] = {}
        self.deep = ThreadPoolExecutor(1, "zkc-lsp")

    def folder(self, uri: str) -> tuple[Folder, Path]:
        """The folder of a document, and its path."""
        path = Path(to_fs_path(uri) or uri)
        return self.folders.setdefault(path.parent, Folder(path.parent)), path

    def take(self, uri: str) -> tuple[Folder, int]:
        """The text as the editor has it now; and the number of this change."""
        folder, path = self.folder(uri)
        folder.edited[path] = self.workspace.get_text_document(uri).source.replace("\r\n", "\n")
        self.edits[folder.root] = self.edits.get(folder.root, 0) + 1
        return folder, self.edits[folder.root]

    async def look(self, folder: Folder, edit: int, *, deep: bool) -> None:
        """Says what is wrong, unless the text has changed meanwhile."""
        copy, loop = folder.copy(), asyncio.get_running_loop()
        found = await loop.run_in_executor(self.deep, lambda: copy.diagnostics(deep=deep)) if deep else copy.diagnostics(deep=False)
        if copy.compiled is not None:
            folder.compiled = copy.compiled
            self._refresh()
        if self.edits[folder.root] == edit:
            for path, problems in answers.problems(folder, found).items():
                self.text_document_publish_diagnostics(t.PublishDiagnosticsParams(path.as_uri(), problems))


    def _refresh(self) -> None:
        """Lets an editor that can ask again for what stands between the words."""
        can = self.client_capabilities.workspace
        if can is not None and can.inlay_hint is not None and can.inlay_hint.refresh_support:
            self.workspace_inlay_hint_refresh(None)


def server(version: str) -> Server:
    """A server with all its answers."""
    made = Server(version)
    _documents(made)
    _questions(made)
    return made


def _documents(server: Server) -> None:
    @server.feature(t.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: t.DidOpenTextDocumentParams) -> None:
        await server.look(*server.take(params.text_document.uri), deep=False)
        await server.look(*server.take(params.text_document.uri), deep=True)

    @server.feature(t.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: t.DidChangeTextDocumentParams) -> None:
        folder, edit = server.take(params.text_document.uri)
        await asyncio.sleep(PAUSE)
        if server.edits[folder.root] == edit:
            await server.look(folder, edit, deep=False)

    @server.feature(t.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: t.DidSaveTextDocumentParams) -> None:
        await server.look(*server.take(params.text_document.uri), deep=True)

    @server.feature(t.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: t.DidCloseTextDocumentParams) -> None:
        folder, path = server.folder(params.text_document.uri)
        folder.edited.pop(path, None)


def _questions(server: Server) -> None:
    def asked(answer: Callable[..., Any], *more: str) -> Callable[[Any], Any]:
        """A handler of requests with a document, often with a position, and with other parameters."""

        def handler(params: Any) -> Any:
            folder, path = server.folder(params.text_document.uri)
            place = [params.position] if hasattr(params, "position") else []
            try:
                return answer(folder, path, *place, *(getattr(params, name) for name in more))
            except InputError as error:
                raise JsonRpcInvalidParams(str(error)) from None
            except DiagnosticError:  # a file that is not there any more
                return None

        return handler

    server.feature(t.TEXT_DOCUMENT_HOVER)(asked(answers.hover))
    server.feature(t.TEXT_DOCUMENT_DEFINITION)(asked(answers.definitions))
    server.feature(t.TEXT_DOCUMENT_REFERENCES)(asked(answers.references))
    server.feature(t.TEXT_DOCUMENT_RENAME)(asked(answers.rename, "new_name"))
    server.feature(t.TEXT_DOCUMENT_COMPLETION, t.CompletionOptions(trigger_characters=["."]))(asked(answers.completions))
    server.feature(t.TEXT_DOCUMENT_SIGNATURE_HELP, t.SignatureHelpOptions(trigger_characters=["(", ","]))(asked(answers.signature))
    server.feature(t.TEXT_DOCUMENT_DOCUMENT_SYMBOL)(asked(answers.outline))
    server.feature(t.TEXT_DOCUMENT_INLAY_HINT)(asked(answers.hints, "range"))
    server.feature(t.TEXT_DOCUMENT_FORMATTING)(asked(answers.formatted))
