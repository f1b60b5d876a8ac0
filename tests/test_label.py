"""The bots' addresses decide, in the outer header and in ARP; nothing else does."""

from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packetids.core import classes, columns, fields
from packetids.core.errors import PacketidsError
from packetids.label import agreement, rules
from tests import naive

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
    ends = rules.ends(packets(row))

    assert rules.is_attack(ends, BOTS, "either").tolist() == [bool(either)]
    assert rules.is_attack(ends, BOTS, "source").tolist() == [bool(source)]


def test_attacks_get_the_captures_subcategory_and_others_are_normal():
    table = packets({"ip.src": BOTS[0]}, {"ip.src": "192.168.100.3"})
    entry = classes.BY_KEY["DoS_UDP"]

    found = rules.by_bot_address(rules.ends(table), entry, BOTS, "either")
    rows = rules.append(table, "DoS/DoS_UDP/1/x", found).to_pylist()

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
        # The name alone, or the folders alone, are enough.
        ("IoT_Dataset_HTTP_DoS__00001_20180604150105.pcap", "DoS_HTTP"),
        ("DoS_TCP/1/IoT_Dataset_TCP_DoS__00046_20180604134915.pcap", "DoS_TCP"),
        ("Theft/IoT_Dataset_data_theft__00013_20180618112736.pcap", "Data_Exfiltration"),
        ("DDoS/DDoS_HTTP/cut.pcap", "DDoS_HTTP"),
        ("Scan/OS/4/IoT_Dataset_OSScan__00001_20180522190501.pcapng", "OS_Fingerprint"),
    ],
)  # fmt: skip
def test_a_captures_folders_tell_its_subcategory(path, key):
    assert classes.of_capture(PurePosixPath(path)).key == key


@pytest.mark.parametrize(
    "path", ["x.pcap", "DoS/DDoS_TCP/x.pcap", "DDoS/x.pcap", "Scan/Wifi/x.pcap", "IoT_TCP__1.pcap"]
)
def test_an_unknown_subcategory_is_refused_by_name(path):
    with pytest.raises(PacketidsError, match="name no attack subcategory"):
        classes.of_capture(PurePosixPath(path))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("DoS/DoS_TCP/IoT_Dataset_TCP_DDoS__00001_20180604170103.pcap",
         "folders say DoS_TCP and its name says DDoS_TCP"),
        ("DDoS/DDoS_TCP/IoT_Dataset_UDP_DDoS__00001_20180604170103.pcap",
         "folders say DDoS_TCP and its name says DDoS_UDP"),
        ("DoS/DDoS_TCP/IoT_Dataset_TCP_DDoS__00001_20180604170103.pcap",
         "DDoS_TCP belongs below DDoS, and here it is below DoS"),
    ],
)  # fmt: skip
def test_folders_and_name_that_disagree_are_refused(path, said):
    with pytest.raises(PacketidsError, match=said) as caught:
        classes.of_capture(PurePosixPath(path))
    assert path in str(caught.value)


ADDRESS = st.sampled_from([*BOTS, "192.168.100.3", "192.168.100.14", "fe80::1"])


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                name: st.lists(ADDRESS, min_size=1, max_size=2).map(",".join)
                for name in ("ip.src", "ip.dst", "arp.src.proto_ipv4", "arp.dst.proto_ipv4",
                             "ipv6.src", "ipv6.dst")
            },
        ),
        max_size=20,
    ),
    st.integers(1, 20),
)  # fmt: skip
def test_ends_are_the_twins(rows, per_batch):
    """Also when the packets come in several chunks with dictionaries of their own."""
    table = pa.concat_tables(
        [packets(), *(packets(*rows[i : i + per_batch]) for i in range(0, len(rows), per_batch))]
    )
    found = rules.ends(table)
    names = [*found.names, None]

    listed = table.to_pylist()
    expected = [naive.ends(row) for row in listed]
    assert [names[i] for i in found.source] == [source for source, _, _ in expected]
    assert [names[i] for i in found.destination] == [other for _, other, _ in expected]
    layers = {rules.IPV4: "ip", rules.ARP: "arp", rules.IPV6: "ipv6", rules.NONE: None}
    assert [layers[i] for i in found.layer] == [layer for _, _, layer in expected]
    for endpoint in ("either", "source"):
        attack = rules.is_attack(found, BOTS, endpoint).tolist()
        assert attack == [naive.is_attack(row, BOTS, endpoint) for row in listed]


