"""Messages after which TShark opens conversations for media, which we would have to follow.

SDP (RFC 8866) in SIP, MGCP, Megaco, SAP and RTSP, RTSP's own ports, H.323 and Skinny say where RTP
will go; TShark then takes all packets of such a port for one conversation, whoever sends them.
"""

from typing import Any

import numpy as np

from packetids.kernels import subkernel
from packetids.native.state import MEDIA_REASON, Record, u8, u32, unsupported

SDP_PORTS = (2427, 2727, 2944, 9875)  # of MGCP, Megaco and SAP; SIP is known by its beginning
RTSP_PORTS, H323_PORT, SKINNY_PORT = (554, 8554), 1720, 2000
SIP_BEGINNINGS = tuple(
    int.from_bytes(text, "big")
    for text in (
        b"INVI", b"SIP/", b"ACK ", b"BYE ", b"CANC", b"INFO", b"MESS", b"NOTI", b"OPTI", b"PRAC",
        b"PUBL", b"REFE", b"REGI", b"SUBS", b"UPDA",
    )
)  # fmt: skip
RTSP_BEGINNING = int.from_bytes(b"RTSP", "big")  # an answer; what is only asked for opens nothing
# As `_holds` compares them: the text in small letters, and a mask for its signs.
MEDIA_LINE = int.from_bytes(b"\nm=", "big") | 0x202020, 0xFFFFFF
SDP_TYPE = int.from_bytes(b"/sdp", "big"), 0xFFFFFFFF
TELLS_PORT = int.from_bytes(b"ort=", "big"), 0xFFFFFFFF
TPKT, TPKT_LEN, Q931 = 0x0300, 4, 0x08
SKINNY_LEN = 8  # then the message's type, which its length counts
SKINNY_MEDIA = (0x22, 0x8A, 0x0132, 0x0134)  # receive channel told, transmission begins; both kinds
LEAST_OCTETS = 16  # no such message is shorter


@subkernel(forceinline=True)
def in_udp(octets: np.ndarray, p: Record, src_port: int, dst_port: int) -> None:
    """Leave the capture to TShark if the payload, which begins at ``p.at``, sets up media."""
    if p.end - p.at >= LEAST_OCTETS and _holds_sdp(octets, p.at, p.end, src_port, dst_port):
        unsupported(p, MEDIA_REASON, 0)


@subkernel(forceinline=True)
def in_tcp(octets: np.ndarray, p: Record, at: int, src_port: int, dst_port: int) -> None:
    """Leave the capture to TShark if the payload, which begins at `at`, sets up media."""
    if p.end - at >= LEAST_OCTETS and _sets_up_media(octets, at, p.end, src_port, dst_port):
        unsupported(p, MEDIA_REASON, 0)


@subkernel(forceinline=True)
def _sets_up_media(octets: np.ndarray, at: int, end: int, src_port: int, dst_port: int) -> bool:
    beginning = u32(octets, at)
    if src_port in RTSP_PORTS and beginning == RTSP_BEGINNING:
        return _holds(octets, at, end, SDP_TYPE) or _holds(octets, at, end, TELLS_PORT)
    if src_port == H323_PORT or dst_port == H323_PORT:
        if beginning >> 16 == TPKT and u8(octets, at + TPKT_LEN) == Q931:
            return True
    elif src_port == SKINNY_PORT or dst_port == SKINNY_PORT:
        if _is_skinny_media(octets, at, end):
            return True
    return _holds_sdp(octets, at, end, src_port, dst_port)


@subkernel(forceinline=True)
def _holds_sdp(octets: np.ndarray, at: int, end: int, src_port: int, dst_port: int) -> bool:
    if u32(octets, at) in SIP_BEGINNINGS:
        return _holds(octets, at, end, SDP_TYPE)
    if src_port in SDP_PORTS or dst_port in SDP_PORTS:
        return _holds(octets, at, end, MEDIA_LINE)
    return False


@subkernel
def _holds(octets: np.ndarray, begin: int, end: int, wanted: tuple[int, int]) -> bool:
    """Check whether a text of up to four signs occurs; capital letters are as small ones."""
    window: Any = np.uint32(0)
    for at in range(begin, end):
        window = window << np.uint32(8) | np.uint32(u8(octets, at) | 0x20)
        if window & np.uint32(wanted[1]) == np.uint32(wanted[0]):
            return True
    return False


@subkernel
def _is_skinny_media(octets: np.ndarray, at: int, end: int) -> bool:
    """Check whether one of a segment's messages is about media; lengths are little-endian."""
    while at + SKINNY_LEN + 4 <= end:
        if u8(octets, at + 3) or u8(octets, at + 2):
            return False  # longer than any: no Skinny
        if u8(octets, at + SKINNY_LEN) | u8(octets, at + SKINNY_LEN + 1) << 8 in SKINNY_MEDIA:
            return True
        at += SKINNY_LEN + (u8(octets, at) | u8(octets, at + 1) << 8)
    return False
