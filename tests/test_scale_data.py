"""The benchmark's dataset: exact counts, and only what the module says differs."""

import numpy as np
import pyarrow as pa
import pytest

from benchmarks import scale_data
from packetids.core import classes, parquet
from packetids.sample import unify


@pytest.fixture
def capture() -> pa.Table:
    """Two conversations of a labelled capture, both directions, and an ARP message."""
    entry = classes.BY_KEY["DoS_TCP"]
    rows = []
    for i in range(60):
        there = i % 2 == 0
        tcp = i % 3 != 0
        ports = (40000 + i % 5, 80) if there else (80, 40000 + i % 5)
        kind = "tcp" if tcp else "udp"
        rows.append(
            {
                "frame.time_epoch": 1_000_000_000 + i * 1000,
                "frame.len": 200 + i,
                "ip.proto": "6" if tcp else "17",
                "ip.src": "192.168.100.150" if there else "192.168.100.3",
                "ip.dst": "192.168.100.3" if there else "192.168.100.150",
                "ip.ttl": "64" if tcp else "1,64",
                f"{kind}.srcport": ports[0],
                f"{kind}.dstport": ports[1],
                f"{kind}.stream": i % 5,
                f"{kind}.checksum": i,
                **({"tcp.len": 146 + i, "tcp.flags": 16, "tcp.time_delta": 0.25} if tcp else {}),
                **({} if tcp else {"udp.length": 166 + i}),
                "capture": "DoS/DoS_TCP/1/x",
                "category": entry.category,
                "subcategory": entry.subcategory,
                "class": "DoS_TCP" if i % 4 else "Normal",
            }
        )
    rows.append({"frame.time_epoch": 1_000_100_000, "frame.len": 42, "class": "Normal"})
    return pa.Table.from_pylist(rows, schema=unify.schema()).unify_dictionaries()


def test_a_repetition_differs_in_what_the_module_says(capture):
    first, second = (
        scale_data.repetition(capture, number, np.random.default_rng(number)).to_pandas()
        for number in (0, 1)
    )
    plain = capture.to_pandas()

    same = [
        "ip.src",
        "ip.dst",
        "ip.proto",
        "tcp.flags",
        "tcp.window_size_value",
        *plain.columns[-4:],
    ]
    for made in (first, second):
        assert made[same].astype(str).equals(plain[same].astype(str))
        assert (made["tcp.srcport"] == 80).equals(plain["tcp.srcport"] == 80)
        assert made.isna().equals(plain.isna())
        shorter = plain["frame.len"].astype(int) - made["frame.len"].astype(int)
        assert shorter.between(0, 15).all() and shorter.iloc[-1] == 0
        tcp = plain["tcp.len"].notna()
        assert (shorter[tcp] == (plain["tcp.len"] - made["tcp.len"])[tcp]).all()
    assert (second["tcp.stream"] - first["tcp.stream"]).dropna().unique().tolist() == [5]
    assert second["frame.time_epoch"].min() > first["frame.time_epoch"].max()
    assert (first["tcp.time_delta"].dropna() != second["tcp.time_delta"].dropna()).all()


def test_both_directions_of_a_conversation_keep_their_port(capture):
    made = scale_data.repetition(capture, 3, np.random.default_rng(3)).to_pandas()
    tcp = made[made["tcp.stream"].notna()]
    client = tcp["tcp.srcport"].where(tcp["tcp.srcport"] != 80, tcp["tcp.dstport"])

    assert client.groupby(tcp["tcp.stream"]).nunique().eq(1).all()
    assert client.between(32768, 65535).all() and client.nunique() > 1


def test_the_dataset_has_the_wanted_packets_of_each_class(capture, tmp_path, monkeypatch):
    wanted = dict.fromkeys(classes.KEYS, 0) | {"DoS_TCP": 1003, "Normal": 507}
    monkeypatch.setattr(scale_data, "paper_counts", lambda scale: wanted)
    sources = {"DoS/DoS_TCP/1/x": capture, "DoS/DoS_TCP/2/y": capture[:40]}

    for folder in ("a", "b"):
        assert scale_data.build(sources, tmp_path / folder, 1.0, 0) == 1510

    paths = [sorted((tmp_path / folder).rglob("*.parquet")) for folder in ("a", "b")]
    found = [key for path in paths[0] for key in parquet.read(path)["class"].to_pylist()]
    assert {key: found.count(key) for key in ("DoS_TCP", "Normal")} == {
        "DoS_TCP": 1003,
        "Normal": 507,
    }
    assert [p.read_bytes() for p in paths[0]] == [p.read_bytes() for p in paths[1]]


def test_row_groups_are_as_large_as_extraction_writes_them(capture, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "CAPTURE_GROUP_ROWS", 30)  # fewer than a repetition has
    wanted = dict.fromkeys(classes.KEYS, 0) | {"DoS_TCP": 1003, "Normal": 507}
    monkeypatch.setattr(scale_data, "paper_counts", lambda scale: wanted)

    scale_data.build({"DoS/DoS_TCP/1/x": capture}, tmp_path, 1.0, 0)

    (path,) = tmp_path.rglob("*.parquet")
    assert [len(group) for group in parquet.groups(path)] == [30] * 50 + [10]
    times = parquet.read(path)["frame.time_epoch"].to_pylist()
    assert times == sorted(times)


def test_scaled_counts_are_table_2s():
    assert sum(scale_data.paper_counts(1.0).values()) == 11_174_616
    assert scale_data.paper_counts(0.25)["DDoS_TCP"] == 250_213