def test_label_columns_hold_one_text_type_and_no_unused_text():
    table = packets({"ip.src": BOTS[0]}, {})
    labelled = rules.append(table, "x", np.array([4, 10], np.int8))

    for name in columns.LABELS:
        assert labelled[name].type == fields.TEXT
        texts = labelled[name].combine_chunks().dictionary.to_pylist()
        assert sorted(texts) == sorted(set(labelled[name].to_pylist()))


def agreement_of(rows: list[dict], **columns) -> pd.DataFrame:
    table = packets(*rows)
    ends = rules.ends(table)
    entry = classes.BY_KEY["DoS_UDP"]
    by_address = rules.by_bot_address(ends, entry, BOTS, "either")
    report = agreement.Agreement(BOTS, ["fe80::b"])
    report.add("DoS_UDP", table, ends, by_address, **columns)
    report.add("DoS_UDP", table, ends, by_address, **columns)
    made = report.table(3 if columns else 0)
    return made[made["captures_of"] == "Total"].set_index("kind")


ROWS = [
    {"ip.src": BOTS[0], "ip.dst": "8.8.8.8", "ip.proto": "17", "udp.srcport": 9, "udp.dstport": 53},
    {"ip.src": "8.8.8.8", "ip.dst": BOTS[0], "ip.proto": "17", "udp.srcport": 53, "udp.dstport": 9},
    {"ip.src": BOTS[1], "ip.dst": "1.2.3.4", "ip.proto": "17",
     "udp.srcport": 123, "udp.dstport": 123},
    {"arp.src.proto_ipv4": "192.168.100.1", "arp.dst.proto_ipv4": BOTS[0]},
    {"ipv6.src": "fe80::b", "ipv6.dst": "ff02::fb"},
    {"ip.src": "192.168.100.3", "ip.dst": "192.168.100.7", "ip.proto": "17",
     "udp.srcport": 53, "udp.dstport": 53},
    # a victim's ICMP message that quotes a bot's datagram for port 53
    {"ip.src": "192.168.100.3,192.168.100.150", "ip.dst": "192.168.100.150,192.168.100.3",
     "ip.proto": "1,17", "udp.srcport": 9, "udp.dstport": 53},
]  # fmt: skip


def test_the_report_counts_the_kinds_on_which_the_rules_part():
    normal, attack = classes.KEYS.index("Normal"), classes.KEYS.index("DoS_UDP")
    flows = np.array([normal, normal, normal, attack, normal, normal, attack], np.int8)
    no = np.array([False] * 4 + [True, False, False])
    made = agreement_of(ROWS, by_flows=flows, uncovered=no, disagree=~no)

    assert made["packets"].to_dict() == {
        "all": 14, "bot_dns": 4, "bot_ntp": 2, "bot_arp": 2, "bot_ipv6": 2, "victim_reply": 4,
    }  # fmt: skip
    assert made["attack_by_bot_address"]["all"] == 10 and made["attack_by_flows"]["all"] == 4
    assert made["same_class"].to_dict() == {
        "all": 6, "bot_dns": 0, "bot_ntp": 0, "bot_arp": 2, "bot_ipv6": 0, "victim_reply": 2,
    }  # fmt: skip
    assert made["uncovered"]["all"] == 2 and made["flows_disagree"]["all"] == 12
    assert made["same_class_percent"]["bot_arp"] == 100
    # The packet without a flow has no class by flows, so the rules cannot agree on it.
    assert made["same_class_percent"]["all"] == 50 and np.isnan(
        made["same_class_percent"]["bot_ipv6"]
    )
    assert made["uncovered_percent"]["all"] == round(100 / 7, 3)
    assert made["uncovered_percent"]["bot_ipv6"] == 100


@pytest.mark.parametrize("instead", ["Normal", "DoS_UDP"])
def test_what_an_uncovered_packet_becomes_does_not_enter_the_report(instead):
    number = classes.KEYS.index(instead)
    flows, yes = np.full(7, number, np.int8), np.ones(7, bool)
    made = agreement_of(ROWS, by_flows=flows, uncovered=yes, disagree=~yes)

    assert made["attack_by_flows"]["all"] == 0 and made["same_class"]["all"] == 0
    assert made["uncovered_percent"]["all"] == 100


def test_without_flow_records_the_report_says_so():
    made = agreement_of(ROWS)

    assert (made["flow_files"] == 0).all() and made["packets"]["all"] == 14
    assert made["attack_by_bot_address"]["all"] == 10
    assert made[["attack_by_flows", "same_class", "uncovered", "flows_disagree"]].isna().all(None)
