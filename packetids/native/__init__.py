"""A reader of packet captures that needs no TShark and gives TShark 4.0's answers."""

import atexit
import gc
import sys


def _load_numba() -> None:
    """Import numba with less of what is not needed: 0.15 s of 0.6 s.

    It looks for scipy's BLAS, for which all of scipy.linalg is imported; no kernel here multiplies
    matrices. And Python would look through the new objects for garbage again and again.
    """
    hides_scipy, collects = "scipy" not in sys.modules, gc.isenabled()
    if hides_scipy:
        sys.modules["scipy"] = None  # type: ignore[assignment]  # an import of it fails
    gc.disable()
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        if hides_scipy:
            del sys.modules["scipy"]
        if collects:
            gc.enable()


_load_numba()
atexit.register(gc.freeze)  # else Python looks through all that numba made before it ends: 0.2 s
