"""The pcap format and its variants, as TShark 4.0 reads them.

draft-ietf-opsawg-pcap; variants as the comments of Wireshark's wiretap/libpcap.c describe them.
"""

import struct
from dataclasses import dataclass

import numpy as np

from packetids.core.errors import PacketidsError, Unsupported
from packetids.kernels import kernel
from packetids.native.capture import linktypes, records
from packetids.native.capture.source import Source

MICROSECONDS, NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
MODIFIED = 0xA1B2CD34  # Kuznetzov's patches of 1999
IXIA = (0x1C0001AB, 0x1C0001AC)  # the second counts ns; TShark 4.0 reads µs in both
MAGICS = (MICROSECONDS, NANOSECONDS, MODIFIED, *IXIA)

HEADER_OCTETS = 24
RECORD_OCTETS = 16
MODIFIED_OCTETS = 24  # and interface index, protocol, packet type
PATCH_990915_OCTETS = 28  # and more of no use
NOKIA_OCTETS = 20
CANDIDATES = {
    MICROSECONDS: (RECORD_OCTETS, MODIFIED_OCTETS, NOKIA_OCTETS),
    MODIFIED: (MODIFIED_OCTETS, PATCH_990915_OCTETS),
}

RESERVED_BITS = 0x03FF0000
HAS_FCS_LENGTH = 0x04000000  # then the upper four bits count it in 16-bit words
AIX_LINK_TYPES = {6: 1, 9: 6, 15: 10, 24: 0}  # its ifType values -> LINKTYPE_
AIX_FDDI_PADDING_OCTETS = 3

IN_ORDER, SWAPPED, SWAPPED_IF_CAPTURED_IS_LARGER = 0, 1, 2

LOOK_AHEAD_OCTETS = 1 << 20
RECORDS_TO_TRY = 3
IMPLAUSIBLE_OCTETS = 128 << 20


@dataclass(frozen=True)
class Pcap:
    """What a pcap file's header, and a look at its first records, say about its records."""

    first_octet: int
    big_endian: bool
    record_octets: int  # of a record's header
    lengths: int  # order of the two lengths in it
    ns: bool
    link_type: int
    fcs_octets: int
    skipped_octets: int  # before the frame, no part of it
    maximum_octets: int

    def scan(
        self, octets: np.ndarray, at: int, end: int, columns: records.Columns
    ) -> records.Scanned:
        """Fill `columns` with the frames of ``octets[at:end]``, uint8."""
        rows, at, status, value = _records(
            octets, at, end, self.big_endian, self.record_octets, self.lengths, self.ns,
            self.skipped_octets, self.maximum_octets,
            columns.start, columns.captured_octets, columns.wire_octets, columns.time_ns,
        )  # fmt: skip
        columns.link_type[:rows] = self.link_type
        columns.fcs_octets[:rows] = self.fcs_octets
        if status == records.SHORT:
            return records.Scanned(rows, at, needed_octets=value)
        problems = {
            records.TOO_LONG: f"{self.maximum_octets} captured bytes at most are possible and the "
            f"record header says {value}",
            records.TOO_SMALL: f"link type {self.link_type} needs {self.skipped_octets} bytes "
            f"before each frame and {value} were captured",
        }
        return records.Scanned(rows, at, problem=problems.get(status, ""))


def recognises(magic: bytes) -> bool:
    """Check whether four bytes begin a pcap file."""
    return int.from_bytes(magic, "little") in MAGICS or int.from_bytes(magic, "big") in MAGICS


