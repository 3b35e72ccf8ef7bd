"""From a Python function to object code that needs neither Numba nor Python: Numba's front end, and entries of our own.

Numba compiles each function with wrappers for the interpreter, and to machine code, though most are only inlined into others. Here
functions that kernels call stay LLVM code, and a kernel gets one entry, `int32(words of the arguments, words of the result)`, in an object
file that defines all it needs but malloc and free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from llvmlite import binding, ir
from numba import njit, typeof
from numba.core import compiler
from numba.core.codegen import AOTCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.registry import cpu_target
from numba.core.typed_passes import NativeLowering
from numba.extending import intrinsic

from zkc.runtime.collector import collector_off
from zkc.runtime.kernels.entry import ENTRY, I64
from zkc.runtime.kernels.later import types
from zkc.runtime.kernels.native import RELEASE, Native
from zkc.runtime.kernels.numba_entry import emit_entry, emit_inlined, emit_release, format_of, shape_of
from zkc.runtime.kernels.numba_support import OUTSIDE, SUPPORT

if TYPE_CHECKING:
    from zkc.runtime.kernels.kernel import Kernel


_dynfunc: Any = import_module("numba._dynfunc")  # which has no types
_kept: Final[list[Any]] = []
"""Numba forgets intrinsics that nobody holds."""


def dispatcher_of(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """What Numba knows a function by that others inline; nobody calls it."""
    return njit(nogil=True, pipeline_class=_Inlined, **options)(function)


def intrinsic_type(function: Callable[..., Any]) -> Any:
    """The Numba type of a function from argument types to a signature and an emitter."""
    import zkc.runtime.field.packed_type  # noqa: F401  # pyright: ignore[reportUnusedImport]

    made = intrinsic(function)
    context: Any = cpu_target.typing_context
    context.refresh()
    _kept.append(made)
    return context.resolve_value_type(made)


@global_compiler_lock
@collector_off()
def compile_kernel(kernel: Kernel, arguments: tuple[Any, ...], symbol: str) -> Native:
    """Machine code for arguments of these types."""
    kinds = tuple(typeof(value) for value in arguments)
    library, result = _compiled(kernel, kinds, symbol, _Entry)
    return Native(symbol, "".join(map(format_of, kinds)), shape_of(result), library.emit_native_object())


@global_compiler_lock
@collector_off()
def compile_inlined(kernel: Kernel, kinds: Sequence[str], symbol: str) -> bytes:
    """LLVM code for arguments of these kinds, as `Kernel.inlined` gives it."""
    return _compiled(kernel, tuple(map(_type_of, kinds)), symbol, _Inline)[0].emit_bitcode()


def _type_of(kind: str) -> Any:
    """The Numba type that "int" is, or "uint8[:]"."""
    if kind == "int":
        return types.int64
    element, _, dimensions = kind.partition("[")
    return types.Array(getattr(types, element), dimensions.count(":"), "C")


def _compiled(kernel: Kernel, kinds: tuple[Any, ...], symbol: str, kind: type[_Entry]) -> tuple[_Entry, Any]:
    """The library of a function for arguments of these Numba types, and the type of its result."""
    typing, context = cast(Any, cpu_target).typing_context, cast(Any, cpu_target).target_context
    flags: Any = compiler.Flags()
    cpu_target.options.parse_as_flags(flags, kernel.dispatcher.targetoptions)
    library = kind(context.codegen(), symbol)
    pipeline: Any = _Entered
    found: Any = compiler.compile_extra(typing, context, kernel.py_func, kinds, None, flags, {}, library, pipeline)
    return library, found.signature.return_type


class _Library(AOTCodeLibrary):
    """LLVM code that is not linked into this process, nor optimised before it is a part of a kernel."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = str(self.codegen.target_data)  # for passes over the whole kernel, which do the same again

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()


