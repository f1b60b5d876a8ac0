"""Kept kernels are those of the present sources, wherever they are kept, and never needed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from packetids import sources
from packetids.native.layers.tcp import seconds
from tests.conftest import ROOT
from tests.imports import local_imports

HOLDERS = sorted(
    path
    for path in (ROOT / "packetids").rglob("*.py")
    if re.search("@(sub)?kernel", path.read_text())
)
KERNEL = """
from packetids import between
from packetids.kernels import kernel


@kernel
def doubled(number):
    return 2 * between.told(number)
"""
BETWEEN = """
from packetids.constants import (
    SAID,
)
from packetids.kernels import kernel


@kernel(inline="always")
def told(number):
    return number + SAID
"""


@numba.njit
def calls_seconds(time_ns):
    return seconds(time_ns)


@pytest.fixture
def package(tmp_path) -> Path:
    """A package of this name with one kernel, two modules away from a constant."""
    folder = tmp_path / "checkout/packetids"
    folder.mkdir(parents=True)
    for name in ("kernels.py", "sources.py"):
        shutil.copy(ROOT / "packetids" / name, folder)
    (folder / "__init__.py").write_text("")
    (folder / "constants.py").write_text("SAID = 54\n")
    (folder / "between.py").write_text(BETWEEN)
    (folder / "two_away.py").write_text(KERNEL)
    return folder


def call(package: Path, **environment: str) -> tuple[int, int, str]:
    """Call the kernel in a process of its own: its answer, how many kernels were kept, warnings."""
    code = (
        "from packetids.two_away import doubled; print(doubled(0));"
        "print(sum(doubled.stats.cache_hits.values()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=package.parent,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    answer, kept = map(int, done.stdout.split())
    return answer, kept, done.stderr


@pytest.fixture(params=["NUMBA_CACHE_DIR", "beside", "home"])
def place(request, tmp_path, package) -> dict[str, str]:
    """Each place that kernels are kept in, as the environment that leads there."""
    if request.param == "NUMBA_CACHE_DIR":
        return {"NUMBA_CACHE_DIR": str(tmp_path / "given")}
    if request.param == "home":
        (package / "__pycache__").write_text("a file, so that no folder can be here")
    return {"HOME": str(tmp_path / "home")}


def test_a_kernel_is_kept_until_a_source_that_it_reaches_changes(package, place):
    assert call(package, **place)[:2] == (108, 0)
    assert call(package, **place)[:2] == (108, 1)

    (package / "constants.py").write_text("SAID = 1054\n")

    assert call(package, **place)[:2] == (2108, 0)
    assert call(package, **place)[:2] == (2108, 1)


def test_a_kernel_stays_when_a_source_that_it_does_not_reach_changes(package, place):
    call(package, **place)
    (package / "other.py").write_text("SAID = 1\n")

    assert call(package, **place)[:2] == (108, 1)


def test_two_checkouts_share_a_folder_and_keep_apart(package, tmp_path):
    other = Path(shutil.copytree(package.parent, tmp_path / "other")) / "packetids"
    (other / "constants.py").write_text("SAID = 1\n")
    place = {"NUMBA_CACHE_DIR": str(tmp_path / "given")}

    assert [call(one, **place)[0] for one in (package, other, package)] == [108, 2, 108]
    assert call(package, **place)[1] == call(other, **place)[1] == 1


def test_kernels_of_older_sources_go_from_the_package(package, tmp_path):
    home = {"HOME": str(tmp_path / "home")}
    for said in (1, 2, 3):
        (package / "constants.py").write_text(f"SAID = {said}\n")
        call(package, **home)

    assert len(list((package / "__pycache__/kernels").glob("two_away-*"))) == 1


def test_without_a_folder_that_can_be_written_it_works_and_names_the_setting(package, tmp_path):
    (package / "__pycache__").write_text("")
    (tmp_path / "file").write_text("")
    nowhere = {
        "NUMBA_CACHE_DIR": str(tmp_path / "file/x"),
        "XDG_CACHE_HOME": str(tmp_path / "file"),
    }

    answer, kept, said = call(package, **nowhere)

    assert (answer, kept) == (108, 0)
    assert said.count("\n") == 1 and "cannot be kept" in said and "NUMBA_CACHE_DIR" in said


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["empty", "half", "folder"])
def test_damaged_kernels_are_compiled_anew(package, tmp_path, suffix, damage):
    home = {"HOME": str(tmp_path / "home")}
    call(package, **home)
    for path in (package / "__pycache__/kernels").rglob(f"*.{suffix}"):
        octets = path.read_bytes()
        path.unlink()
        if damage == "folder":
            path.mkdir()
        else:
            path.write_bytes(octets[: len(octets) // 2] if damage == "half" else b"")

    answer, kept, said = call(package, **home)

    assert (answer, kept) == (108, 0)
    assert "compiled again" in said and "Traceback" not in said


@pytest.mark.parametrize("path", HOLDERS, ids=lambda path: path.stem)
def test_the_sources_of_a_kernel_are_what_its_module_imports(path):
    """`sources.reachable` reads imports by a pattern, because parsing would slow every start."""
    found = sources.reachable(path)

    assert local_imports(path) | {path} <= found
    assert all(ROOT / "packetids" in one.parents for one in found)


def test_a_subkernel_is_called_by_kernels_only():
    """numba would call a null pointer."""
    with pytest.raises(TypeError, match="layers.tcp.seconds is a subkernel"):
        seconds(1_500_000_000)
    assert calls_seconds(1_500_000_000) == seconds.py_func(1_500_000_000) == 1.5
    with pytest.raises(TypeError, match="@kernel"):  # now that it is compiled
        seconds(1_500_000_000)


def test_every_kernel_is_kept_this_way():
    jitted = [
        path.name
        for path in (ROOT / "packetids").rglob("*.py")
        if "njit" in path.read_text() or "import jit" in path.read_text()
    ]

    assert jitted == ["kernels.py"]
    assert len(HOLDERS) > 10
