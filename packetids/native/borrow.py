"""Arrays without an owner, for kernels that hand them on millions of times.

numba counts references to every array that it takes out of a tuple, with an atomic addition each
time. An array that is lent for the length of one call needs no count.
"""

from collections.abc import Callable
from typing import Any

from numba.core import cgutils, types
from numba.core.extending import intrinsic
from numba.np import arrayobj


@intrinsic
def _borrowed(_: Any, array: types.Array) -> tuple[Any, Callable[..., Any]]:
    """Give the same array without an owner; it must not outlive the call's argument."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lent = arrayobj.make_array(signature.args[0])(context, builder, arguments[0])
        lent.meminfo = cgutils.get_null_value(lent.meminfo.type)
        return lent._getvalue()

    return array(array), codegen


borrowed: Any = _borrowed  # mypy takes the signature above for the caller's
