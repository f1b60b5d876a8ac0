"""The bots' addresses decide, in the outer header and in ARP; nothing else does."""

from pathlib import PurePosixPath

import pyarrow as pa
import pytest

from packetids import classes, fields, label
from packetids.errors import PacketidsError

BOTS = ["192.168.100.147", "192.168.100.150"]


def packets(*rows: dict) -> pa.Table:
    return pa.Table.from_pylist(
        [dict.fromkeys(fields.NAMES) | {fields.REPEATED: None} | row for row in rows],
        schema=fields.schema(),
    )


@pytest.mark.parametrize(
    ("row", "either", "source"),
    [
        ({"ip.src": "192.168.100.147", "ip.dst": "192.168.100.3"}, True, True),
        ({"ip.src": "192.168.100.3", "ip.dst": "192.168.100.150"}, True, False),
        ({"ip.src": "192.168.100.3", "ip.dst": "192.168.100.7"}, False, False),
        # a bot quoted inside an ICMP message between two others
        ({"ip.src": "192.168.100.3,192.168.100.147", "ip.dst": "192.168.100.7,10.0.0.1"}, 0, 0),
        ({"ip.src": "192.168.100.14", "ip.dst": "192.168.100.1500"}, False, False),
        ({"arp.src.proto_ipv4": "192.168.100.150"}, True, True),
        ({"arp.dst.proto_ipv4": "192.168.100.150"}, True, False),
        ({"ipv6.src": "fe80::250:56ff:febe:254"}, False, False),
        ({}, False, False),
    ],
)
def test_a_bot_at_either_end_or_as_source(row, either, source):
    table = packets(row)

    assert label.is_attack(table, BOTS, "either").to_pylist() == [bool(either)]
    assert label.is_attack(table, BOTS, "source").to_pylist() == [bool(source)]


def test_attacks_get_the_captures_subcategory_and_others_are_normal():
    table = packets({"ip.src": BOTS[0]}, {"ip.src": "192.168.100.3"})
    entry = classes.BY_KEY["DoS_UDP"]

    rows = label.label(table, "DoS/DoS_UDP/1/x", entry, BOTS, "either").to_pylist()

    assert [(r["category"], r["subcategory"], r["class"]) for r in rows] == [
        ("DoS", "UDP", "DoS_UDP"),
        ("Normal", "Normal", "Normal"),
    ]
    assert {r["capture"] for r in rows} == {"DoS/DoS_UDP/1/x"}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("DDoS/DDoS_TCP/IoT_Dataset_TCP_DDoS__00001_20180604170103.pcap", "DDoS_TCP"),
        ("DoS/DoS_TCP/1/IoT_Dataset_TCP_DoS__00046_20180604134915.pcap", "DoS_TCP"),
        ("Scan/OS/4/IoT_Dataset_OSScan__00001_20180522190501.pcap", "OS_Fingerprint"),
        ("Scan/Service/IoT_Dataset_ServiceScan__00008_20180515135407.pcap", "Service_Scan"),
        ("Theft/Data_Exfiltration/IoT_Dataset_data_theft__00013_20180618112736.pcap",
         "Data_Exfiltration"),
        ("Theft/Keylogging/IoT_Keylogging__00001_20180619135903.pcap", "Keylogging"),
    ],
)  # fmt: skip
def test_a_captures_folders_tell_its_subcategory(path, key):
    assert classes.of_capture(PurePosixPath(path)).key == key


@pytest.mark.parametrize(
    "path", ["x.pcap", "DoS/DDoS_TCP/x.pcap", "DDoS/x.pcap", "Scan/Wifi/x.pcap"]
)
def test_an_unknown_subcategory_is_refused_by_name(path):
    with pytest.raises(PacketidsError, match="name no attack subcategory.*Scan/OS"):
        classes.of_capture(PurePosixPath(path))


def test_a_wrong_endpoint_is_refused():
    with pytest.raises(PacketidsError, match="found 'both'"):
        label.is_attack(packets({}), BOTS, "both")
