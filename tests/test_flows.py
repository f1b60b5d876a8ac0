"""The flow of each packet: the nearest in time with its five-tuple, whatever the dialect."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packetids.core import classes, fields
from packetids.extract import tshark
from packetids.label import flow_csv, flow_index, flow_source, rules
from testbed import argus
from testbed.hosts import VICTIMS
from tests import flow_records
from tests.conftest import needs_tshark
from tests.flow_records import as_flows, by_twin


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    return flow_records.real()


@pytest.fixture(scope="module")
def packets(tiny_pcaps) -> pa.Table:
    """The packets of the first capture of each attack subcategory."""
    seen: dict[str, Path] = {}
    for path in tiny_pcaps:
        seen.setdefault(path.name.split("__")[0], path)
    batches = [batch for path in seen.values() for batch in tshark.read(path, "")]
    return pa.Table.from_batches(batches)


def by_library(packets: pa.Table, read: flow_index.Flows, tolerance_us: int) -> list[tuple]:
    index = read.during(-(2**60), 2**60, tolerance_us)
    found, disagree = index.classify(packets, rules.ends(packets))
    names = [None if i == flow_index.UNCOVERED else classes.KEYS[i] for i in found]
    return list(zip(names, disagree.tolist(), strict=True))


@needs_tshark
@pytest.mark.parametrize(
    ("write", "source"),
    [
        (flow_records.entire, "entire"),
        (flow_records.kaggle, "entire"),
        (flow_records.five_percent, "five_percent"),
        (flow_records.ground_truth, "ground_truth"),
    ],
)
def test_every_dialect_gives_real_packets_the_twins_classes(
    write, source, records, packets, tmp_path, monkeypatch
):
    monkeypatch.setattr(flow_csv, "BLOCK_BYTES", 20_000)  # rows cross blocks
    write(tmp_path, records)
    chosen = flow_source.choose(tmp_path, list(flow_csv.SOURCES), is_bot_iot=False)
    read = flow_index.read(chosen.layouts)

    assert chosen.source == source and len(read) == len(records) and not read.unmatched
    expected = by_twin(packets, as_flows(records), 0)
    assert by_library(packets, read, 0) == expected
    found = {name for name, _ in expected}
    assert len(found - {None}) == 11  # every class of BoT-IoT is met


@needs_tshark
def test_argus_records_cover_nearly_every_packet_of_their_capture(records, packets):
    covered = [name is not None for name, _ in by_twin(packets, as_flows(records), 0)]

    assert np.mean(covered) > 0.99


@pytest.mark.skipif(
    shutil.which("argus") is None or shutil.which("ra") is None,
    reason="needs Argus: apt-get install argus-server argus-client",
)
def test_argus_gives_the_embedded_records_again(records, tiny_pcaps):
    """The embedded CSV is Argus' own output, but for the labels and the numbers of the rows."""
    path = next(path for path in tiny_pcaps if "HTTP_DDoS" in path.name)
    again = list(argus.records(path))
    keys = [name for name in argus.ARGUS_COLUMNS if name not in argus.EMPTY]

    embedded = {tuple(row[name] for name in keys) for row in records}
    found = {tuple(argus.cell(name, row[name]) for name in keys) for row in again}
    assert len(again) > 5 and found <= embedded


def test_flows_between_bots_and_victims_are_attacks_as_in_bot_iot(records):
    """BoT-IoT: victims' replies and ARP of victims are attacks, a bot's own DNS is not."""
    bots = {f"192.168.100.{n}" for n in (147, 148, 149, 150)}
    victims = {host.address for host in VICTIMS}
    for row in records:
        ends = {row["saddr"], row["daddr"]}
        assert (row["attack"] == "1") == bool(ends & bots and ends & victims)
        assert (row["category"] == "Normal") == (row["attack"] == "0")


ADDRESSES = ["10.0.0.1", "10.0.0.2"]
IPV6 = ["fe80::1", "fe80::2"]


