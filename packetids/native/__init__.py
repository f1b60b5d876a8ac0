"""A reader of packet captures that needs no TShark and gives TShark 4.0's answers.

numba keeps compiled kernels on disk, and asks only whether a kernel's own file has changed, not
whether a kernel that it calls has. So they are kept under a hash of all files of this package.
"""

import hashlib
from pathlib import Path

import numba

_HERE = Path(__file__).parent
SOURCE_HASH = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted([*_HERE.glob("*.py"), *_HERE.glob("*.txt")]))
).hexdigest()[:16]
# NUMBA_CACHE_DIR of the environment comes first.
if not numba.config.CACHE_DIR:  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = str(_HERE / "__pycache__" / f"numba-{SOURCE_HASH}")  # type: ignore[attr-defined]
