"""Values of options that need no validation, so that most commands do without Pydantic, which takes longer to import than NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import typer

_OWN: Final = "_runtime_param"
"""Where newer versions of typer keep what turns the text of an option into its value; others have no such thing and no Pydantic."""
_DIGITS: Final = 20
"""Numbers with more are not plain: Python refuses to read very long ones."""


class Quick:
    """Takes what is plainly a number, a text, a path or several; leaves everything else, and what is wrong, to typer."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of an option or argument."""
        kind = param.type_descriptor.annotation
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        if several and kind in (list[Path], list[str]) and all(type(each) is str for each in value):
            return [Path(each) for each in value] if kind == list[Path] else list(value)
        if type(value) is kind and kind in (int, str):
            return value
        if type(value) is str and (kind is Path or (kind is int and len(value) < _DIGITS and value.isascii() and value.isdecimal())):
            return kind(value)
        setattr(param, _OWN, None)
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def take_plain_values(command: Any) -> None:
    """For a command and all below it."""
    for param in command.get_params(typer.Context(command)):  # `--help` too
        if hasattr(param, _OWN) and hasattr(param, "type_descriptor"):
            setattr(param, _OWN, Quick())
    for each in getattr(command, "commands", {}).values():
        take_plain_values(each)
