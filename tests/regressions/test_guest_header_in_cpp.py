"""The guest header said `extern "C"` for C++ and then used `restrict`, which C++ does not have."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from zkc.toolchain import GUEST, TARGET

SOURCE = """
#include <zkc.h>
struct Shape { virtual uint32_t area() const = 0; };
struct Square : Shape { uint32_t side; explicit Square(uint32_t s) : side(s) {} uint32_t area() const override { return side * side; } };
extern "C" int main() {
  Square s(zkc_read_u32());
  const Shape *shape = &s; uint32_t a = shape->area(); zkc_journal(&a, sizeof a); return 0; }
extern "C" void __cxa_pure_virtual() { zkc_panic("pure virtual call"); }
"""


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs ziglang")
@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_header_compiles_without_warnings(language: str, tmp_path: Path) -> None:
    source = tmp_path / "program"
    source.write_text(SOURCE if language == "c++" else "#include <zkc.h>\nint main(void) { zkc_exit(0); }\n")
    arguments = [*TARGET, "-x", language, "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-I", str(GUEST / "include"), "-c"]
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "c++" if language == "c++" else "cc",
        *arguments,
        str(source),
        "-o",
        str(tmp_path / "program.o"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
