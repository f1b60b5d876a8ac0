"""What several test files share."""

import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# One place for this tree's kernels and those of its copies, which would compile them again.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / "build/kernels"))

needs_jit = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="needs compiled kernels, for their speed"
)
needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="needs TShark: apt-get install tshark"
)


def interpreted(kernel: Any) -> Callable[..., Any]:
    """Return the Python function of a kernel; with NUMBA_DISABLE_JIT=1, it is one already."""
    return getattr(kernel, "py_func", kernel)


@pytest.fixture(scope="session")
def tiny_pcaps(tmp_path_factory) -> list[Path]:
    """The captures of tests/tiny, unpacked."""
    folder = tmp_path_factory.mktemp("tiny")
    unpacked = []
    for packed in sorted((ROOT / "tests/tiny/PCAPs").rglob("*.pcap.xz")):
        target = folder / packed.name.removesuffix(".xz")
        target.write_bytes(lzma.decompress(packed.read_bytes()))
        unpacked.append(target)
    return unpacked
