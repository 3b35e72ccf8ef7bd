"""Proving on a Ray cluster: an optional backend for `prove_segments`, installed with the extra `cluster`.

Every node needs the same version of zkc and the same machine, which is checked before work begins. Ray moves work units and receipts, and
does the work of a lost node elsewhere; cutting, resume and verification stay here.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from zkc.runtime.errors import InputError
from zkc.runtime.kernels.threads import set_threads
from zkc.runtime.receipts.proving import Outcome, ProveOne, Unit
from zkc.runtime.receipts.workers import Failure, attempt

CONNECT_SECONDS: Final = 15.0
HELLO_SECONDS: Final = 120.0
"""A node may have to start a process and to compile the .circ files."""

MOST_CORES: Final = 8
"""Of one proof: more make it little faster."""

RETRIES: Final = 5
"""How often a proof is begun again when its node or process is lost."""

ADDRESS: Final = re.compile(r"auto|(?:ray://)?(?P<host>[^/:\s]+|\[[^\]]+\]):(?P<port>\d{1,5})")
"""`auto`: the cluster that this machine is a node of. HOST:PORT: the same, named. ray://HOST:PORT: from outside of it, by Ray's client."""

Identity = Callable[[], str]
"""What must be the same everywhere, as text for people; it is pickled."""


@dataclass(frozen=True)
class _Node:
    """A node that has CPUs to give. name: host and address."""

    id: str
    name: str
    cpus: int


class RayCluster:
    """The Ray cluster at `address` (see `ADDRESS`), whose nodes are greeted at once; None is the variable `RAY_ADDRESS`, otherwise `auto`.

    jobs: proofs at a time, None for as many as fit: one proof has all CPUs of the smallest node, at most `MOST_CORES`.
    """

    def __init__(self, address: str | None = None, *, identity: Identity, jobs: int | None = None) -> None:
        self._ray = _import_ray()
        self._identity = identity
        self._jobs = jobs
        self._address = address or os.environ.get("RAY_ADDRESS") or "auto"
        self._ours = not self._ray.is_initialized()
        if self._ours:
            _check_address(self._address)
            _connect(self._ray, self._address)
        try:
            self._expected = identity()
            self._nodes = self._find_nodes()
            self._greet()
        except BaseException:
            self._leave()
            raise

    def run(self, units: Iterator[tuple[int, Unit]], prove_one: ProveOne) -> Generator[tuple[int, Outcome]]:
        """As `Backend.run`; the proofs under way are cancelled when it is left early."""
        cores = min(MOST_CORES, *(node.cpus for node in self._nodes))
        most = self._jobs or sum(node.cpus // cores for node in self._nodes)
        pending: dict[Any, int] = {}
        try:
            task = self._ray.remote(num_cpus=cores, max_retries=RETRIES)(_prove_on_node)
            shared = self._ray.put((prove_one, self._identity, self._expected, cores))
            for index, unit in units:
                pending[task.remote(shared, unit)] = index
                if len(pending) > most:
                    yield from self._finished(pending)
            while pending:
                yield from self._finished(pending)
        finally:
            for reference in pending:
                self._ray.cancel(reference, force=True)
            self._leave()

    def _leave(self) -> None:
        if self._ours:
            self._ray.shutdown()

    def _find_nodes(self) -> list[_Node]:
        """The nodes that can prove."""
        nodes = [
            _Node(node["NodeID"], f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})", int(node["Resources"].get("CPU", 0)))
            for node in self._ray.nodes()
            if node["Alive"]
        ]
        nodes = [node for node in nodes if node.cpus > 0]
        if not nodes:
            raise InputError("no node of the Ray cluster has a CPU to give", where=self._address, hint="`ray status` shows what nodes have")
        return nodes

    def _greet(self) -> None:
        """Raises InputError with every node that does not answer, or has something else than this machine."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # type: ignore[import-not-found]

        hello = self._ray.remote(num_cpus=0, max_retries=1)(attempt)
        answers = {
            node: hello.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(_say, self._identity)
            for node in self._nodes
        }
        self._ray.wait(list(answers.values()), num_returns=len(answers), timeout=HELLO_SECONDS)
        wrong = [f"{node.name}: {found}" for node, answer in answers.items() if (found := self._answer(answer)) != self._expected]
        if wrong:
            hint = "install the same zkc on every node, with its own `ZKC_CIRCUITS` if it is set here"
            message = "\n".join([f"not all nodes of the Ray cluster have {self._expected}:", *wrong])
            raise InputError(message, where=self._address, hint=hint)

    def _answer(self, reference: Any) -> str:
        try:
            answer = self._ray.get(reference, timeout=0)
        except self._ray.exceptions.GetTimeoutError:
            return f"no answer within {HELLO_SECONDS:.0f} s"
        except Exception as error:  # the node was lost, or zkc cannot be imported there
            return _last_line(error)
        return f"{answer.message}" if isinstance(answer, Failure) else str(answer)

    def _finished(self, pending: dict[Any, int]) -> Iterator[tuple[int, Outcome]]:
        for reference in self._ray.wait(list(pending), num_returns=1)[0]:
            index = pending.pop(reference)
            try:
                outcome: Outcome = self._ray.get(reference)
            except Exception as error:  # nodes were lost again and again, or a unit could not be pickled
                outcome = Failure(f"the Ray cluster could not prove it: {_last_line(error)}", hint="`ray status` shows the nodes")
            yield index, outcome


def _say(identity: Identity) -> str:
    """Runs on each node before work begins."""
    return identity()


def _prove_on_node(shared: tuple[ProveOne, Identity, str, int], unit: Unit) -> Outcome:
    """Runs on a node, which may have come after the others were greeted."""
    prove_one, identity, expected, cores = shared
    found = attempt(_say, identity)
    if found != expected:
        return Failure(f"the node {socket.gethostname()} has another version: {found}; this one is {expected}")
    set_threads(cores)
    return attempt(prove_one, unit)


def _last_line(error: Exception) -> str:
    """Ray's errors hold tracebacks."""
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)


def _check_address(address: str) -> None:
    """Raises InputError for what is no address, or where nothing listens: Ray would wait for minutes."""
    match = ADDRESS.fullmatch(address)
    if match is None or int(match["port"] or 0) > 65535:
        raise InputError("this is not the address of a Ray cluster", where=address, hint="give HOST:PORT, ray://HOST:PORT or auto")
    if match["port"]:
        try:
            socket.create_connection((match["host"].strip("[]"), int(match["port"])), CONNECT_SECONDS).close()
        except OSError as error:
            raise _unreachable(address, error.strerror or str(error)) from None


def _connect(ray: ModuleType, address: str) -> None:
    """Connects, or raises InputError in time. In a thread, for Ray waits for minutes; there it also leaves our signal handlers alone."""
    failures: list[Exception] = []

    def connect() -> None:
        try:
            ray.init(address=address, log_to_driver=False, logging_level="CRITICAL")
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if thread.is_alive():
        raise _unreachable(address, f"it does not answer within {CONNECT_SECONDS:.0f} s")
    if failures:
        raise _unreachable(address, _last_line(failures[0])) from failures[0]


def _unreachable(address: str, reason: str) -> InputError:
    hint = "check the address: `ray status` must work here, or for ray:// on the cluster; `ray start --head` starts one"
    return InputError(f"cannot reach the Ray cluster: {reason}", where=address, hint=hint)


def _import_ray() -> ModuleType:
    try:
        import ray  # type: ignore[import-not-found]
    except ImportError:
        raise InputError("proving on a cluster needs Ray, which is not installed", hint="pip install 'zkc[cluster]'") from None
    return ray
