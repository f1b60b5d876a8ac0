"""The pcapng format, as TShark 4.0 reads it.

draft-ietf-opsawg-pcapng. Packet blocks are found by a compiled scan; every other block is
checked as TShark checks it, because TShark reads no further than the first that is wrong.
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from packetids.core.errors import PacketidsError
from packetids.kernels import kernel, subkernel
from packetids.native.capture import linktypes, records
from packetids.native.capture.source import Source

SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, NAMES, STATISTICS, PACKET, JOURNAL, SECRETS = (
    0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 9, 10,
)  # fmt: skip
CUSTOM = (0x0BAD, 0x40000BAD)
SYSTEM_CALLS = (0x204, 0x208, 0x216, 0x217, 0x221, 0x222)  # of Sysdig
BYTE_ORDER_MAGIC = 0x1A2B3C4D
NETFLIX = 10949  # TShark reads its custom blocks and options in a way of its own

SMALLEST_OCTETS = {SECTION: 28, INTERFACE: 20, NAMES: 16, STATISTICS: 24, SECRETS: 20}
LARGEST_OCTETS = 134_348_832
SMALLEST_BLOCK_OCTETS = 12
PACKET_OCTETS = 32  # of a packet block without bytes captured, old ones too
SIMPLE_OCTETS = 16
CUSTOM_OCTETS = 16

END_OF_OPTIONS, IF_TSRESOL, IF_FILTER, IF_FCSLEN, IF_TSOFFSET = 0, 9, 11, 13, 14
FLAGS, QUEUE, DROPS, PACKET_ID, VERDICT = 2, 6, 4, 5, 7  # options of a packet block
CUSTOM_OPTIONS = (2988, 2989, 19372, 19373)
IPV4_NAMES, IPV6_NAMES = 1, 2
ADDRESS_OCTETS = {IPV4_NAMES: 4, IPV6_NAMES: 16}

# Why the scan stopped, besides those of `records`; the meaning of its value follows.
OTHER = 10  # a block for `Pcapng`: its type
SIZE = 11  # a total length out of bounds: it
TRAILER = 12  # the second total length differs: it
BYTE_ORDER = 13  # of a section is unknown: the magic number
SMALL_BLOCK = 14  # for its packet: the captured bytes it says
NO_INTERFACE = 15  # of this number
OPTION = 16  # a wrong one: its code
IS_NETFLIX = 17
IS_UNSUPPORTED = 18  # link type: it


class Interface(NamedTuple):
    """What a section says about one of its interfaces."""

    link_type: int
    most_kept: int  # bytes of a frame
    units: int  # of time, a second
    offset_s: int  # to add to times
    fcs_octets: int


@dataclass
class Pcapng:
    """The state of a section: byte order and interfaces.

    The arrays have one element an interface.
    """

    first_octet: int = 0
    big_endian: bool = False
    interfaces: list[Interface] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tabulate()

    def scan(
        self, octets: np.ndarray, at: int, end: int, columns: records.Columns
    ) -> records.Scanned:
        """Fill `columns` with the frames of ``octets[at:end]``, uint8."""
        rows = 0
        while True:
            rows, at, status, value = _packets(
                octets, at, end, rows, self.big_endian,
                self._link_type, self._most_kept, self._units, self._offset_s,
                self._skipped, self._maximum, self._fcs_octets,
                columns.start, columns.captured_octets, columns.wire_octets, columns.time_ns,
                columns.has_time, columns.link_type, columns.fcs_octets,
            )  # fmt: skip
            if status == records.FULL:
                return records.Scanned(rows, at)
            if status == records.SHORT:
                return records.Scanned(rows, at, needed_octets=value)
            try:
                if status != OTHER:
                    raise _damage(status, value)
                rows, at = self._block(value, octets, at, rows, columns)
            except _Wrong as wrong:
                return records.Scanned(
                    rows, at, problem=str(wrong), unsupported=isinstance(wrong, _NotOurs)
                )

    def _block(
        self, kind: int, octets: np.ndarray, at: int, rows: int, columns: records.Columns
    ) -> tuple[int, int]:
        """Take in one block that is no packet, and give rows and the offset after it."""
        order = ">" if self.big_endian else "<"
        if kind == SECTION:
            order = "<" if octets[at + 8] == BYTE_ORDER_MAGIC & 0xFF else ">"
        total = records.padded(struct.unpack(order + "I", octets[at + 4 : at + 8].tobytes())[0])
        if total < SMALLEST_OCTETS.get(kind, SMALLEST_BLOCK_OCTETS):
            raise _Wrong(
                f"a block of type {kind} needs {SMALLEST_OCTETS[kind]} bytes and has {total}"
            )
        body = octets[at + 8 : at + total - 4].tobytes()
        if kind == SECTION:
            version = struct.unpack_from(order + "HH", body, 4)
            if version not in ((1, 0), (1, 2)):
                raise _Wrong(
                    f"a section needs version 1.0 or 1.2 and says {version[0]}.{version[1]}"
                )
            _options(body[16:], order)
            self.big_endian = order == ">"
            self.interfaces = []
            self._tabulate()
        elif kind == INTERFACE:
            self.interfaces.append(_interface(body, order))
            self._tabulate()
        elif kind == NAMES:
            _names(body, order)
        elif kind == STATISTICS:
            _options(body[12:], order)
        elif kind == SECRETS:
            octets_said = struct.unpack_from(order + "I", body, 4)[0]
            if octets_said > len(body) - 8:
                raise _Wrong(f"secrets of {octets_said} bytes are in a block of {total}")
        elif kind in CUSTOM:
            return self._custom(body, order, at, total, rows, columns)
        elif kind == JOURNAL or kind in SYSTEM_CALLS:
            raise _NotOurs(f"a block of type 0x{kind:x} (no packet, but a frame) is not read")
        return rows, at + total

    def _custom(
        self, body: bytes, order: str, at: int, total: int, rows: int, columns: records.Columns
    ) -> tuple[int, int]:
        """Make a frame of a custom block, as TShark does, so that frame numbers agree."""
        if total < CUSTOM_OCTETS:
            raise _Wrong(f"a custom block needs {CUSTOM_OCTETS} bytes and has {total}")
        if struct.unpack_from(order + "I", body)[0] == NETFLIX:
            raise _NotOurs("a custom block of Netflix is not read")
        columns.start[rows] = at + 12
        columns.captured_octets[rows] = columns.wire_octets[rows] = total - CUSTOM_OCTETS
        columns.time_ns[rows] = 0
        columns.has_time[rows] = False
        columns.link_type[rows] = linktypes.NO_PACKET
        columns.fcs_octets[rows] = 0
        return rows + 1, at + total

    def _tabulate(self) -> None:
        links = [one.link_type for one in self.interfaces]
        self._link_type = np.array(links, np.int32)
        self._most_kept = np.array([one.most_kept for one in self.interfaces], np.int64)
        self._units = np.array([one.units for one in self.interfaces], np.uint64)
        self._offset_s = np.array([one.offset_s for one in self.interfaces], np.int64)
        self._fcs_octets = np.array([one.fcs_octets for one in self.interfaces], np.uint8)
        self._skipped = np.array(
            [
                -1 if i in linktypes.UNSUPPORTED else linktypes.pseudo_header_octets(i)
                for i in links
            ],
            np.int64,
        )
        self._maximum = np.array([linktypes.maximum_octets(i) for i in links], np.int64)


def recognises(magic: bytes) -> bool:
    """Check whether four bytes begin a pcapng file."""
    return magic == SECTION.to_bytes(4, "big")


def opened(source: Source) -> Pcapng:
    """Check that a section begins the capture.

    Raises
    ------
    PacketidsError
        If it is cut short or of no known byte order.
    """
    head = source.peek(12)
    if head[8:] not in (BYTE_ORDER_MAGIC.to_bytes(4, order) for order in ("big", "little")):
        raise PacketidsError(
            f"{source.name}: byte 8 of the pcapng file: 1a2b3c4d in either byte order is needed "
            f"and there is {head[8:].hex() or 'nothing'}. Fetch it again, or take it out of the "
            "captures folder."
        )
    return Pcapng()


class _Wrong(Exception):
    """What is wrong with a block."""


class _NotOurs(_Wrong):
    """What only TShark reads."""


def _damage(status: int, value: int) -> _Wrong:
    if status == IS_NETFLIX:
        return _NotOurs("an option of Netflix is not read")
    if status == IS_UNSUPPORTED:
        return _NotOurs(f"link type {value} ({linktypes.UNSUPPORTED[value]}) is not read natively")
    return _Wrong(
        {
            records.TOO_LONG: f"the packet block says {value} captured bytes, more than possible",
            records.TOO_SMALL: f"the link type's pseudo-header is missing: {value} bytes captured",
            SIZE: f"a block needs {SMALLEST_BLOCK_OCTETS} to {LARGEST_OCTETS} bytes (a packet "
            f"block {SIMPLE_OCTETS} or {PACKET_OCTETS} at least) and says {value}",
            TRAILER: f"the block's total length needs to be repeated at its end and {value} is "
            "there",
            BYTE_ORDER: f"a section needs 1a2b3c4d in either byte order and has {value:08x}",
            SMALL_BLOCK: f"the packet block is too small for the {value} bytes it says",
            NO_INTERFACE: f"the section needs an interface {value} for this packet and has none",
            OPTION: f"option {value} of the packet block has a wrong length",
        }[status]
    )


def _options(octets: bytes, order: str) -> dict[int, bytes]:
    """Return the first value of each option."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(octets):
        if at + 4 > len(octets):
            raise _Wrong(f"an option needs 4 bytes and {len(octets) - at} are left in the block")
        code, length = struct.unpack_from(order + "HH", octets, at)
        if at + 4 + records.padded(length) > len(octets):
            raise _Wrong(
                f"option {code} says {length} bytes and {len(octets) - at - 4} are left in the "
                "block"
            )
        if code == END_OF_OPTIONS:
            break
        value = octets[at + 4 : at + 4 + length]
        if code in CUSTOM_OPTIONS:
            if length < 4:
                raise _Wrong(f"custom option {code} needs 4 bytes and has {length}")
            if struct.unpack(order + "I", value[:4])[0] == NETFLIX:
                raise _NotOurs("an option of Netflix is not read")
        found.setdefault(code, value)
        at += 4 + records.padded(length)
    return found


