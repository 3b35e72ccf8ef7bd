"""The oldest versions that pyproject.toml allows, one constraint for pip a line: python .ci/oldest.py."""

import re
import sys
import tomllib
from pathlib import Path

for requirement in tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]:
    bound = re.fullmatch(r"([\w.-]+)>=([\d.]+)", requirement)
    if bound is None:
        sys.exit(f"pyproject.toml: {requirement!r} does not have the form NAME>=VERSION")
    print(f"{bound[1]}=={bound[2]}")