def opened(source: Source) -> Pcap:
    """Read the file header.

    Raises
    ------
    PacketidsError
        If it is cut short, or of a version or link type that TShark refuses, too.
    Unsupported
        If frames of its link type are not read natively.
    """
    head = source.peek(LOOK_AHEAD_OCTETS)
    big_endian = int.from_bytes(head[:4], "big") in MAGICS
    order = ">" if big_endian else "<"
    magic = struct.unpack_from(order + "I", head)[0]
    first_octet = HEADER_OCTETS + 4 * (magic in IXIA)  # how many bytes follow
    if len(head) < first_octet:
        raise PacketidsError(
            f"{source.name}: cut short in the file header: a pcap file needs {first_octet} bytes "
            f"there and has {len(head)}. Fetch it again, or take it out of the captures folder."
        )
    major, minor, _, _, most_kept, network = struct.unpack_from(order + "HHiIII", head, 4)
    if major < 2:
        raise _refused(source, 4, f"version 2 or later is needed and it says {major}.{minor}")
    lengths = IN_ORDER
    if major == 543 or (major == 2 and minor < 3):  # 543.0: DG/UX
        lengths = SWAPPED
    elif major == 2 and minor == 3:  # written both ways
        lengths = SWAPPED_IF_CAPTURED_IS_LARGER
    aix = magic == MICROSECONDS and (major, minor) == (2, 2) and network in AIX_LINK_TYPES
    if aix:
        network = AIX_LINK_TYPES[network]
    if network & RESERVED_BITS:
        raise _refused(
            source, 20, f"the reserved bits of the link type need to be 0 and it is 0x{network:08x}"
        )
    link_type = network & 0xFFFF
    fcs_octets = 2 * (network >> 28) if network & HAS_FCS_LENGTH else 0
    if link_type not in linktypes.KNOWN:
        raise _refused(source, 20, f"TShark 4.0 knows no link type {link_type}")
    if link_type in linktypes.UNSUPPORTED:
        raise Unsupported(
            f"link type {link_type} ({linktypes.UNSUPPORTED[link_type]}), byte 20 of the file, is "
            "not read natively",
            "Use the tshark reader.",
            source.name,
        )
    maximum = linktypes.maximum_octets(link_type)
    record_octets = RECORD_OCTETS
    if magic in CANDIDATES and not aix:
        record_octets = min(  # the first of the best
            CANDIDATES[magic],
            key=lambda octets: _implausibility(
                head, first_octet, order, octets, lengths, maximum, most_kept
            ),
        )
    return Pcap(
        first_octet=first_octet,
        big_endian=big_endian,
        record_octets=record_octets,
        lengths=lengths,
        ns=aix or magic == NANOSECONDS,
        link_type=link_type,
        fcs_octets=fcs_octets,
        skipped_octets=AIX_FDDI_PADDING_OCTETS
        if aix and link_type == 10
        else linktypes.pseudo_header_octets(link_type),
        maximum_octets=maximum,
    )


def _refused(source: Source, at: int, why: str) -> PacketidsError:
    return PacketidsError(
        f"{source.name}: byte {at} of the pcap file header: {why}. Fetch the file again, or take "
        "it out of the captures folder."
    )


def _implausibility(
    head: bytes, at: int, order: str, record_octets: int, lengths: int, maximum: int, most_kept: int
) -> int:
    """Count what speaks against a record header of `record_octets` in the first odd record.

    Three variants share one magic number and two another; TShark takes the first of those with
    the least against them.
    """
    whole = len(head) < LOOK_AHEAD_OCTETS
    for _ in range(RECORDS_TO_TRY):
        if at + record_octets > len(head):
            return int(whole and at < len(head))
        _, fraction, captured, wire = struct.unpack_from(order + "IIII", head, at)
        if lengths == SWAPPED or (lengths == SWAPPED_IF_CAPTURED_IS_LARGER and captured > wire):
            captured, wire = wire, captured
        against = (fraction >= 1_000_000) + (captured > maximum) + (captured > most_kept)
        against += (wire > IMPLAUSIBLE_OCTETS) + (captured > wire)
        if against:
            return against
        at += record_octets + captured
        if at > len(head):
            return int(whole)
    return 0


@kernel
def _records(
    octets: np.ndarray, at: int, end: int, big_endian: bool, record_octets: int, lengths: int,
    ns: bool, skipped_octets: int, maximum_octets: int,
    start: np.ndarray, captured_octets: np.ndarray, wire_octets: np.ndarray, time_ns: np.ndarray,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Return rows, offset after the last, why the scan stopped, and bytes needed or there."""
    for row in range(len(start)):
        data = at + record_octets
        if data > end:
            return row, at, records.SHORT, record_octets
        captured = records.u32(octets, at + 8, big_endian)
        wire = records.u32(octets, at + 12, big_endian)
        if lengths == SWAPPED or (lengths == SWAPPED_IF_CAPTURED_IS_LARGER and captured > wire):
            captured, wire = wire, captured
        if captured > maximum_octets:
            return row, at, records.TOO_LONG, captured
        if captured < skipped_octets:
            return row, at, records.TOO_SMALL, captured
        if data + captured > end:
            return row, at, records.SHORT, record_octets + captured
        fraction = records.u32(octets, at + 4, big_endian)
        if not ns:
            fraction *= 1000
        start[row] = data + skipped_octets
        captured_octets[row] = captured - skipped_octets
        wire_octets[row] = records.printed_octets(wire - skipped_octets)
        time_ns[row] = records.printed_ns(records.u32(octets, at, big_endian), fraction)
        at = data + captured
    return len(start), at, records.FULL, 0
