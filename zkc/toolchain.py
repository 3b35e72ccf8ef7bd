"""Builds C guests with the compiler inside the ziglang wheel, so that `pip install zkc[guest]` is the whole toolchain."""

from __future__ import annotations

import importlib.util
import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zkc.isa import chosen, features
from zkc.output import note
from zkc.runtime import arguments
from zkc.runtime.errors import InputError
from zkc.runtime.files import check_writable, look_up, write_file

if TYPE_CHECKING:
    from zkc.compiler.extensions import Extensions

GUEST: Final = Path(__file__).parent / "guest"

PLATFORM: Final = ("-target", "riscv32-freestanding-none")
PROCESSOR: Final = "-mcpu=generic_rv32+m"
ABI: Final = "-mabi=ilp32"
TARGET: Final = (*PLATFORM, PROCESSOR, ABI)
"""What a program for the base machine is built for."""
COMPILE: Final = (
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
    "-static",
    "-nostdlib",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-Wl,-z,max-page-size=1024",
)
LAYOUT: Final = GUEST / "link.ld"
DROPPED: Final = "*(.riscv.attributes)"
"""What the layout leaves out of a program for the base machine, which is what runs a program that says nothing."""
SUFFIXES: Final = (".c", ".s", ".S")
# 64-bit division, soft float and the like. -lcompiler_rt would bring a megabyte of debug information that names local folders.
SUPPORT: Final = ("-O", "ReleaseFast", "-fstrip", "-ffunction-sections", "-fdata-sections")

ENDS_WITH_US: Final = """
import ctypes, os, runpy, sys
try:
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL; kept by exec, so it is zig's
except (AttributeError, OSError):
    pass
if os.getppid() != int(sys.argv.pop(1)):
    os._exit(1)
runpy.run_module("ziglang", run_name="__main__", alter_sys=True)
"""
"""`python -m ziglang`, but not after this process is gone, however it ended. To be run with -P: modules of the user's are not Python's."""


def build(
    sources: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str], *, isa: str | None = None, flags: Sequence[str] = ()
) -> Path:
    """The ELF made of C and assembly `sources` and the guest library, at `output`, which must not be one of the files it is made of. isa:
    the instruction set that the compiler may use, such as `rv32im_zba`; the program says so, and runs in the machine that has it.

    `flags` go to the compiler after our own, as they are (`-O1`, `-D`, `ROUNDS=3`); relative paths in them start here, as in a shell. The
    bytes depend on sources, headers and flags, not on the folders that they are in.
    """
    files = [Path(os.path.realpath(source)) for source in arguments.paths("sources", sources)]
    output, flags = arguments.path("output", output), arguments.texts("flags", flags)
    if not files:
        raise InputError("no source files to build")
    for file in files:
        there = look_up(file, what="the source file")
        if there is None or not stat.S_ISREG(there.st_mode):
            raise InputError("no such source file", where=str(file))
        if file.suffix not in SUFFIXES:
            raise InputError("this is no C or assembly file", where=str(file), hint=f"names end in {', '.join(SUFFIXES)}")
    from zkc.compiler.machines import circuits_directory

    extensions = () if isa is None else chosen(arguments.text("isa", isa), circuits_directory())
    cpu = "+".join([PROCESSOR, *features(extensions)])
    library = _zig_library()
    target = Path(os.path.abspath(output))
    check_writable(target, what="the program", inputs=[*files, GUEST / "link.ld"])
    with tempfile.TemporaryDirectory(prefix="zkc-build-") as scratch:
        objects: list[str] = []
        for number, file in enumerate([GUEST / "crt0.S", GUEST / "zkc.c", *files]):
            objects.append(str(Path(scratch) / f"{number}-{file.stem}.o"))
            options = _options(cpu, ["-fno-builtin"] if file.is_relative_to(GUEST) else flags)
            used = _used_files(file, options, Path(scratch) / "used")
            check_writable(target, what="the program", inputs=used)
            _zig(["cc", *options, *_neutral_names(used, files[0].parent, library), "-c", str(file), "-o", objects[-1]])
        support = str(Path(scratch) / "libsupport.a")
        cache = str(Path(scratch) / "cache")
        _zig(["build-lib", str(library / "compiler_rt.zig"), *PLATFORM, cpu, *SUPPORT, f"-femit-bin={support}", "--cache-dir", cache])
        linked = Path(scratch) / "linked.elf"
        _zig(["cc", *PLATFORM, cpu, ABI, *LINK, "-T", _layout(extensions, Path(scratch)), *objects, support, "-o", str(linked)])
        write_file(target, linked.read_bytes(), what="the program")
    return target


def _zig_library() -> Path:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise InputError("building a guest needs the ziglang package", hint="pip install 'zkc[guest]'")
    return Path(spec.origin).parent / "lib"


def _layout(extensions: Extensions, scratch: Path) -> str:
    """The file that says where everything goes; of a program for a machine with extensions, its attributes are kept."""
    if not extensions:
        return str(LAYOUT)
    text = LAYOUT.read_text()
    assert DROPPED in text
    kept = scratch / LAYOUT.name
    kept.write_text(text.replace(DROPPED, ""))
    return str(kept)


def _options(cpu: str, flags: Sequence[str]) -> list[str]:
    return [*PLATFORM, cpu, ABI, *COMPILE, "-fdebug-compilation-dir=.", "-I", str(GUEST / "include"), *flags]


def _used_files(source: Path, options: Sequence[str], scratch: Path) -> list[str]:
    """The source and all headers that compiling it reads, as the compiler spells them."""
    if source.suffix == ".s":  # not preprocessed
        return [str(source)]
    _zig(["cc", *options, "-M", "-MF", str(scratch), str(source)], quiet=True)
    rule = os.fsdecode(scratch.read_bytes()).replace("\\\n", " ").partition(": ")[2]  # in the syntax of make
    words = re.findall(r"(?:\\.|[^\s\\])+", rule)
    return [re.sub(r"\\(.)", r"\1", word).replace("$$", "$") for word in words]


def _neutral_names(used: Sequence[str], folder: Path, library: Path) -> list[str]:
    """Flags by which the compiler writes names that do not say where files are: relative to `folder`, elsewhere in a numbered folder."""
    roots = {GUEST: "zkc/guest", library: "zig", folder: "."}
    # Of an assembly file the compiler writes the folder for itself.
    start = Path(used[0]).absolute().parent
    maps = [f"-ffile-prefix-map={start}={roots.get(start, '.')}"] if used[0].endswith((".S", ".s")) else []
    for spelled in used:
        path = Path(spelled).absolute()
        root = next((root for root in roots if path.is_relative_to(root)), path.parent)
        shown = os.path.join(roots.setdefault(root, f"include-{len(roots)}"), path.relative_to(root))
        # The compiler leaves `./` out of its list, but not out of __FILE__.
        maps += [f"-ffile-prefix-map={form}={os.path.normpath(shown)}" for form in (f"./{spelled}", spelled)]
    return maps


def _zig(given: Sequence[str], *, quiet: bool = False) -> None:
    """Runs zig; its diagnostics go to the person unchanged, but for what is not fit for a terminal. quiet: only if it fails."""
    command = [sys.executable, "-P", "-c", ENDS_WITH_US, str(os.getpid()), *given]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise InputError("the guest does not compile\n" + done.stderr.strip())
    if done.stderr.strip() and not quiet:
        note(done.stderr.strip())
