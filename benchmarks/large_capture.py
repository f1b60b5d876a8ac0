"""A capture of any size, made of the embedded testbed captures, many times over.

Each repeat is later in time, and its addresses and checksums are its own, so that it holds other
conversations than the others (until `hosts` repeats have gone by, whose addresses then come again);
the same ports come again only after more rows than a row group of
Parquet has, so that no compressor profits. Ports stay as recorded, because they decide which of
TShark's dissectors looks at a payload, and another one may find a tunnel in it. What is not IPv4
over Ethernet without options stays as it is, and so does what an ICMP message quotes.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

PCAP_HEADER, RECORD_HEADER = 24, 16
LITTLE_ENDIAN_MICROSECONDS = bytes.fromhex("d4c3b2a1")

# Offsets from the start of a record: its header, Ethernet, then IPv4 without options.
ETHER_TYPE, IP = RECORD_HEADER + 12, RECORD_HEADER + 14
IP_PROTOCOL, IP_SOURCE, IP_DESTINATION = IP + 9, IP + 12, IP + 16
TRANSPORT = IP + 20
UDP_CHECKSUM, TCP_CHECKSUM = TRANSPORT + 6, TRANSPORT + 16
TCP, UDP = 6, 17

PRIME = 7919
HOSTS = 1 << 16  # repeats that two bytes of an address can tell apart


class Repeats:
    """Captures as one run of records, again and again."""

    def __init__(self, captures: list[Path], hosts: int = HOSTS) -> None:
        self._hosts = hosts
        files = [path.read_bytes() for path in captures]
        for path, content in zip(captures, files, strict=True):
            if content[:4] != LITTLE_ENDIAN_MICROSECONDS:
                raise ValueError(f"{path}: a little-endian microsecond pcap file is needed")
        self.header = files[0][:PCAP_HEADER]
        self._octets = np.frombuffer(b"".join(f[PCAP_HEADER:] for f in files), np.uint8)
        self._start = np.array(list(_starts(self._octets.tobytes())), np.int64)
        self.packets, self.octets = len(self._start), len(self._octets)
        seconds = self._words(0)
        self._span_s = int(seconds.max() - seconds.min()) + 1
        length = np.diff(np.append(self._start, len(self._octets)))
        long = length >= TRANSPORT + 8  # a UDP header, or the begin of TCP's
        at, length = self._start[long], length[long]
        plain = (
            (self._octets[at + ETHER_TYPE] == 8)
            & (self._octets[at + ETHER_TYPE + 1] == 0)
            & (self._octets[at + IP] == 0x45)
            & (self._octets[at + IP + 6] & 0x3F == 0)  # no fragment
            & (self._octets[at + IP + 7] == 0)
        )
        protocol = self._octets[at + IP_PROTOCOL]
        self._ip = at[plain]
        self._tcp = at[plain & (protocol == TCP) & (length >= TCP_CHECKSUM + 2)]
        self._udp = at[plain & (protocol == UDP)]

    def repeat(self, number: int) -> bytes:
        """Give the records of repeat `number`; 0 is what was recorded."""
        octets = self._octets.copy()
        seconds = (self._words(0) + number * self._span_s).astype("<u4")
        octets[self._start[:, None] + np.arange(4)] = seconds.view(np.uint8).reshape(-1, 4)
        shift = number % self._hosts
        for at in (IP_SOURCE, IP_DESTINATION):
            octets[self._ip + at + 2] += np.uint8(shift % 256)
            octets[self._ip + at + 1] += np.uint8(shift // 256 % 256)
        for at, records in ((TCP_CHECKSUM, self._tcp), (UDP_CHECKSUM, self._udp)):
            checksum = self._big(octets, records + at)
            self._set(octets, records + at, checksum ^ (number * PRIME & 0xFFFF))
        return octets.tobytes()

    def start(self, packet: int) -> int:
        """Give the offset of a packet's record in a repeat; of the end, for `packets`."""
        return int(self._start[packet]) if packet < self.packets else self.octets

    def _words(self, at: int) -> np.ndarray:
        return self._octets[self._start[:, None] + at + np.arange(4)].view("<u4")[:, 0].astype(int)

    @staticmethod
    def _big(octets: np.ndarray, at: np.ndarray) -> np.ndarray:
        return octets[at].astype(np.int64) << 8 | octets[at + 1]

    @staticmethod
    def _set(octets: np.ndarray, at: np.ndarray, value: np.ndarray) -> None:
        octets[at], octets[at + 1] = value >> 8, value & 0xFF


def _starts(records: bytes) -> Iterator[int]:
    at = 0
    while at < len(records):
        yield at
        at += RECORD_HEADER + int.from_bytes(records[at + 8 : at + 12], "little")


def make(
    captures: list[Path], folder: Path, octets: int, files: int, hosts: int = HOSTS
) -> tuple[Path, list[Path], int]:
    """Make ``large.pcap`` of about `octets`, and the same packets in `files` captures.

    Returns
    -------
    tuple of the large capture, the smaller ones in ``many/``, the number of packets
    """
    repeats = Repeats(captures, hosts)
    packets = int(octets / repeats.octets * repeats.packets)
    large = folder / "large.pcap"
    parts = [folder / "many" / f"{i:02}.pcap" for i in range(files)]
    parts[0].parent.mkdir(exist_ok=True)
    for path in (large, *parts):
        path.write_bytes(repeats.header)
    ends = [(i + 1) * packets // files for i in range(files)]
    at = 0  # number of the next packet
    while at < packets:
        number, first = divmod(at, repeats.packets)
        part = next(i for i, end in enumerate(ends) if at < end)
        until = min(repeats.packets, first + ends[part] - at)
        records = repeats.repeat(number)[repeats.start(first) : repeats.start(until)]
        for path in (large, parts[part]):
            with path.open("ab") as stream:
                stream.write(records)
        at += until - first
    return large, parts, packets
