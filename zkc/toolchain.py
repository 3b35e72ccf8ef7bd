"""Builds C guests with the compiler inside the ziglang wheel, so that `pip install zkc[guest]` is the whole toolchain."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from zkc.runtime.errors import InputError
from zkc.runtime.files import check_writable, write_file

GUEST: Final = Path(__file__).parent / "guest"

TARGET: Final = ("-target", "riscv32-freestanding-none", "-mcpu=generic_rv32+m", "-mabi=ilp32")
COMPILE: Final = (
    *TARGET,
    "-std=gnu17",
    "-O2",
    "-gline-tables-only",  # faults name the source line; a third of the size of full debug information
    "-ffreestanding",
    "-fno-pic",
    "-fno-stack-protector",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fno-sanitize=undefined",  # zig adds traps of its own
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
)
LINK: Final = (
    *TARGET,
    "-static",
    "-nostdlib",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-Wl,-z,max-page-size=1024",
    "-T",
    str(GUEST / "link.ld"),
)
# 64-bit division, soft float and the like. -lcompiler_rt would bring a megabyte of debug information that names local folders.
SUPPORT: Final = (*TARGET[:2], TARGET[2], "-O", "ReleaseFast", "-fstrip", "-ffunction-sections", "-fdata-sections")


def build(sources: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str], *, flags: Sequence[str] = ()) -> Path:
    """The ELF made of C and assembly `sources` and the guest library, at `output`.

    `flags` go to the compiler after our own (`-O1`, `-DROUNDS=3`). The bytes depend on sources and flags only, not on directories.
    A relative path in `flags` is read from the folder of the first source.
    """
    files = [Path(source).resolve() for source in sources]
    if not files:
        raise InputError("no source files to build")
    for file in files:
        if not file.is_file():
            raise InputError(f"no such source file: {file}")
    library = _zig_library()
    target = Path(output).resolve()
    check_writable(target, what="the program")
    folder = files[0].parent
    with tempfile.TemporaryDirectory(prefix="zkc-build-") as scratch:
        objects: list[str] = []
        for number, file in enumerate([GUEST / "crt0.S", GUEST / "zkc.c", *files]):
            objects.append(str(Path(scratch) / f"{number}-{file.stem}.o"))
            _compile(file, objects[-1], folder, flags)
        support = str(Path(scratch) / "libsupport.a")
        cache = str(Path(scratch) / "cache")
        _zig(["build-lib", str(library / "compiler_rt.zig"), *SUPPORT, f"-femit-bin={support}", "--cache-dir", cache], folder)
        linked = Path(scratch) / "linked.elf"
        _zig(["cc", *LINK, *objects, support, "-o", str(linked)], folder)
        write_file(target, linked.read_bytes(), what="the program")
    return target


def _zig_library() -> Path:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise InputError("building a guest needs the ziglang package", hint="pip install 'zkc[guest]'")
    return Path(spec.origin).parent / "lib"


def _compile(source: Path, output: str, folder: Path, flags: Sequence[str]) -> None:
    own = source.is_relative_to(GUEST)
    prefixes = [f"-ffile-prefix-map={folder}=.", f"-ffile-prefix-map={GUEST}=zkc/guest", "-fdebug-compilation-dir=."]
    chosen = ["-fno-builtin"] if own else list(flags)
    name = str(source) if own else os.path.relpath(source, folder)
    _zig(["cc", *COMPILE, *prefixes, "-I", str(GUEST / "include"), *chosen, "-c", name, "-o", output], folder)


def _zig(arguments: Sequence[str], folder: Path) -> None:
    """Runs zig; its diagnostics go to the person unchanged."""
    done = subprocess.run([sys.executable, "-m", "ziglang", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError("the guest does not compile\n" + done.stderr.strip())
    if done.stderr.strip():
        print(done.stderr.strip(), file=sys.stderr)
