"""Applications over UDP for which TShark opens conversations of its own, so that numbers shift."""

from typing import Any

import numpy as np

from packetids.kernels import subkernel
from packetids.native.capture.records import padded
from packetids.native.conversations import udp as udp_conversations
from packetids.native.conversations.table import (
    CALLS,
    CALLS_KEPT,
    NONE,
    NONE_KNOWN,
    SNMP,
    TFTP,
    Conversations,
)
from packetids.native.payloads import coap
from packetids.native.payloads.tunnels import REGISTERED, TAKE_ALL
from packetids.native.state import PORT_REASON, Record, u8, u16, u32, unsupported
from packetids.native.wire import PROTO_UDP

SNMP_PORTS = (161, 162, 8161)
BER_SEQUENCE, BER_INTEGER = 0x10, 0x02
BER_TAG_MASK = 0xDF  # all but the bit for what holds other values, which TShark ignores

PORTMAP_PORT, PORTMAP_PROGRAM, PORTMAP_VERSION, GETPORT = 111, 100_000, 2, 3
RPC_VERSION = 2
RPC_CALL_LEN, RPC_REPLY_LEN = 40, 28  # the shortest with GETPORT's call before its arguments

ANY_HOST_PORTS = (coap.PORT, 3567, 5567)  # of CoAP and DOF

TFTP_PORT = 69
TFTP_REQUESTS = (1, 2)  # read and write
# The modes of RFC 1350 in lower case, as numbers of base 256.
NETASCII = int.from_bytes(b"netascii", "big")
OCTET = int.from_bytes(b"octet", "big")
MAIL = int.from_bytes(b"mail", "big")


@subkernel(forceinline=True)
def in_udp(
    octets: np.ndarray, p: Record, c: Conversations, conversation: Record,
    src_port: int, dst_port: int,
) -> None:  # fmt: skip
    """Look at a payload, which begins at ``p.at``, of a packet of `conversation`."""
    if conversation.application == TFTP or src_port == TFTP_PORT or dst_port == TFTP_PORT:
        if dst_port == TFTP_PORT and _is_tftp_request(octets, p):
            udp_conversations.open_any_port(c, p, src_port, False, TFTP)
    elif src_port in SNMP_PORTS or dst_port in SNMP_PORTS:
        _snmp(octets, p, conversation)
    elif _names_file_and_mode(octets, p) and not (src_port in TAKE_ALL or dst_port in TAKE_ALL):
        if not _expects_tftp(c, p, dst_port):
            udp_conversations.open_any_port(c, p, src_port, False, TFTP)
    if src_port == PORTMAP_PORT or dst_port == PORTMAP_PORT:
        _portmap(octets, p, c)
    _any_host(octets, p, c, src_port, dst_port)


@subkernel(forceinline=True)
def _any_host(
    octets: np.ndarray, p: Record, c: Conversations, src_port: int, dst_port: int
) -> None:
    """After a message of CoAP or DOF its sender's port talks to any host and port."""
    low, high = min(src_port, dst_port), max(src_port, dst_port)
    if low in ANY_HOST_PORTS:
        port = low
    elif high in ANY_HOST_PORTS and low not in TAKE_ALL:
        port = high
    else:
        return
    if port == coap.PORT and not coap.is_read_to_payload(octets, p):
        return
    if port != low and REGISTERED[low]:
        unsupported(p, PORT_REASON, port)  # the lower port's dissector may refuse
    else:
        udp_conversations.open_any_host(c, p, src_port, dst_port)


