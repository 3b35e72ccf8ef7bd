"""Reading with a limit and writing whole or not at all; every failure is an error for people."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from zkc.runtime.errors import InputError, OutputError

MIB = 1 << 20
_CHUNK = 1 << 20


def look_up(path: str | os.PathLike[str], *, what: str) -> os.stat_result | None:
    """What is at `path`, links followed; None if nothing is there.

    InputError if the system cannot even look: a name that is too long, links in a circle, a folder that is closed to this user.
    """
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _unusable(f"cannot use {what}", path, error) from None


def read_file(path: str | os.PathLike[str], *, limit: int, what: str, magic: bytes = b"", option: str | None = None) -> bytes:
    """The content of `path`, at most `limit` bytes. `what` names the kind of file in messages ("the program", "the receipt").

    Pipes are read to their end, hence `<(command)` of a shell works; the limit holds for them too. Of a file that does not begin with
    `magic` only as many bytes are read. `option` raises the limit.
    """
    try:
        with open(path, "rb") as file:
            start = _read_at_most(file.fileno(), len(magic))
            if start != magic:
                return start
            size = os.fstat(file.fileno()).st_size
            if size <= limit:
                data = start + _read_at_most(file.fileno(), limit + 1 - len(start))
                if len(data) <= limit:
                    return data
    except (OSError, ValueError) as error:
        raise _unusable(f"cannot read {what}", path, error) from None
    raise _too_large(what, limit, repr(str(path))[1:-1], option)


def read_stream(stream: BinaryIO, *, limit: int, what: str, option: str) -> bytes:
    """The rest of an open stream, at most `limit` bytes; as `read_file`."""
    try:
        data = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        raise _unusable(f"cannot read {what}", str(getattr(stream, "name", "the stream")), error) from None
    if len(data) > limit:
        raise _too_large(what, limit, None, option)
    return data


def _too_large(what: str, limit: int, where: str | None, option: str | None) -> InputError:
    size = f"{limit // MIB} MiB" if limit >= MIB and not limit % MIB else f"{limit} bytes"
    hint = "check that this is the file you meant" + (f", or give a larger {option}" if option else "")
    return InputError(f"{what} is larger than {size}", where=where, hint=hint)


def write_file(path: str | os.PathLike[str], data: bytes | memoryview, *, what: str) -> None:
    """Write `data` to `path` whole or not at all: a reader sees the old file or the new one, also after a crash.

    A link is followed; a device or a pipe (such as /dev/stdout) is written to directly.
    """
    try:
        if _is_special(path):
            Path(path).write_bytes(data)
        else:
            _replace(Path(os.path.realpath(path)), data)
    except (OSError, ValueError) as error:
        raise _unusable(f"cannot write {what}", path, error, OutputError) from None


def write_folder(folder: Path, files: Mapping[str, bytes], *, what: str) -> list[Path]:
    """Write files into a folder, made if nothing is there: each whole or not at all. Of a new folder nothing is left if one fails."""
    new = look_up(folder, what=what) is None
    paths = [folder / name for name in files]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise _unusable(f"cannot make the folder for {what}", folder, error, OutputError) from None
        for path, data in zip(paths, files.values(), strict=True):
            write_file(path, data, what=what)
    except BaseException:  # a full disk, or Ctrl-C: the same command must work again
        if new:
            _remove(folder, paths)
        raise
    return paths


def _remove(folder: Path, paths: Iterable[Path]) -> None:
    with contextlib.suppress(OSError):
        for path in paths:
            path.unlink(missing_ok=True)
        folder.rmdir()


def make_private_folder(path: Path, *, what: str) -> None:
    """Makes a folder, unless it is there, that is for its owner alone."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except (OSError, ValueError) as error:
        raise _unusable(f"cannot make {what}", path, error, OutputError) from None


