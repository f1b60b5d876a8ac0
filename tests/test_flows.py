"""Flow records in every dialect BoT-IoT is about in, and the flow of each packet."""

import csv
import gzip
import io
import lzma
import shutil
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packetids import classes, fields, flows, label, tshark
from packetids.errors import PacketidsError
from testbed import argus
from tests import naive
from tests.conftest import ROOT, needs_tshark

COLUMNS = (
    "pkSeqID,stime,flgs,proto,saddr,sport,daddr,dport,pkts,bytes,state,ltime,seq,dur,mean,stddev,"
    "smac,dmac,sum,min,max,soui,doui,sco,dco,spkts,dpkts,sbytes,dbytes,rate,srate,drate,attack,"
    "category,subcategory"
).split(",")
FIVE_PERCENT = (
    "pkSeqID,stime,flgs,flgs_number,proto,proto_number,saddr,sport,daddr,dport,pkts,bytes,state,"
    "state_number,ltime,seq,dur,mean,stddev,sum,min,max,spkts,dpkts,sbytes,dbytes,rate,srate,drate,"
    "TnBPSrcIP,TnBPDstIP,TnP_PSrcIP,TnP_PDstIP,TnP_PerProto,TnP_Per_Dport,AR_P_Proto_P_SrcIP,"
    "AR_P_Proto_P_DstIP,N_IN_Conn_P_DstIP,N_IN_Conn_P_SrcIP,AR_P_Proto_P_Sport,AR_P_Proto_P_Dport,"
    "Pkts_P_State_P_Protocol_P_DestIP,Pkts_P_State_P_Protocol_P_SrcIP,attack,category,subcategory"
).split(",")
GROUND_TRUTH = [
    *COLUMNS[1:6], "dir", *COLUMNS[6:32], "unknown", "record", "attack", "category",
    "subsubcategory",
]  # fmt: skip
NAMED = {"513": "login", "9098": "xinetd", "3493": "nut", "80": "http", "22": "ssh"}


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    """Real records: Argus read the tiny captures (python -m testbed flows)."""
    text = lzma.decompress((ROOT / "captures/tiny/flows/flows.csv.xz").read_bytes()).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == COLUMNS
    return rows


@pytest.fixture(scope="module")
def packets(tiny_pcaps) -> pa.Table:
    """The packets of the first capture of each attack subcategory."""
    seen: dict[str, Path] = {}
    for path in tiny_pcaps:
        seen.setdefault(path.name.split("__")[0], path)
    batches = [batch for path in seen.values() for batch in tshark.read(path, "")]
    return pa.Table.from_batches(batches)


def entire(folder: Path, rows: list[dict[str, str]]) -> None:
    """UNSW_2018_IoT_Botnet_Dataset_N.csv: no header, text in quotes; names in a file beside."""
    half = len(rows) // 2
    for number, some in enumerate((rows[:half], rows[half:]), 1):
        lines = [
            ",".join(
                f'"{row[name]}"'
                if name in ("flgs", "proto", "saddr", "daddr", "state", "category", "subcategory")
                else row[name]
                for name in COLUMNS
            )
            for row in some
        ]
        path = folder / f"UNSW_2018_IoT_Botnet_Dataset_{number}.csv"
        path.write_text("\n".join(lines) + "\n")
    names = folder / "UNSW_2018_IoT_Botnet_Dataset_Feature_Names.csv"
    names.write_text(",".join(COLUMNS) + "\n")


def kaggle(folder: Path, rows: list[dict[str, str]]) -> None:
    """data_N.csv: a header whose last name ends in a space; ports went through pandas."""
    lines = [",".join(COLUMNS) + " "]
    for row in rows:
        changed = dict(row)
        for name in ("sport", "dport"):
            if row[name].isdigit():
                changed[name] += ".0"
        changed["stime"] = repr(float(row["stime"]))  # drops zeros at the end
        lines.append(",".join(changed[name] for name in COLUMNS))
    (folder / "data_1.csv").write_text("\r\n".join(lines) + "\r\n")
    (folder / "data_names.csv").write_text(",".join(COLUMNS) + "\n")


def five_percent(folder: Path, rows: list[dict[str, str]]) -> None:
    """UNSW_2018_IoT_Botnet_Full5pc_N.csv: 46 columns, ports of ARP are -1."""
    lines = [",".join(FIVE_PERCENT)]
    for row in rows:
        changed = dict.fromkeys(FIVE_PERCENT, "7") | row
        if row["proto"] == "arp":
            changed |= {"sport": "-1", "dport": "-1"}
        lines.append(",".join(changed[name] for name in FIVE_PERCENT))
    (folder / "UNSW_2018_IoT_Botnet_Full5pc_4.csv.gz").write_bytes(
        gzip.compress("\n".join(lines).encode())
    )


