"""Machine code is called with what it was made for, and without Numba once it is there; what is shipped is used if it fits, and whole."""

from __future__ import annotations

import base64
import gc
import hashlib
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numba.core.errors import NumbaError

from tests.machine_runtime.test_cache import ANSWER, PROGRAM, damage_bit, entries, others_can_write, run
from zkc import kernels as wheels
from zkc.runtime.circuit.machine import Machine, MachineSpec
from zkc.runtime.errors import InputError
from zkc.runtime.kernels import cache
from zkc.runtime.kernels.native import OTHER
from zkc.runtime.kernels.target import CLASSES, classes, numba_settings
from zkc.runtime.kernels.values import COPIED_BYTES

KERNELS = """
import numpy as np
from typing import NamedTuple
from zkc.runtime.field.compiled import kernel

class Pair(NamedTuple):
    left: object
    right: object

@kernel
def total(a):
    out = 0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out += a[i, j]
    return out

@kernel
def made(count):
    out = np.arange(count)
    return out, count > 3, np.uint32(7)

@kernel
def part(a):
    return a[1:, ::2]

@kernel
def of_pair(pair, scale, flag=True):
    return (pair.left[0] - pair.right) * scale if flag else 0

@kernel
def quotient(a, b):
    return a // b

@kernel
def twice(a):
    return a + a

@kernel
def shown(a):
    print(a)

@kernel
def flat(a):
    return a.reshape(-1)

@kernel
def grid(rows, step):
    out = np.empty((rows, 4), dtype=np.uint32)
    for i in range(rows):
        for j in range(4):
            out[i, j] = 4 * i + j
    return out[:, ::step]
"""


def module(text: str = KERNELS) -> Any:
    made = SimpleNamespace(circuit=SimpleNamespace(digest=b""), modules={("fast", "t"): text})
    return Machine(cast(MachineSpec, made)).module("fast", "t")


def test_arrays_of_every_kind_are_told_apart() -> None:
    """By machine code, at each call: what it was not made for it leaves alone."""
    kernel: Any = module().total
    first = np.arange(6, dtype=np.int64).reshape(2, 3)
    frozen = first.copy()
    frozen.flags.writeable = False
    others = [first.astype(np.uint32), first.astype(np.uint64), np.asfortranarray(first), first[:, ::-1], frozen]
    assert kernel(first) == 15
    (made,) = kernel._linked[np.ndarray,]
    for other in (*others, first[0], first[None], first.astype(">i8")):
        assert made((other,)) is OTHER
    assert made((first + 1,)) == 21
    assert [kernel(other) for other in others] == [15] * len(others)
    assert len(kernel._linked[np.ndarray,]) == 1 + len(others), "each has machine code of its own"
    with pytest.raises(NumbaError, match="dtype"):
        kernel(first.astype(">i8"))


def test_scalars_of_other_types_are_other_machine_code() -> None:
    twice: Any = module().twice
    assert twice(3) == 6
    assert twice(np.uint32(2**31)) in (0, 2**32), "as Numba adds words"
    assert twice(True) == 2
    assert set(twice._linked) == {(int,), (np.uint32,), (bool,)}
    with pytest.raises(OverflowError, match="64 bits"):
        twice(2**63)
    for value in (1.5, "a", None, [1]):
        with pytest.raises(TypeError, match="a kernel takes no"):
            twice(value)


def test_results_keep_their_memory() -> None:
    names = module()
    kept = []
    for count in range(200):
        array, large, number = names.made(count)
        assert large is (count > 3) and number == 7
        kept.append(array[1:])
        del array
    gc.collect()
    assert all((array == np.arange(1, 1 + len(array))).all() for array in kept)
    view = names.part(np.arange(12, dtype=np.int64).reshape(3, 4))
    gc.collect()
    assert view.tolist() == [[4, 6], [8, 10]], "the argument lives as long as a view of it"


@pytest.mark.parametrize("step", [1, 2, -1])
def test_small_results_are_copied_and_the_same(step: int) -> None:
    """Only those without gaps; what is copied gives its memory back at once, all others when nobody has them."""
    grid, limit = module().grid, COPIED_BYTES // 16
    for rows in (0, 1, limit, limit + 1):
        array = grid(rows, step)
        assert np.array_equal(array, np.arange(4 * rows, dtype=np.uint32).reshape(rows, 4)[:, ::step])
        assert array.flags.writeable and array.dtype == np.uint32 and array.shape == (rows, 4 // abs(step))
        assert isinstance(array.base, np.ndarray | None) == (step == 1 and 0 < rows <= limit)


def test_tuples_names_and_defaults() -> None:
    names = module()
    left = np.array([9], dtype=np.int64)
    assert names.of_pair(names.Pair(left, 2), 3) == 21
    assert names.of_pair(names.Pair(left, 2), scale=2) == 14
    assert names.of_pair(names.Pair(left, np.uint32(2)), 2, flag=False) == 0
    assert names.of_pair(flag=True, scale=1, pair=names.Pair(left + 1, 2)) == 8


def test_a_failure_is_an_exception() -> None:
    names = module()
    assert names.quotient(7, 2) == 3
    with pytest.raises(ZeroDivisionError):
        names.quotient(7, 0)
    assert names.quotient(-7, 2) == -4


@pytest.mark.parametrize("shape", [(3, 4), (0, 4), (4, 0), (1, 1), (1, 5), (5, 1)])
def test_reshape(shape: tuple[int, int]) -> None:
    array = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape)
    assert module().flat(array).tolist() == array.reshape(-1).tolist()