@st.composite
def a_flow(draw):
    proto = draw(st.sampled_from(["tcp"] * 6 + ["udp", "icmp", "arp", "igmp", "ipv6-icmp", "tcp6"]))
    addresses = IPV6 if proto in ("ipv6-icmp", "tcp6") else ADDRESSES
    start = draw(st.integers(0, 20))
    return {
        "proto": proto.removesuffix("6"),
        "saddr": draw(st.sampled_from(addresses)),
        "daddr": draw(st.sampled_from(addresses)),
        "sport": draw(st.sampled_from([0, 0, 0, 1])),
        "dport": draw(st.sampled_from([0, 0, 0, 1])),
        "start": start,
        "end": start + draw(st.integers(0, 12)),
        "class": draw(st.sampled_from(["Normal", "DoS_TCP", "DDoS_TCP"])),
    }


@st.composite
def a_packet(draw):
    row = dict.fromkeys((*fields.NAMES, fields.REPEATED))
    layer = draw(st.sampled_from(["ip"] * 5 + ["arp", "ipv6", "none"]))
    row["frame.time_epoch"] = draw(st.integers(0, 40)) * 1000 + draw(st.integers(0, 999))
    ports = {
        "srcport": draw(st.sampled_from([0, 0, 0, 1])),
        "dstport": draw(st.sampled_from([0, 0, 0, 1])),
    }
    if layer == "arp":
        row["arp.src.proto_ipv4"], row["arp.dst.proto_ipv4"] = draw(
            st.tuples(*[st.sampled_from(ADDRESSES)] * 2)
        )
    elif layer in ("ip", "ipv6"):
        addresses = ADDRESSES if layer == "ip" else IPV6
        quoted = draw(st.sampled_from([False] * 4 + [True]))
        suffix = f",{addresses[0]}" if quoted else ""
        row[f"{layer}.src"] = draw(st.sampled_from(addresses)) + suffix
        row[f"{layer}.dst"] = draw(st.sampled_from(addresses)) + suffix
        carries = draw(st.sampled_from(["tcp"] * 4 + ["udp", None]))
        if layer == "ip":
            number = {"tcp": "6", "udp": "17", None: draw(st.sampled_from(["1", "2"]))}[carries]
            row["ip.proto"] = f"1,{number}" if quoted else number
        if carries and draw(st.integers(0, 9)):  # a fragment has no ports
            row |= {f"{carries}.{end}": value for end, value in ports.items()}
    return row


