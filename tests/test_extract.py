"""Extraction of many captures: compact files, auto, and nothing read twice, also after kill -9."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packetids import completeness, extract, sources
from packetids.capture import listing
from packetids.capture.listing import Capture
from packetids.core import fields, settings
from packetids.core.errors import PacketidsError, Unsupported
from packetids.extract import many, progress, tshark, writer
from tests import quick
from tests.conftest import needs_tshark

FILTER = "ip or ipv6 or arp"
PROCESS = settings.Compute(backend="processes", workers=1, scheduler="")


def packets(first: int, count: int) -> pa.RecordBatch:
    """Made-up rows; each row's address is its own."""
    rows: dict[str, list[object]] = {name: [None] * count for name in fields.schema().names}
    rows["frame.time_epoch"] = list(range(first, first + count))
    rows["ip.src"] = [f"10.0.{i // 256}.{i % 256}" for i in range(first, first + count)]
    rows["tcp.dstport"] = [80 if i % 3 else None for i in range(first, first + count)]
    rows["tcp.time_delta"] = [i / 7 if i % 3 else None for i in range(first, first + count)]
    columns = [pa.array(rows[f.name], f.type) for f in fields.schema()]
    return pa.RecordBatch.from_arrays(columns, schema=fields.schema())


def write(path: Path, batches: list[pa.RecordBatch]) -> Path:
    with writer.Writer(path, {"note": "kept"}) as opened:
        for batch in batches:
            opened.write(batch)
    return path


@pytest.mark.parametrize("dictionary_max", [1, 1024])
def test_row_groups_are_bounded_whatever_the_batches_are(tmp_path, monkeypatch, dictionary_max):
    monkeypatch.setattr(writer, "ROWS", 100)
    monkeypatch.setattr(writer, "BATCHES_MAX", 8)
    monkeypatch.setattr(writer, "DICTIONARY_MAX", dictionary_max)
    whole = packets(0, 357)

    octets = set()
    for size in (1, 7, 100, 357):
        batches = [whole.slice(at, size) for at in range(0, 357, size)]
        path = write(tmp_path / f"{size}.parquet", batches)
        octets.add(path.read_bytes())
        found = pq.ParquetFile(path)
        groups = [found.metadata.row_group(i).num_rows for i in range(found.num_row_groups)]
        assert groups == [100, 100, 100, 57]
        assert pq.read_table(path).to_pylist() == whole.to_pylist()
    assert len(octets) == 1


def test_a_row_group_keeps_only_the_texts_of_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "ROWS", 100)
    monkeypatch.setattr(writer, "DICTIONARY_MAX", 50)

    path = write(tmp_path / "a.parquet", [packets(0, 400)])

    for i in range(4):
        column = pq.ParquetFile(path).read_row_group(i)["ip.src"].chunk(0)
        assert column.dictionary.to_pylist() == packets(100 * i, 100)["ip.src"].to_pylist()


def test_the_file_tells_wiresharks_names_units_and_descriptions(tmp_path):
    found = pq.read_schema(write(tmp_path / "a.parquet", [packets(0, 3)]))

    assert found.metadata[b"note"] == b"kept"
    assert found.names == [*fields.NAMES, fields.REPEATED]
    for name, field in fields.BY_NAME.items():
        assert found.field(name).type == field.type
        told = found.field(name).metadata
        assert (told[b"unit"].decode(), told[b"description"].decode()) == (
            field.unit,
            field.description,
        )


@pytest.fixture
def readers(monkeypatch):
    """Two readers to play with: native gives up on captures whose name says so."""

    def native(capture: Path, display_filter: str) -> Iterator[pa.RecordBatch]:
        yield packets(0, 5)
        if "link" in capture.name:
            raise Unsupported("link type 105", "Use the tshark reader.", str(capture), 6)
        if "cut" in capture.name:
            raise PacketidsError(f"{capture}: cut short in frame 6")
        yield packets(5, 5)

    def slow(capture: Path, display_filter: str) -> Iterator[pa.RecordBatch]:
        yield packets(100, 7)

    monkeypatch.setattr(writer, "ROWS", 3)  # so that rows are on disk when the reader gives up
    monkeypatch.setitem(extract.READERS, "native", native)
    monkeypatch.setitem(extract.READERS, "tshark", slow)


