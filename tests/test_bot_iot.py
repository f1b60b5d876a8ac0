"""dataset=bot_iot: a download anywhere on disk, read in place by the real stages, through DVC."""

import json
import os
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from packetids import completeness
from packetids.capture import listing
from packetids.core import classes, settings
from packetids.core.errors import PacketidsError
from tests import botiot, quick
from tests.conftest import ROOT, needs_tshark
from tests.test_recognise import packed

DATASET = settings.Dataset("bot_iot", "", True, "Made from BoT-IoT.")


@pytest.fixture
def folder(tmp_path) -> Path:
    return botiot.download(tmp_path / "BoT-IoT")


@needs_tshark
class TestThroughDvc:
    """One download and one workspace; the steps build on each other."""

    @pytest.fixture(scope="class")
    def place(self, tmp_path_factory) -> Path:
        return botiot.download(tmp_path_factory.mktemp("disk") / "my disk, 2" / "BoT-IoT")

    @pytest.fixture(scope="class")
    def before(self, place) -> dict:
        return botiot.snapshot(place)

    @pytest.fixture(scope="class")
    def work(self, tmp_path_factory, place, before) -> Path:
        folder = tmp_path_factory.mktemp("work") / "repository"
        quick.workspace(folder, dataset="bot_iot", captures=str(place))
        done = quick.run(folder, "dvc", "repro", "label")
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert "Table I 95,643,746" in done.stderr  # beside ours, never a silent pass
        return folder

    def test_captures_are_placed_and_not_copied(self, work, place):
        listed = listing.listed(work / "data/capture")

        assert sorted(p.name for p in (work / "data/capture").iterdir()) == ["captures.csv"]
        found = {
            key: [c.path.relative_to(place / "PCAPs").as_posix() for c in listed
                  if c.subcategory == key]
            for key in classes.ATTACKS
        }  # fmt: skip
        assert found == {key: sorted(paths) for key, paths in botiot.PLACES.items()}
        for capture in listed:
            assert capture.identity == f"mtime:{capture.path.stat().st_mtime_ns}"

    def test_counts_stand_beside_table_1(self, work):
        table = pd.read_csv(work / "results/label/table-1.csv").set_index("class")

        assert table["packets"]["Total"] == 64 * botiot.COUNT
        assert table["paper"]["Total"] == 558_761_829
        assert table["difference"]["DDoS_TCP"] == table["packets"]["DDoS_TCP"] - 95_643_746

    def test_the_report_compares_the_rules(self, work):
        report = pd.read_csv(work / "results/label/report.csv")
        every = report[report["kind"] == "all"].set_index("captures_of")

        assert (report["flow_files"] == 2).all()
        coverage = pd.read_csv(work / "results/label/coverage.csv").set_index("capture")
        assert coverage.loc["Total", "packets"] == 64 * botiot.COUNT
        assert coverage.loc["Total", "bot_packets_without_flow"] == 0
        assert every["packets"]["Total"] == 64 * botiot.COUNT
        assert every["same_class_percent"]["Total"] > 95
        assert every["same_class"]["Total"] < every["packets"]["Total"]

    def test_a_second_repro_does_nothing_and_the_download_is_as_before(self, work, place, before):
        again = quick.run(work, "dvc", "repro", "label")

        assert quick.stages_run(again) == [] and "up to date" in again.stdout
        assert botiot.snapshot(place) == before

    def test_label_by_flows(self, work, place, before):
        params = work / "params.yaml"
        params.write_text(params.read_text().replace("label: bot_address", "label: flows"))
        done = quick.run(work, "dvc", "repro", "label")

        assert quick.stages_run(done) == ["label"], done.stderr
        every = pd.read_csv(work / "results/label/report.csv").set_index(["kind", "captures_of"])
        counts = pd.read_csv(work / "results/label/counts.csv")
        attacks = counts[counts["class"] != "Normal"]["packets"].sum()
        assert attacks == every.loc[("all", "Total"), "attack_by_flows"]
        assert botiot.snapshot(place) == before

    def test_flow_records_of_a_part_stop_the_run(self, work, place):
        for path in place.rglob("UNSW_2018_IoT_Botnet_Dataset_?.csv"):
            lines = path.read_text().splitlines(keepends=True)
            path.with_name(path.name.replace("Dataset", "part")).write_text("".join(lines[::2]))
            path.rename(place.parent / path.name)
        done = quick.run(work, "dvc", "repro", "label")
        for path in place.parent.glob("UNSW_2018_IoT_Botnet_Dataset_?.csv"):
            path.rename(place / "CSV/Entire Dataset" / path.name)
        for path in place.rglob("UNSW_2018_IoT_Botnet_part_?.csv"):
            path.unlink()

        assert done.returncode != 0 and "packets of bots" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list((work / "data/label").rglob("*.parquet"))
        assert (work / "results/label/coverage.csv").is_file()
        again = quick.run(work, "dvc", "repro", "label")
        assert again.returncode == 0, again.stderr

    def test_one_more_capture_costs_one_more_extraction(self, work, place):
        new = place / "PCAPs/DoS/DoS_TCP/1/IoT_Dataset_TCP_DoS__00047_20180604135015.pcap"
        new.write_bytes(botiot.tiny("DoS_TCP")[1])
        done = quick.run(work, "dvc", "repro", "label")

        assert quick.stages_run(done) == ["capture", "extract", "label"], done.stderr
        read = pd.read_csv(work / "results/extract/runtimes.csv")["capture"].tolist()
        assert read == ["DoS/DoS_TCP/1/IoT_Dataset_TCP_DoS__00047_20180604135015"]
        counts = pd.read_csv(work / "results/label/counts.csv")
        assert counts["packets"].sum() == 64 * (botiot.COUNT + 1)

    def test_a_capture_that_is_compressed_is_read_in_place(self, work, place):
        plain = place / "PCAPs" / botiot.PLACES["Keylogging"][0]
        before = pd.read_csv(work / "results/label/counts.csv")
        plain.with_name(plain.name + ".GZ").write_bytes(packed(plain.read_bytes(), "gzip"))
        plain.unlink()
        done = quick.run(work, "dvc", "repro", "label")

        assert quick.stages_run(done) == ["capture", "extract", "label"], done.stderr
        assert pd.read_csv(work / "results/label/counts.csv").equals(before)

    def test_dvc_sees_what_changes_behind_a_linked_file_and_not_in_a_linked_folder(
        self, work, place
    ):
        far = place.parent / "far.pcap"
        far.write_bytes(botiot.tiny("DoS_TCP")[2])
        link = place / "PCAPs/DoS/DoS_TCP/1/IoT_Dataset_TCP_DoS__00048_20180604135115.pcap"
        link.symlink_to(far)
        quick.run(work, "dvc", "repro", "label")
        far.write_bytes(botiot.tiny("DoS_TCP")[3])
        again = quick.run(work, "dvc", "repro", "label")
        assert quick.stages_run(again) == ["capture", "extract", "label"], again.stderr

        folder = place / "PCAPs/DoS/DoS_TCP/2"
        folder.symlink_to(place.parent)
        assert "up to date" in quick.run(work, "dvc", "status", "capture").stdout
        refused = quick.run(work, sys.executable, "-m", "stages.capture")
        assert refused.returncode == 1 and "Traceback" not in refused.stderr
        assert f"{folder}: it is a link to the folder" in refused.stderr
        assert "DVC does not look below such a link" in refused.stderr
        folder.unlink()
        link.unlink()

    def test_a_folder_that_is_not_there_is_named(self, work):
        done = quick.run(work, sys.executable, "-m", "stages.capture", "captures=/no/such place")

        assert done.returncode == 1 and "/no/such place is no folder" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_pcaps_folder_itself_may_be_named(folder):
    assert [c.name for c in listing.place(folder)] == [
        c.name for c in listing.place(folder / "PCAPs")
    ]


