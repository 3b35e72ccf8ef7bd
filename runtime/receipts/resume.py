"""Finished segments on disk, so that an interrupted proof goes on where it stopped.

A store belongs to one run, named by a key over all that the proofs depend on. A stored item is used only if it is whole and made for the
same run, place and work unit; anything else counts as absent. Items are not trusted: the receipt made of them is verified like any other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from zkc.runtime.errors import InputError, OutputError
from zkc.runtime.files import look_up, make_private_folder, read_file, remove_partials, write_file
from zkc.runtime.limits import MAX_STORED_BYTES
from zkc.runtime.memory.image import Digest
from zkc.runtime.receipts.receipt import SegmentReceipt

_MAGIC = b"zkc segment 1\n"
_KEY_BYTES = 32
_HEAD = struct.Struct("<32s32sII")
_SUFFIX = ".segment"
_SECRET = "secret"


def resume_key(image_id: Digest, input_hash: bytes, circuit_digest: bytes, limits: Mapping[str, int]) -> bytes:
    """32 bytes over all that decides what the segments of a run are and how they are proven.

    limits: where segments are cut and parameters of the proof, by name.
    """
    named = [f"{name}={limits[name]}".encode() for name in sorted(limits)]
    parts = [struct.pack(f"<{len(image_id)}I", *image_id), input_hash, circuit_digest, *named]
    return _hash(b"".join(len(part).to_bytes(8, "little") + part for part in parts))


def parts_folder(output: str) -> Path | None:
    """Where the finished segments of a receipt at `output` are kept; None if that is a device or a pipe.

    InputError if something is in the way, so that it is known before anything is proven.
    """
    found = look_up(output, what="the receipt")
    if found is not None and not stat.S_ISREG(found.st_mode):
        return None
    # Beside the file, not beside a link to it, such as /dev/stdout.
    folder = Path((os.path.realpath(output) if os.path.islink(output) else output) + ".parts")
    there = look_up(folder, what="the folder for finished segments")
    if there is not None and not stat.S_ISDIR(there.st_mode):
        raise InputError("finished segments cannot be kept: there is something else", where=str(folder), hint="give another -o FILE")
    if there is not None and there.st_uid != os.geteuid():
        raise InputError("finished segments cannot be kept: the folder is another user's", where=str(folder), hint="give another -o FILE")
    if there is not None and not os.access(folder, os.W_OK | os.X_OK):
        raise InputError("finished segments cannot be kept: permission denied", where=str(folder), hint="give another -o FILE")
    return folder


class ResumeStore:
    """The finished segments of one run. As a context manager it is emptied after success and kept after an error:

    with ResumeStore(base, key) as store:
        segments = prove_segments(…, store=store)
        …  # write the receipt here, so that a full disk does not cost the proofs
    """

    def __init__(self, base: Path, key: bytes) -> None:
        self.folder = base / key.hex()[:32]
        self._key = key
        self._secret: bytes | None = None

    def __enter__(self) -> ResumeStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.discard()
            return
        self._remove_empty()
        if error is not None and (kept := len(list(self.folder.glob(f"*{_SUFFIX}")))):
            what = "1 finished segment is" if kept == 1 else f"{kept} finished segments are"
            error.add_note(f"  help: {what} kept in {self.folder.parent}; the same command goes on where it stopped")

    def load(self, index: int, identity: bytes) -> SegmentReceipt | None:
        """The stored segment `index`, if it is whole and was made for this run and this work unit."""
        try:
            data = read_file(self._path(index), limit=MAX_STORED_BYTES, what="a stored segment", magic=_MAGIC)
        except InputError:
            return None
        start = len(_MAGIC) + _KEY_BYTES
        body = data[start:]
        if data[:start] != _MAGIC + _hash(body) or body[: _HEAD.size - 4] != self._head(index, identity, 0)[:-4]:
            return None
        claim_values = _HEAD.unpack_from(body)[3]
        proof_at = _HEAD.size + 4 * claim_values
        if proof_at > len(body):
            return None
        return SegmentReceipt(struct.unpack_from(f"<{claim_values}I", body, _HEAD.size), body[proof_at:])

    def secret(self) -> bytes:
        """32 random bytes, from now on kept with the segments: what the run hides with, which must be the same when it goes on.

        One that another user could have put there is not used.
        """
        if _is_private(self.folder.parent) and _is_private(self.folder):
            with contextlib.suppress(InputError):
                data = read_file(self.folder / _SECRET, limit=_KEY_BYTES, what="the secret of the run")
                self._secret = data if len(data) == _KEY_BYTES else self._secret
        self._secret = self._secret or os.urandom(_KEY_BYTES)
        return self._secret

    def save(self, index: int, identity: bytes, segment: SegmentReceipt) -> None:
        """Store a finished segment; `OutputError` if the disk does not take it."""
        claim = struct.pack(f"<{len(segment.claim)}I", *segment.claim)
        body = self._head(index, identity, len(segment.claim)) + claim + segment.proof
        try:
            self._write(index, _MAGIC + _hash(body) + body)
        except OutputError:
            if self.folder.is_dir():
                raise
            self._write(index, _MAGIC + _hash(body) + body)  # another process that proved the same run has just removed the folder

    def forget(self, index: int) -> None:
        """Remove the stored segment `index`."""
        self._path(index).unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove all items, and the folder when nothing else is in it."""
        for item in (*self.folder.glob(f"*{_SUFFIX}"), self.folder / _SECRET):
            item.unlink(missing_ok=True)
        remove_partials(self.folder)
        self._remove_empty()

    def _remove_empty(self) -> None:
        for folder in (self.folder, self.folder.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _write(self, index: int, data: bytes) -> None:
        for folder in (self.folder.parent, self.folder):
            make_private_folder(folder, what="a folder for finished segments")
        path = self.folder / _SECRET
        if self._secret and not (path.is_file() and path.read_bytes() == self._secret):
            write_file(path, self._secret, what="the secret of the run")
        write_file(self._path(index), data, what="a finished segment")

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06}{_SUFFIX}"

    def _head(self, index: int, identity: bytes, claim_values: int) -> bytes:
        return _HEAD.pack(self._key, _hash(identity), index, claim_values)


def _is_private(folder: Path) -> bool:
    """Whether the folder is there, this user's, and closed to others."""
    found = look_up(folder, what="the folder for finished segments")
    return found is not None and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_KEY_BYTES).digest()
