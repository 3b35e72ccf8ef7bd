"""Mutants of the verifier's own lines, each judged by tests: `python -m tests.soundness.mutants`; docs/mutants.md has the survivors.

The judges are collected and run once on the unchanged code. Then each mutant gets a forked process, in which the changed function takes
the place of the old one and what caches hold is forgotten; the judges that run the function are run until one fails. A judge that never
ends, and a process that dies, have noticed it too.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import functools
import hashlib
import importlib
import inspect
import json
import os
import re
import resource
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tests.soundness.mutations import FIRST, FIRST_ROW, Mutant, decorators, functions_of, mutants_of, mutated, names_in, parse
from zkc.runtime.errors import InputError
from zkc.runtime.field.extension import Element
from zkc.runtime.kernels.kernel import Kernel
from zkc.runtime.kernels.threads import set_threads
from zkc.runtime.stark.parameters import Parameters

ROOT = Path(__file__).parents[2]
LIST = ROOT / "docs/mutants.md"
MODULES = (
    "receipts.receipt", "receipts.claims", "limits", "arguments", "memory.image", "memory.map",
    "circuit.circuit", "circuit.digest", "circuit.text",
    "stark.verifier", "stark.challenges", "stark.transcript", "stark.identity", "stark.shape", "stark.parameters", "stark.security",
    "stark.proof", "stark.fri", "stark.deep", "stark.stacking", "stark.constraints", "stark.commitment", "hash.merkle",
)  # fmt: skip
"""Where the verifier's path runs. Functions are found from ENTRIES on, by the names they mention."""
ENTRIES = {
    "verify", "verify_receipt", "from_bytes", "circuit_digest", "parse_image_id", "guard_digest", "check_receipt_fits", "digest_bits",
    "receipt_strength", "compiled_fixed_top", "__post_init__", "image_id", "of",
}  # fmt: skip
NOT_JUDGED = {
    "_refuse": "text of messages", "_place": "text of messages", "_shown": "text of messages", "label": "text of messages",
    "image_id_hex": "text for people", "summary": "text for people", "_segment_summary": "text for people",
    "to_bytes": "the prover's", "encode_receipt": "the prover's", "deep_polynomial": "the prover's", "divide": "the prover's",
    **dict.fromkeys(("TILE", "ROWS", "LOG_CHUNK", "TASK", "MULTIPLICITIES"), "a pace"),
    **dict.fromkeys(("MAX_ELF_BYTES", "MAX_INPUT_BYTES", "MAX_CONSOLE_BYTES", "MAX_STORED_BYTES"), "limits of a host"),
    **dict.fromkeys(("MAX_LOG_ROWS", "MIN_LOG_ROWS", "MAX_CYCLES", "MAX_JOBS", "MAX_THREADS", "_MOST_SHOWN"), "limits of a host"),
    "_factor_rows": "the prover's", "_divide_rows": "the prover's", "spread": "the prover's", "_spread_rows": "the prover's",
}  # fmt: skip
JUDGES = (
    "tests/stark", "tests/kernels/test_merkle.py", "tests/machine_runtime/test_receipt.py", "tests/machine_runtime/test_image.py",
    "tests/machine_runtime/test_memory_map.py", "tests/machine_runtime/test_arguments.py",
)  # fmt: skip
NO_JUDGES = (
    "test_L1_multiplicities_wrap", "test_reference_prover_writes", "test_the_reference_writes", "test_the_plain_verifier",
    "test_F1_every_part", "test_F1_truncation", "test_F1_random_bytes", "test_F13", "test_stacks_of_fixed_columns_below",
    "test_threads_do_not", "test_honest_proof_is_accepted", "test_values_at_a_point", "test_evaluators", "test_accumulator_steps",
    "test_a_word_that_looks_lifted", "test_updates_step_by_step", "test_the_command_line", "test_a_bad_number_of_threads",
    "test_the_verifier_loads", "test_masks_are_as_long", "test_a_guess_of_the_witness", "test_a_hiding_proof_at_full_security[parameters0",
)  # fmt: skip
"""Tests that take long and say no more than quicker ones, see the prover alone, or start processes, in which there is no mutant."""
PATIENCE = 1.5
"""CPU seconds that a judge may take beyond ten times what it took before: in a longer time it has noticed something."""
MEMORY = 4 << 30
"""Bytes that a mutant's process may allocate."""


