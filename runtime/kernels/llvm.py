"""From LLVM code to object code, without Numba: what takes no Python function, and is compiled after each edit of a circuit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llvmlite import binding

from zkc.runtime.kernels.numba_support import OUTSIDE
from zkc.runtime.kernels.target import targets


def object_code(text: str, parts: Iterable[bytes], symbol: str, level: int = 2) -> bytes:
    """The object code of an LLVM module, whose one entry is `symbol`. parts: LLVM code that it calls, as `Kernel.inlined` gives it.

    level: of LLVM's passes; 1 takes a quarter less, and is as good for what mostly writes to memory.
    TypeError for what calls something else.
    """
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine: Any = _machine()
    module = binding.parse_assembly(text)
    module.triple, module.data_layout = binding.get_process_triple(), str(machine.target_data)
    for part in parts:
        module.link_in(binding.parse_bitcode(part))
    _keep(module, symbol)
    module.verify()
    _optimise(module, machine, level)
    return machine.emit_object(module)


def _optimise(module: Any, machine: Any, level: int) -> None:
    """Loops turned first: without that, what is written to memory in each step is not moved out of the way, a quarter of the time."""
    for each, turned in ((0, True), (level, False)):
        options: Any = binding.create_pipeline_tuning_options(speed_level=each)
        builder: Any = binding.create_pass_builder(machine, options)
        passes: Any = builder.getModulePassManager()
        if turned:
            passes.add_loop_rotate_pass()
            if level > 1:
                passes.add_instruction_combine_pass()
            passes.add_jump_threading_pass()
        passes.run(module, builder)


def _machine() -> Any:
    """What object code is for: this processor, or the one that Numba is told."""
    processor, features = targets()[0][-2:]
    triple: Any = binding.Target.from_triple(binding.get_process_triple())
    reloc = "static" if triple.name.startswith("x86") else "default"
    return triple.create_target_machine(cpu=processor, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True)


def _keep(module: Any, symbol: str) -> None:
    """Only the entry has a name for others; all else is there."""
    names = [*module.functions, *module.global_variables]
    for each in names:
        if not each.is_declaration and each.name != symbol:
            each.linkage = "internal"
    outside = {x.name for x in names if x.is_declaration and not x.name.startswith("llvm.")} - OUTSIDE
    if outside:
        raise TypeError(f"machine code of {symbol} needs {', '.join(sorted(outside))}, which is not part of it")
