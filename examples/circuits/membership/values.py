"""A tree of members, and the values of the circuit for one of them, as JSON: python values.py DEPTH MEMBER > membership.json

The secrets of this example follow from the numbers of the members; those of people are drawn at random, and each knows his own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import zkc
from zkc.runtime.hash.poseidon2 import Poseidon2, Poseidon2Parameters

Words = npt.NDArray[np.uint32]
NODE, LEAF, NULLIFIER = 1, 2, 3


def hashes(poseidon2: Poseidon2, left: Words, right: Words, tag: int) -> Words:
    """The hash of each pair of digests, `uint32[n][8]`."""
    capacity = np.zeros_like(left)
    capacity[:, 0] = tag
    return poseidon2.permute(np.concatenate([left, right, capacity], axis=1))[:, :8]


def values(depth: int, member: int) -> dict[str, dict[str, Any]]:
    """The rows for a member of a tree with 2^depth leaves, and the claim."""
    found = zkc.Circuit(Path(__file__).parent).spec.circuit.constants
    constants = {name.removeprefix("poseidon2."): value for name, value in found.items()}
    poseidon2 = Poseidon2(Poseidon2Parameters.from_constants(constants))
    secrets = np.zeros((1 << depth, 8), dtype=np.uint32)
    secrets[:, 0] = np.arange(1 << depth) + 1000
    none = np.zeros_like(secrets)
    nodes, place = hashes(poseidon2, secrets, none, LEAF), member
    path: list[tuple[Words, Words, int]] = []
    for _ in range(depth):
        path.append((nodes[place], nodes[place ^ 1], place & 1))
        nodes, place = hashes(poseidon2, nodes[::2], nodes[1::2], NODE), place >> 1
    node, sibling, right = zip(*path, strict=True)
    level = {"real": 1, "level": list(range(depth)), "node": np.stack(node).tolist(), "sibling": np.stack(sibling).tolist(), "right": right}
    nullifier = hashes(poseidon2, secrets[member : member + 1], none[:1], NULLIFIER)[0]
    claim = {"depth": depth, "root": nodes[0].tolist(), "nullifier": nullifier.tolist()}
    return {"member": {"real": 1, "secret": secrets[member : member + 1].tolist()}, "level": level, "claim": claim}


if __name__ == "__main__":
    print(json.dumps(values(int(sys.argv[1]), int(sys.argv[2]))))
