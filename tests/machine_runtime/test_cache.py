"""The cache: what is kept is whole, fresh and nobody else's, and nothing depends on it."""

from __future__ import annotations

import ast
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.machine_runtime.test_threads import at_once
from zkc import api, warm
from zkc.compiler import build, front, machines
from zkc.runtime.circuit import artefact
from zkc.runtime.circuit.machine import Machine, MachineSpec
from zkc.runtime.execution import listed
from zkc.runtime.kernels import cache, sources
from zkc.runtime.kernels.kernel import Kernel
from zkc.warmed import Warmed, is_noted, note_nothing_left, nothing_left

ROOT = Path(__file__).parents[2]
PACKAGES = ("runtime", "compiler", "dsl", "circuits", "library")
NOBODY = 65534

KERNELS = """
from zkc.runtime.field.compiled import kernel
from zkc.runtime.field.koalabear import P, add

@kernel
def sum_of(a, b):
    return add(a, b)

@kernel
def prime():
    return P
"""

PROGRAM = f"""
import logging, sys
from types import SimpleNamespace
import numpy as np
from zkc.runtime.circuit.machine import Machine
machine = Machine(SimpleNamespace(circuit=SimpleNamespace(digest=b""), modules={{("fast", "t"): {KERNELS!r}}}))
kernels = machine.module("fast", "t")
print(kernels.sum_of(np.uint32(2), np.uint32(3)), kernels.prime())
"""
ANSWER = "5 2130706433\n"
PRIME = "P: Final = "
ADD = "def add(x: np.uint32, y: np.uint32) -> np.uint32:"


Done = subprocess.CompletedProcess[str]


def run(folder: Path | None, *, code: str = PROGRAM, tree: Path = ROOT, **more: str) -> Done:
    """Runs code in a process of its own, with `folder` as the cache."""
    kept = {name: value for name, value in os.environ.items() if name not in ("ZKC_CACHE", "XDG_CACHE_HOME", cache.TEMPORARY)}
    env = kept | ({} if folder is None else {"ZKC_CACHE": str(folder)}) | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"} | more
    return subprocess.run([sys.executable, "-c", code], cwd=tree, env=env, capture_output=True, text=True, timeout=300)


def entries(folder: Path, kind: str = "*") -> list[Path]:
    return sorted(path for path in folder.glob(f"{kind}/*") if path.is_file())


@pytest.fixture(scope="module")
def spec() -> MachineSpec:
    """Of the real machine, from the real cache."""
    return api.machine().spec


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache that belongs to this test."""
    (tmp_path / "cache").mkdir(mode=0o700)
    monkeypatch.setenv("ZKC_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(cache.TEMPORARY, raising=False)
    monkeypatch.setattr(cache, "_chosen", {})
    monkeypatch.setattr(cache, "_said", set())
    yield tmp_path / "cache"
    shutil.rmtree(os.environ.get(cache.TEMPORARY) or tmp_path / "none", ignore_errors=True)


# ***** whole *****


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def damage_delete(path: Path) -> None:
    path.unlink()


def damage_other(path: Path) -> None:
    """A whole entry under the name of another."""
    cache.save(path.parent.name, "other", b"another content")
    os.replace(path.with_name("other"), path)


DAMAGES = [damage_cut, damage_empty, damage_bit, damage_delete, damage_other]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_entry_is_none_and_heals(folder: Path, damage: Any) -> None:
    cache.save("notes", "name", b"content")
    assert cache.load("notes", "name") == b"content"
    damage(folder / "notes" / "name")
    assert cache.load("notes", "name") is None
    cache.save("notes", "name", b"content")
    assert cache.load("notes", "name") == b"content"


def test_damaged_machine_code_and_byte_code_are_made_again(folder: Path) -> None:
    assert run(folder).stdout == ANSWER
    kept = entries(folder)
    assert {path.parent.name for path in kept} == {"code", "kernels"}
    for path, damage in zip(kept, itertools.cycle([damage_cut, damage_empty, damage_bit, damage_delete, damage_other]), strict=False):
        damage(path)
    done = run(folder)
    assert (done.stdout, done.stderr) == (ANSWER, "")
    assert all(cache.load(path.parent.name, path.name) is not None for path in kept)
    for path in kept:  # which nothing can replace: it is done without
        path.unlink()
        path.mkdir()
    done = run(folder)
    assert done.stdout == ANSWER
    assert done.stderr.count("zkc:") == 1


def test_damaged_machine_is_compiled_again(spec: MachineSpec, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(build, "build", lambda files, root, *_: (made.append(1), spec)[1])
    for damage in DAMAGES:
        machines.load_machine()
        (path,) = entries(folder, "machines")
        damage(path)
        assert machines.load_machine().spec.modules == spec.modules
        machines.load_machine()
    assert len(made) == 1 + len(DAMAGES)


def test_a_machine_that_was_edited_while_it_was_compiled_is_not_kept(
    spec: MachineSpec, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files were read once for the name of the entry and once more for its content."""
    circuits = tmp_path / "circuits"
    circuits.mkdir()
    (circuits / "a.circ").write_text("const a = 1;\n")

    def compiled_while_edited(files: list[Path], root: Path, *_: object) -> MachineSpec:
        (circuits / "a.circ").write_text("const a = 2;\n")
        return spec

    monkeypatch.setattr(build, "build", compiled_while_edited)
    machines.load_machine(circuits)
    assert not entries(folder, "machines")
    monkeypatch.setattr(build, "build", lambda files, root, *_: spec)
    machines.load_machine(circuits)
    assert len(entries(folder, "machines")) == 1


