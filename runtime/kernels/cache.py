"""One folder for all that is made once and kept: compiled machines, byte code and machine code.

An entry is the file KIND/NAME. Its name holds a digest of everything that it was made of, and it begins with a digest of its name and
content: a damaged entry is as good as none, and is made again. Entries are written whole or not at all, by any number of processes.

What is kept is executed. It is read only from a folder that nobody else can write to (see docs/security.md), and only if the file itself
belongs to this user or to root. Without such a folder, or if it cannot be written, what is made is kept in a private temporary folder until
the process ends; processes that it starts use that folder, too.

What is not found there is looked for in the package `zkc_kernels`, if it is installed (see `zkc.kernels`): read-only, and as well checked.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Generator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from zkc.runtime.text import printable

KINDS: Final = ("machines", "tables", "code", "kernels", "notes", "audits")
LIMIT_BYTES: Final = 512 << 20
"""What `prune` leaves: a machine with all its machine code takes about 25 MiB, so some twenty of them."""

TEMPORARY: Final = "ZKC_CACHE_TEMPORARY"
"""Tells child processes of the private temporary folder."""

SHIPPED: Final = "zkc_kernels"
"""The package with entries that were made elsewhere."""

WAIT_SECONDS: Final = 180.0
"""What another process makes is waited for so long, but no longer: it may have been stopped."""

_DIGEST_BYTES: Final = 32
_STEP_SECONDS: Final = 0.005
_DAY: Final = 86_400.0

_log = logging.getLogger("zkc")  # a program that has not set up logging gets warnings as lines on stderr
_lock = threading.RLock()


_chosen: dict[tuple[str | None, ...], Path | None] = {}
_touched: set[tuple[str, str]] = set()
_said: set[str] = set()
_inherited = TEMPORARY in os.environ
"""Whether a process that started this one has said already what is wrong."""


def chosen_folder() -> Path:
    """`ZKC_CACHE`, or `zkc` in the user's cache folder. Raises RuntimeError if the user has no home."""
    chosen = os.environ.get("ZKC_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zkc"


def load(kind: str, name: str) -> bytes | None:
    """The entry, or None if there is none that is whole and can be trusted."""
    for folder in (*_folders(), *_shipped()):
        content = _read(folder / kind / name)
        if content is not None:
            _touched.add((kind, name))
            return content
    return None


def save(kind: str, name: str, content: bytes) -> None:
    """Keeps an entry; if that is not possible, says so once and goes on."""
    data = _digest(name, content) + content
    for folder in _folders():
        if _try_write(folder, kind, name, data):
            return
    folder = _make_temporary()
    if folder is not None:
        _try_write(folder, kind, name, data)


@contextlib.contextmanager
def making(kind: str, name: str) -> Generator[None]:
    """One process at a time makes an entry: the others wait here, and should look for it before they make it themselves.

    The lock is on a file beside the entry and ends with its owner. Where there can be none, nobody waits.
    """
    path = next((folder / kind / f".{name}.lock" for folder in _folders()), None)
    descriptor = None if path is None else _lock_file(path, time.monotonic() + WAIT_SECONDS)
    try:
        yield
    finally:
        if path is not None and descriptor is not None:
            with contextlib.suppress(OSError):
                os.unlink(path)
            os.close(descriptor)


def share_temporary() -> None:
    """To be called before processes are started: if a temporary folder is needed, they use that of this process, not one each."""
    if not any(os.access(folder, os.W_OK) for folder in _folders()):
        _make_temporary()


def names(kind: str) -> set[str]:
    """The names of all entries of a kind, whole or not."""
    return {name for folder in (*_folders(), *_shipped()) for name in _listed(folder / kind)}


def touched() -> frozenset[tuple[str, str]]:
    """Kind and name of every entry that this process has loaded or saved."""
    return frozenset(_touched)


def prune(limit: int = LIMIT_BYTES) -> None:
    """Removes the entries that were not used for the longest time, until at most `limit` bytes are left."""
    for folder in _folders():
        left = limit
        for _, size, path in sorted(_entries(folder), reverse=True):
            left -= size
            if left < 0:
                with contextlib.suppress(OSError):
                    path.unlink()


def mistrust(folder: Path) -> str | None:
    """Why others could change what is in `folder` (an absolute path without links); None if only this user and root can.

    A folder above may let others write if its sticky bit is set, as that of /tmp: they cannot rename then what is not theirs.
    """
    for path in (folder, *folder.parents):
        status = path.stat()
        if status.st_uid not in (0, os.geteuid()):
            return f"{path} belongs to another user (number {status.st_uid})"
        if status.st_mode & 0o022 and not (path != folder and status.st_mode & stat.S_ISVTX):
            return f"others can write to {path}"
    return None


def _entries(folder: Path) -> list[tuple[float, int, Path]]:
    """Time of the last use, size and path of all files, partial ones of processes that died too."""
    found: list[tuple[float, int, Path]] = []
    for path in (folder / kind / name for kind in KINDS for name in _listed(folder / kind)):
        with contextlib.suppress(OSError):
            status = path.lstat()
            found.append((status.st_mtime, status.st_size, path))
    return found


def _listed(folder: Path) -> list[str]:
    """The names in a folder; none if it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _folders() -> list[Path]:
    """Folders that can be trusted, the best first: at most the chosen one and a temporary one."""
    setting = tuple(os.environ.get(name) for name in ("ZKC_CACHE", "XDG_CACHE_HOME", "HOME"))
    with _lock:
        if setting not in _chosen:
            _chosen[setting] = _open_chosen()
        return [folder for folder in (_chosen[setting], _temporary()) if folder is not None]


def _open_chosen() -> Path | None:
    try:
        chosen = chosen_folder()
        _make(chosen)
        folder = chosen.resolve(strict=True)
        reason = mistrust(folder)
        if reason is None:
            return folder
        _warn(f"the cache folder {chosen} is not used: it holds code that is run, and {reason}")
    except (OSError, ValueError, RuntimeError) as error:
        _warn(f"there is no cache folder: {error}")
    return None


@lru_cache(maxsize=1)
def _shipped() -> tuple[Path, ...]:
    """The folder of entries that were made elsewhere and installed, if it can be trusted."""
    spec = find_spec(SHIPPED)
    if spec is None or spec.origin is None:
        return ()
    try:
        folder = (Path(spec.origin).parent / "kept").resolve(strict=True)
        reason = mistrust(folder)
    except OSError as error:
        reason, folder = error.strerror, Path()
    if reason is None:
        return (folder,)
    _warn(f"the kernels of the package {SHIPPED} are not used: {reason}")
    return ()


def _temporary() -> Path | None:
    """The temporary folder of this process or of one that started it, if there is one that can be trusted."""
    try:
        folder = Path(os.environ[TEMPORARY]).resolve(strict=True)
        return folder if mistrust(folder) is None else None
    except (KeyError, OSError, ValueError):
        return None


def _make_temporary() -> Path | None:
    """A private folder that lives as long as this process."""
    with _lock:
        if TEMPORARY in os.environ:  # it was tried before, here or in the process that started this one
            return None
        try:
            os.environ[TEMPORARY] = tempfile.mkdtemp(prefix="zkc-cache-")
        except OSError:
            os.environ[TEMPORARY] = ""
        folder = _temporary()
        if folder is not None:
            atexit.register(_remove, folder, os.getpid())
        return folder


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a process that was forked
        shutil.rmtree(folder, ignore_errors=True)


def _warn(problem: str) -> None:
    """Said once for a process and all that it starts, which have the same reasons."""
    if problem not in _said and not _inherited:
        _said.add(problem)
        hint = "give a folder of your own in ZKC_CACHE; what is compiled now is lost when this command ends"
        _log.warning("zkc: %s\n  help: %s", printable(problem), hint)


def _make(folder: Path) -> None:
    """Makes a folder and those above it, for this user alone whatever the umask is."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(folder))


def _try_write(folder: Path, kind: str, name: str, data: bytes) -> bool:
    try:
        _write(folder / kind / name, data)
    except OSError as error:
        _warn(f"cannot write to the cache folder {folder}: {error.strerror}")
        return False
    _touched.add((kind, name))
    return True


def _lock_file(path: Path, until: float) -> int | None:
    """The file, locked; None if that is not possible, or not before `until`."""
    with contextlib.suppress(OSError):
        _make(path.parent)
        while time.monotonic() < until:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            if _try_lock(descriptor):
                return descriptor
            os.close(descriptor)
            time.sleep(_STEP_SECONDS)
    return None


def _try_lock(descriptor: int) -> bool:
    """Whether the file is locked now, and still the one of that name: its last owner removes it. OSError where there are no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        os.close(descriptor)
        raise
    return os.fstat(descriptor).st_nlink > 0


def _digest(name: str, content: bytes) -> bytes:
    digest = hashlib.sha256(name.encode() + b"\0")
    digest.update(content)
    return digest.digest()


def _read(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
                return None
            data = file.read()
    except OSError:
        return None
    content = data[_DIGEST_BYTES:]
    if _digest(path.name, content) != data[:_DIGEST_BYTES]:
        return None
    if time.time() - status.st_mtime > _DAY:  # `prune` goes by the time of the last use
        with contextlib.suppress(OSError):
            os.utime(path)
    return content


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all for every reader. Not made durable: what a crash of the system damages is made again."""
    _make(path.parent)
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)
