"""Text from outside, made fit for a terminal: names in programs and receipts, paths, source lines."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """`text` with every character that a terminal might act on, or that shows nothing, as an escape such as \\x1b or \\u202e.

    These are the ones that Unicode calls not printable: control characters, line ends, marks of direction, unassigned ones and the bytes of
    names that are not UTF-8 (surrogates, shown as \\xff). keep: characters that stay all the same. What is printable stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in keep else _escaped(one) for one in text)


def _escaped(one: str) -> str:
    code = ord(one)
    if 0xDC80 <= code <= 0xDCFF:  # a byte, as Python keeps those of paths that it cannot decode
        return f"\\x{code - 0xDC00:02x}"
    return one.encode("unicode_escape").decode("ascii")
