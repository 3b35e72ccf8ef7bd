"""Proving on a Ray cluster: an optional backend for `prove_segments`, installed with the extra `cluster`.

Every node needs the same version of zkc. Ray moves work units and receipts; cutting, resume and verification stay here.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from zkc.runtime.errors import InputError
from zkc.runtime.proving import Outcome, ProveOne, Unit
from zkc.runtime.workers import Failure, attempt


class RayCluster:
    """A Ray cluster at `address` (None: the one of the environment, or a new local one).

    cores: of one proof. jobs: proofs at a time, None for as many as fit.
    """

    def __init__(self, address: str | None = None, *, cores: int = 8, jobs: int | None = None) -> None:
        self._ray = _import_ray()
        self._cores = cores
        self._start(address)
        self._jobs = jobs or max(1, int(self._ray.cluster_resources().get("CPU", 1)) // cores)

    def run(self, units: Iterator[tuple[int, Unit]], prove_one: ProveOne) -> Iterator[tuple[int, Outcome]]:
        """As `Backend.run`; the proofs under way are cancelled when it is left early."""
        task = self._ray.remote(num_cpus=self._cores, runtime_env={"env_vars": {"ZKC_THREADS": str(self._cores)}})(attempt)
        shared = self._ray.put(prove_one)
        pending: dict[Any, int] = {}
        try:
            for index, unit in units:
                pending[task.remote(shared, unit)] = index
                if len(pending) > self._jobs:
                    yield from self._finished(pending)
            while pending:
                yield from self._finished(pending)
        finally:
            for reference in pending:
                self._ray.cancel(reference, force=True)

    def _start(self, address: str | None) -> None:
        try:
            self._ray.init(address=address, ignore_reinit_error=True, log_to_driver=False)
        except Exception as error:
            raise InputError(
                f"cannot reach the Ray cluster: {error}", where=address, hint="check the address; `ray status` must work here"
            ) from error

    def _finished(self, pending: dict[Any, int]) -> Iterator[tuple[int, Outcome]]:
        for reference in self._ray.wait(list(pending), num_returns=1)[0]:
            index = pending.pop(reference)
            try:
                outcome: Outcome = self._ray.get(reference)
            except Exception as error:  # a node was lost, or a unit could not be pickled
                outcome = Failure.of(error)
            yield index, outcome


def _import_ray() -> ModuleType:
    try:
        import ray  # type: ignore[import-not-found]
    except ImportError:
        raise InputError("proving on a cluster needs Ray, which is not installed", hint="pip install 'zkc[cluster]'") from None
    return ray
