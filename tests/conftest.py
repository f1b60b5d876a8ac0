"""What several test files share."""

import lzma
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# One place for this tree's kernels and those of its copies, which would compile them again.
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / "build/kernels"))

needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="needs TShark: apt-get install tshark"
)


@pytest.fixture(scope="session")
def tiny_pcaps(tmp_path_factory) -> list[Path]:
    """The tiny captures, unpacked."""
    folder = tmp_path_factory.mktemp("tiny")
    unpacked = []
    for packed in sorted((ROOT / "captures/tiny/PCAPs").rglob("*.pcap.xz")):
        target = folder / packed.name.removesuffix(".xz")
        target.write_bytes(lzma.decompress(packed.read_bytes()))
        unpacked.append(target)
    return unpacked
