"""CoAP, as far as TShark reads a message before it looks for its conversation. RFC 7252."""

import numpy as np

from packetids.kernels import subkernel
from packetids.native.state import Record, u8, u16

PORT = 5683
HEADER_LEN = 4
TOKEN_LENGTH_MASK = 0x0F
PAYLOAD_MARKER = 0xFF
ONE_OCTET_MORE, TWO_OCTETS_MORE, RESERVED = 13, 14, 15  # of an option's delta and length
TWO_OCTETS_LEAST = 269
OBJECT_SECURITY = 9  # the option of RFC 8613
IV_LENGTH_MASK, HAS_KEY_ID, HAS_CONTEXT = 0x07, 0x08, 0x10  # of its first octet


@subkernel
def is_read_to_payload(octets: np.ndarray, p: Record) -> bool:
    """Check whether the message at ``p.at`` has its token and options, all of them captured."""
    at = p.at + HEADER_LEN
    if at > p.end:
        return False
    at += u8(octets, p.at) & TOKEN_LENGTH_MASK
    if at > p.end:
        return False
    number = 0
    while at < p.reported_end:
        if at >= p.end:
            return False
        delta, length = u8(octets, at) >> 4, u8(octets, at) & 0x0F
        if delta == RESERVED:
            return u8(octets, at) == PAYLOAD_MARKER
        at += 1
        delta, at = _extended(octets, p, delta, at)
        length, at = _extended(octets, p, length, at)
        if delta < 0 or length < 0 or at + length > p.end:
            return False
        number += delta
        if number == OBJECT_SECURITY and length and not _is_secured(octets, p, at, length):
            return False
        at += length
    return True


@subkernel
def _extended(octets: np.ndarray, p: Record, value: int, at: int) -> tuple[int, int]:
    """Return a delta or length with its extension, -1 if that is cut off; and the next offset."""
    if value == ONE_OCTET_MORE and at < p.end:
        return ONE_OCTET_MORE + u8(octets, at), at + 1
    if value == TWO_OCTETS_MORE and at + 2 <= p.end:
        return TWO_OCTETS_LEAST + u16(octets, at), at + 2
    return (value if value < ONE_OCTET_MORE else -1), at


@subkernel
def _is_secured(octets: np.ndarray, p: Record, at: int, length: int) -> bool:
    """Check whether initialization vector, context and key are where OSCORE's option says.

    TShark counts what is left for the key in 8 bits. RFC 8613, section 6.1.
    """
    flags = u8(octets, at)
    left = length - 1 - (flags & IV_LENGTH_MASK)
    at += 1 + (flags & IV_LENGTH_MASK)
    if at > p.end:
        return False
    if flags & HAS_CONTEXT:
        if at >= p.end:
            return False
        left -= 1 + u8(octets, at)
        at += 1 + u8(octets, at)
        if at > p.end:
            return False
    return not flags & HAS_KEY_ID or at + (left & 0xFF) <= p.end
