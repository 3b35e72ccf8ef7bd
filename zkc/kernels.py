"""python -m zkc.kernels [--cpu CLASS] … [-o DIR]: makes a wheel with machine code, so that an installation need compile nothing.

The wheel holds entries of the cache (see `zkc.runtime.kernels.cache`): the machine of zkc's own circuits, and machine code for classes of
processors. Each entry is named by all that it was made of, and begins with its digest: what does not fit is not found, and compiled as
before. This processor must belong to each class, for `zkc compile` runs what it compiles.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from zkc.output import note, say
from zkc.runtime.errors import InputError
from zkc.runtime.kernels.cache import SHIPPED, TEMPORARY
from zkc.runtime.kernels.target import CLASSES, classes, numba_settings

KEPT: Final = ("machines", "tables", "code", "kernels", "notes")
_WHEN: Final = (2020, 1, 1, 0, 0, 0)
_TEXT: Final = '"""Compiled kernels of zkc."""\n'


def build(names: Sequence[str], folder: Path) -> Path:
    """The wheel, in `folder`, with machine code for these classes. InputError if this processor does not belong to one."""
    from llvmlite import binding

    here = dict(classes(binding.get_host_cpu_features()))
    for name in names:
        if name not in here:
            raise InputError(f"this processor is none of {name}", hint="build on one that is: what is compiled is run")
    entries: dict[str, bytes] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as kept:
            _compile(name, kept)
            for kind in KEPT:
                entries |= {f"{SHIPPED}/kept/{kind}/{path.name}": path.read_bytes() for path in sorted(Path(kept, kind).glob("[!.]*"))}
    folder.mkdir(parents=True, exist_ok=True)
    return _wheel(entries, folder)


def _compile(name: str, kept: str) -> None:
    """Fills a cache with all that `zkc compile` makes for a class."""
    env = {key: value for key, value in os.environ.items() if key not in (TEMPORARY, "ZKC_CIRCUITS")}
    env |= {"ZKC_CACHE": kept, **numba_settings(name)}
    subprocess.run([sys.executable, "-m", "zkc", "compile", "--json"], env=env, check=True, stdout=subprocess.DEVNULL)


def _wheel(entries: dict[str, bytes], folder: Path) -> Path:
    """The same bytes for the same entries."""
    own = version("zkc")
    tags = f"{sys.implementation.cache_tag.replace('cpython-', 'cp')}-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
    info = f"{SHIPPED}-{own}.dist-info"
    needs = "".join(f"Requires-Dist: {name}=={version(name)}\n" for name in ("zkc", "numba", "llvmlite"))
    files = {f"{SHIPPED}/__init__.py": _TEXT.encode(), **entries}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {SHIPPED.replace('_', '-')}\nVersion: {own}\n{needs}".encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: zkc\nRoot-Is-Purelib: false\nTag: {tags}\n".encode()
    records = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*records, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{SHIPPED}-{own}-{tags}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            file = zipfile.ZipInfo(name, _WHEN)
            file.external_attr = 0o644 << 16
            archive.writestr(file, data, zipfile.ZIP_DEFLATED)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def main() -> int:
    """Prints where the wheel is."""
    parser = argparse.ArgumentParser(prog="python -m zkc.kernels", description=(__doc__ or "").split("\n\n", 1)[1])
    parser.add_argument("--cpu", action="append", choices=list(CLASSES), help="a class of processors (default: all that this one is of)")
    parser.add_argument("-o", dest="folder", type=Path, default=Path("dist"), help="where the wheel goes (default: dist)")
    options = parser.parse_args()
    from llvmlite import binding

    try:
        say(str(build(options.cpu or [name for name, _ in classes(binding.get_host_cpu_features())], options.folder)))
    except InputError as error:
        note(str(error))
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
