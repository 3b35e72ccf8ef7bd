"""Programs built on this machine are, byte for byte, the committed ones, from any folder; and mistakes get answers."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from tests.guests.catalogue import EXAMPLES, GUESTS
from zkc import toolchain
from zkc.runtime.errors import InputError
from zkc.runtime.guest.attributes import arch_of
from zkc.toolchain import build

needs_compiler = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs ziglang")
SOURCES = sorted([*EXAMPLES.glob("*/*.c"), *GUESTS.glob("*.c"), *GUESTS.glob("*.S")])
QUICK = {"fibonacci", "quicksort", "control"}


@needs_compiler
@pytest.mark.parametrize(
    "source",
    [source if source.stem in QUICK else pytest.param(source, marks=pytest.mark.slow) for source in SOURCES],
    ids=lambda path: path.stem,
)
def test_building_again_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    copy = shutil.copy(source, tmp_path)
    assert build([copy], tmp_path / "built.elf").read_bytes() == source.with_suffix(".elf").read_bytes()


@pytest.mark.parametrize("elf", sorted([*EXAMPLES.glob("*/*.elf"), *GUESTS.glob("*.elf")]), ids=lambda path: path.stem)
def test_programs_name_no_local_folder(elf: Path) -> None:
    data = elf.read_bytes()
    assert not any(word in data for word in (b"/home/", b"/usr/", b"/tmp/", b"/root", b"site-packages", b".cache"))


@needs_compiler
def test_compiler_messages_are_passed_on(tmp_path: Path) -> None:
    (tmp_path / "wrong.c").write_text("int main(void) { return nothing; }\n")
    with pytest.raises(InputError, match=r"wrong\.c:1:\d+: error: use of undeclared identifier 'nothing'"):
        build([tmp_path / "wrong.c"], tmp_path / "wrong.elf")
    assert [file.name for file in tmp_path.iterdir()] == ["wrong.c"]


def test_missing_compiler_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        return None

    monkeypatch.setattr(toolchain.importlib.util, "find_spec", nothing)
    with pytest.raises(InputError, match=r"pip install 'zkc\[guest\]'"):
        build([EXAMPLES / "sieve" / "sieve.c"], tmp_path / "sieve.elf")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """The compiler gave sixty warnings, and the linker missed an object."""
    (tmp_path / "main.txt").write_text("int main(void) { return 0; }")
    with pytest.raises(InputError, match=r"no C or assembly file\n.*main.txt\n  help: names end in .c, .s, .S"):
        build([tmp_path / "main.txt"], tmp_path / "out.elf")


def test_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)no such source file.*absent\.c"):
        build([tmp_path / "absent.c"], tmp_path / "absent.elf")


def test_a_program_names_the_extensions_that_it_is_built_for(tmp_path: Path) -> None:
    source = tmp_path / "turn.c"
    source.write_text("int main(int n, char **all) { (void)all; return (int)(((unsigned)n << 7 | (unsigned)n >> 25) != 0); }")
    built = build([source], tmp_path / "turn.elf", isa="rv32im_zbb")
    arch = arch_of(built.read_bytes())
    assert "_zbb" in arch and "_zba" not in arch