# ***** what is changed *****


@dataclass(frozen=True, eq=False)
class Function:
    """A function on the verifier's path: its text, and the code that runs now."""

    module: str
    qualname: str
    node: ast.FunctionDef
    file: Path

    @property
    def compiled(self) -> bool:
        return bool(decorators(self.node) & {"kernel", "jit"})

    @functools.cached_property
    def mutants(self) -> list[Mutant]:
        return mutants_of(self.module, self.qualname, self.node, compiled=self.compiled)

    def owner(self) -> Any:
        """The function object, or the kernel."""
        found: Any = importlib.import_module(f"zkc.runtime.{self.module}")
        for name in self.qualname.split("."):
            found = vars(found)[name]
        return bare(found)

    def code(self) -> CodeType:
        owner = self.owner()
        return (owner.py_func if isinstance(owner, Kernel) else owner).__code__

    def concerns(self) -> Callable[[Judge], bool]:
        """Whether a judge runs it. Of a kernel only its name is seen, in the code that calls it."""
        if self.compiled:
            names = {kernel.py_func.__name__ for kernel in dependents(self.owner())}
            return lambda judge: bool(names & judge.names)
        code = self.code()
        return lambda judge: code in judge.codes

    def put(self, mutant: Mutant) -> None:
        """Changes the function in this process, for all that hold it."""
        owner, code = self.owner(), self.with_mutant(mutant)
        if isinstance(owner, Kernel):
            owner.py_func.__code__ = code
            for kernel in dependents(owner):
                compile_again(kernel)
        else:
            owner.__code__ = code

    def with_mutant(self, mutant: Mutant) -> CodeType:
        """The code of the changed function, compiled as a part of its module."""
        tree = parse(self.file)
        parts = self.qualname.split(".")
        body = tree.body
        if len(parts) == 2:
            body = next(n for n in body if isinstance(n, ast.ClassDef) and n.name == parts[0]).body
        index = next(k for k, n in enumerate(body) if isinstance(n, ast.FunctionDef) and n.name == parts[-1])
        body[index] = mutated(self.node, mutant, compiled=self.compiled)
        return next(code for code in codes_in(compile(tree, str(self.file), "exec")) if code.co_qualname == self.qualname)


@dataclass(frozen=True, eq=False)
class Constant:
    """A number, a key or parameters at the top of a module, for all modules that have imported it."""

    module: str
    qualname: str

    @property
    def value(self) -> Any:
        return getattr(importlib.import_module(f"zkc.runtime.{self.module}"), self.qualname)

    @functools.cached_property
    def mutants(self) -> list[Mutant]:
        found = enumerate(others(self.value))
        return [Mutant(self.module, self.qualname, "module constant", *texts, 1, (), k) for k, (texts, _) in found]

    def concerns(self) -> Callable[[Judge], bool]:
        return lambda judge: self.qualname in judge.names or isinstance(self.value, Parameters)

    def put(self, mutant: Mutant) -> None:
        old, new = self.value, others(self.value)[mutant.choice][1]
        if isinstance(old, Parameters):
            for field_, value in vars(new).items():
                object.__setattr__(old, field_, value)
            return
        for module in our_modules():
            if vars(module).get(self.qualname) is old:
                setattr(module, self.qualname, new)
        for kernel in (k for group in kernels().values() for k in group):
            if self.qualname in kernel.py_func.__code__.co_names:
                for each in dependents(kernel):
                    compile_again(each)


Target = Function | Constant


