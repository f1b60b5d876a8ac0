"""Ask for memory before it is needed, from compiled loops that look up what lies anywhere.

A table larger than the processor's caches makes a loop wait for each look into it, one after the
other. Asked for ahead, several come at a time. It is a hint: no answer depends on it.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.np import arrayobj


@intrinsic
def _prefetch(_: Any, array: types.Array, index: Any) -> tuple[Any, Callable[..., Any]]:
    """Ask for the cache line of ``array[index]``, of the first axis, to read and write."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        made = arrayobj.make_array(kind)(context, builder, arguments[0])
        first = [arguments[1]] + [context.get_constant(types.int64, 0)] * (kind.ndim - 1)
        at = cgutils.get_item_pointer(
            context, builder, kind, made, first, wraparound=False, boundscheck=False
        )
        octet, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        ask = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [octet, word, word, word]),
            "llvm.prefetch.p0i8",
        )
        write, keep, data = word(1), word(3), word(1)
        builder.call(ask, [builder.bitcast(at, octet), write, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


prefetch: Any = _prefetch  # mypy takes the signature above for the caller's
