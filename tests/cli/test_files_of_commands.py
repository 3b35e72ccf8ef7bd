"""Files that commands read and write: no output over an input, no damage to what cannot be read, no path in what is built."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guests.catalogue import EXAMPLES
from zkc import api, cli, toolchain
from zkc.runtime.errors import InputError
from zkc.runtime.files import check_writable

FIBONACCI = EXAMPLES / "fibonacci" / "fibonacci.elf"
Link = Callable[[Path, Path], None]


def same(source: Path, target: Path) -> None:
    """The path itself."""


def hard_link(source: Path, target: Path) -> None:
    os.link(source, target)


def symbolic_link(source: Path, target: Path) -> None:
    target.symlink_to(source)


@pytest.mark.parametrize("link", [same, hard_link, symbolic_link])
@pytest.mark.parametrize("command", ["prove", "profile", "report --no-prove"])
@pytest.mark.parametrize("over", ["program", "input"])
def test_no_output_over_an_input(command: str, over: str, link: Link, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = {"program": tmp_path / "p.elf", "input": tmp_path / "in"}
    shutil.copy(FIBONACCI, files["program"])
    files["input"].write_bytes(b"\1\0\0\0")
    before = {name: file.read_bytes() for name, file in files.items()}
    output = files[over] if link is same else tmp_path / "other"
    link(files[over], output)
    words = [*command.split(), str(files["program"]), "--input", str(files["input"]), "-o", str(output)]
    assert cli.main(words) == 2
    assert "would be written over a file that it is made from" in capfd.readouterr().err
    assert {name: file.read_bytes() for name, file in files.items()} == before


def test_no_output_over_an_input_by_default_or_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(FIBONACCI, "p.receipt")
    assert cli.main(["prove", "p.receipt"]) == 2
    with pytest.raises(InputError, match="written over"):
        api.prove("p.receipt", output=tmp_path / "." / "p.receipt")
    assert Path("p.receipt").read_bytes() == FIBONACCI.read_bytes()


def test_no_output_over_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.circ").write_text("const a = 1;\n")
    monkeypatch.setenv("ZKC_CIRCUITS", str(tmp_path))
    assert cli.main(["report", str(FIBONACCI), "-o", str(tmp_path / "a.circ")]) == 2
    assert (tmp_path / "a.circ").read_text() == "const a = 1;\n"


def test_devices_may_be_both() -> None:
    check_writable(os.devnull, what="the receipt", inputs=[os.devnull])


@pytest.mark.parametrize("over", ["main.c", "used.h", "folder/given.h"])
def test_build_writes_over_nothing_that_it_reads(over: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ziglang")
    monkeypatch.chdir(tmp_path)
    texts = {"main.c": '#include "used.h"\n#include <given.h>\nint main(void) { return A; }\n', "used.h": "#define A B\n"}
    Path("folder").mkdir()
    for name, text in (texts | {"folder/given.h": "#define B 1\n"}).items():
        Path(name).write_text(text)
    before = Path(over).read_text()
    assert cli.main(["build", "main.c", "-o", over, "--", "-I", "folder"]) == 2
    assert Path(over).read_text() == before


def test_build_does_not_write_over_its_linker_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ziglang")
    guest = shutil.copytree(toolchain.GUEST, tmp_path / "guest")
    monkeypatch.setattr(toolchain, "GUEST", guest)
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(InputError, match="written over"):
        toolchain.build([tmp_path / "main.c"], guest / "link.ld")


def project(folder: Path) -> bytes:
    """The program made of the same sources in `folder`; the headers are found by absolute paths."""
    (folder / "src").mkdir(parents=True)
    (folder / "a header").mkdir()
    (folder / "src/main.c").write_text(
        '#include "x.h"\nint main(void) { return where() + pre() + (int)sizeof __FILE__ + Y + O1(); }\nint O1(void) { return 1; }\n'
    )
    (folder / "a header/x.h").write_text(
        "int O1(void);\n__attribute__((noinline)) static int where(void) { const char *volatile p = __FILE__; return *p; }\n"
    )
    (folder / "a header/pre.h").write_text("static int pre(void) { const char *volatile p = __FILE__; return *p; }\n")
    output = folder / "o.elf"
    flags = ["-I", str(folder / "a header"), "-D", "Y=1", "-include", str(folder / "a header/pre.h"), "-U", "json", "-O1"]
    assert cli.main(["build", str(folder / "src/main.c"), "-o", str(output), "--", *flags]) == 0
    return output.read_bytes()


def test_flags_have_arguments_and_folders_leave_no_trace(tmp_path: Path) -> None:
    pytest.importorskip("ziglang")
    first, second = project(tmp_path / "one"), project(tmp_path / "another" / "and deeper")
    assert first == second and os.fsencode(tmp_path) not in first and b"include-" in first


def test_fmt_leaves_what_is_not_utf_8(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.circ"
    content = "const  a = 1; // größer\n".encode("latin-1")
    file.write_bytes(content)
    for words in (["fmt", str(file)], ["fmt", "--check", str(file)]):
        assert cli.main(words) == 2
        assert "byte 0xf6 is not UTF-8" in capfd.readouterr().err
    assert file.read_bytes() == content
