"""Passes of other packages: the one in examples/pass, found by its entry point as if it were installed."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from zkc import cli
from zkc.compiler.passes.registry import GROUP, PASSES, passes
from zkc.runtime.errors import InputError

EXAMPLE = Path(__file__).parents[3] / "examples" / "pass"


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: dict[str, str]) -> None:
    """A package with these entry points, and the example's folder on the path."""
    info = tmp_path / "zkc_once-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zkc-once\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items()))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    monkeypatch.delitem(sys.modules, "once", raising=False)


def declared() -> dict[str, str]:
    """The entry points in the example's pyproject.toml."""
    return tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    installed(tmp_path, monkeypatch, declared())
    assert passes().keys() - PASSES.keys() == {"once"}
    assert cli.main(["opt", str(EXAMPLE / "twice.mlir")]) == 0
    assert capfd.readouterr().out.count("bus.lookup") == 2
    assert cli.main(["opt", "-p", "once", "--verify-each", str(EXAMPLE / "twice.mlir")]) == 0
    assert capfd.readouterr().out.count("bus.lookup") == 1
    assert cli.main(["opt", "-p", "once{within_arms=false},expand-ranges", str(EXAMPLE / "twice.mlir")]) == 0


def test_without_the_package_there_is_no_such_pass(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["opt", "-p", "once", str(EXAMPLE / "twice.mlir")]) == 2
    assert "there is no pass `once`" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("points", "message"),
    [({"dce": "once:Missing"}, "cannot be loaded"), ({"x": "no_such_module:X"}, "cannot be loaded"),
     ({"dce": "zkc.compiler.passes.dce:Dce"}, "cannot be loaded")],
)  # fmt: skip
def test_a_package_that_is_broken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: dict[str, str], message: str) -> None:
    installed(tmp_path, monkeypatch, points)
    with pytest.raises(InputError, match=message):
        passes()


def test_a_pass_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """It was called a fault of zkc."""
    installed(tmp_path, monkeypatch, declared())
    import once  # type: ignore[import-not-found]

    def run(self: object, table: object, facts: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(once.Once, "run", run)
    assert cli.main(["opt", "-p", "dce,once", str(EXAMPLE / "twice.mlir")]) == 2
    err = capfd.readouterr().err
    assert "the pass `once` of another package failed: KeyError: 'oops'" in err and "fault of zkc" not in err


def test_no_two_passes_have_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch, {"a": "once:Once", "b": "once:Once"})
    with pytest.raises(InputError, match="two passes are called `once`"):
        passes()