def test_warnings_are_kept_with_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files were read and checked once more for them, after each edit."""
    circuits = tmp_path / "circuits"
    circuits.mkdir()
    text = (ROOT / "examples/circuits/fibonacci/fibonacci.circ").read_text()
    (circuits / "a.circ").write_text(f"{text}\n// {tmp_path}\nconst unused_here = 1;\n")
    made = machines.load_spec(circuits)
    monkeypatch.setattr(front, "front_end", lambda *_: pytest.fail("the files are read again"))
    assert machines.load_spec(circuits).circuit.digest == made.circuit.digest
    kept = machines.warnings_of(circuits)
    monkeypatch.undo()
    (circuits / "a.circ").write_text((circuits / "a.circ").read_text() + "\n")
    assert machines.warnings_of(circuits) == kept
    assert [warning.code for warning in kept] == ["W0002"]


def test_compile_notices_what_is_missing(spec: MachineSpec, folder: Path) -> None:
    cache.save("kernels", "a kernel", b"machine code")
    for task in warm.tasks_of(spec):
        assert not warm.is_warm(spec) and not warm.is_whole(task, spec)
        cache.save("notes", warm.notes_of(task, spec)[0], b"kernels a kernel")
        assert warm.is_whole(task, spec)
    assert warm.is_warm(spec)
    damage_bit(folder / "kernels" / "a kernel")
    assert not any(warm.is_whole(task, spec) for task in warm.tasks_of(spec))
    (folder / "kernels" / "a kernel").unlink()
    assert not warm.is_warm(spec)


def test_compile_believes_its_note_only_while_all_is_as_it_was(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "circuits").mkdir()
    file = tmp_path / "circuits" / "a.circ"
    file.write_text("const a = 1;\n")
    key = machines.machine_key(file.parent)
    entries_of = [("machines", key), ("kernels", "a kernel"), ("notes", "a note")]
    for entry in entries_of:
        cache.save(*entry, b"content")
    assert nothing_left(file.parent) is None
    done = Warmed(b"digest", 1, 2, 3)
    note_nothing_left(key, done, entries_of[1:])

    def found() -> Warmed | None:
        now = nothing_left(file.parent)
        return now and replace(now, seconds=0.0)

    assert found() == done and is_noted(file.parent)
    for kind, name in entries_of:
        damage_bit(folder / kind / name)
        assert found() is None
        (folder / kind / name).unlink()
        assert not is_noted(file.parent)
        cache.save(kind, name, b"content")
    assert found() == done and is_noted(file.parent)
    file.write_text("const a = 2;\n")
    assert found() is None
    file.write_text("const a = 1;\n")
    assert found() == done
    read = sources._read
    for module in ("runtime.field.koalabear", "runtime.kernels.llvm", "runtime.stark.verifier", "compiler.build", "warmed"):
        sources.digest_of.cache_clear()
        monkeypatch.setattr(sources, "_read", lambda name, m=module: (b"edited", read(name)[1]) if name == f"zkc.{m}" else read(name))
        assert found() is None, module
    sources.digest_of.cache_clear()


def test_kernels_of_the_proof_system_are_done_for_every_machine(spec: MachineSpec) -> None:
    """An edit of circuits does not compile them again."""
    other = replace(spec, modules={**spec.modules, ("fast", "executor"): "another"})
    for task in warm.tasks_of(spec):
        assert (warm.notes_of(task, spec) == warm.notes_of(task, other)) == (task != warm.WHOLE)
    assert set(warm.tasks_of(spec)) - set(warm.tasks_of(other)) == {(warm.LISTING, spec.modules["fast", "executor"])}


def test_machine_survives_being_written(spec: MachineSpec) -> None:
    data = artefact.to_bytes(spec)
    read = artefact.from_bytes(data)
    assert repr(read) == repr(spec)
    assert read is not None
    for mine, theirs in zip((*read.circuit.tables, read.circuit.claim), (*spec.circuit.tables, spec.circuit.claim), strict=True):
        assert (mine.nodes == theirs.nodes).all() and (mine.fixed == theirs.fixed).all()
        assert mine.fixed.dtype == theirs.fixed.dtype
        for flag in ("C_CONTIGUOUS", "WRITEABLE", "ALIGNED"):  # kernels are made for them
            assert mine.nodes.flags[flag] == theirs.nodes.flags[flag]


def test_machine_of_another_digest_is_refused(spec: MachineSpec) -> None:
    nodes = replace(spec.circuit.tables[0], nodes=spec.circuit.tables[0].nodes + 1)
    other = replace(spec.circuit, tables=(nodes, *spec.circuit.tables[1:]))
    assert artefact.from_bytes(artefact.to_bytes(replace(spec, circuit=other))) is None


# ***** fresh *****


def test_edit_of_what_a_kernel_inlines_is_noticed(tmp_path: Path, folder: Path) -> None:
    """A function, and a constant, both in another file than the kernel."""
    (tmp_path / "zkc").mkdir()
    shutil.copy(ROOT / "zkc" / "__init__.py", tmp_path / "zkc")
    shutil.copytree(ROOT / "runtime", tmp_path / "zkc" / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    assert run(folder, tree=tmp_path).stdout == ANSWER
    path = tmp_path / "zkc" / "runtime" / "field" / "koalabear.py"
    text = path.read_text()
    for old, new, answer in ((ADD, f"{ADD}\n    return np.uint32(7)", "7 2130706433\n"), (PRIME, f"{PRIME}2 + ", "5 2130706435\n")):
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        done = run(folder, tree=tmp_path)
        assert done.stdout == answer, done.stderr
    path.write_text(text)
    before = len(entries(folder, "kernels"))
    assert run(folder, tree=tmp_path).stdout == ANSWER
    assert len(entries(folder, "kernels")) == before, "what had been compiled is used again"


def test_imports_are_found() -> None:
    """The text search finds every import of ours that Python's parser finds, wherever it stands; none is relative."""
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        text = path.read_text()
        expected: set[str] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                expected |= {str(node.module), *(f"{node.module}.{name.name}" for name in node.names if name.name != "*")}
            elif isinstance(node, ast.Import):
                expected |= {name.name for name in node.names}
        assert {name for name in expected if name.split(".")[0] == "zkc"} - {"zkc"} <= set(sources.imports(text)), path