def test_auto_begins_anew_with_tshark_and_says_why(readers, tmp_path):
    target = tmp_path / "out.parquet"

    found = extract.to_parquet(tmp_path / "link.pcap", target, "auto", FILTER)

    assert found == extract.Reading("tshark", "link type 105", 7)
    assert pq.read_table(target).to_pylist() == packets(100, 7).to_pylist()
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_auto_does_not_ask_tshark_without_need(readers, tmp_path):
    target = tmp_path / "out.parquet"

    assert extract.to_parquet(tmp_path / "a.pcap", target, "auto", FILTER).reader == "native"
    assert pq.read_table(target).to_pylist() == packets(0, 10).to_pylist()
    with pytest.raises(PacketidsError, match="cut short in frame 6"):
        extract.to_parquet(tmp_path / "cut.pcap", tmp_path / "cut.parquet", "auto", FILTER)
    with pytest.raises(Unsupported, match="link type 105"):
        extract.to_parquet(tmp_path / "link.pcap", tmp_path / "link.parquet", "native", FILTER)
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_what_comes_before_damage_is_kept_only_when_asked_for(readers, tmp_path):
    target = tmp_path / "cut.parquet"

    found = extract.to_parquet(tmp_path / "cut.pcap", target, "auto", FILTER, keep_damaged=True)

    assert found.packets == pq.read_table(target).num_rows == 5
    assert found.damage.endswith("cut short in frame 6")
    assert pq.read_metadata(target).metadata[b"packetids.damage"].decode() == found.damage


@pytest.fixture
def counted(monkeypatch):
    """The captures that were really read, by name."""
    read: list[str] = []

    def native(capture: Path, display_filter: str) -> Iterator[pa.RecordBatch]:
        read.append(capture.name)
        yield packets(len(capture.name), 5)

    monkeypatch.setitem(extract.READERS, "native", native)
    return read


def some(tmp_path: Path, *names: str) -> list[Capture]:
    return [Capture(f"x/{n}", tmp_path / n, "DoS_TCP", 9, f"sha256:{n}") for n in names]