class _Entry(_Library):
    """One whose only names are those of its entry."""

    def add_entry(self, context: Any, fndesc: Any) -> None:
        """The entry of a compiled function."""
        module, callee = _calling(context, fndesc)
        emit_entry(context, ir.Function(module, ENTRY, self.name), callee, fndesc)
        if not isinstance(fndesc.restype, types.NoneType):
            emit_release(module, self.name + RELEASE)
        self.add_ir_module(module)

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.name not in (self.name, self.name + RELEASE):
                function.linkage = "internal"
        for variable in self._final_module.global_variables:
            if not variable.is_declaration:
                variable.linkage = "internal"
        AOTCodeLibrary._optimize_final_module(self)

    def _finalize_final_module(self) -> None:
        super()._finalize_final_module()
        names = [*self._final_module.functions, *self._final_module.global_variables]
        outside = {x.name for x in names if x.is_declaration and not x.name.startswith("llvm.")} - OUTSIDE
        if outside:
            raise TypeError(f"machine code of {self.name} needs {', '.join(sorted(outside))}, which is not part of it")


class _Inline(_Entry):
    """One that others' LLVM code calls with words."""

    def add_entry(self, context: Any, fndesc: Any) -> None:
        module, callee = _calling(context, fndesc)
        function = ir.Function(module, ir.FunctionType(I64, [I64] * len(fndesc.argtypes)), self.name)
        emit_inlined(context, function, callee, fndesc)
        self.add_ir_module(module)


@register_pass(mutates_CFG=True, analysis_only=False)
class _InlinedLowering(NativeLowering):
    """Lowers a function that others inline."""

    _name = "zkc_inlined_lowering"

    def run_pass(self, state: Any) -> Literal[True]:
        state.flags.no_compile = state.flags.no_cpython_wrapper = state.flags.no_cfunc_wrapper = True
        state.library = _Library(state.targetctx.codegen(), state.func_id.func_qualname)
        super().run_pass(state)
        fndesc, helper, _, env = lowered = state["cr"]
        name = fndesc.qualname.split(".")[-1]
        function = _dynfunc.make_function(fndesc.lookup_module(), name, "", 0, env, (state.library,))
        state.targetctx.insert_user_function(function, fndesc, [state.library])
        state["cr"] = type(lowered)(fndesc, helper, cfunc=function, env=env)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class _EntryLowering(NativeLowering):
    """Lowers a kernel, and its entry."""

    _name = "zkc_entry_lowering"

    @property
    def lowering_class(self) -> Any:
        return _EntryLower

    def run_pass(self, state: Any) -> Literal[True]:
        state.flags.no_compile = state.flags.no_cpython_wrapper = True
        state.flags.no_cfunc_wrapper = False
        return super().run_pass(state)


class _EntryLower(Lower):
    def create_cfunc_wrapper(self) -> None:
        self.library.add_entry(self.context, self.fndesc)
        self.library.add_linking_library(_support(self.context))


def _calling(context: Any, fndesc: Any) -> tuple[Any, Any]:
    """A module that calls a compiled function, and the function there."""
    module = context.create_module("entry")
    return module, ir.Function(module, context.call_conv.get_function_type(fndesc.restype, fndesc.argtypes), fndesc.llvm_func_name)


def _pipeline(state: Any, lowering: Any) -> list[Any]:
    manager: Any = PassManager("zkc")
    for each, text in cast(Any, compiler.DefaultPassBuilder.define_nopython_pipeline(state)).passes:
        manager.add_pass(lowering if each is NativeLowering else each, text)
    manager.finalize()
    return [manager]


class _Inlined(compiler.CompilerBase):
    def define_pipelines(self) -> list[Any]:
        return _pipeline(self.state, _InlinedLowering)


class _Entered(compiler.CompilerBase):
    def define_pipelines(self) -> list[Any]:
        return _pipeline(self.state, _EntryLowering)


def _support(context: Any) -> Any:
    library = _Library(context.codegen(), "zkc support")
    library.add_llvm_module(binding.parse_assembly(SUPPORT))
    library.finalize()
    return library