def test_digest_covers_what_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("mine.a", "from zkc.runtime.execution.operations import signed"), ("mine.b", "pass")):
        sources.register(name, text)
    before = sources.digest_of("mine.a"), sources.digest_of("mine.b")
    read = sources._read
    sources.digest_of.cache_clear()
    monkeypatch.setattr(sources, "_read", lambda name: (b"edited", ()) if name == "zkc.runtime.field.koalabear" else read(name))
    assert sources.digest_of("mine.a") != before[0]
    assert sources.digest_of("mine.b") == before[1]
    sources.digest_of.cache_clear()


@pytest.mark.parametrize("name", ["execution.listing", "execution.operations", "field.emit", "kernels.llvm", "kernels.numba_compiler"])
def test_the_machine_code_of_a_listing_is_named_by_all_that_makes_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Old machine code would run on after an edit of what emits it, of what it calls, or of what compiles that."""
    before = listed.function("return a", "a")._names
    assert listed.function("return a", "a")._names == before
    read = sources._read
    sources.digest_of.cache_clear()
    monkeypatch.setattr(sources, "_read", lambda module: (b"edited", read(module)[1]) if module == f"zkc.runtime.{name}" else read(module))
    assert set(listed.function("return a", "a")._names).isdisjoint(before)
    sources.digest_of.cache_clear()


def test_kernels_whose_text_is_unknown_are_refused() -> None:
    def closed_over() -> object:
        return sources

    def elsewhere() -> None: ...

    elsewhere.__module__ = "somewhere.else"
    for function in (closed_over, elsewhere):
        with pytest.raises(TypeError, match="more than the text"):
            Kernel(function if function is elsewhere else (lambda x: lambda: x)(1), {})


def test_no_kernel_is_kept_by_numba() -> None:
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in (".py", ".j2")):
        assert "cache=True" not in path.read_text(), path


# ***** nobody else's *****


def others_can_write(folder: Path) -> None:
    folder.chmod(0o702)


def group_can_write(folder: Path) -> None:
    folder.chmod(0o720)


def parent_is_open(folder: Path) -> None:
    folder.parent.chmod(0o777)


def link_to_open(folder: Path) -> None:
    folder.rmdir()
    (folder.parent / "open").mkdir()
    (folder.parent / "open").chmod(0o777)
    folder.symlink_to(folder.parent / "open")


def is_a_file(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("")


@pytest.mark.parametrize("open_it", [others_can_write, group_can_write, parent_is_open, link_to_open, is_a_file])
def test_folder_of_others_is_refused(folder: Path, open_it: Any, caplog: pytest.LogCaptureFixture) -> None:
    open_it(folder)
    cache.save("notes", "name", b"content")
    cache.save("notes", "name 2", b"content")
    assert cache.load("notes", "name") == b"content", "a temporary folder does instead"
    assert not entries(folder.resolve())
    assert len(caplog.records) == 1 and str(folder) in caplog.text and "ZKC_CACHE" in caplog.text
    assert os.stat(os.environ[cache.TEMPORARY]).st_mode & 0o077 == 0


def test_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.mistrust(folder.resolve()) is None
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    if folder.stat().st_uid:
        assert "belongs to another user" in str(cache.mistrust(folder.resolve()))
    else:  # what belongs to root can be trusted
        os.chown(folder, NOBODY, NOBODY)
        assert "belongs to another user" in str(cache.mistrust(folder.resolve()))


def test_sticky_folder_above_is_no_danger(folder: Path) -> None:
    folder.parent.chmod(0o1777)
    assert cache.mistrust(folder.resolve()) is None
    folder.chmod(0o1777)
    assert cache.mistrust(folder.resolve()) is not None, "but others can put files into it itself"


def test_names_in_warnings_are_cleaned(folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the cache folder went to the terminal as it is."""
    hostile = folder / "\x1b[31m"
    hostile.mkdir()
    hostile.chmod(0o777)
    monkeypatch.setenv("ZKC_CACHE", str(hostile))
    cache.load("notes", "n")
    assert "others can write to" in caplog.text and r"\x1b[31m" in caplog.text and "\x1b" not in caplog.text