@pytest.mark.parametrize(
    ("name", "octets", "said"),
    [
        ("DoS/DoS_TCP/IoT_Dataset_TCP_DDoS__00009_20180604170103.pcap", None, "name says DDoS_TCP"),
        ("Other/some.pcap", None, "name no attack subcategory"),
        ("DoS/DoS_TCP/empty.pcap", b"", "byte 0.*nothing: the file is empty"),
        ("DoS/DoS_TCP/page.pcap", b"<html>", "byte 0.*3c 68 74 6d"),
        ("DoS/DoS_TCP/x.pcap.xz", b"\xfd7zXZ", "Unpack it"),
        (
            "Scan/OS/5/IoT_Dataset_OSScan__00001_20180522190501.pcap",
            None,
            "another capture of that",
        ),
    ],
)
def test_a_file_that_does_not_fit_stops_the_run_with_its_name(folder, name, octets, said):
    path = folder / "PCAPs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(botiot.tiny("DoS_TCP")[0] if octets is None else octets)

    with pytest.raises(PacketidsError, match=said) as caught:
        listing.place(folder)
    assert path.name in str(caught.value)


def test_a_broken_link_is_named(folder):
    link = folder / "PCAPs/DoS/DoS_TCP/gone.pcap"
    link.symlink_to("nowhere.pcap")

    with pytest.raises(PacketidsError, match="gone.pcap: cannot be read"):
        listing.place(folder)