@subkernel
def _portmap(octets: np.ndarray, p: Record, c: Conversations) -> None:
    """After the answer to a call for a program's UDP port, that port talks to any host and port.

    An answer belongs to the first call of its number, whoever sent them. RFC 5531, section 9;
    RFC 1833, section 3.
    """
    at, captured = p.at, p.end - p.at
    if captured < RPC_REPLY_LEN:
        return
    number, is_reply = u32(octets, at), u32(octets, at + 4)
    place = _call(c, number)
    if is_reply == 0:
        if captured >= RPC_CALL_LEN and u32(octets, at + 8) == RPC_VERSION and place == NONE:
            call = c.calls[c.counts[CALLS] % CALLS_KEPT]
            call.number, call.asks_port = number, _asks_port(octets, at, p.end)
            c.counts[CALLS] += 1
    elif is_reply == 1 and place != NONE and c.calls[place].asks_port:
        accepted = at + 12 + 8 + padded(u32(octets, at + 16))
        if u32(octets, at + 8) or accepted + 8 > p.end or u32(octets, accepted):
            return
        port = u32(octets, accepted + 4)
        if 0 < port < 1 << 16:
            udp_conversations.open_any_port(c, p, port, True, NONE_KNOWN)


@subkernel
def _call(c: Conversations, number: int) -> int:
    """Find a call by its number; NONE if it is not there."""
    for place in range(min(c.counts[CALLS], CALLS_KEPT)):
        if c.calls[place].number == number:
            return place
    return NONE


@subkernel
def _asks_port(octets: np.ndarray, at: int, end: int) -> bool:
    """Check whether an RPC call asks the portmapper, version 2, for a UDP port."""
    if u32(octets, at + 12) != PORTMAP_PROGRAM or u32(octets, at + 16) != PORTMAP_VERSION:
        return False
    if u32(octets, at + 20) != GETPORT:
        return False
    verifier = at + 24 + 8 + padded(u32(octets, at + 28))
    if verifier + 8 > end:
        return False
    arguments = verifier + 8 + padded(u32(octets, verifier + 4))
    return arguments + 16 <= end and u32(octets, arguments + 8) == PROTO_UDP


@subkernel
def _snmp(octets: np.ndarray, p: Record, conversation: Record) -> None:
    """TShark opens a second conversation once it has seen SNMP in one, and uses that from then on.

    It takes for SNMP what begins with a BER sequence, no longer than the payload, that begins with
    an integer. RFC 1157.
    """
    if conversation.application == SNMP or p.end - p.at < 3:
        return
    if u8(octets, p.at) & BER_TAG_MASK != BER_SEQUENCE:
        return
    length, at = u8(octets, p.at + 1), p.at + 2
    if length & 0x80:
        size = length & 0x7F
        if at + size > p.end:
            return
        length = 0
        for i in range(size):
            length = (length << 8 | u8(octets, at + i)) & 0xFFFFFFFF
        at += size
    if length > p.reported_end - at:
        return
    if at < p.end and u8(octets, at) & BER_TAG_MASK == BER_INTEGER:
        conversation.application, conversation.stream = SNMP, NONE


@subkernel
def _expects_tftp(c: Conversations, p: Record, dst_port: int) -> bool:
    """Check whether the receiver waits for an answer: then TShark takes a request for one."""
    number = udp_conversations.find_any_port(c, p, dst_port, False, False)
    return number != NONE and c.udp[number].application == TFTP


@subkernel
def _is_tftp_request(octets: np.ndarray, p: Record) -> bool:
    """Check whether a payload is a request of TFTP. RFC 1350, section 5."""
    return (
        p.end - p.at > 4 and u16(octets, p.at) in TFTP_REQUESTS and _names_file_and_mode(octets, p)
    )


@subkernel
def _names_file_and_mode(octets: np.ndarray, p: Record) -> bool:
    """Check whether a payload goes on as a request does; on other ports TShark asks no more.

    Printable texts, each ended by a zero, an even number of them (options are pairs, RFC 2347), of
    which the second is a mode.
    """
    ends = 0
    mode: Any = np.uint64(0)
    for at in range(p.at + 2, p.end):
        sign = u8(octets, at)
        if sign == 0:
            ends += 1
        elif not 0x20 <= sign <= 0x7E:
            return False
        elif ends == 1:
            if mode >> np.uint64(56):
                return False  # longer than any
            lower = sign | 0x20 if 0x41 <= sign <= 0x5A else sign
            mode = mode << np.uint64(8) | np.uint64(lower)
    if ends == 0 or ends % 2:
        return False
    return mode == np.uint64(NETASCII) or mode == np.uint64(OCTET) or mode == np.uint64(MAIL)
