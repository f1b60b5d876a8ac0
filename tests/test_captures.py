"""What is wrong with a captures folder is said, and nothing half-unpacked stays."""

import json
import lzma
import shutil
from pathlib import Path

import pytest

from packetids.capture import listing
from packetids.core.errors import PacketidsError
from tests.test_recognise import packed

ROOT = Path(__file__).parents[1]


@pytest.fixture
def dataset(tmp_path):
    """A copy of the tiny dataset, to spoil."""
    return Path(shutil.copytree(ROOT / "captures/tiny", tmp_path / "tiny"))


def one_of(dataset: Path) -> Path:
    return min((dataset / "PCAPs").rglob("*.pcap.xz"))


def test_every_capture_is_unpacked_whole(dataset, tmp_path):
    unpacked = listing.unpack(dataset, tmp_path / "out")
    manifest = json.loads((dataset / "manifest.json").read_text())["captures"]

    assert len(unpacked) == len(manifest) == 40
    assert sum(c.path.stat().st_size for c in unpacked) == sum(e["bytes"] for e in manifest)
    assert unpacked[0].name.startswith("DDoS/DDoS_HTTP/1/IoT_")
    for entry, capture in zip(manifest, unpacked, strict=True):
        assert (capture.subcategory, capture.octets) == (entry["subcategory"], entry["bytes"])
        assert capture.identity == f"sha256:{entry['sha256']}"


def test_the_listing_gives_back_what_was_written(tmp_path):
    written = [
        listing.Capture("a/b, c", tmp_path / "b, c.pcap", "DoS_TCP", 1 << 40, "mtime:17"),
        listing.Capture("NA", Path("data/é.pcap"), "Normal", 0, f"sha256:{'0' * 64}"),
    ]
    listing.write_listing(tmp_path, written)

    assert listing.listed(tmp_path) == written


@pytest.mark.parametrize(
    "text", [None, "", "name,path\na,b\n", "name,path,subcategory,octets,identity\n"]
)
def test_a_missing_or_wrong_listing_is_named(tmp_path, text):
    if text is not None:
        (tmp_path / "captures.csv").write_text(text)

    with pytest.raises(PacketidsError, match="captures.csv.*dvc repro capture"):
        listing.listed(tmp_path)


@pytest.mark.parametrize("content", [None, []], ids=["missing", "empty"])
def test_a_missing_or_empty_folder_is_named(tmp_path, content):
    folder = tmp_path / "PCAPs"
    if content is not None:
        folder.mkdir()

    with pytest.raises(PacketidsError, match="PCAPs.*(is no folder|no capture found)"):
        listing.unpack(tmp_path, tmp_path / "out")


def test_a_damaged_capture_is_named(dataset, tmp_path):
    path = one_of(dataset)
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(PacketidsError, match=f"{path.name}: not whole xz data"):
        listing.unpack(dataset, tmp_path / "out")
    assert not list((tmp_path / "out").rglob(".*"))


def test_a_changed_capture_is_refused_by_its_hash(dataset, tmp_path):
    paths = sorted((dataset / "PCAPs").rglob("*.pcap.xz"))
    shutil.copy(paths[1], paths[0])

    with pytest.raises(PacketidsError, match=f"{paths[0].name}: its SHA-256 is"):
        listing.unpack(dataset, tmp_path / "out")


def test_a_missing_and_an_extra_capture_are_named(dataset, tmp_path):
    path = one_of(dataset)
    extra = path.with_name("extra.pcap.xz")
    path.rename(extra)
    with pytest.raises(PacketidsError, match="1 of 40 captures of the manifest are missing"):
        listing.unpack(dataset, tmp_path / "out")

    shutil.copy(extra, path)
    with pytest.raises(PacketidsError, match="extra.pcap.xz: not in .*manifest.json"):
        listing.unpack(dataset, tmp_path / "out")


def test_a_capture_in_a_folder_of_no_subcategory_is_named(dataset, tmp_path):
    path = one_of(dataset)
    elsewhere = dataset / "PCAPs" / "DDoS" / "DDoS_SCTP" / "x.pcap.xz"
    elsewhere.parent.mkdir()
    shutil.copy(path, elsewhere)

    with pytest.raises(PacketidsError, match="DDoS_SCTP.*name no attack subcategory"):
        listing.unpack(dataset, tmp_path / "out")


@pytest.mark.parametrize("how", ["gzip", "bzip2", "zstd", "lz4", ""])
def test_embedded_captures_may_be_packed_otherwise(dataset, tmp_path, how):
    path = one_of(dataset)
    content = lzma.decompress(path.read_bytes())
    path.unlink()
    name = path.name.removesuffix(".pcap.xz")
    (path.parent / f"{name}.PCAP.any").write_bytes(packed(content, how) if how else content)
    (path.parent / f"{name}.PCAP.any").rename(path.parent / f"{name}.pcap.gz")

    assert len(listing.unpack(dataset, tmp_path / "out")) == 40


def test_what_is_left_out_is_logged_with_its_reason(dataset, tmp_path, caplog):
    (dataset / "PCAPs/README").write_text("notes")
    listing.unpack(dataset, tmp_path / "out")

    assert f"left out: {dataset}/PCAPs/README: it begins with 6e 6f 74 65" in caplog.text


def test_a_missing_or_broken_manifest_is_named(dataset, tmp_path):
    manifest = dataset / "manifest.json"
    manifest.write_text("{}")
    with pytest.raises(PacketidsError, match="manifest.json: no list of captures"):
        listing.unpack(dataset, tmp_path / "out")
    manifest.unlink()
    with pytest.raises(PacketidsError, match="manifest.json is missing"):
        listing.unpack(dataset, tmp_path / "out")