@pytest.mark.parametrize("mode", [0o602, 0o620])
def test_file_that_others_can_write_is_refused(folder: Path, mode: int) -> None:
    cache.save("kernels", "name", b"content")
    (folder / "kernels" / "name").chmod(mode)
    assert cache.load("kernels", "name") is None


def test_link_and_pipe_are_refused(folder: Path) -> None:
    cache.save("kernels", "name", b"content")
    path = folder / "kernels" / "name"
    path.rename(folder / "elsewhere")
    path.symlink_to(folder / "elsewhere")
    assert cache.load("kernels", "name") is None
    path.unlink()
    os.mkfifo(path, 0o600)
    assert cache.load("kernels", "name") is None, "without waiting for a writer"


# ***** done without *****


BECOME_NOBODY = f"""
import os, numba
from zkc.runtime.execution import executor, operations as machine_ops
from zkc.runtime.circuit import machine  # the interpreter may lie in root's home: nobody could import later
from zkc.runtime.kernels import numba_compiler, target
numba.njit(lambda x: x + 1)(1)
target.targets()
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that others can reach: pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@needs_root
def test_read_only_installation_and_unwritable_home(public: Path) -> None:
    """The installation belongs to root, the home cannot be written: with ZKC_CACHE all is well, without it is done without a cache."""
    own = public / "own"
    own.mkdir(mode=0o700)
    os.chown(own, NOBODY, NOBODY)
    done = run(own, code=BECOME_NOBODY + PROGRAM, HOME="/nonexistent")
    assert (done.stdout, done.stderr) == (ANSWER, "")
    assert entries(own, "kernels")
    done = run(None, code=BECOME_NOBODY + PROGRAM, HOME="/nonexistent")
    assert done.stdout == ANSWER
    assert done.stderr.startswith("zkc: there is no cache folder") and done.stderr.count("zkc:") == 1, done.stderr


@needs_root
def test_read_only_cache_is_used(public: Path) -> None:
    shared = public / "shared"
    assert run(shared).stdout == ANSWER
    for path in (shared, *shared.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    before = entries(shared)
    next(path for path in entries(shared, "kernels") if "sum_of" in path.name).unlink()
    done = run(shared, code=BECOME_NOBODY + PROGRAM, HOME="/nonexistent")
    assert done.stdout == ANSWER
    assert "cannot write to the cache folder" in done.stderr and done.stderr.count("zkc:") == 1, done.stderr
    assert len(entries(shared)) == len(before) - 1


@needs_root
def test_no_home_and_no_name(folder: Path) -> None:
    code = """
