"""Arrays without an owner, for kernels that pass them on millions of times.

numba counts references to every array that it takes out of a tuple, with an atomic addition each
time. An array that is lent for the length of one call needs no count. Without this, reading takes
four times as long.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import cgutils, config, types
from numba.core.extending import intrinsic
from numba.np import arrayobj


@intrinsic
def _borrowed(_: Any, array: types.Array) -> tuple[Any, Callable[..., Any]]:
    """Return the same array without an owner; it must not outlive the call's argument."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lent = arrayobj.make_array(signature.args[0])(context, builder, arguments[0])
        lent.meminfo = cgutils.get_null_value(lent.meminfo.type)
        return lent._getvalue()

    return array(array), codegen


def _itself(array: np.ndarray) -> np.ndarray:
    return array


# Python itself cannot call an intrinsic, and mypy would take its signature for the caller's.
borrowed: Any = _itself if config.DISABLE_JIT else _borrowed  # type: ignore[attr-defined]
