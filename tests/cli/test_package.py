"""What is installed: one top-level name, with everything inside that runs from a wheel as from the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSIDE = ("dsl", "compiler", "runtime", "circuits")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the tracked files, made offline by the build backend that is installed here."""
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, listed)):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to(os.readlink(ROOT / name))
        elif (ROOT / name).exists():
            target.write_bytes((ROOT / name).read_bytes())
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return next(out.glob("*.whl"))


def test_the_wheel_has_one_top_level_name_and_every_tracked_file_of_the_packages(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in names} == {"zkc"}
    listed = subprocess.run(["git", "ls-files", "-z", *INSIDE, "zkc"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    tracked = {os.fsdecode(name) for name in listed if name}
    expected = {name if name.startswith("zkc/") else f"zkc/{name}" for name in tracked if not (ROOT / name).is_symlink()}
    assert expected - names == set()


def test_a_folder_named_runtime_beside_a_script_does_no_harm(wheel: Path, tmp_path: Path) -> None:
    """PyPI's `circuits`, or a user's folder of one of these names, must not stand in for ours."""
    for name in INSIDE:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('a stranger was imported')\n")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    script = "import zkc, zkc.compiler.build, zkc.runtime.execution.executor, zkc.api; print(zkc.__file__, zkc.verify.__name__)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(site)])}
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(site / "zkc" / "__init__.py"), "verify"]