def test_captures_are_found_by_what_they_hold(folder, caplog):
    """Whatever their suffixes are; gzip, Zstandard and LZ4 are read in place."""
    top = folder / "PCAPs/DoS/DoS_TCP"
    capture = botiot.tiny("DoS_TCP")[1]
    names = {
        "a.PCAP": "", "b.pcap.gz": "gzip", "c.pcap1": "", "c.pcap2.gz": "gzip", "d.PCAP.GZ": "gzip",
        "e.dmp.gz": "gzip", "f.cap": "", "g.pcap.zst": "zstd", "h.lz4": "lz4", "i": "",
    }  # fmt: skip
    for name, how in names.items():
        (top / name).write_bytes(packed(capture, how) if how else capture)
    (folder / "far.bin").write_bytes(capture)
    (top / "linked.pcap").symlink_to(folder / "far.bin")
    (top / "README").write_text("notes")
    (top / ".gitignore").write_text("*")

    placed = {c.name: c for c in listing.place(folder)}

    short = {"a", "b", "c.pcap1", "c.pcap2", "d", "e", "f", "g", "h", "i", "linked"}
    assert {f"DoS/DoS_TCP/{name}" for name in short} < placed.keys()
    assert len(placed) == botiot.COUNT + len(short)
    assert placed["DoS/DoS_TCP/b"].path == (top / "b.pcap.gz").absolute()
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"left out: {folder}/far.bin: it lies beside PCAPs/ and not in it",
        f"left out: {top}/README: it begins with 6e 6f 74 65, as no capture does",
    ]


@pytest.mark.parametrize("other", ["a.PCAP.gz", "a.pcapng", "a", "a.cap"])
def test_two_captures_of_one_name_are_refused_and_not_written_over_each_other(folder, other):
    top = folder / "PCAPs/DoS/DoS_TCP"
    (top / "a.pcap").write_bytes(botiot.tiny("DoS_TCP")[1])
    (top / other).write_bytes(packed(botiot.tiny("DoS_TCP")[2], "gzip"))

    with pytest.raises(
        PacketidsError, match="a.pcap.* another capture of that name|another.*a.pcap"
    ):
        listing.place(folder)


@pytest.mark.parametrize("where", ["PCAPs/DoS/DoS_TCP/link", "PCAPs/link", "CSV", "PCAPs"])
def test_a_linked_folder_is_refused_because_dvc_does_not_look_below(folder, tmp_path, where):
    real = tmp_path / "elsewhere"
    if where == "PCAPs":
        (folder / where).rename(real)
    else:
        shutil.rmtree(folder / where, ignore_errors=True)
        real.mkdir()
    (folder / where).symlink_to(real)

    with pytest.raises(
        PacketidsError, match=f"{where}: it is a link to the folder {real}. DVC does"
    ):
        listing.place(folder)