def others(value: Any) -> list[tuple[tuple[str, str], Any]]:
    """What a constant might be by mistake: ((text before, text after), value)."""
    if isinstance(value, Parameters):
        return [found for name, number in vars(value).items() for by in (1, -1) for found in with_field(value, name, number + by)]
    if isinstance(value, bytes):
        return [((repr(value), "its last byte changed"), value[:-1] + bytes([value[-1] ^ 1]))]
    if isinstance(value, np.ndarray):
        return [(("the key", "one bit changed"), value ^ (np.arange(len(value)) == 0).astype(value.dtype))]
    return [((str(value), str(value + by)), value + by) for by in (1, -1) if value + by >= 0]


def bare(found: Any) -> Any:
    """The function behind properties, class methods and caches."""
    while not isinstance(found, FunctionType | Kernel):
        for name in ("fget", "func", "__func__", "__wrapped__"):
            if hasattr(found, name):
                found = getattr(found, name)
                break
        else:
            raise TypeError(f"{found!r} is no function that can be changed")
    return found


def codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


def with_field(parameters: Parameters, name: str, number: int) -> list[tuple[tuple[str, str], Parameters]]:
    """Parameters with another number in one field, if there may be such."""
    try:
        return [((f"{name}={getattr(parameters, name)}", f"{name}={number}"), replace(parameters, **{name: number}))]
    except InputError:
        return []


def targets() -> list[Target]:
    """The functions that a verification can reach, in the order of their modules, then the constants."""
    return [*reachable_functions(), *(Constant(module, name) for module in MODULES for name in constants_of(module))]