import os
from zkc.runtime.kernels import cache
os.environ.pop("HOME")
os.setgroups([]); os.setuid(4_000_000)
cache.save("notes", "n", b"c")
print(cache.load("notes", "n"), os.environ[cache.TEMPORARY])
"""
    done = run(None, code=code)
    assert done.returncode == 0, done.stderr
    content, temporary = done.stdout.split()
    assert content == "b'c'"
    assert not Path(temporary).exists(), "it goes when the process ends"


def test_processes_share_the_temporary_folder(folder: Path) -> None:
    others_can_write(folder)
    inner = "from zkc.runtime.kernels import cache; print(cache.load('notes', 'n'))"
    code = f"""
import subprocess, sys
from zkc.runtime.kernels import cache
cache.share_temporary()
cache.save("notes", "n", b"c")
print(subprocess.run([sys.executable, "-c", {inner!r}], capture_output=True, text=True, check=True))
"""
    done = run(folder, code=code)
    assert """stdout="b'c'\\n", stderr='')""" in done.stdout, done.stdout + done.stderr
    assert done.stderr.count("zkc:") == 1


# ***** many at once, and growth *****


def test_two_processes_on_a_cold_cache(folder: Path) -> None:
    results = at_once(2, lambda number: run(folder))
    assert [cast(Any, result).stdout for result in results] == [ANSWER] * 2, results
    assert run(folder).stdout == ANSWER
    assert not [path for path in entries(folder) if path.name.startswith(".")], "nothing partial is left"


MAKE = """
import os, signal, sys, time
from zkc.runtime.kernels import cache
with cache.making("kernels", "one"):
    if cache.load("kernels", "one") is None:
        print("made", flush=True)
        {work}
        cache.save("kernels", "one", b"content")
