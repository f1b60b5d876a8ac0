"""Each bad input stops its stage with a clear error, and what was there before stays whole."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from packetids.capture import listing
from tests import quick
from tests.conftest import needs_tshark

TOP = "captures/tiny/PCAPs"


def stage(folder: Path, name: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    return quick.run(folder, sys.executable, "-m", f"stages.{name}", *overrides)


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert that a stage ended with one paragraph that has `words`, and no traceback."""
    assert done.returncode == 1, done.stderr[-2000:]
    assert "error: " in done.stderr and "Traceback" not in done.stderr, done.stderr[-2000:]
    for word in words:
        assert word in done.stderr, (word, done.stderr)


def left(folder: Path) -> set[str]:
    return {p.name for p in folder.rglob("*") if p.is_file()} if folder.exists() else set()


@pytest.fixture
def folder(tmp_path) -> Path:
    return quick.workspace(tmp_path / "work")


@pytest.fixture(scope="module")
def sampled(tmp_path_factory) -> Path:
    """A workspace with everything up to the sample."""
    made = quick.workspace(tmp_path_factory.mktemp("bad") / "work")
    for name in ("capture", "extract", "label", "unify", "sample", "preprocess"):
        done = stage(made, name)
        assert done.returncode == 0, done.stderr
    return made


def test_an_empty_captures_folder(folder):
    for path in (folder / TOP).rglob("*.xz"):
        path.unlink()

    refused(stage(folder, "capture"), TOP, "no capture found", "params.yaml")
    assert left(folder / "data") == set()


def test_a_captures_folder_that_is_not_there(folder):
    refused(stage(folder, "capture", "captures=nowhere"), "nowhere", "is no folder")


def test_a_subcategory_that_the_paper_does_not_have(folder):
    odd = folder / TOP / "Scan/Port_Knocking"
    odd.mkdir()
    packed = next((folder / TOP).rglob("*.pcap.xz"))
    shutil.copy(packed, odd)

    refused(stage(folder, "capture"), "Port_Knocking", packed.name)


def test_a_capture_that_differs_from_the_manifest(folder):
    packed = sorted((folder / TOP).rglob("*.pcap.xz"))[0]
    packed.write_bytes(packed.read_bytes()[:-100])

    refused(stage(folder, "capture"), packed.name, "damaged: fetch it again")
    assert not any(name.endswith(".part") for name in left(folder / "data"))


def test_a_place_where_no_output_can_be(folder):
    (folder / "data").write_text("not a folder")

    refused(stage(folder, "capture"), "data", "Not a directory")


@pytest.mark.parametrize("found", ["[]", "7", '{"command": 3, "captures": []}'])
def test_a_manifest_of_something_else(folder, found):
    (folder / "captures/tiny/manifest.json").write_text(found)

    refused(stage(folder, "capture"), "dataset tiny needs captures made by")


@pytest.mark.parametrize("found", ["7", "[7]", "null", '[{"path": 7}]', '[{"path": "x"}]'])
def test_a_manifest_that_lists_no_captures(folder, found):
    made = f'{{"command": "python -m testbed tiny", "captures": {found}}}'
    (folder / "captures/tiny/manifest.json").write_text(made)

    refused(stage(folder, "capture"), "manifest.json: no list of captures in it")


@needs_tshark
def test_a_file_that_is_no_capture(folder):
    odd = folder / "data/capture/DoS/DoS_TCP/odd.pcap"
    odd.parent.mkdir(parents=True)
    odd.write_text("a letter, not a capture\n" * 4)
    path = odd.relative_to(folder)
    listed = listing.Capture("DoS/DoS_TCP/odd", path, "DoS_TCP", odd.stat().st_size, "mtime:0")
    listing.write_listing(folder / "data/capture", [listed])

    refused(stage(folder, "extract"), "odd.pcap")
    assert not any("odd" in name for name in left(folder / "data/extract"))


@needs_tshark
def test_a_bot_list_that_matches_nothing(sampled):
    before = {p: p.read_bytes() for p in (sampled / "data/label").rglob("*.parquet")}

    done = stage(sampled, "label", "label.bots=[10.9.9.9]")

    refused(done, "10.9.9.9", "0 % attack", "conf/label/")
    again = stage(sampled, "label")
    assert again.returncode == 0
    assert {p: p.read_bytes() for p in (sampled / "data/label").rglob("*.parquet")} == before


@needs_tshark
@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("unify", "data/label/DoS/DoS_TCP"),
        ("sample", "data/unify"),
        ("preprocess", "data/sample"),
        ("split", "data/preprocess"),
    ],
)
def test_a_file_of_the_stage_before_that_was_cut_short(sampled, name, damaged):
    path = next((sampled / damaged).rglob("*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        done = stage(sampled, name)
    finally:
        path.write_bytes(whole)

    refused(done, path.name, "no whole Parquet file", "Delete it and run dvc repro")


@needs_tshark
def test_a_class_that_vanishes_after_sampling(sampled):
    kept = (sampled / "data/sample/packets.parquet").read_bytes()

    refused(stage(sampled, "sample", "sample.attack_packets_max=0"), "attack_packets_max")
    assert (sampled / "data/sample/packets.parquet").read_bytes() == kept


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("fnn.lerning_rate=0.1", ("lerning_rate", "learning_rate")),
        ("fnn.batch_size=many", ("batch_size", "many")),
        ("fnn=papper", ("papper",)),
    ],
)
def test_a_misspelt_setting(folder, setting, words):
    refused(stage(folder, "train", setting), *words)


FULL = """
import subprocess, sys
place, size, module = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place], check=True)
sys.exit(subprocess.run([sys.executable, "-m", module]).returncode)
"""


@needs_tshark
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts a small disk")
@pytest.mark.parametrize(
    ("name", "out", "octets"),
    [("unify", "data/unify", "64k"), ("preprocess", "data/preprocess", "16k")],
)
def test_a_full_disk(sampled, name, out, octets):
    """In a mount namespace of its own, so that the small disk goes with the process."""
    before = left(sampled / out)
    done = quick.run(
        sampled, "unshare", "--mount", sys.executable, "-c", FULL, out, octets, f"stages.{name}"
    )

    refused(done, "the disk is full", out, "run dvc repro again")
    assert left(sampled / out) == before


@needs_tshark
def test_the_manifest_and_the_extracted_rows_agree(sampled):
    """What the other tests spoil was whole before."""
    manifest = json.loads((sampled / "captures/tiny/manifest.json").read_text())
    rows = sum(pq.read_metadata(p).num_rows for p in (sampled / "data/extract").rglob("*.parquet"))
    counts = pd.read_csv(sampled / "results/label/counts.csv")

    assert rows == manifest["totals"]["packets"] == counts["packets"].sum()