def constants_of(module: str) -> list[str]:
    """Numbers, byte strings, keys and parameters at the top of a module, but for those that only set a pace or concern a prover."""
    tree = parse(path_of(module))
    names = [n.target.id for n in tree.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
    names += [n.targets[0].id for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
    values = vars(importlib.import_module(f"zkc.runtime.{module}"))
    kinds = int | float | bytes | np.ndarray | Parameters
    return [name for name in names if name not in NOT_JUDGED and isinstance(values[name], kinds)]


def path_of(module: str) -> Path:
    return ROOT / "runtime" / f"{module.replace('.', '/')}.py"


def reachable_functions() -> list[Function]:
    every: list[Function] = []
    for module in MODULES:
        path = path_of(module)
        every += [Function(module, name, node, path) for name, node in functions_of(parse(path)).items() if not is_declared(node)]
    by_name: dict[str, list[Function]] = {}
    for target in every:
        parts = target.qualname.split(".")
        by_name.setdefault(parts[-1], []).append(target)
        if parts[-1].startswith("__"):
            by_name.setdefault(parts[0], []).append(target)  # whoever names the class may call it
    reached: set[Function] = set()
    wanted = [t for name in ENTRIES for t in by_name.get(name, [])]
    while wanted:
        target = wanted.pop()
        name = target.qualname.split(".")[-1]
        if target not in reached and name not in NOT_JUDGED:
            reached.add(target)
            wanted += [t for mentioned in names_in(target.node) for t in by_name.get(mentioned, [])]
    return [target for target in every if target in reached]


def is_declared(node: ast.FunctionDef) -> bool:
    """Intrinsics make code rather than run; methods of protocols have no body."""
    last = node.body[-1]
    empty = isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant)
    return empty or "intrinsic" in decorators(node)


# ***** putting it in place *****


class NoPart(Exception):
    """What a mutant would take the first part of has none: the mutant says nothing."""

    raised = False

    def __init__(self) -> None:
        NoPart.raised = True


def first_row(value: Any) -> Any:
    """The first of several rows of an array, whole."""
    if isinstance(value, np.ndarray) and value.ndim > 1:
        return value[:1]
    raise NoPart


def first_part(value: Any) -> Any:
    """The first of several items, rows or coefficients."""
    if isinstance(value, Element):
        return value.coefficients[:1]
    if isinstance(value, np.ndarray) and value.ndim:
        return value.reshape(-1)[:1]
    if isinstance(value, bytes | tuple | list | str):
        return value[:1]
    raise NoPart


def install(target: Target, mutant: Mutant) -> None:
    """Puts the mutant in place, and forgets what the unchanged code computed."""
    setattr(builtins, FIRST, first_part)
    setattr(builtins, FIRST_ROW, first_row)
    target.put(mutant)
    forget()


def compile_again(kernel: Any) -> None:
    kernel.forget()


OURS = ("zkc.runtime", "tests.")


def our_modules() -> list[ModuleType]:
    return [m for name, m in list(sys.modules.items()) if name.startswith(OURS)]


def forget() -> None:
    """Empties the caches of the runtime and of the tests: no result of the unchanged code is left to help a mutant."""
    for module in our_modules():
        for value in list(vars(module).values()):
            for each in (value, *(vars(value).values() if isinstance(value, type) and value.__module__ == module.__name__ else ())):
                if callable(getattr(each, "cache_clear", None)):
                    each.cache_clear()
            own = getattr(value, "__dict__", None)
            if isinstance(own, dict) and type(value).__module__.startswith(OURS):  # Numba's classes keep their contexts in such properties
                for kind in inspect.getmro(type(value)):
                    for name, descriptor in vars(kind).items():
                        if isinstance(descriptor, functools.cached_property):
                            own.pop(name, None)


@functools.cache
def kernels() -> dict[str, list[Any]]:
    """All kernels, by name."""
    found: dict[str, list[Any]] = {}
    for module in our_modules():
        for value in vars(module).values():
            if isinstance(value, Kernel) and value not in found.setdefault(value.py_func.__name__, []):
                found[value.py_func.__name__].append(value)
    return found


def dependents(kernel: Any) -> list[Any]:
    """The kernel and all that contain its machine code."""
    out, names = [kernel], {kernel.py_func.__name__}
    grown = True
    while grown:
        grown = False
        for each in (k for group in kernels().values() for k in group):
            if each not in out and names & {n for code in codes_in(each.py_func.__code__) for n in code.co_names}:
                out.append(each)
                names.add(each.py_func.__name__)
                grown = True
    return out


# ***** judging *****

NO_PART = "nothing to take a part of"


@dataclass
class Judge:
    """A test, how long it took on the unchanged code, and the code it ran."""

    item: pytest.Item
    seconds: float
    codes: set[CodeType]
    names: set[str]
    """Global names and attributes that this code mentions."""
    kills: Counter[str] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        return self.item.nodeid


@dataclass
class Verdict:
    """killer: the test that failed, or what happened; empty for a survivor."""

    mutant: Mutant
    killer: str
    judges: int
    seconds: float

    @property
    def survived(self) -> bool:
        return not self.killer

    @property
    def counts(self) -> bool:
        return self.killer != NO_PART


def run_item(item: pytest.Item) -> bool:
    """Whether the test passes (or is skipped), all its set-up included."""
    from _pytest.runner import runtestprotocol

    reports = runtestprotocol(item, log=False, nextitem=None)
    for report in reports:
        if report.failed:
            print(report.longreprtext, flush=True)  # seen if it is the unchanged code that fails; a mutant's process is silent
    return not any(report.failed for report in reports)


def measure(item: pytest.Item) -> Judge:
    """Runs a test on the unchanged code, without what earlier tests have made, and writes down what it runs. Raises if it fails."""
    seen: set[CodeType] = set()

    def called(frame: FrameType, event: str, argument: object) -> None:
        seen.add(frame.f_code)  # of calls alone: nothing is returned that would trace their lines

    forget()
    start = time.process_time()
    sys.settrace(called)
    try:
        passed = run_item(item)
    finally:
        sys.settrace(None)
    if not passed:
        raise AssertionError(f"{item.nodeid} fails on the unchanged code")
    own = {code for code in seen if code.co_filename.startswith(str(ROOT))}
    return Judge(item, time.process_time() - start, own, {name for code in own for each in codes_in(code) for name in each.co_names})


class Jury:
    """All judges, and for a function those that run it, the quick and successful ones first."""

    def __init__(self, items: Sequence[pytest.Item]) -> None:
        self.judges = [measure(item) for item in items if not item.name.startswith(NO_JUDGES)]
        self.kills: Counter[tuple[str, str]] = Counter()

    def of(self, target: Target) -> list[Judge]:
        concerned = target.concerns()
        found = [judge for judge in self.judges if concerned(judge)]
        key = f"{target.module}.{target.qualname}"
        return sorted(found, key=lambda j: (j.seconds + 0.005) / (1 + self.kills[key, j.name] + 0.2 * j.kills["all"]))

    def credit(self, mutant: Mutant, name: str) -> None:
        self.kills[f"{mutant.module}.{mutant.function}", name] += 1
        for judge in self.judges:
            if judge.name == name:
                judge.kills["all"] += 1


def judge(target: Target, mutant: Mutant, judges: Sequence[Judge], pipe: int) -> None:
    """In the mutant's process: writes the name of the first test that fails, or nothing, and ends it."""
    answer: dict[str, Any] = {"killer": "", "judges": len(judges)}
    limit = resource.getrlimit(resource.RLIMIT_CPU)[1]
    used = time.process_time()
    try:
        install(target, mutant)
        for each in judges:
            until = int(time.process_time() + PATIENCE + 10 * each.seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (until, limit))
            if not run_item(each.item):
                answer["killer"] = NO_PART if NoPart.raised else each.name
                break
    except BaseException as error:
        answer["killer"] = f"{type(error).__name__} while it was put in place"
    answer["seconds"] = time.process_time() - used
    os.write(pipe, json.dumps(answer).encode())
    os._exit(0)


@dataclass
class Running:
    target: Target
    mutant: Mutant
    pid: int
    pipe: int
    data: bytes = b""
    judges: int = 0


def verdicts(jury: Jury, work: Sequence[tuple[Target, Mutant]], jobs: int) -> Iterator[Verdict]:
    """The verdict on each mutant as it falls, `jobs` processes at a time."""
    waiting, running = list(work)[::-1], dict[int, Running]()
    while waiting or running:
        while waiting and len(running) < jobs:
            started = start(jury, *waiting.pop())
            running[started.pipe] = started
        for pipe in select.select(list(running), [], [])[0]:
            one = running[pipe]
            data = os.read(pipe, 1 << 16)
            one.data += data
            if data:
                continue
            os.close(pipe)
            del running[pipe]
            status = os.waitpid(one.pid, 0)[1]
            verdict = concluded(one, status)
            if verdict.killer.startswith("tests/"):
                jury.credit(one.mutant, verdict.killer)
            yield verdict


def start(jury: Jury, target: Target, mutant: Mutant) -> Running:
    judges = jury.of(target)
    out, into = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(out)
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if Path("/proc/self/statm").exists() else 0
        if size:
            resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        judge(target, mutant, judges, into)
    os.close(into)
    return Running(target, mutant, pid, out, judges=len(judges))


def concluded(one: Running, status: int) -> Verdict:
    if one.data:
        answer = json.loads(one.data)
        return Verdict(one.mutant, answer["killer"], answer["judges"], answer["seconds"])
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    what = "a test never ends" if number == signal.SIGXCPU else f"the process dies ({signal.Signals(number).name if number else status})"
    return Verdict(one.mutant, what, one.judges, 0.0)


# ***** which, and what is known *****


def all_mutants(prefix: str = "") -> list[tuple[Target, Mutant]]:
    return [(t, m) for t in targets() if f"{t.module}.{t.qualname}".startswith(prefix) for m in t.mutants]


def sample(work: Sequence[tuple[Target, Mutant]], count: int, seed: int) -> list[tuple[Target, Mutant]]:
    """`count` mutants: whether one is among them depends on the seed and its name alone."""
    return sorted(work, key=lambda pair: hashlib.sha256(f"{seed} {pair[1].name}".encode()).digest())[:count]


def listed() -> dict[str, str]:
    """The survivors of docs/mutants.md by name, with the heading they stand under."""
    out: dict[str, str] = {}
    heading = ""
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif match := re.fullmatch(r"- `(.+)`", line):
            out[match[1]] = heading
    return out


class Session:
    """The plugin: instead of running the tests that pytest has collected, it has them judge mutants."""

    def __init__(self, work: Sequence[tuple[Target, Mutant]], jobs: int, report: Path | None) -> None:
        self.work, self.jobs, self.report = work, jobs, report
        self.verdicts: list[Verdict] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        set_threads(1)
        settings.register_profile("mutants", deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
        settings.load_profile("mutants")
        begun = time.monotonic()
        jury = Jury(session.items)
        print(f"{len(jury.judges)} of {len(session.items)} tests judge, {time.monotonic() - begun:.0f} s to measure them", flush=True)
        for verdict in verdicts(jury, self.work, self.jobs):
            self.verdicts.append(verdict)
            self.tell(verdict)
        return True

    def tell(self, verdict: Verdict) -> None:
        if self.report is not None:
            line = {"name": verdict.mutant.name, "kind": verdict.mutant.kind, "killer": verdict.killer, "judges": verdict.judges}
            with self.report.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line | {"seconds": round(verdict.seconds, 2)}) + "\n")