def octets(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_one_capture_more_costs_one_capture(counted, tmp_path, monkeypatch):
    p = settings.Extract(reader="native", display_filter=FILTER, keep_damaged=False)
    work = some(tmp_path, "a", "bb", "ccc")
    out = tmp_path / "out"

    def run(work: list[Capture], p: settings.Extract) -> list[str]:
        counted.clear()
        many.prune(work, out)
        many.extract_all(work, out, p, PROCESS)
        fresh = tmp_path / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        read = sorted(counted)
        many.extract_all(work, fresh, p, PROCESS)
        assert octets(out) == octets(fresh)
        return read

    assert run(work[:2], p) == ["a", "bb"]
    assert run(work, p) == ["ccc"]
    assert run(work, p) == []
    assert run(work[1:], p) == []  # and the file of "a" is gone: bytes(out) == bytes(fresh)
    changed = [work[1], dataclasses.replace(work[2], identity="sha256:other")]
    assert run(changed, p) == ["ccc"]
    assert run(changed, dataclasses.replace(p, display_filter="arp")) == ["bb", "ccc"]
    (out / "x/bb.parquet").write_bytes((out / "x/bb.parquet").read_bytes()[:-5])
    assert run(changed, dataclasses.replace(p, display_filter="arp")) == ["bb"]
    monkeypatch.setattr(many, "_code", lambda reader: "edited")
    assert run(changed, dataclasses.replace(p, display_filter="arp")) == ["bb", "ccc"]


@pytest.mark.parametrize(
    ("reader", "file", "counts"),
    [
        ("native", "native/capture/pcap.py", True),
        ("tshark", "native/capture/pcap.py", False),
        ("auto", "extract/tshark.py", True),
        ("tshark", "core/fields.py", True),
        ("native", "extract/progress.py", False),
    ],
)
def test_an_edit_counts_for_the_readers_whose_rows_it_can_change(
    tmp_path, monkeypatch, reader, file, counts
):
    package = Path(shutil.copytree(sources.PACKAGE, tmp_path / "packetids"))
    monkeypatch.setattr(sources, "PACKAGE", package)
    before = many._code.__wrapped__(reader)
    (package / file).write_text((package / file).read_text() + "\n# edited\n")

    assert (many._code.__wrapped__(reader) != before) == counts


def test_one_bad_capture_does_not_stop_the_others(readers, tmp_path):
    work = some(tmp_path, "cut", "a", "link")
    p = settings.Extract(reader="auto", display_filter=FILTER, keep_damaged=False)
    stale = tmp_path / "out/x/cut.parquet"
    stale.parent.mkdir(parents=True)
    write(stale, [packets(0, 5)])

    found = many.extract_all(work, tmp_path / "out", p, PROCESS)

    assert [outcome.capture for outcome in found] == work
    assert [outcome.packets for outcome in found] == [0, 10, 7]
    assert "cut short in frame 6" in found[0].error and not stale.exists()


def test_a_system_error_of_one_capture_does_not_stop_the_others(readers, tmp_path):
    """Such as a capture that is gone, or whose permissions have changed, since it was listed."""
    work = some(tmp_path, "a", "b")
    (tmp_path / "out/x").mkdir(parents=True)
    (tmp_path / "out/x/a.parquet").symlink_to("/proc/no")
    (tmp_path / "out/x/b.parquet").symlink_to("b")
    p = settings.Extract(reader="native", display_filter=FILTER, keep_damaged=False)
    work[0] = dataclasses.replace(work[0], name="n" * 300)

    found = many.extract_all(work, tmp_path / "out2", p, PROCESS)
    assert "File name too long" in found[0].error and found[0].reading is None
    assert found[1].packets == 10 and not found[1].error

    linked = many.extract_all(some(tmp_path, "a", "b"), tmp_path / "out", p, PROCESS)
    assert [outcome.reading for outcome in linked] == [None, None]
    assert "a link to /proc/no, which is not there" in linked[0].error


def test_no_rate_counts_what_workers_wait_for(caplog, monkeypatch):
    """18 packets/s and two hours left, while kernels were compiled: that was one capture of 40."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    caplog.set_level("INFO")
    with progress.Progress(40, 4000, many.log) as shown:
        now[0] += 62.0
        shown.add(100, 1000, waited_s=60.0)
        now[0] += 20.0
        shown.add(100, 1000, waited_s=55.0)

    assert "1/40 captures, 500 packets/s, 01:18 left" in caplog.text
    assert "2/40 captures, 91 packets/s, 06:58 left" in caplog.text


def test_kernels_that_cannot_be_kept_are_left_to_those_who_read():
    code = """
import logging, time
from numba.core.caching import NullCache
from packetids.extract import compiled
from packetids.native import dissect
logging.basicConfig(level="INFO")
dissect.run._cache = NullCache()
began = time.monotonic()
assert compiled.ready(logging.getLogger(), elsewhere=True) == 0.0 == compiled.spent_s()
assert time.monotonic() - began < 1
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "kernels, for each process, because numba can keep none here" in done.stderr


def test_the_tools_parent_process_loads_neither_numba_nor_tensorflow():
    code = (
        "import sys, packetids.extract.__main__;"
        "found = {'numba', 'tensorflow', 'distributed'} & set(sys.modules);"
        "sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


# The stage, with real captures, TShark, DVC and a real kill.


def keep(folder: Path, count: int) -> list[dict[str, str]]:
    """Keep the first `count` captures of the tiny dataset, and give the manifest's others."""
    path = folder / "captures/tiny/manifest.json"
    manifest = json.loads(path.read_text())
    kept, others = manifest["captures"][:count], manifest["captures"][count:]
    for entry in others:
        for packed in (folder / "captures/tiny").glob(f"{entry['path']}*"):
            packed.unlink()
    path.write_text(json.dumps(manifest | {"captures": kept}))
    return others


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A workspace with 12 captures, extracted without a break."""
    folder = quick.workspace(
        tmp_path_factory.mktemp("fresh") / "work",
        tasks=[],
        trials=[],  # few captures serve none
    )
    keep(folder, 12)
    for name in ("capture", "extract"):
        done = quick.run(folder, sys.executable, "-m", f"stages.{name}")
        assert done.returncode == 0, done.stderr
    return folder


@needs_tshark
def test_the_report_tells_who_read_what(fresh):
    told = pd.read_csv(fresh / "results/extract/captures.csv", keep_default_na=False)
    rows = [pq.read_metadata(fresh / f"data/extract/{n}.parquet").num_rows for n in told["capture"]]

    assert list(told.columns) == ["capture", "reader", "reason", "packets", "damage"]
    assert set(told["reader"]) == {"native"}
    assert set(told["reason"]) == set(told["damage"]) == {""}
    assert list(told["packets"]) == rows
    assert list(told["capture"]) == [c.name for c in listing.listed(fresh / "data/capture")]


@needs_tshark
def test_kill_9_in_the_middle_and_the_finished_captures_are_not_read_again(fresh, tmp_path):
    folder = Path(shutil.copytree(fresh, tmp_path / "work"))
    shutil.rmtree(folder / "data/extract")

    def finished() -> dict[Path, tuple[int, int]]:
        paths = (folder / "data/extract").rglob("*.parquet")
        return {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in paths}

    with subprocess.Popen(
        [sys.executable, "-m", "stages.extract", "compute.workers=2"],
        cwd=folder, start_new_session=True, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and len(finished()) < 4:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    before = finished()
    assert 4 <= len(before) < 12

    again = quick.run(folder, sys.executable, "-m", "stages.extract")

    assert again.returncode == 0, again.stderr
    assert f"{12 - len(before)} captures to read, {len(before)} were read before" in again.stderr
    after = finished()
    assert {path: after[path] for path in before} == before
    assert octets(folder / "data/extract") == octets(fresh / "data/extract")


@needs_tshark
def test_dvc_repro_reads_the_one_capture_that_was_added(tmp_path):
    folder = quick.workspace(tmp_path / "work", tasks=[], trials=[])
    manifest = folder / "captures/tiny/manifest.json"
    whole = manifest.read_text()
    packed = {p: p.read_bytes() for p in (folder / "captures/tiny/PCAPs").rglob("*.xz")}
    keep(folder, 3)
    first = quick.run(folder, "dvc", "repro", "extract")
    assert first.returncode == 0, first.stderr
    kept = octets(folder / "data/extract")
    manifest.write_text(whole)
    for path, content in packed.items():
        path.write_bytes(content)
    keep(folder, 4)

    second = quick.run(folder, "dvc", "repro", "extract")

    assert second.returncode == 0, second.stderr
    assert "1 captures to read, 3 were read before" in second.stderr
    assert kept.items() < octets(folder / "data/extract").items()
    assert quick.stages_run(quick.run(folder, "dvc", "repro", "extract")) == []


@pytest.fixture
def cut(fresh, tmp_path) -> tuple[Path, str]:
    """The workspace with one capture cut short, and the name of that capture."""
    folder = Path(shutil.copytree(fresh, tmp_path / "work"))
    listed = listing.listed(folder / "data/capture")
    path = folder / listed[3].path
    path.write_bytes(path.read_bytes()[:-1])
    shorter = dataclasses.replace(listed[3], octets=listed[3].octets - 1, identity="sha256:cut")
    listing.write_listing(folder / "data/capture", [*listed[:3], shorter, *listed[4:]])
    return folder, listed[3].name


def stage(folder: Path, name: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    return quick.run(folder, sys.executable, "-m", f"stages.{name}", *overrides)


def test_a_damaged_capture_stops_the_stage_unless_it_is_to_be_kept(cut):
    folder, name = cut
    kept, made = "extract.keep_damaged=true", folder / f"data/extract/{name}.parquet"

    refused = stage(folder, "extract")
    assert refused.returncode == 1 and "cut short in frame 64, byte " in refused.stderr
    assert "of the file" in refused.stderr and "Traceback" not in refused.stderr
    assert not made.exists()

    first, again = (stage(folder, "extract", kept) for _ in range(2))
    assert first.returncode == again.returncode == 0, first.stderr
    assert "1 captures to read, 11 were read before" in first.stderr
    assert "0 captures to read, 12 were read before" in again.stderr
    for done in (first, again):
        assert "1 of 12 captures are damaged and count up to the damage only" in done.stderr
    told = pd.read_csv(folder / "results/extract/captures.csv", keep_default_na=False)
    damage = told.set_index("capture")["damage"]
    assert list(damage[damage != ""].index) == [name] and "frame 64" in damage[name]
    assert told.set_index("capture")["packets"][name] == pq.read_metadata(made).num_rows > 0

    without = stage(folder, "extract")
    assert without.returncode == 1 and "1 captures to read, 11 were read" in without.stderr
    assert not made.exists()


def test_kept_damage_is_told_on_every_table_figure_and_run(cut):
    folder, name = cut
    for done in (stage(folder, "extract", "extract.keep_damaged=true"), stage(folder, "label")):
        assert done.returncode == 0, done.stderr
    path = folder / "results/label/part.json"
    dataset = settings.Dataset("tiny", "", False, "Made from the tiny test capture.")

    assert json.loads(path.read_text())["damaged"] == [name]
    assert completeness.notice(dataset, path) == (
        "Made from the tiny test capture. Warning: 1 of 12 captures are damaged and count up to "
        f"the damage only (extract.keep_damaged): {name}."
    )
    assert completeness.source(dataset, path) == "dataset tiny: 1 damaged, in part"


@needs_tshark
def test_a_stream_gives_tsharks_rows_too(tiny_pcaps, tmp_path):
    with tiny_pcaps[0].open("rb") as stream:
        streamed = pa.Table.from_batches(tshark.read(stream, FILTER))

    assert (
        streamed.to_pylist()
        == pa.Table.from_batches(tshark.read(tiny_pcaps[0], FILTER)).to_pylist()
    )
    with (
        (tmp_path / "empty").open("w+b") as stream,
        pytest.raises(PacketidsError, match="0 bytes"),
    ):
        next(tshark.read(stream, FILTER))
