"""The Numba type of sixteen words, on which `+ - *` are operations of the field. Imported when something is compiled."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from numba.core import types
from numba.extending import lower_builtin, models, register_model, type_callable

from zkc.runtime.field import emit
from zkc.runtime.field.packed import WORDS, Emitter


class Packed(types.Type):
    """The Numba type of sixteen words."""

    def __init__(self) -> None:
        super().__init__(name="Packed")


packed: Final = Packed()


@register_model(Packed)
class _PackedModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, WORDS)


def _overload_operator(op: Callable[..., Any], emitter: Emitter) -> None:
    def result_type(x: Any, y: Any) -> Packed | None:
        return packed if isinstance(x, Packed) and isinstance(y, Packed) else None

    @type_callable(op)
    def _type(context: Any) -> Any:
        return result_type

    @lower_builtin(op, Packed, Packed)
    def _lower(context: Any, b: emit.Builder, sig: Any, args: Any) -> emit.Value:
        return emitter(b, *args)


_overload_operator(operator.add, emit.add)
_overload_operator(operator.sub, emit.sub)
_overload_operator(operator.mul, emit.mul)