def test_a_kernel_that_needs_the_interpreter_is_refused() -> None:
    with pytest.raises(TypeError, match="which is not part of it"):
        module().shown(1)


SECOND = PROGRAM + "\nprint('numba' in sys.modules)\n"


def test_kept_machine_code_needs_no_numba(tmp_path: Path) -> None:
    assert run(tmp_path / "cache", code=SECOND).stdout == ANSWER + "True\n"
    assert run(tmp_path / "cache", code=SECOND).stdout == ANSWER + "False\n"


def test_machine_code_of_another_processor_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert run(folder).stdout == ANSWER
    before = len(entries(folder, "kernels"))
    assert run(folder, code=SECOND, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="").stdout == ANSWER + "True\n"
    assert len(entries(folder, "kernels")) == 2 * before
    assert run(folder, code=SECOND, NUMBA_OPT="1").stdout == ANSWER + "True\n", "nor that of other settings"


def test_a_processor_belongs_to_what_it_can_run() -> None:
    for name, (needed, _) in CLASSES.items():
        features = dict.fromkeys(needed, True)
        assert name in dict(classes(features))
        for missing in needed:
            assert name not in dict(classes(features | {missing: False})), missing
            assert name not in dict(classes({key: True for key in features if key != missing})), missing
    assert not classes({})


# ***** shipped *****

CLASS = "x86-64-v3"
SHIPPED_RUN = "import sys; sys.path.insert(0, FOLDER)\n" + SECOND


def needs_class() -> None:
    from llvmlite import binding

    if CLASS not in dict(classes(binding.get_host_cpu_features())):
        pytest.skip(f"this processor is none of {CLASS}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of machine code for a class."""
    needs_class()
    folder = tmp_path_factory.mktemp("made")
    kept = folder / cache.SHIPPED / "kept"
    assert run(kept, **numba_settings(CLASS)).stdout == ANSWER
    (folder / cache.SHIPPED / "__init__.py").write_text("")
    return folder


@pytest.fixture
def shipped(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "shipped"))


def run_shipped(shipped: Path, folder: Path, code: str = SHIPPED_RUN) -> tuple[str, str]:
    done = run(folder, code=code.replace("FOLDER", repr(str(shipped))))
    return done.stdout, done.stderr


def test_what_is_shipped_is_used(shipped: Path, tmp_path: Path) -> None:
    assert run_shipped(shipped, tmp_path / "cache") == (ANSWER + "False\n", "")
    assert not entries(tmp_path / "cache"), "nothing had to be made"


def test_what_is_shipped_and_damaged_is_made_again(shipped: Path, tmp_path: Path) -> None:
    damaged = entries(shipped / cache.SHIPPED / "kept", "kernels")[0]
    damage_bit(damaged)
    assert run_shipped(shipped, tmp_path / "cache") == (ANSWER + "True\n", "")
    assert len(entries(tmp_path / "cache", "kernels")) == 1


def test_what_is_shipped_under_another_name_is_not_used(shipped: Path, tmp_path: Path) -> None:
    """Whole entries of one kernel under the name of another: the digest covers the name."""
    one, two = entries(shipped / cache.SHIPPED / "kept", "kernels")[:2]
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)
    assert run_shipped(shipped, tmp_path / "cache") == (ANSWER + "True\n", "")
    assert len(entries(tmp_path / "cache", "kernels")) == 2


def test_what_is_shipped_for_other_sources_is_not_used(shipped: Path, tmp_path: Path) -> None:
    edited = SHIPPED_RUN.replace("return add(a, b)", "return add(b, a)")
    assert run_shipped(shipped, tmp_path / "cache", edited)[0] == ANSWER + "True\n"


def test_what_others_can_write_is_not_used(shipped: Path, tmp_path: Path) -> None:
    others_can_write(shipped / cache.SHIPPED / "kept")
    out, err = run_shipped(shipped, tmp_path / "cache")
    assert out == ANSWER + "True\n" and err.count("zkc:") == 1 and "others can write" in err


def test_a_wheel_holds_what_was_compiled(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "_compile", lambda name, kept: shutil.copytree(made / cache.SHIPPED / "kept", kept, dirs_exist_ok=True))
    path = wheels.build([CLASS], tmp_path / "dist")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        record = next(name for name in names if name.endswith("RECORD"))
        lines = [line.split(",") for line in archive.read(record).decode().splitlines()]
        assert [line[0] for line in lines] == names
        for name, digest, _ in lines[:-1]:
            found = hashlib.sha256(archive.read(name)).digest()
            assert digest == "sha256=" + base64.urlsafe_b64encode(found).rstrip(b"=").decode()
        archive.extractall(tmp_path / "installed")
    assert run_shipped(tmp_path / "installed", tmp_path / "cache") == (ANSWER + "False\n", "")
    again = path.read_bytes()
    assert wheels.build([CLASS], tmp_path / "dist").read_bytes() == again


def test_a_wheel_for_another_processor_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "classes", lambda features: [])
    with pytest.raises(InputError, match="this processor is none of x86-64-v4"):
        wheels.build(["x86-64-v4"], tmp_path)
    assert not list(tmp_path.iterdir())