def _interface(body: bytes, order: str) -> Interface:
    link_type, _, most_kept = struct.unpack_from(order + "HHI", body)
    options = _options(body[8:], order)
    if options.get(IF_FILTER) == b"":
        raise _Wrong("the interface's filter option needs 1 byte and has none")
    units = 10**6
    resolution = options.get(IF_TSRESOL, b"")
    if len(resolution) == 1:
        binary, exponent = resolution[0] & 0x80, resolution[0] & 0x7F
        # TShark takes units that do not fit 64 bits for the largest number that does
        units = min((2 if binary else 10) ** exponent, 2**64 - 1)
    offset = options.get(IF_TSOFFSET, b"")
    offset_s = struct.unpack(order + "q", offset)[0] if len(offset) == 8 else 0
    said = options.get(IF_FCSLEN, b"")
    fcs = said[0] if len(said) == 1 else 0
    # The specification meant bits for a time; TShark takes 8 or more for bits.
    return Interface(link_type, most_kept, units, offset_s, fcs // 8 if fcs >= 8 else fcs)


def _names(body: bytes, order: str) -> None:
    at = 0
    while at < len(body):
        if at + 4 > len(body):
            raise _Wrong(f"a name record needs 4 bytes and {len(body) - at} are left in the block")
        kind, length = struct.unpack_from(order + "HH", body, at)
        at += 4
        if at + records.padded(length) > len(body):
            raise _Wrong(
                f"a name record says {length} bytes and {len(body) - at} are left in the block"
            )
        if kind == END_OF_OPTIONS:
            break
        if kind in ADDRESS_OCTETS:
            if length < ADDRESS_OCTETS[kind]:
                raise _Wrong(
                    f"a name record needs an address of {ADDRESS_OCTETS[kind]} bytes and has "
                    f"{length}"
                )
            if length > ADDRESS_OCTETS[kind] and body[at + length - 1] != 0:
                raise _Wrong("a name needs to end with byte 0 and does not")
        at += records.padded(length)
    _options(body[at:], order)


@kernel
def _packets(
    octets: np.ndarray, at: int, end: int, row: int, section_big_endian: bool,
    link_type: np.ndarray, most_kept: np.ndarray, units: np.ndarray, offset_s: np.ndarray,
    skipped: np.ndarray, maximum: np.ndarray, interface_fcs: np.ndarray,
    start: np.ndarray, captured_octets: np.ndarray, wire_octets: np.ndarray, time_ns: np.ndarray,
    has_time: np.ndarray, links: np.ndarray, fcs_octets: np.ndarray,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Return rows, offset after the last, why the scan stopped, and what it is about."""
    while row < len(start):
        if at + 12 > end:  # the smallest block
            return row, at, records.SHORT, 12
        big = section_big_endian
        kind = records.u32(octets, at, big)
        if kind == SECTION:
            big = records.u32(octets, at + 8, True) == BYTE_ORDER_MAGIC
            if not big and records.u32(octets, at + 8, False) != BYTE_ORDER_MAGIC:
                return row, at, BYTE_ORDER, records.u32(octets, at + 8, True)
        total = records.padded(records.u32(octets, at + 4, big))
        least = SMALLEST_BLOCK_OCTETS
        if kind == PACKET or kind == OLD_PACKET:
            least = PACKET_OCTETS
        elif kind == SIMPLE_PACKET:
            least = SIMPLE_OCTETS
        if total < least or total > LARGEST_OCTETS:
            return row, at, SIZE, total
        if at + total > end:
            return row, at, records.SHORT, total
        trailer = at + total - 4
        if kind == PACKET or kind == OLD_PACKET:
            interface = records.u32(octets, at + 8, big)
            if kind == OLD_PACKET:  # 16 bits; the others count dropped packets
                interface = interface >> 16 if big else interface & 0xFFFF
            captured = records.u32(octets, at + 20, big)
            wire = records.u32(octets, at + 24, big)
            data = at + 28
            options = data + records.padded(captured)
            if options > trailer:
                return row, at, SMALL_BLOCK, captured
        elif kind == SIMPLE_PACKET:
            interface = 0
            wire = records.u32(octets, at + 8, big)
            captured = wire
            if len(link_type) and most_kept[0]:
                captured = min(wire, int(most_kept[0]))
            data = at + 12
            options = data + records.padded(captured)
            if options > trailer:
                return row, at, SMALL_BLOCK, captured
            trailer = options  # TShark looks for it there, wherever the block ends
        else:
            written = records.u32(octets, trailer, big)
            if records.padded(written) != total:
                return row, at, TRAILER, written
            return row, at, OTHER, kind
        if interface >= len(link_type):
            return row, at, NO_INTERFACE, interface
        if captured > maximum[interface]:
            return row, at, records.TOO_LONG, captured
        skip = skipped[interface]
        if skip < 0:
            return row, at, IS_UNSUPPORTED, int(link_type[interface])
        if captured < skip or (skip and kind == SIMPLE_PACKET):
            return row, at, records.TOO_SMALL, captured  # TShark loses its place in a simple packet
        status, code, fcs = _packet_options(octets, options, trailer, big)
        if status:
            return row, at, status, code
        written = records.u32(octets, trailer, big)
        if records.padded(written) != total:
            return row, at, TRAILER, written
        start[row] = data + skip
        captured_octets[row] = captured - skip
        wire_octets[row] = records.printed_octets(wire - skip)
        links[row] = link_type[interface]
        fcs_octets[row] = fcs if fcs else interface_fcs[interface]
        has_time[row] = kind != SIMPLE_PACKET
        if kind == SIMPLE_PACKET:
            time_ns[row] = 0
        else:
            high = np.uint64(records.u32(octets, at + 12, big))
            count = high << np.uint64(32) | np.uint64(records.u32(octets, at + 16, big))
            unit = units[interface]
            # 64 bits wrap, as in TShark
            fraction = np.int64(count % unit * np.uint64(1_000_000_000) // unit)
            seconds = np.int64(count // unit) + offset_s[interface]
            time_ns[row] = records.printed_ns(seconds, fraction)  # type: ignore[arg-type]
        at = trailer + 4
        row += 1
    return row, at, records.FULL, 0


@subkernel
def _packet_options(octets: np.ndarray, at: int, end: int, big: bool) -> tuple[int, int, int]:
    """Check the lengths TShark checks.

    Return 0, or what is wrong and with which option; and the bytes of the frame check sequence
    that the first flags tell, 0 for those that the interface tells.
    """
    flagged, fcs = False, 0
    while at < end:
        word = records.u32(octets, at, big)
        code = word >> 16 if big else word & 0xFFFF
        length = word & 0xFFFF if big else word >> 16
        at += 4
        following = at + records.padded(length)
        if following > end:
            return OPTION, code, 0
        if code == END_OF_OPTIONS:
            break
        if code == FLAGS or code == QUEUE:
            wrong = length != 4
            if code == FLAGS and not wrong and not flagged:
                flagged, fcs = True, records.u32(octets, at, big) >> 5 & 0xF
        elif code == DROPS or code == PACKET_ID:
            wrong = length != 8
        elif code == VERDICT:  # two kinds are 64 bits
            wrong = length < 1 or (1 <= octets[at] <= 2 and length != 9)
        elif code in CUSTOM_OPTIONS:
            wrong = length < 4
            if not wrong and records.u32(octets, at, big) == NETFLIX:
                return IS_NETFLIX, code, 0
        else:
            wrong = False
        if wrong:
            return OPTION, code, 0
        at = following
    return 0, 0, fcs
