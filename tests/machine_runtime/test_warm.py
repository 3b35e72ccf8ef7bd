"""`zkc compile` leaves nothing to compile for `prove`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.compiler.variants import edited
from zkc.compiler.machines import load_machine
from zkc.runtime.errors import ZkcError
from zkc.warm import run_whole

AFTERWARDS = """
from zkc import api, warm
from zkc.runtime.kernels import cache
from zkc.runtime.receipts.claims import journal_state
from zkc.runtime.stark.parameters import PARAMETER_SETS
machine = api.machine()
warm.run_whole(machine)
(segment,) = warm._execute(machine)
before = cache.touched()
for number in PARAMETER_SETS:
    api.check_segment(segment, api.prove_segment(segment, parameter_set=number), parameter_set=number)
journal_state(b"", machine.memory_map, machine.hasher)
assert cache.touched() == before, cache.touched() - before
"""


def test_the_kernels_of_proofs_that_hide_are_compiled_beforehand() -> None:
    """With every parameter set; masks brought kernels that only the first proof compiled."""
    done = subprocess.run([sys.executable, "-c", AFTERWARDS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.prove
def test_a_machine_whose_claim_is_turned_round_proves_no_run(tmp_path: Path) -> None:
    """`zkc compile` did not see it: memory was the same before and after its shortest run."""
    first, last = "send   digest(root_page, {}, 0);", "recv   digest(root_page, {}, 1);"
    edits = tuple(("claim.circ", text.format(old), text.format(new)) for text, old, new in ((first, "pre", "post"), (last, "post", "pre")))
    with pytest.raises(ZkcError, match="the buses do not balance"):
        run_whole(load_machine(edited(tmp_path / "circuits", edits)))
