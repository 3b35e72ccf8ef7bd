"""A program with printf, malloc and floating point from picolibc, built as docs/guests.md says; where that compiler is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import zkc
from zkc.toolchain import GUEST

COMPILER = "riscv64-unknown-elf-gcc"
GUIDE = Path(__file__).parents[2] / "docs" / "guests.md"

MAIN = r"""
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern FILE *const journal;
int main(void) {
    char *text = malloc(64), word[16];
    if (scanf("%15s", word) != 1) return 1;
    snprintf(text, 64, "%s has %u letters, sqrt %.3f", word, (unsigned)strlen(word), sqrt(strlen(word)));
    fprintf(journal, "%s", text);
    printf("%s\n", text);
    return 0;
}
"""


def installed() -> bool:
    """True if the compiler and picolibc's specs are there."""
    if shutil.which(COMPILER) is None:
        return False
    found = subprocess.run([COMPILER, "-print-file-name=picolibc.specs"], capture_output=True, text=True, check=False).stdout.strip()
    return Path(found).is_absolute()


@pytest.mark.skipif(not installed(), reason=f"{COMPILER} with picolibc is not installed")
def test_a_program_with_picolibc_is_executed_and_proven(tmp_path: Path) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    glue = next(block for block in re.findall(r"```c\n(.*?)```", guide, re.DOTALL) if "picolibc.c" in block)
    command = next(block for block in re.findall(r"```sh\n(.*?)```", guide, re.DOTALL) if "picolibc.specs" in block)
    (tmp_path / "picolibc.c").write_text(glue)
    (tmp_path / "main.c").write_text(MAIN)
    compile_line = next(part for part in command.replace("\\\n", " ").splitlines() if part.startswith(COMPILER))
    words = compile_line.replace("$GUEST", str(GUEST)).split()
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    proof = zkc.prove(tmp_path / "main.elf", b"nine-bytes\n")
    assert proof.run.journal == b"nine-bytes has 10 letters, sqrt 3.162"
    assert proof.run.console == proof.run.journal + b"\n"
    assert zkc.verify(proof.receipt, program=tmp_path / "main.elf").exit_code == 0
