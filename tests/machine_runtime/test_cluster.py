"""Proving on a Ray cluster: two nodes on this machine, with a stand-in for the prover."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.guests.catalogue import EXAMPLES
from tests.machine_runtime.workers import other_everywhere, prove, prove_on_a_node, same_everywhere
from zkc import cli
from zkc.runtime.errors import InputError
from zkc.runtime.receipts import cluster
from zkc.runtime.receipts.cluster import RayCluster
from zkc.runtime.receipts.proving import prove_segments

ray = pytest.importorskip("ray")
ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]
SMALL = {"num_cpus": 1, "object_store_memory": 80 << 20}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = Cluster(initialize_head=True, head_node_args=SMALL)
        yield made
        made.shutdown()


def test_other_versions_are_noticed_before_work(nodes: Any) -> None:
    """Only `verify` noticed, after all the work."""
    with pytest.raises(InputError, match="not all nodes of the Ray cluster have zkc in process") as caught:
        RayCluster(nodes.address, identity=other_everywhere)
    assert caught.value.message.count("\n") == 1 and not ray.is_initialized()


def test_the_segments_of_a_lost_node_are_proven_elsewhere(nodes: Any, tmp_path: Path) -> None:
    """Both nodes have fewer CPUs than a proof can use."""
    second = nodes.add_node(**SMALL)
    backend = RayCluster(nodes.address, identity=same_everywhere)
    units = [(number, str(tmp_path), second.node_id) for number in range(5)]

    def kill() -> None:
        while not list(tmp_path.glob(f"* {second.node_id}")):
            time.sleep(0.1)
        nodes.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    assert prove_segments(units, prove_on_a_node, backend=backend) == tuple(prove(number) for number in range(5))
    killer.join()
    lost = {path.name.split()[0] for path in tmp_path.glob(f"* {second.node_id}")}
    elsewhere = {path.name.split()[0] for path in tmp_path.iterdir() if not path.name.endswith(second.node_id)}
    assert lost and elsewhere == {"0", "1", "2", "3", "4"} and not ray.is_initialized()


@pytest.mark.parametrize("address", ["nonsense", "ray://", "host:99999", "a/b:1"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(InputError, match="not the address"):
        RayCluster(address, identity=same_everywhere)


def test_where_nothing_listens() -> None:
    """There was no error within 90 seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        with pytest.raises(InputError, match=r"cannot reach the Ray cluster: [Cc]onnection refused"):
            RayCluster(address, identity=same_everywhere)


def test_where_something_else_listens(tmp_path: Path) -> None:
    """In a process of its own, for Ray goes on trying."""
    fibonacci = EXAMPLES / "fibonacci"
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = (
            "from zkc import cli\nfrom zkc.runtime.receipts import cluster\ncluster.CONNECT_SECONDS = 1.0\n"
            "cli._compile_first = lambda *_: None\n"
            f"raise SystemExit(cli.main(['prove', {str(fibonacci / 'fibonacci.elf')!r}, '--ray', '127.0.0.1:{server.getsockname()[1]}']))\n"
        )
        done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2 and "cannot reach the Ray cluster: it does not answer within 1 s" in done.stderr, done
    assert list(tmp_path.iterdir()) == []


def test_the_option_has_an_address_or_none(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    given: list[str | None] = []

    def record(program: Path, stdin: bytes | None, *, ray: str | None, **options: Any) -> None:
        given.append(ray)
        raise InputError("enough")

    monkeypatch.setattr(cli.api, "prove", record)
    monkeypatch.setattr(cli.api, "is_warm", lambda *_: True)
    for options in (["p"], ["p", "--ray"], ["--ray", "p"], ["--ray", "a:1", "p"], ["p", "--ray=ray://a:1"], ["--ray", "auto", "p"]):
        assert cli.main(["prove", *options]) == 2
    assert given == [None, "auto", "auto", "a:1", "ray://a:1", "auto"]
    assert capfd.readouterr().err == "zkc: enough\n" * 6


def test_a_wrong_address_is_no_program_and_a_flag_no_option(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """`--ray ray://` was an unexpected argument, and `build main.c -- --ray` gave the compiler `--ray=auto`."""
    given: list[str] = []
    monkeypatch.setattr(cli.api, "prove", lambda *_, ray, **__: given.append(ray) or (_ for _ in ()).throw(InputError("enough")))  # type: ignore[misc]
    monkeypatch.setattr("zkc.toolchain.build", lambda *_, flags, **__: given.extend(flags) or (_ for _ in ()).throw(InputError("enough")))  # type: ignore[misc]
    assert cli.main(["prove", "p", "--ray", "ray://"]) == cli.main(["build", "main.c", "--", "--ray"]) == 2
    assert given == ["ray://", "--ray"] and capfd.readouterr().err == "zkc: enough\n" * 2


def test_the_address_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def check(address: str) -> None:
        seen.append(address)
        raise InputError("enough")

    monkeypatch.setattr(cluster, "_check_address", check)
    for value, expected in (("a:1", "a:1"), ("", "auto")):
        monkeypatch.setitem(os.environ, "RAY_ADDRESS", value)
        with pytest.raises(InputError, match="enough"):
            RayCluster(identity=same_everywhere)
        assert seen.pop() == expected