def ground_truth(folder: Path, rows: list[dict[str, str]]) -> None:
    """DoS_HTTP.csv: ';', service names, octets of no encoding, headers repeated, subsubcategory."""
    header = ";".join(GROUND_TRUTH).encode()
    lines = [b"\xef\xbb\xbf" + header]
    for number, row in enumerate(rows):
        if number % 300 == 299:
            lines.append(header)
        changed = {name: row.get(name, "") for name in GROUND_TRUTH}
        changed |= {"dir": "<?>", "unknown": "\xe9", "record": "\x13\x10"}
        changed["subsubcategory"] = {
            "Service_Scan": "Service Scan",
            "OS_Fingerprint": "OS_Scan",
        }.get(row["subcategory"], row["subcategory"].lower())
        for name in ("sport", "dport"):
            changed[name] = NAMED.get(row[name], row[name])
        changed["proto"] = f" {row['proto']}"
        lines.append(";".join(changed.values()).encode("latin-1"))
    (folder / "DoS_HTTP.csv").write_bytes(b"\n".join(lines) + b"\n")


def as_flows(rows: list[dict[str, str]]) -> list[dict]:
    """The records as the slow twin takes them."""
    pairs = {(e.category, e.subcategory): e.key for e in classes.SUBCATEGORIES}
    made = []
    for row in rows:
        ends = [(row["saddr"],), (row["daddr"],)]
        if row["proto"] in ("tcp", "udp"):
            ends = [(row["saddr"], int(row["sport"], 0)), (row["daddr"], int(row["dport"], 0))]
        made.append(
            {
                "proto": row["proto"],
                "ends": sorted(ends),
                "start_us": int(Decimal(row["stime"]) * 10**6),
                "end_us": int(Decimal(row["ltime"]) * 10**6),
                "class": pairs[row["category"], row["subcategory"]],
            }
        )
    return made


def by_twin(packets: pa.Table, listed: list[dict], tolerance_us: int) -> list[tuple]:
    times = packets["frame.time_epoch"].cast(pa.int64()).to_pylist()
    rows = packets.drop_columns(["frame.time_epoch"]).to_pylist()
    return [
        naive.flow_of(row | {"time_us": None if t is None else t // 1000}, listed, tolerance_us)
        for row, t in zip(rows, times, strict=True)
    ]


def by_library(packets: pa.Table, read: flows.Flows, tolerance_us: int) -> list[tuple]:
    index = read.during(-(2**60), 2**60, tolerance_us)
    found, disagree = index.classify(packets, label.ends(packets))
    names = [None if i == flows.UNCOVERED else classes.KEYS[i] for i in found]
    return list(zip(names, disagree.tolist(), strict=True))


@needs_tshark
@pytest.mark.parametrize(
    ("write", "source"),
    [
        (entire, "entire"),
        (kaggle, "entire"),
        (five_percent, "five_percent"),
        (ground_truth, "ground_truth"),
    ],
)
def test_every_dialect_gives_real_packets_the_twins_classes(
    write, source, records, packets, tmp_path, monkeypatch
):
    monkeypatch.setattr(flows, "BLOCK_OCTETS", 20_000)  # rows cross blocks
    write(tmp_path, records)
    chosen, layouts = flows.choose(flows.find(tmp_path), list(flows.SOURCES))
    read = flows.read(layouts)

    assert chosen == source and len(read) == len(records) and not read.unmatched
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
    assert len(again) > 5 and {tuple(row[name] for name in keys) for row in again} <= embedded


def test_flows_between_bots_and_victims_are_attacks_as_in_bot_iot(records):
    """BoT-IoT: victims' replies and ARP of victims are attacks, a bot's own DNS is not."""
    bots = {f"192.168.100.{n}" for n in (147, 148, 149, 150)}
    victims = {f"192.168.100.{n}" for n in (3, 5, 6, 7)}
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
        read = flows.read([flows.layout(path)] if listed else [])

    expected = by_twin(packets, expected_flows, tolerance)
    assert by_library(packets, read, tolerance) == expected
    cut = read.during(origin, origin + 41, tolerance).classify(packets, label.ends(packets))[0]
    assert [None if i < 0 else classes.KEYS[i] for i in cut] == [name for name, _ in expected]


def table(tmp_path: Path, *rows: str, name: str = "some.csv", header: bool = True) -> Path:
    path = tmp_path / name
    lines = [",".join(flows.NEEDED)] if header else []
    path.write_text("\n".join([*lines, *rows]) + "\n")
    return path


GOOD = "1526344121.188091,1526344122.5,tcp,10.0.0.1,80,10.0.0.2,4000,DoS,TCP"


def test_a_flow_holds_25_octets(tmp_path):
    read = flows.read([flows.layout(table(tmp_path, *[GOOD] * 1000))])

    kept = read.key.nbytes + read.start_us.nbytes + read.end_us.nbytes + read.class_number.nbytes
    assert kept == 1000 * flows.OCTETS_PER_FLOW


def test_one_source_is_chosen_by_preference_and_10_best_is_no_source(records, tmp_path):
    for name, write in (("a", five_percent), ("b", ground_truth), ("c", entire)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, records)
    (tmp_path / "UNSW_2018_IoT_Botnet_Final_10_Best.csv").write_text(
        "pkSeqID,proto,saddr,sport,daddr,dport,seq,category,subcategory\n1,tcp,a,1,b,2,3,DoS,TCP\n"
    )

    names = {}
    for preference in (["five_percent", "entire"], ["entire"], ["ground_truth"]):
        source, layouts = flows.choose(flows.find(tmp_path), preference)
        names[source] = [one.path.parent.name for one in layouts]
    assert names == {"five_percent": ["a"], "entire": ["c", "c"], "ground_truth": ["b"]}
    with pytest.raises(PacketidsError, match="whole is no source"):
        flows.choose([], ["whole"])


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("80", 80), ("40307.0", 40307), ("0", 0), ("65535", 65535), ("0x0303", 0x303),
        ("xinetd", 9098), ("nut", 3493), ("login", 513), (" 80 ", 80),
        ("", None), ("-1", None), ("65536", None), ("nosuchname", None),
    ],
)  # fmt: skip
def test_ports(text, port):
    assert flows.port_of(text) == port