def test_the_captures_folder_itself_may_be_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)

    assert len(listing.place(tmp_path / "link")) == botiot.COUNT


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"caf\xe9.pcap", r"caf\\xe9.pcap: its name is not UTF-8"),
        (b"caf\xe9.txt", r"caf\\xe9.txt: its name is not UTF-8"),  # DVC ends with a codec's error
        (b"fifo", "fifo: it is a FIFO, no regular file, and DVC would wait for it"),
        (b"x.pcap.bz2", "packed by bzip2, which no reader reads. Unpack it"),
        (b"hard.pcap", "its packets would count twice"),
    ],
)
def test_what_dvc_trips_over_and_no_reader_reads_is_refused(folder, name, said):
    path = folder / "PCAPs/DoS/DoS_TCP" / os.fsdecode(name)
    first = folder / "PCAPs" / botiot.PLACES["DoS_TCP"][0]
    if name == b"fifo":
        os.mkfifo(path)
    elif name == b"hard.pcap":
        os.link(first, path)
    else:
        path.write_bytes(packed(first.read_bytes(), "bzip2" if path.suffix == ".bz2" else "gzip"))

    with pytest.raises(PacketidsError, match=said):
        listing.place(folder)


def test_captures_of_another_dataset_are_refused(folder):
    tiny, testbed = ROOT / "captures/tiny", "python -m testbed record"
    with pytest.raises(PacketidsError, match="dataset bot_iot needs captures a download without"):
        listing.check_recorded_by(tiny, "bot_iot", "")
    with pytest.raises(PacketidsError, match="dataset testbed needs captures made by.*record"):
        listing.check_recorded_by(tiny, "testbed", testbed)
    listing.check_recorded_by(tiny, "tiny", "python -m testbed tiny")
    listing.check_recorded_by(folder, "bot_iot", "")


def counts_like_the_papers(files: int, **changes: int) -> pd.DataFrame:
    _, paper = completeness.paper_counts()
    rows = [(f"capture {i}", "Normal", 0) for i in range(files)]
    rows += [("capture 0", key, packets + changes.get(key, 0)) for key, packets in paper.items()]
    return pd.DataFrame(rows, columns=["capture", "class", "packets"])


def said_of(tmp_path: Path, counts: pd.DataFrame, dataset=DATASET) -> tuple[str, str]:
    path = tmp_path / "part.json"
    path.write_text(json.dumps(completeness.measure(counts, dataset.is_bot_iot)))
    return completeness.notice(dataset, path), completeness.source(dataset, path)


def test_a_part_is_named_a_part(tmp_path):
    notice, source = said_of(tmp_path, counts_like_the_papers(12, DDoS_TCP=-95_643_746))

    share = "12 of 344 captures, 463,118,083 of 558,761,829 packets"
    assert notice == f"Made from BoT-IoT. A part of BoT-IoT: {share}."
    assert source == f"dataset bot_iot: {share}"


def test_all_captures_with_the_papers_counts_pass_without_warning(tmp_path):
    notice, _ = said_of(tmp_path, counts_like_the_papers(344))

    assert "All of BoT-IoT's captures: 344 of 344" in notice and "Warning" not in notice


def test_all_captures_with_other_counts_warn_on_every_page(tmp_path):
    notice, _ = said_of(tmp_path, counts_like_the_papers(344, Keylogging=2, Normal=-2))

    assert "Warning: packets differ from the paper's Table I: Keylogging +2, Normal -2." in notice
    found = completeness.measure(counts_like_the_papers(344, Keylogging=2), True)
    assert found["differs"] and any("Keylogging" in line and "+2" in line
                                    for line in completeness.lines(found))  # fmt: skip


def test_another_dataset_is_never_called_a_part(tmp_path):
    testbed = settings.Dataset("testbed", "x", False, "Not BoT-IoT.")

    assert said_of(tmp_path, counts_like_the_papers(344), testbed) == (
        "Not BoT-IoT.", "dataset testbed",
    )  # fmt: skip


def test_the_paper_has_344_captures_and_eleven_classes():
    files, packets = completeness.paper_counts()

    assert files == 344 and len(packets) == 11 and sum(packets.values()) == 558_761_829


@pytest.mark.parametrize(
    "path", ["/a b/c", "/a'b", "/x=1,[2]", "/été", "/back\\slash\\", "/a#b{c}"]
)
def test_a_folder_may_have_any_name(path, tmp_path, monkeypatch):
    """params.yaml goes through Hydra's grammar; no character of a path may mean something there."""
    from dataclasses import dataclass

    import yaml

    @dataclass(frozen=True)
    class Config:
        captures: str

    for name in ("conf",):
        shutil.copytree(ROOT / name, tmp_path / name)
    chosen = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"captures": path}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(chosen))
    monkeypatch.chdir(tmp_path)

    assert settings.load(Config, []).captures == path
