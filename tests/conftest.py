"""What several test files share."""

import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# One place for this tree's kernels and those of its copies, which would compile them again.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / "build/kernels"))

# The same cases in every run, so that a failure is of the change at hand; make fuzz draws others.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("fuzz", derandomize=False)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

needs_jit = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="needs compiled kernels, for their speed"
)
needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="needs TShark: apt-get install tshark"
)

# Minutes each. Dealt first, so that no worker waits for another's last file.
LONG_FILES = {"test_store.py", "test_dag.py", "test_smaller_run.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; the order within a file stays."""
    items.sort(key=lambda item: item.path.name not in LONG_FILES)


def interpreted(kernel: Any) -> Callable[..., Any]:
    """Return the Python function of a kernel; with NUMBA_DISABLE_JIT=1, it is one already."""
    return getattr(kernel, "py_func", kernel)


@pytest.fixture(scope="session")
def tiny_pcaps(tmp_path_factory) -> list[Path]:
    """The captures of captures/tiny, unpacked."""
    folder = tmp_path_factory.mktemp("tiny")
    unpacked = []
    for packed in sorted((ROOT / "captures/tiny/PCAPs").rglob("*.pcap.xz")):
        target = folder / packed.name.removesuffix(".xz")
        target.write_bytes(lzma.decompress(packed.read_bytes()))
        unpacked.append(target)
    return unpacked
