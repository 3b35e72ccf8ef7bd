"""`zkc new`: a folder with a program that builds, runs and is tested."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from zkc.isa import chosen, shown
from zkc.runtime.errors import InputError
from zkc.runtime.files import write_folder

TEMPLATES: Final = Path(__file__).parent / "templates"


def create(folder: Path, isa: str | None = None) -> list[Path]:
    """The files written into the new `folder`; its last part is the name of the project. All or none of them. isa: what the program is
    built for; the rest follows from what it says of itself."""
    name = os.path.basename(os.path.abspath(folder))
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise InputError(f"not a name for a project: {name!r}", hint="use letters, digits, _ and -, and start with a letter")
    if os.path.lexists(folder):
        raise InputError(f"there is something there already: {folder}", hint="choose another name")
    if isa is not None:
        from zkc.compiler.machines import circuits_directory

        isa = shown(chosen(isa, circuits_directory()))
    module = name.replace("-", "_")
    script = f"test_{module}.py"
    render = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True).get_template
    contents = {
        "main.c": render("main.c").render(),
        "README.md": render("README.md.j2").render(name=name, module=module, isa=isa),
        script: render("test.py.j2").render(name=name, script=script, isa=isa),
        "input.txt": "anything\n",
        ".gitignore": "*.elf\n*.receipt\n__pycache__/\n",
    }
    return write_folder(folder, {file: text.encode() for file, text in contents.items()}, what="the project")
