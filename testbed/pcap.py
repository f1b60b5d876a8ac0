"""Just enough of the pcap format to count packets and to cut a window out of a capture."""

import struct
from dataclasses import dataclass
from pathlib import Path

FILE_HEADER_BYTES = 24
RECORD_HEADER_BYTES = 16
FRAME_BYTES_MIN = 60  # what Ethernet cards pad to
MAGIC = 0xA1B2C3D4  # little-endian, microseconds: what `dumpcap -P` writes


@dataclass(frozen=True)
class Packet:
    """One record: where it lies in the file, when it came, and its bytes."""

    start: int
    end: int
    time_us: int
    frame: bytes


def read(path: Path) -> tuple[bytes, list[Packet]]:
    """Read the file header and every packet of a pcap file that dumpcap wrote."""
    data = path.read_bytes()
    if len(data) < FILE_HEADER_BYTES or struct.unpack_from("<I", data)[0] != MAGIC:
        raise ValueError(f"{path}: no little-endian microsecond pcap file")
    packets, at = [], FILE_HEADER_BYTES
    while at < len(data):
        seconds, micros, kept, _ = struct.unpack_from("<4I", data, at)
        body = at + RECORD_HEADER_BYTES
        packets.append(
            Packet(at, body + kept, seconds * 1_000_000 + micros, data[body : body + kept])
        )
        at = body + kept
    return data[:FILE_HEADER_BYTES], packets


def write(path: Path, header: bytes, source: bytes, packets: list[Packet]) -> None:
    """Write `packets`, cut out of `source`, the bytes of a capture file."""
    path.write_bytes(header + b"".join(source[packet.start : packet.end] for packet in packets))


def is_bots(packet: Packet, bots: set[bytes]) -> bool:
    """Tell whether one of `bots`, as four bytes, sent or received an Ethernet packet."""
    frame = packet.frame
    if frame[12:14] == b"\x08\x00":  # IPv4: source at 12, destination at 16 of its header
        return frame[26:30] in bots or frame[30:34] in bots
    if frame[12:14] == b"\x08\x06":  # ARP: sender at 14, target at 24 of its message
        return frame[28:32] in bots or frame[38:42] in bots
    return False


def is_padded(packet: Packet) -> bool:
    """Tell whether an Ethernet frame of 60 bytes holds less than that of IPv4, IPv6 or ARP."""
    frame = packet.frame
    if len(frame) != FRAME_BYTES_MIN:
        return False
    held = {
        b"\x08\x00": int.from_bytes(frame[16:18], "big"),
        b"\x86\xdd": 40 + int.from_bytes(frame[18:20], "big"),
        b"\x08\x06": 28,
    }.get(frame[12:14], FRAME_BYTES_MIN)
    return 14 + held < FRAME_BYTES_MIN