def judged(work: Sequence[tuple[Target, Mutant]], jobs: int, report: Path | None = None, judges: Sequence[str] = JUDGES) -> list[Verdict]:
    """The verdicts on these mutants. Raises if pytest cannot collect the tests, or one fails on the unchanged code."""
    session = Session(work, jobs, report)
    plugins = [word for name in ("terminal", "xdist", "cacheprovider", "faulthandler") for word in ("-p", f"no:{name}")]
    options = [*plugins, "--capture=no", "-o", "addopts=--import-mode=importlib", "--rootdir", str(ROOT)]
    status = pytest.main([*options, *(str(ROOT / path) for path in judges)], plugins=[session])
    if status:
        raise SystemExit(f"the tests that judge could not be run: {status!r}")
    return session.verdicts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0, help="judge only so many mutants, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--function", default="", help="only functions whose name begins so, as `stark.verifier.`")
    parser.add_argument("--names", type=Path, help="only the mutants whose names are lines of this file")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--report", type=Path, help="a file that gets one line of JSON for each mutant")
    parser.add_argument("--judges", nargs="+", default=JUDGES, help="files of tests")
    parser.add_argument("--list", action="store_true", help="write the mutants and judge none")
    given = parser.parse_args()
    every = all_mutants(given.function)
    work = sample(every, given.sample, given.seed) if given.sample else every
    if given.names:
        chosen = set(given.names.read_text(encoding="utf-8").splitlines())
        work = [pair for pair in work if pair[1].name in chosen]
    if given.list:
        print(*(mutant.name for _, mutant in work), sep="\n")
        return 0
    return conclude(judged(work, given.jobs, given.report, given.judges), {mutant.name for _, mutant in every}, whole=not given.function)


def conclude(found: Sequence[Verdict], names: set[str], *, whole: bool) -> int:
    """Says what is known and what is not; 1 if a survivor is not listed. Listed mutants that are noticed or gone are told."""
    known, counted = listed(), [v for v in found if v.counts]
    survivors = [v.mutant.name for v in counted if v.survived]
    new = [name for name in survivors if name not in known]
    killed = [v for v in counted if not v.survived and v.mutant.name in known]
    gone = [name for name in known if name not in names] if whole else []
    harmless = len(survivors) - len(new)
    print(f"{len(counted)} mutants, {len(counted) - len(survivors)} noticed, {harmless} survive and are listed, {len(new)} are not")
    for name in new:
        print(f"survives and is not listed: {name}")
    for verdict in killed:
        print(f"listed, but noticed by {verdict.killer}: {verdict.mutant.name}")
    for name in gone:
        print(f"listed, but there is no such mutant: {name}")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