@settings(max_examples=200, deadline=None)
@given(
    listed=st.lists(a_flow(), max_size=12),
    rows=st.lists(a_packet(), min_size=1, max_size=25),
    tolerance=st.integers(0, 4),
)
def test_the_nearest_flow_counts_and_disagreement_is_seen(listed, rows, tolerance):
    """Overlaps, both directions, IPv6, ARP, ICMP that quotes, fragments, and times at the edge."""
    text = ["stime,ltime,proto,saddr,sport,daddr,dport,category,subcategory"]
    origin = 1_500_000_000 * 10**6
    expected_flows = []
    for flow in listed:
        entry = classes.BY_KEY[flow["class"]]
        start, end = (f"{1_500_000_000}.{flow[name]:06d}" for name in ("start", "end"))
        text.append(
            f"{start},{end},{flow['proto']},{flow['saddr']},{flow['sport']},{flow['daddr']},"
            f"{flow['dport']},{entry.category},{entry.subcategory}"
        )
        ends = [(flow["saddr"],), (flow["daddr"],)]
        if flow["proto"] in ("tcp", "udp"):
            ends = [(flow["saddr"], flow["sport"]), (flow["daddr"], flow["dport"])]
        expected_flows.append(
            flow | {"ends": sorted(ends), "start_us": origin + flow["start"],
                    "end_us": origin + flow["end"]}
        )  # fmt: skip
    packets = pa.Table.from_pylist(
        [r | {"frame.time_epoch": origin * 1000 + r["frame.time_epoch"]} for r in rows],
        schema=fields.schema(),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "some.csv"
        path.write_text("\n".join(text) + "\n")
        read = flow_index.read([flow_csv.layout(path)] if listed else [])

    expected = by_twin(packets, expected_flows, tolerance)
    assert by_library(packets, read, tolerance) == expected
    cut = read.during(origin, origin + 41, tolerance).classify(packets, rules.ends(packets))[0]
    assert [None if i < 0 else classes.KEYS[i] for i in cut] == [name for name, _ in expected]


def table(tmp_path: Path, *rows: str, name: str = "some.csv", header: bool = True) -> Path:
    path = tmp_path / name
    lines = [",".join(flow_csv.NEEDED)] if header else []
    path.write_text("\n".join([*lines, *rows]) + "\n")
    return path


GOOD = "1526344121.188091,1526344122.5,tcp,10.0.0.1,80,10.0.0.2,4000,DoS,TCP"


def test_a_flow_holds_25_octets(tmp_path):
    read = flow_index.read([flow_csv.layout(table(tmp_path, *[GOOD] * 1000))])

    kept = read.key.nbytes + read.start_us.nbytes + read.end_us.nbytes + read.class_number.nbytes
    assert kept == 1000 * flow_index.BYTES_PER_FLOW


def classified(tmp_path: Path, rows: list[str], packet: dict, tolerance_us: int = 0) -> tuple:
    packet = {"frame.time_epoch": 1_500_000_010 * 10**9} | packet
    made = pa.Table.from_pylist(
        [dict.fromkeys((*fields.NAMES, fields.REPEATED)) | packet], schema=fields.schema()
    )
    return by_library(
        made, flow_index.read([flow_csv.layout(table(tmp_path, *rows))]), tolerance_us
    )[0]


TCP_PACKET = {"ip.src": "10.0.0.2", "ip.dst": "10.0.0.1", "ip.proto": "6",
              "tcp.srcport": 4000, "tcp.dstport": 80}  # fmt: skip


def test_a_long_flow_is_found_behind_short_ones_that_began_later(tmp_path):
    long = "1500000000,1500000100,tcp,10.0.0.1,80,10.0.0.2,4000,DoS,TCP"
    short = [f"150000000{i},150000000{i}.5,tcp,10.0.0.1,80,10.0.0.2,4000,Normal,Normal"
             for i in range(1, 9)]  # fmt: skip

    assert classified(tmp_path, [long, *short], TCP_PACKET) == ("DoS_TCP", False)
    over = "1500000010,1500000011,tcp,10.0.0.2,4000,10.0.0.1,80,Normal,Normal"
    assert classified(tmp_path, [long, *short, over], TCP_PACKET) == ("Normal", True)


def test_an_icmpv6_message_is_not_the_datagram_it_quotes(tmp_path):
    rows = ["1500000000,1500000100,udp,fe80::1,53,fe80::2,53,Normal,Normal",
            "1500000000,1500000100,ipv6-icmp,fe80::1,1,fe80::2,0,DoS,UDP"]  # fmt: skip
    quotes = {"ipv6.src": "fe80::1,fe80::2", "ipv6.dst": "fe80::2,fe80::1",
              "udp.srcport": 53, "udp.dstport": 53}  # fmt: skip

    assert classified(tmp_path, rows, quotes) == ("DoS_UDP", False)
    alone = {name: str(value).split(",")[0] for name, value in quotes.items()}
    alone |= {"udp.srcport": 53, "udp.dstport": 53}
    assert classified(tmp_path, rows, alone) == ("Normal", False)


def test_an_icmp_message_is_not_the_datagram_it_quotes(tmp_path):
    rows = ["1500000000,1500000100,udp,10.0.0.1,80,10.0.0.2,4000,Normal,Normal",
            "1500000000,1500000100,icmp,10.0.0.1,0x0303,10.0.0.2,0x1b02,DoS,UDP"]  # fmt: skip
    packet = {"ip.src": "10.0.0.1,10.0.0.2", "ip.dst": "10.0.0.2,10.0.0.1", "ip.proto": "1,17",
              "udp.srcport": 80, "udp.dstport": 4000}  # fmt: skip

    assert classified(tmp_path, rows, packet) == ("DoS_UDP", False)


def test_times_that_lost_digits_need_a_tolerance(tmp_path):
    rows = ["1500000009,1500000009,tcp,10.0.0.1,80,10.0.0.2,4000,DoS,TCP"]

    assert classified(tmp_path, rows, TCP_PACKET) == (None, False)
    assert classified(tmp_path, rows, TCP_PACKET, 1_000_000) == ("DoS_TCP", False)
