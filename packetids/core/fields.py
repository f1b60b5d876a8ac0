"""The 25 packet fields of the paper, with Wireshark's names and the types they are stored in.

Ge et al. 2019, section IV-B, "Feature extraction". Three of the paper's names do not exist in
TShark 4.0 and are mapped: ``arp.src.proto_ip`` and ``arp.dst.proto_ip`` to
``arp.src.proto_ipv4`` and ``arp.dst.proto_ipv4``, section IV-C's ``tcp.ttl`` to ``ip.ttl``
(reference/fields.csv).
"""

from dataclasses import dataclass

import pyarrow as pa

TEXT = pa.dictionary(pa.int32(), pa.string())
TIME = pa.timestamp("ns", tz="UTC")


@dataclass(frozen=True)
class Field:
    """One packet field."""

    name: str  # Wireshark's
    type: pa.DataType
    unit: str
    description: str
    hexadecimal: bool = False  # TShark prints 0x…


FIELDS = (
    Field("frame.time_epoch", TIME, "ns since 1970-01-01 UTC", "arrival time of the frame"),
    Field("frame.len", pa.uint32(), "octets", "length of the frame on the wire"),
    Field("arp.proto.type", pa.uint16(), "", "protocol type of an ARP message", True),
    Field("arp.src.proto_ipv4", TEXT, "", "sender's IPv4 address in an ARP message"),
    Field("arp.dst.proto_ipv4", TEXT, "", "target's IPv4 address in an ARP message"),
    Field("ip.proto", TEXT, "", "protocol number in each IPv4 header, outermost first"),
    Field("ip.src", TEXT, "", "source address of each IPv4 header, outermost first"),
    Field("ip.dst", TEXT, "", "destination address of each IPv4 header, outermost first"),
    Field("ip.ttl", TEXT, "hops", "time to live of each IPv4 header, outermost first"),
    Field("ipv6.src", TEXT, "", "source address of each IPv6 header, outermost first"),
    Field("ipv6.dst", TEXT, "", "destination address of each IPv6 header, outermost first"),
    Field("tcp.srcport", pa.uint16(), "", "TCP source port"),
    Field("tcp.dstport", pa.uint16(), "", "TCP destination port"),
    Field("tcp.stream", pa.uint32(), "", "number of the TCP conversation in its capture, from 0"),
    Field(
        "tcp.analysis.initial_rtt", pa.float64(), "s",
        "time from SYN to the ACK that completes the handshake",
    ),
    Field(
        "tcp.time_delta", pa.float64(), "s", "time since the previous frame of the conversation"
    ),
    Field("tcp.len", pa.uint32(), "octets", "length of the TCP payload"),
    Field("tcp.flags", pa.uint16(), "", "the twelve flag bits of a TCP header", True),
    Field("tcp.window_size_value", pa.uint16(), "", "window as in the TCP header, not scaled"),
    Field("tcp.checksum", pa.uint16(), "", "checksum as in the TCP header", True),
    Field("udp.srcport", pa.uint16(), "", "UDP source port"),
    Field("udp.dstport", pa.uint16(), "", "UDP destination port"),
    Field("udp.stream", pa.uint32(), "", "number of the UDP conversation in its capture, from 0"),
    Field("udp.checksum", pa.uint16(), "", "checksum as in the UDP header", True),
    Field("udp.length", pa.uint16(), "octets", "length in the UDP header: header and payload"),
)  # fmt: skip

NAMES = tuple(field.name for field in FIELDS)
BY_NAME = {field.name: field for field in FIELDS}

# Text fields hold every occurrence, joined by commas, as TShark prints them. A number that occurs
# more than once in a packet (a tunnel that carries UDP in UDP) keeps its first, the outermost,
# occurrence in its own column, and all of them here as "udp.srcport=53,4789 udp.dstport=…".
# Null in every other row, so that no occurrence is lost and numbers stay numbers.
REPEATED = "repeated"


def schema() -> pa.Schema:
    """Return the schema of an extracted capture: 25 fields in the paper's order, and `REPEATED`."""
    columns = [
        pa.field(
            field.name,
            field.type,
            metadata={"description": field.description, "unit": field.unit},
        )
        for field in FIELDS
    ]
    repeated = pa.field(
        REPEATED,
        TEXT,
        metadata={"description": "all occurrences of numbers that occur more than once"},
    )
    return pa.schema([*columns, repeated], metadata={"packetids.fields": "1"})