def check_writable(path: str | os.PathLike[str], *, what: str, inputs: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Fail now if `write_file` could not work later, or would write over one of the `inputs`: call it before hours of proving.

    Changes nothing. An input is the same file under any of its names; only devices, such as /dev/null, may be input and output.
    """
    for one in inputs:
        if _same_file(path, one):
            where = str(path) if os.fspath(path) == os.fspath(one) else f"{path} is {one}"
            raise InputError(f"{what} would be written over a file that it is made from", where=where, hint="give another -o FILE")
    try:
        if _is_special(path):
            return
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        remove_partials(target.parent, target.name)
        partial, descriptor = _open_partial(target)
        os.close(descriptor)
        os.unlink(partial)
    except (OSError, ValueError) as error:
        raise _unusable(f"cannot write {what}", path, error) from None


def is_stdout(path: str | os.PathLike[str]) -> bool:
    """Whether what is written to `path` goes where stdout goes, a terminal and other devices apart: there both may."""
    return _same_file(path, 1)


def _is_special(path: str | os.PathLike[str]) -> bool:
    """Whether something is there that is no file and no folder. Asked of the path itself: /dev/stdout leads to a pipe that has no path."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _same_file(output: str | os.PathLike[str], source: str | os.PathLike[str] | int) -> bool:
    try:
        status = os.stat(output)
        return os.path.samestat(status, os.stat(source)) and not stat.S_ISCHR(status.st_mode)
    except (OSError, ValueError):  # what is not there yet is no input
        return False


def _read_at_most(descriptor: int, limit: int) -> bytes:
    chunks: list[bytes] = []
    left = limit
    while left and (chunk := os.read(descriptor, min(left, _CHUNK))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def remove_partials(folder: Path, name: str | None = None) -> None:
    """Remove what processes that were killed left in `folder` of the file `name` (None: of any) that they were writing.

    What a living process writes is locked, and stays.
    """
    left = re.compile((r"\..*\." if name is None else re.escape(_partial_stem(name))) + r"[0-9a-f]{8}\.partial", re.DOTALL)
    with contextlib.suppress(OSError):
        for found in os.listdir(folder):
            if left.fullmatch(found):
                _remove_unlocked(folder / found)


def _remove_unlocked(partial: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(partial, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(partial)
        finally:
            os.close(descriptor)


def _partial_stem(name: str) -> str:
    return f".{name[:100]}."


def _open_partial(target: Path) -> tuple[Path, int]:
    """A fresh file beside `target`, for a rename is atomic only inside one file system; locked for as long as it is open."""
    while True:
        partial = target.with_name(f"{_partial_stem(target.name)}{secrets.token_hex(4)}.partial")
        # 0o666 is narrowed by the umask, as for any new file.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(OSError):  # some file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return partial, descriptor
        os.close(descriptor)  # removed by another process in the moment before it was locked


def _replace(target: Path, data: bytes | memoryview) -> None:
    if target.is_dir():
        raise IsADirectoryError(21, "Is a directory")
    remove_partials(target.parent, target.name)
    partial, descriptor = _open_partial(target)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if target.exists():  # an existing file keeps its mode
                os.chmod(partial, stat.S_IMODE(target.stat().st_mode))
            os.replace(partial, target)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    """Make the rename itself durable; not every system lets a directory be opened, and then the rename is only atomic."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_HINT = "make room and run the same command again"
_HINTS: dict[type[Exception], str] = {
    FileNotFoundError: "check the path; the folder must exist",
    IsADirectoryError: "give the path of a file",
    NotADirectoryError: "one part of the path is a file, not a folder",
    PermissionError: "check who may read or write this file and its folder",
}


def _unusable(message: str, path: str | os.PathLike[str], error: Exception, kind: type[InputError] = InputError) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    hint = FULL_HINT if getattr(error, "errno", None) in FULL else _HINTS.get(type(error))
    return kind(f"{message}: {reason[:1].lower()}{reason[1:]}", where=os.fspath(path), hint=hint)
