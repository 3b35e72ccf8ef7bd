"""The values of the circuit, as JSON: python values.py STEPS > fibonacci.json"""

from __future__ import annotations

import json
import sys
from typing import Any

P = 2**31 - 2**24 + 1


def values(steps: int) -> dict[str, dict[str, Any]]:
    """The rows of so many steps, and the claim."""
    a, b = [0], [1]
    for _ in range(steps):
        a.append(b[-1])
        b.append((a[-2] + b[-1]) % P)
    rows = {"real": 1, "n": list(range(steps)), "a": a[:steps], "b": b[:steps]}
    return {"step": rows, "claim": {"steps": steps, "result": a[steps], "next": b[steps]}}


if __name__ == "__main__":
    print(json.dumps(values(int(sys.argv[1]))))