"""


def test_one_of_several_processes_makes_an_entry(folder: Path) -> None:
    results = at_once(4, lambda number: run(folder, code=MAKE.format(work="time.sleep(0.5)")))
    assert sorted(cast(Any, result).stdout for result in results) == ["", "", "", "made\n"], results
    assert [path.name for path in entries(folder)] == ["one"], "no lock is left"


def test_two_processes_do_not_compile_a_kernel_twice(folder: Path) -> None:
    count = "from zkc.runtime.kernels.kernel import Kernel\nmade = Kernel._compile\n"
    count += "Kernel._compile = lambda *a: print('compiled', file=sys.stderr) or made(*a)\n"
    results = at_once(2, lambda number: run(folder, code="import sys\n" + count + PROGRAM))
    assert [cast(Any, result).stdout for result in results] == [ANSWER] * 2, results
    assert "".join(cast(Any, result).stderr for result in results) == "compiled\n" * 2, "each of two kernels once"


def test_the_lock_of_a_process_that_was_killed_is_free(folder: Path) -> None:
    done = run(folder, code=MAKE.format(work="os.kill(os.getpid(), signal.SIGKILL)"))
    assert done.stdout == "made\n" and done.returncode == -9
    assert [path.name for path in entries(folder)] == [".one.lock"]
    assert run(folder, code=MAKE.format(work="")).stdout == "made\n"
    assert cache.load("kernels", "one") == b"content" and [path.name for path in entries(folder)] == ["one"]


def test_a_process_that_stands_still_is_not_waited_for_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "WAIT_SECONDS", 0.05)
    with cache.making("kernels", "one"), cache.making("kernels", "one"):
        cache.save("kernels", "one", b"content")
    with cache.making("kernels", "other"):
        pass
    assert cache.load("kernels", "one") == b"content" and [path.name for path in entries(folder)] == ["one"]


@pytest.mark.parametrize("refusal", [OSError(37, "No locks available"), PermissionError(13, "Permission denied"), OSError(30, "Read-only")])
@pytest.mark.parametrize("function", ["flock", "open"])
def test_where_there_are_no_locks_nobody_waits(
    function: str, refusal: OSError, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def refuse(*_: object) -> None:
        raise refusal

    begin, opened = time.monotonic(), len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch:
        patch.setattr(cache.fcntl if function == "flock" else cache.os, function, refuse)
        with cache.making("kernels", "one"):
            pass
    assert time.monotonic() - begin < 1 and len(os.listdir("/proc/self/fd")) == opened


def test_without_a_folder_nobody_waits(folder: Path) -> None:
    folder.chmod(0o777)
    code = MAKE.format(work="print(len([*os.scandir('/proc/self/fd')]), flush=True)")
    done = run(folder, code="import logging\n" + code)
    assert done.stdout.startswith("made\n") and done.returncode == 0 and not entries(folder)


def test_threads_compile_one_kernel_at_once(folder: Path) -> None:
    import numpy as np

    text = KERNELS + "\n# one of this test, not compiled yet\n"
    machine = Machine(cast(MachineSpec, SimpleNamespace(circuit=SimpleNamespace(digest=b""), modules={("fast", "t"): text})))
    assert at_once(8, lambda number: int(machine.module("fast", "t").sum_of(np.uint32(number), np.uint32(1)))) == list(range(1, 9))


def test_umask_does_not_open_the_folder(tmp_path: Path) -> None:
    done = run(tmp_path / "a" / "b", code="import os; os.umask(0)\nfrom zkc.runtime.kernels import cache; cache.save('notes', 'n', b'c')")
    assert done.stderr == ""
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "a", *(tmp_path / "a").rglob("*")))


def test_growth_is_bounded(folder: Path) -> None:
    for number in range(10):
        cache.save("kernels", str(number), bytes(1000))
        os.utime(folder / "kernels" / str(number), (number, number))
    (folder / "mine").write_text("not of the cache")
    cache.prune(limit=3500)
    assert sorted(path.name for path in entries(folder, "kernels")) == ["7", "8", "9"]
    assert (folder / "mine").exists()


def test_use_renews(folder: Path) -> None:
    cache.save("kernels", "name", b"content")
    os.utime(folder / "kernels" / "name", (1, 1))
    cache.load("kernels", "name")
    assert (folder / "kernels" / "name").stat().st_mtime > 1e9
