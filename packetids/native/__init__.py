"""A reader of packet captures that needs no TShark and gives TShark 4.0's answers.

numba keeps compiled kernels on disk, and asks only whether a kernel's own file has changed, not
whether a kernel that it calls has. So what is kept goes when any file of this package changes, or
prefetch.py, which it shares.
"""

import atexit
import contextlib
import gc
import hashlib
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_CACHE = _HERE / "__pycache__"
_KEPT_FOR = _CACHE / "numba.sources"


def _forget_stale_kernels() -> None:
    sources = sorted([*_HERE.glob("*.py"), *_HERE.glob("*.txt"), _HERE.parent / "prefetch.py"])
    now = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    if _KEPT_FOR.exists() and _KEPT_FOR.read_text() == now:
        return
    with contextlib.suppress(OSError):  # a folder that cannot be written holds no kernels
        for kept in [*_CACHE.glob("*.nbi"), *_CACHE.glob("*.nbc")]:
            kept.unlink(missing_ok=True)
        _CACHE.mkdir(exist_ok=True)
        _KEPT_FOR.write_text(now)


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


_forget_stale_kernels()
_load_numba()
atexit.register(gc.freeze)  # else Python looks through all that numba made before it ends: 0.2 s
