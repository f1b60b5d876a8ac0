"""What is wrong with a captures folder is said, and nothing half-unpacked stays."""

import json
import shutil
from pathlib import Path

import pytest

from packetids import captures
from packetids.errors import PacketidsError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def dataset(tmp_path):
    """A copy of the tiny dataset, to spoil."""
    return Path(shutil.copytree(ROOT / "captures/tiny", tmp_path / "tiny"))


def one_of(dataset: Path) -> Path:
    return min((dataset / "PCAPs").rglob("*.pcap.xz"))


def test_every_capture_is_unpacked_whole(dataset, tmp_path):
    unpacked = captures.unpack(dataset, tmp_path / "out")
    manifest = json.loads((dataset / "manifest.json").read_text())["captures"]

    assert len(unpacked) == len(manifest) == 40
    assert sum(p.stat().st_size for p in unpacked) == sum(e["octets"] for e in manifest)
    assert captures.name_of(unpacked[0], tmp_path / "out").startswith("DDoS/DDoS_HTTP/1/IoT_")


@pytest.mark.parametrize("content", [None, []], ids=["missing", "empty"])
def test_a_missing_or_empty_folder_is_named(tmp_path, content):
    folder = tmp_path / "PCAPs"
    if content is not None:
        folder.mkdir()

    with pytest.raises(PacketidsError, match="PCAPs.*(is no folder|no capture found)"):
        captures.unpack(tmp_path, tmp_path / "out")


def test_a_damaged_capture_is_named(dataset, tmp_path):
    path = one_of(dataset)
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(PacketidsError, match=f"{path.name}: not whole xz data"):
        captures.unpack(dataset, tmp_path / "out")
    assert not list((tmp_path / "out").rglob(".*"))


def test_a_changed_capture_is_refused_by_its_hash(dataset, tmp_path):
    paths = sorted((dataset / "PCAPs").rglob("*.pcap.xz"))
    shutil.copy(paths[1], paths[0])

    with pytest.raises(PacketidsError, match=f"{paths[0].name}: its SHA-256 is"):
        captures.unpack(dataset, tmp_path / "out")


def test_a_missing_and_an_extra_capture_are_named(dataset, tmp_path):
    path = one_of(dataset)
    extra = path.with_name("extra.pcap.xz")
    path.rename(extra)
    with pytest.raises(PacketidsError, match="1 of 40 captures of the manifest are missing"):
        captures.unpack(dataset, tmp_path / "out")

    shutil.copy(extra, path)
    with pytest.raises(PacketidsError, match="extra.pcap.xz: not in .*manifest.json"):
        captures.unpack(dataset, tmp_path / "out")


def test_a_capture_in_a_folder_of_no_subcategory_is_named(dataset, tmp_path):
    path = one_of(dataset)
    elsewhere = dataset / "PCAPs" / "DDoS" / "DDoS_SCTP" / path.name
    elsewhere.parent.mkdir()
    shutil.copy(path, elsewhere)

    with pytest.raises(PacketidsError, match="DDoS_SCTP.*name no attack subcategory"):
        captures.unpack(dataset, tmp_path / "out")


def test_a_missing_or_broken_manifest_is_named(dataset, tmp_path):
    manifest = dataset / "manifest.json"
    manifest.write_text("{}")
    with pytest.raises(PacketidsError, match="manifest.json: no list of captures"):
        captures.unpack(dataset, tmp_path / "out")
    manifest.unlink()
    with pytest.raises(PacketidsError, match="manifest.json is missing"):
        captures.unpack(dataset, tmp_path / "out")