@pytest.mark.parametrize(
    ("pair", "key"),
    [
        (("DDoS", "TCP"), "DDoS_TCP"), (("DoS", "TCP"), "DoS_TCP"),
        (("Reconnaissance", "Service_Scan"), "Service_Scan"),
        (("Reconnaissance", "OS Fingerprint"), "OS_Fingerprint"),
        (("Theft", "Data_exfiltration"), "Data_Exfiltration"),
        (("Theft", "Keylogging "), "Keylogging"),
        (("Normal", "Normal"), "Normal"), (("Normal", ""), "Normal"), (("DoS", "SCTP"), None),
    ],
)  # fmt: skip
def test_pairs_of_labels(pair, key):
    assert flows.class_of(*pair) == key


def test_records_that_match_no_packet_are_counted_with_why(tmp_path):
    rows = [GOOD.replace("tcp", "llc"), GOOD.replace(",80,", ",gopher,"),
            GOOD.replace("10.0.0.2", "00:50:56:be:00:01"), GOOD]  # fmt: skip
    read = flows.read([flows.layout(table(tmp_path, *rows))])

    assert len(read) == 1
    assert read.unmatched == {"protocol 'llc'": 1, "port 'gopher'": 1, "address": 1}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([GOOD, GOOD.replace("1526344121.188091", "now")], r"row 3: stime needs.*'now'"),
        ([GOOD, GOOD.replace("1526344122.5", "")], r"row 3: ltime needs.*is ''"),
        ([GOOD, "stime,ltime,proto,saddr,sport,daddr,dport,category,subcategory",
          GOOD.replace("DoS,TCP", "DoS,SCTP")], r"row 4: category.*'DoS' and 'SCTP'"),
        ([GOOD, GOOD, GOOD[:40]], r"row 4 needs 9 columns and has 4"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_is_named(rows, said, tmp_path, monkeypatch):
    monkeypatch.setattr(flows, "BLOCK_OCTETS", 200)
    path = table(tmp_path, *rows)

    with pytest.raises(PacketidsError, match=said) as caught:
        flows.read([flows.layout(path)])
    assert str(path) in str(caught.value)


def test_a_file_of_something_else_is_named(tmp_path):
    for name, octets, said in (
        ("other.csv", b"a,b\n1,2\n", "row 1: a file of BoT-IoT's flows needs the columns stime"),
        ("empty.csv", b"", "it is empty"),
        ("cut.csv.xz", lzma.compress(b"stime,ltime\n" * 99)[:40], "cannot be read"),
        ("part.csv", b"stime,saddr,daddr\n1,2,3\n", "lack ltime, proto, sport"),
    ):
        path = tmp_path / name
        path.write_bytes(octets)
        with pytest.raises(PacketidsError, match=said) as caught:
            flows.layout(path)
        assert str(path) in str(caught.value)


def test_a_file_without_header_needs_its_names(records, tmp_path):
    entire(tmp_path, records)
    names = tmp_path / "UNSW_2018_IoT_Botnet_Dataset_Feature_Names.csv"
    names.write_text("pkSeqID,stime,saddr,daddr\n")
    with pytest.raises(PacketidsError, match="names of its 35 columns.*Feature_Names.csv has 4"):
        flows.choose(flows.find(tmp_path), ["entire"])
    names.unlink()

    with pytest.raises(PacketidsError, match="Dataset_1.csv: row 1 is no header.*there is none"):
        flows.choose(flows.find(tmp_path), ["entire"])


def test_a_cut_xz_file_is_named(records, tmp_path):
    whole = (ROOT / "captures/tiny/flows/flows.csv.xz").read_bytes()
    path = tmp_path / "flows.csv.xz"
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(PacketidsError, match="flows.csv.xz: needs whole CSV data of 35 columns"):
        flows.read([flows.layout(path)])


def classified(tmp_path: Path, rows: list[str], packet: dict, tolerance_us: int = 0) -> tuple:
    packet = {"frame.time_epoch": 1_500_000_010 * 10**9} | packet
    made = pa.Table.from_pylist(
        [dict.fromkeys((*fields.NAMES, fields.REPEATED)) | packet], schema=fields.schema()
    )
    return by_library(made, flows.read([flows.layout(table(tmp_path, *rows))]), tolerance_us)[0]


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
