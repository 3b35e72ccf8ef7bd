"""`zkc compile` leaves nothing to compile for `prove`."""

from __future__ import annotations

import subprocess
import sys

AFTERWARDS = """
from zkc import api, warm
from zkc.runtime.kernels import cache
from zkc.runtime.stark.parameters import PARAMETER_SETS
machine = api.machine()
warm.run_whole(machine)
(segment,) = warm._execute(machine)
before = cache.touched()
for number in PARAMETER_SETS:
    api.check_segment(segment, api.prove_segment(segment, parameter_set=number), parameter_set=number)
assert cache.touched() == before, cache.touched() - before
"""


def test_the_kernels_of_proofs_that_hide_are_compiled_beforehand() -> None:
    """With every parameter set; masks brought kernels that only the first proof compiled."""
    done = subprocess.run([sys.executable, "-c", AFTERWARDS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
