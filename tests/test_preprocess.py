"""Section IV-C, rule by rule on hand-made rows, and against the naive version on real packets."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packetids.core import classes, columns, fields
from packetids.core.errors import PacketidsError
from packetids.features import preprocess
from packetids.sample import unify
from tests import naive

EMPTY = dict.fromkeys(fields.NAMES)
TCP = EMPTY | {
    "frame.time_epoch": 1, "frame.len": 154, "ip.proto": "6", "ip.src": "192.168.100.150",
    "ip.dst": "192.168.100.3", "ip.ttl": "64", "tcp.srcport": 40000, "tcp.dstport": 80,
    "tcp.stream": 7, "tcp.analysis.initial_rtt": 0.25, "tcp.time_delta": 0.5, "tcp.len": 100,
    "tcp.flags": 0x0002, "tcp.window_size_value": 512, "tcp.checksum": 1,
}  # fmt: skip
UDP = EMPTY | {
    "frame.time_epoch": 2, "frame.len": 60, "ip.proto": "17", "ip.ttl": "63",
    "udp.srcport": 999, "udp.dstport": 53, "udp.stream": 3, "udp.length": 8,
}  # fmt: skip
EMBEDDED = UDP | {"ip.proto": "1,17", "ip.ttl": "64,63", "frame.len": 70}
ARP = EMPTY | {"frame.time_epoch": 3, "frame.len": 42, "arp.proto.type": 0x0800}
IPV6 = EMPTY | {"frame.time_epoch": 4, "frame.len": 86, "ipv6.src": "fe80::1"}
PACKETS = [TCP, UDP, EMBEDDED, ARP, IPV6]


def table(packets: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(
        [{name: packet[name] for name in fields.NAMES} for packet in packets],
        schema=pa.schema([f for f in fields.schema() if f.name != fields.REPEATED]),
    )


def made(packets: list[dict]) -> pd.DataFrame:
    packed = table(packets)
    return preprocess.features(packed, preprocess.fit([packed], list(naive.WELL_KNOWN)))


def test_the_paper_has_25_fields_nine_dropped_five_merged_and_twelve_columns():
    used = set(fields.NAMES) - set(preprocess.DROPPED)
    merged = {name for pair in preprocess.MERGED.values() for name in pair}

    assert len(fields.NAMES) == 25 and len(preprocess.DROPPED) == 9
    assert merged <= used and len(merged) == 10
    assert len(used - merged) + len(preprocess.MERGED) == 11  # ip.ttl becomes two
    assert len(columns.FEATURES) == 12


def test_pairs_merge_and_ports_are_classed():
    rows = made(PACKETS)

    assert rows["src.port"].tolist() == ["1024-65535", "0-1023", "0-1023", "0-1023", "0-1023"]
    assert rows["dst.port"].tolist() == ["80", "53", "53", "0-1023", "0-1023"]
    assert rows["length"].tolist() == [100, 8, 8, 0, 0]


def test_nulls_of_flags_and_stream_become_the_maximum_plus_one_others_zero():
    rows = made(PACKETS)

    assert rows["tcp.flags"].tolist() == [2, 3, 3, 3, 3]
    assert rows["stream"].tolist() == [7, 3, 3, 8, 8]
    assert rows["tcp.window_size_value"].tolist() == [512, 0, 0, 0, 0]
    assert rows["tcp.analysis.initial_rtt"].tolist() == [0.25, 0, 0, 0, 0]


def test_ttl_splits_in_two_and_protocols_get_integers():
    rows = made(PACKETS)

    assert rows["ip.ttl_1"].tolist() == [64, 63, 64, 0, 0]
    assert rows["ip.ttl_2"].tolist() == [0, 0, 63, 0, 0]
    # sorted as text: "0x0800", "1,17", "17", "6"; none is 0
    assert rows["proto"].tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("port", [0, 1, 20, 80, 443, 444, 1023, 1024, 65535])
def test_every_kind_of_port_has_its_class(port):
    classed = preprocess.port_classes(np.array([port]), list(naive.WELL_KNOWN))

    assert classed[0] == naive.port_class(port)
    assert len(columns.port_class_names(list(naive.WELL_KNOWN))) == 13


def test_random_packets_read_like_the_naive_version():
    rng = np.random.default_rng(5)
    packets = []
    for _ in range(400):
        packet = dict(PACKETS[rng.integers(len(PACKETS))])
        for name in ("tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"):
            if packet[name] is not None:
                packet[name] = int(rng.choice([0, 22, 53, 80, 123, 700, 1023, 1024, 50000]))
        for name in ("tcp.flags", "tcp.stream", "udp.stream", "tcp.len", "udp.length"):
            if packet[name] is not None:
                packet[name] = int(rng.integers(0, 40))
        packets.append(packet)
    expected = pd.DataFrame(naive.features(packets))[list(columns.FEATURES)]

    got = made(packets).astype({"src.port": object, "dst.port": object})
    pd.testing.assert_frame_equal(got, expected, check_dtype=False)


def some(n: int, seed: int) -> pa.Table:
    """Random packets with labels; many are the same but for the class."""
    rng = np.random.default_rng(seed)
    packets = []
    for _ in range(n):
        packet = dict(PACKETS[rng.integers(len(PACKETS))])
        for name in ("tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"):
            if packet[name] is not None:
                packet[name] = int(rng.choice([0, 22, 53, 80, 123, 700, 1023, 1024, 50000]))
        if packet["tcp.time_delta"] is not None:
            packet["tcp.time_delta"] = float(rng.choice([0.0, 1e-6, 0.1, 1.5]))
        key = str(rng.choice(classes.KEYS[-2:]))
        entry = classes.BY_KEY[key]
        packets.append(
            packet
            | {"capture": f"c{rng.integers(3)}", "category": entry.category}
            | {"subcategory": entry.subcategory, "class": key}
        )
    return pa.Table.from_pylist(packets, schema=unify.schema())


@pytest.mark.parametrize(("rows", "seed"), [(1, 0), (600, 1), (600, 2)])
def test_streamed_features_duplicates_and_conflicts_are_those_of_plain_pandas(tmp_path, rows, seed):
    """To the bit, whatever the row groups."""
    path = tmp_path / "packets.parquet"
    pq.write_table(some(rows, seed), path, row_group_size=77)
    keys = list(columns.FEATURES)

    got, _ = preprocess.read(path, list(naive.WELL_KNOWN))
    preprocess.write(tmp_path / "out.parquet", got, preprocess.kept(got, "by_label"))

    plain = naive.pandas_features(pd.read_parquet(path))
    text = dict.fromkeys(got.columns[-5:], str)
    pd.testing.assert_frame_equal(got.astype(text), plain.astype(text), check_exact=True)
    once = plain.drop_duplicates(subset=[*keys, "class"], ignore_index=True).astype(text)
    written = pd.read_parquet(tmp_path / "out.parquet").astype(text)
    pd.testing.assert_frame_equal(written, once, check_exact=True)
    np.testing.assert_array_equal(
        preprocess.kept(got, "by_features"), ~plain.duplicated(subset=keys)
    )
    assert preprocess.conflicts(got) == naive.pandas_conflicts(plain, keys)


def test_duplicates_drop_by_features_and_label_keeping_the_first():
    rows = made([TCP, UDP, TCP, TCP, UDP])
    rows["class"] = ["DoS_TCP", "Normal", "DoS_TCP", "Normal", "Normal"]
    rows["capture"] = ["a", "b", "c", "d", "e"]
    listed = rows.to_dict("records")

    by_label = rows[preprocess.kept(rows, "by_label")]
    by_features = rows[preprocess.kept(rows, "by_features")]

    keys = list(columns.FEATURES)
    assert by_label["capture"].tolist() == ["a", "b", "d"]
    assert by_features["capture"].tolist() == ["a", "b"]
    assert naive.without_duplicates(listed, [*keys, "class"]) == [0, 1, 3]
    assert naive.without_duplicates(listed, keys) == [0, 1]
    assert preprocess.kept(rows, "keep").sum() == 5


def test_conflicts_count_every_row_that_another_class_shares():
    rows = made([TCP, TCP, TCP, UDP])
    rows["class"] = ["DoS_TCP", "Normal", "Normal", "Normal"]

    assert preprocess.conflicts(rows) == 3


def test_an_unknown_protocol_is_refused():
    fitted = preprocess.fit([table([TCP])], list(naive.WELL_KNOWN))

    with pytest.raises(PacketidsError, match="packet 2: protocol '17'"):
        preprocess.features(table([TCP, UDP]), fitted)
