"""The harness of mutants.py: what is changed, that it is noticed, and a sample; `python -m tests.soundness.mutants` judges all mutants."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soundness.mutants import LIST, ROOT, Constant, all_mutants, listed, targets
from tests.soundness.mutations import mutants_of, mutated

SAMPLE = 30
SEED = 1


def changed(text: str) -> set[str]:
    """The bodies of all mutants of `def f(a, b): …`."""
    function = ast.parse(f"def f(a, b):\n    {text}").body[0]
    assert isinstance(function, ast.FunctionDef)
    made = mutants_of("m", "f", function, compiled=False)
    return {" ".join(ast.unparse(mutated(function, each, compiled=False)).split(":", 1)[1].split()) for each in made}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("return a == b", {"return a != b", "return True", "return False", "return __first_part__(a) == __first_part__(b)"}),
        ("return a < 0", {"return a <= 0", "return a >= 0", "return True", "return False", "return a < 1"}),
        ("if a: raise E(b, 7)", {"if True: raise E(b, 7)", "if False: raise E(b, 7)", "if a: pass"}),
        ("a.absorb(b)", {"pass"}),
        ("return a and (not b)", {"return a or not b", "return a", "return not b", "return a and b"}),
        ("return a[:b]", {"return a[:b - 1]", "return a[:]"}),
        ("return a[3:]", {"return a[3 + 1:]", "return a[:]", "return a[4:]", "return a[2:]"}),
        ("return f(a, key=b, hint=1)", {"return f(a, hint=1)"}),
        ("for x in a: b(x)", {"for x in a: b(x) break", "for x in list(a)[1:]: b(x)", "for x in a: pass"}),
        ("return b'tag' + a", {"return b'taf' + a", "return b'tag' - a", "return b'tag'", "return a"}),
        ("'docs'; raise E(a == b)", {'"""docs""" pass'}),
        ("x: int = 2; return x", {"x: int = 3 return x", "x: int = 1 return x"}),
        ("all((b for b in a))", {"any((b for b in a))", "all((b for b in list(a)[:1]))", "all((b for b in list(a)[1:]))", "pass"}),
        ("return np.array_equal(a, b)", {f"return np.array_equal(__{f}__(a), __{f}__(b))" for f in ("first_part", "first_row")}),
        ("return a < P", {"return a <= P", "return a >= P", "return True", "return False", "return a < 2147483648"}),
        ("return list(range(a))", {"return list(range(a - 1))"}),
        ("return a.reshape(-1, 8)", {"return a.reshape(-1, 9)", "return a.reshape(-1, 7)"}),
        ("return a if b else None", {"return a", "return None"}),
    ],
)
def test_a_line_is_changed_in_these_ways(text: str, expected: set[str]) -> None:
    """Messages, docstrings and annotations never are."""
    assert changed(text) == expected


def test_every_mutant_has_a_name_of_its_own_and_compiles() -> None:
    work = all_mutants()
    names = [mutant.name for _, mutant in work]
    assert len(set(names)) == len(names) > 2000
    for target, mutant in work[::23]:
        assert isinstance(target, Constant) or target.with_mutant(mutant) != target.code()


def test_the_path_of_the_verifier_is_found() -> None:
    """From the entries on, by names: no list of functions has to be kept."""
    found = {f"{target.module}.{target.qualname}" for target in targets()}
    assert found >= {
        *("receipts.receipt.verify_receipt", "receipts.receipt._check_chain", "receipts.claims.journal_state"),
        *("memory.image.PageTree.of", "circuit.digest.circuit_digest"),
        *("stark.verifier.verify", "stark.verifier.check_low_degree", "stark.challenges.Challenges.__init__", "stark.parameters.shift"),
        *("stark.transcript.WordStream.next", "stark.identity.identity_defect", "stark.shape.check_heights", "stark.fri._fold_rows"),
        *("stark.parameters.Parameters.encode", "stark.security.require_secure", "stark.proof.Reader.elements", "hash.merkle._merge"),
        *("stark.deep._quotient_sums", "stark.constraints.claim_sum", "stark.commitment.fixed_tree", "hash.merkle.verify_rows"),
    }
    assert not any("prover" in name or "deep_polynomial" in name for name in found)


def test_each_step_of_the_transcript_is_left_out_by_a_mutant() -> None:
    text = (ROOT / "runtime/stark/challenges.py").read_text()
    steps = re.findall(r"self\.transcript\.absorb\(", text)
    deleted = [m for _, m in all_mutants("stark.challenges.") if m.after == "deleted" and "transcript.absorb" in m.before]
    assert len(deleted) == len(steps) > 10


def test_survivors_are_listed_by_function_and_text_with_a_reason() -> None:
    """Names are those of the harness, so that a listed mutant is found again wherever its line goes."""
    modules = {target.module for target in targets()}
    text = LIST.read_text(encoding="utf-8")
    assert len(listed()) == text.count("\n- `") > 20
    for name, heading in listed().items():
        assert any(name.startswith(f"{module}.") for module in modules) and " -> " in name, name
        assert text.split(f"# {heading}\n\n")[1].split("\n")[0].endswith("."), heading


def run(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.soundness.mutants", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_mutant_is_noticed_and_a_survivor_is_named(tmp_path: Path) -> None:
    """Judged by a single test, which knows nothing of expectations: what it checks is noticed, what it does not is a survivor."""
    some = tmp_path / "test_some.py"
    some.write_text(
        "from zkc.runtime.stark.challenges import Challenges\n"
        "from zkc.runtime.stark.transcript import Transcript\n"
        "def test_draws() -> None:\n"
        "    transcript = Transcript()\n"
        "    transcript.absorb(b'label', b'data')\n"
        "    assert transcript.state != Transcript().state\n"
    )
    status, said = run("--function", "stark.transcript.Transcript.absorb", "--judges", str(some), "--jobs", "1")
    assert status == 1
    assert "survives and is not listed: stark.transcript.Transcript.absorb: head + data + self.state -> data + self.state" in said
    assert "self.state = self.hash(head + data + self.state) -> deleted" not in said
    numbers = re.search(r"(\d+) mutants, (\d+) noticed", said)
    assert numbers and int(numbers[1]) > int(numbers[2]) > 0


def test_a_kernel_that_is_compiled_again_still_accepts() -> None:
    """Unchanged, and after all caches are emptied: a mutant of a kernel once was noticed for not compiling at all."""
    program = (
        "from tests.soundness.mutants import compile_again, dependents, forget\n"
        "from tests.stark.golden import GOLDEN, kept, statement\n"
        "from zkc.runtime.stark import constraints\n"
        "from zkc.runtime.stark.verifier import verify\n"
        "for again in (False, True):\n"
        "    for kernel in dependents(constraints.run_nodes) + dependents(constraints.element_powers) if again else ():\n"
        "        compile_again(kernel)\n"
        "    forget()\n"
        "    made = statement('small')\n"
        "    verify(made.circuit, made.claim, kept('small'), GOLDEN['small'].parameters)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_sample_of_mutants_is_noticed_or_listed() -> None:
    status, said = run("--sample", str(SAMPLE), "--seed", str(SEED), "--jobs", "2")
    assert status == 0, said
