"""Slow, obvious versions of what the library does fast, written from the paper, row by row."""

import struct
from pathlib import Path
from typing import Any

Packet = dict[str, Any]  # field name -> value or None

WELL_KNOWN = (20, 21, 22, 23, 25, 42, 43, 53, 80, 161, 443)


def first(*values: Any) -> Any:
    """Give the first value that is there."""
    return next((value for value in values if value is not None), None)


def port_class(port: int | None) -> str:
    """Section IV-C: a common port alone, else by range; no port was filled with 0."""
    port = 0 if port is None else port
    if port in WELL_KNOWN:
        return str(port)
    return "0-1023" if port < 1024 else "1024-65535"


def proto(packet: Packet) -> str | None:
    """Merge ip.proto and arp.proto.type."""
    arp = packet["arp.proto.type"]
    return first(packet["ip.proto"], None if arp is None else f"0x{arp:04x}")


def features(packets: list[Packet]) -> list[dict[str, Any]]:
    """Section IV-C up to duplicates, with ports as class names and proto as an integer."""
    names = sorted({proto(packet) for packet in packets} - {None})
    flags = [p["tcp.flags"] for p in packets if p["tcp.flags"] is not None]
    streams = [first(p["tcp.stream"], p["udp.stream"]) for p in packets]
    streams = [stream for stream in streams if stream is not None]
    rows = []
    for p in packets:
        ttl = [float(part) for part in (p["ip.ttl"] or "").split(",") if part] + [0.0, 0.0]
        stream = first(p["tcp.stream"], p["udp.stream"])
        rows.append(
            {
                "proto": 0 if proto(p) is None else names.index(proto(p)) + 1,
                "tcp.flags": p["tcp.flags"]
                if p["tcp.flags"] is not None
                else max(flags, default=-1) + 1,
                "src.port": port_class(first(p["tcp.srcport"], p["udp.srcport"])),
                "dst.port": port_class(first(p["tcp.dstport"], p["udp.dstport"])),
                "frame.len": float(p["frame.len"]),
                "length": float(first(p["tcp.len"], p["udp.length"], 0)),
                "stream": float(stream if stream is not None else max(streams, default=-1) + 1),
                "ip.ttl_1": ttl[0],
                "ip.ttl_2": ttl[1],
                "tcp.analysis.initial_rtt": float(first(p["tcp.analysis.initial_rtt"], 0)),
                "tcp.time_delta": float(first(p["tcp.time_delta"], 0)),
                "tcp.window_size_value": float(first(p["tcp.window_size_value"], 0)),
            }
        )
    return rows


def without_duplicates(rows: list[dict[str, Any]], keys: list[str]) -> list[int]:
    """Give the positions of rows whose `keys` were not seen before."""
    seen, kept = set(), []
    for position, row in enumerate(rows):
        mark = tuple(row[key] for key in keys)
        if mark not in seen:
            seen.add(mark)
            kept.append(position)
    return kept


def encode(train: list[dict], rows: list[dict], categorical: list[str], numeric: list[str]) -> list:
    """One-hot columns in -1 and 1, then numbers scaled by the training rows' range."""
    encoded = []
    ports = [*map(str, WELL_KNOWN), "0-1023", "1024-65535"]
    for row in rows:
        values = []
        for name in categorical:
            if name.endswith("port"):
                known = ports
            else:
                known = sorted({r[name] for r in train})
            values += [1.0 if row[name] == value else -1.0 for value in known]
            if not name.endswith("port"):
                values.append(-1.0 if row[name] in known else 1.0)
        for name in numeric:
            low, high = min(r[name] for r in train), max(r[name] for r in train)
            values.append(2 * (row[name] - low) / (high - low or 1) - 1)
        encoded.append(values)
    return encoded


def confusion(target: list[int], predicted: list[int], n: int) -> list[list[int]]:
    """Count pairs of actual and predicted class."""
    matrix = [[0] * n for _ in range(n)]
    for actual, guess in zip(target, predicted, strict=True):
        matrix[actual][guess] += 1
    return matrix


def pcap_packets(path: Path) -> list[tuple[int, bytes]]:
    """Read (time in ns, octets) of a little-endian microsecond pcap file, by the format's text."""
    data, at, packets = path.read_bytes(), 24, []
    while at < len(data):
        seconds, micros, kept, _ = struct.unpack_from("<IIII", data, at)
        packets.append(((seconds * 10**6 + micros) * 1000, data[at + 16 : at + 16 + kept]))
        at += 16 + kept
    return packets


def simple_fields(frame: bytes) -> dict[str, Any] | None:
    """Read a few fields of an Ethernet frame from RFC 791, 768, 793 and 826, where they are plain.

    None where it is not an unfragmented IPv4 TCP or UDP packet, or ARP.
    """
    kind = frame[12:14]
    if kind == b"\x08\x06":
        return {
            "arp.proto.type": int.from_bytes(frame[16:18], "big"),
            "arp.src.proto_ipv4": ".".join(map(str, frame[28:32])),
            "arp.dst.proto_ipv4": ".".join(map(str, frame[38:42])),
            "tcp.srcport": None,
            "udp.srcport": None,
        }
    if kind != b"\x08\x00" or frame[23] not in (6, 17):
        return None
    fragment = int.from_bytes(frame[20:22], "big") & 0x3FFF
    if fragment:
        return None
    start = 14 + 4 * (frame[14] & 15)
    word = [int.from_bytes(frame[start + i : start + i + 2], "big") for i in range(0, 18, 2)]
    values: dict[str, Any] = {
        "ip.src": ".".join(map(str, frame[26:30])),
        "ip.dst": ".".join(map(str, frame[30:34])),
        "ip.ttl": str(frame[22]),
        "ip.proto": str(frame[23]),
        "arp.proto.type": None,
    }
    if frame[23] == 17:
        return values | {
            "udp.srcport": word[0],
            "udp.dstport": word[1],
            "udp.length": word[2],
            "udp.checksum": word[3],
            "tcp.flags": None,
        }
    total = int.from_bytes(frame[16:18], "big")
    return values | {
        "tcp.srcport": word[0],
        "tcp.dstport": word[1],
        "tcp.flags": word[6] & 0x0FFF,
        "tcp.window_size_value": word[7],
        "tcp.checksum": word[8],
        "tcp.len": total - (start - 14) - 4 * (word[6] >> 12),
        "udp.length": None,
    }
