"""What a program says that it was built for: the section `.riscv.attributes` of its file (ELF psABI, "Attributes").

The section may be broken or hostile, and nothing rests on it but the choice of a machine: whatever cannot be read says nothing.
"""

from __future__ import annotations

import struct
from typing import Final

from zkc.runtime.guest.sections import sections, string_at

MAX_ARCH: Final = 1 << 12
"""Characters of a name of an instruction set."""
MAX_ATTRIBUTES: Final = 1 << 8
_TYPE: Final = 0x70000003
_FORMAT: Final = b"A"
_LENGTH: Final = struct.Struct("<I")
_VENDOR: Final = b"riscv\0"
_OF_THE_FILE, _ARCH = 1, 5


def arch_of(file: bytes) -> str:
    """The instruction set that a 32-bit little-endian ELF file names, such as `rv32i2p1_m2p0_zba1p0`; empty if it names none."""
    for section in sections(file):
        if section.type == _TYPE:
            return _arch(file[section.offset : section.offset + section.size])
    return ""


def _arch(data: bytes) -> str:
    """The attribute in the first part of the section: format, length, vendor, then whose attributes they are and how long they are."""
    head = len(_FORMAT) + _LENGTH.size + len(_VENDOR)
    if data[:1] != _FORMAT or data[len(_FORMAT) + _LENGTH.size : head] != _VENDOR:
        return ""
    at = head + 1 + _LENGTH.size
    if len(data) < at or data[head] != _OF_THE_FILE:
        return ""
    end = min(len(data), head + _LENGTH.unpack_from(data, head + 1)[0])
    for _ in range(MAX_ATTRIBUTES):
        tag, at = _number(data, at, end)
        if at >= end:
            break
        if tag % 2 == 0:  # a number
            at = _number(data, at, end)[1]
            continue
        if tag == _ARCH:
            return string_at(data, at, end, MAX_ARCH)
        at = data.find(b"\0", at, end) + 1 or end
    return ""


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number in LEB128 of at most 5 bytes, and where it ends; `end` if it does not."""
    value = 0
    for place in range(5):
        if at + place >= end:
            break
        value |= (data[at + place] & 0x7F) << 7 * place
        if data[at + place] < 0x80:
            return value, at + place + 1
    return value, end
