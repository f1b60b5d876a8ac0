"""Which packets are attacks: the paper's rule by the bots' addresses.

Ge et al. 2019, section IV-B, "Label mapping": "match the IP address of the bot machine and label
packets according to the attack subcategory". The subcategory comes from the capture's folder;
packets of no bot are normal traffic.
"""

import pyarrow as pa
import pyarrow.compute as pc

from packetids import classes, fields
from packetids.errors import PacketidsError

LABELS = ("capture", "category", "subcategory", "class")

SOURCES = ("ip.src", "arp.src.proto_ipv4")
DESTINATIONS = ("ip.dst", "arp.dst.proto_ipv4")


def columns_of(endpoint: str) -> tuple[str, ...]:
    """Name the address columns that decide; `endpoint` is ``either`` or ``source``."""
    if endpoint not in ("either", "source"):
        raise PacketidsError(f"label.endpoint: needs 'either' or 'source', found {endpoint!r}.")
    return SOURCES + DESTINATIONS if endpoint == "either" else SOURCES


def is_attack(packets: pa.Table, bots: list[str], endpoint: str) -> pa.ChunkedArray:
    """Tell for each packet whether a bot sent or received it.

    Only the outer IPv4 header counts, the first of several joined by commas: the header inside an
    ICMP message is a quotation. An IPv6 packet matches no bot, as in the paper.

    Returns
    -------
    pyarrow.ChunkedArray of bool, shape (n_packets,)
    """
    wanted = pa.array(bots, pa.string())
    found = pa.chunked_array([pa.repeat(pa.scalar(False), packets.num_rows)])
    for name in columns_of(endpoint):
        address = pc.cast(packets[name], pa.string())
        outer = pc.list_element(pc.split_pattern(pc.fill_null(address, ""), ","), 0)
        found = pc.or_(found, pc.is_in(outer, wanted))
    return found


def label(
    packets: pa.Table,
    capture: str,
    subcategory: classes.Subcategory,
    bots: list[str],
    endpoint: str,
) -> pa.Table:
    """Add the columns capture, category, subcategory and class (the key of `classes`)."""
    attack = is_attack(packets, bots, endpoint)
    normal = classes.BY_KEY[classes.NORMAL]
    pairs = {
        "category": (subcategory.category, normal.category),
        "subcategory": (subcategory.subcategory, normal.subcategory),
        "class": (subcategory.key, normal.key),
    }
    packets = packets.append_column("capture", _constant(capture, packets.num_rows))
    for name, (if_attack, if_normal) in pairs.items():
        values = pc.if_else(attack, pa.scalar(if_attack), pa.scalar(if_normal))
        packets = packets.append_column(name, values.cast(fields.TEXT))
    return packets


def _constant(text: str, length: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), length), [text])
