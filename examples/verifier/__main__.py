"""python -m examples.verifier CIRCUIT RECEIPT: whether a receipt proves what it says. Status 0 yes, 1 no, 2 something cannot be used."""

from __future__ import annotations

import argparse
import struct
import sys
from pathlib import Path

from .circuit import read_circuit
from .image import image_id, text
from .parameters import JOHNSON, PARAMETER_SETS
from .poseidon2 import Digest
from .protocol import check_protocol
from .receipt import check_receipt, read_receipt
from .refused import Refused


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.verifier", description="Verify a receipt of zkc.")
    parser.add_argument("circuit", type=Path, help="what `zkc compile --emit json` wrote")
    parser.add_argument("receipt", type=Path)
    program = parser.add_mutually_exclusive_group()
    program.add_argument("--image-id", type=_digest, metavar="HEX", help="of the program that must have run")
    program.add_argument("--elf", type=Path, metavar="FILE", help="the program that must have run")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="what the program must have written")
    parser.add_argument("--exit-code", type=int, metavar="N", help="0 .. 2^32 - 1")
    parser.add_argument("--accept-johnson", action="store_true", help="take security that rests on the Johnson radius, on a preprint")
    return parser.parse_args(given)


def _digest(digits: str) -> Digest:
    return struct.unpack("<8I", bytes.fromhex(digits))


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    try:
        circuit = read_circuit(options.circuit.read_bytes())
        check_protocol(circuit)
        data = options.receipt.read_bytes()
        expected = image_id(options.elf.read_bytes(), circuit.constants) if options.elf else options.image_id
        journal = options.journal.read_bytes() if options.journal else None
    except (OSError, ValueError, Refused, struct.error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        receipt = read_receipt(data)
        accept = options.accept_johnson
        check_receipt(circuit, receipt, image_id=expected, journal=journal, exit_code=options.exit_code, accept_johnson=accept)
    except Refused as refused:
        print(f"no: {refused}")
        return 1
    proven = f"image ID {text(receipt.image_id)}, exit code {receipt.exit_code}, journal {receipt.journal.hex() or 'empty'}"
    print(f"yes: {proven}{', up to the Johnson radius' if PARAMETER_SETS[receipt.parameter_set].regime == JOHNSON else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
