"""Slow, obvious versions of what the library does fast, written from the paper.

Most go row by row. Those called ``pandas_…`` do a whole table's work as it is usually written with
pandas, everything in memory; benchmarks/scale.py compares their time with the library's.
"""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

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


def first_equal(rows: list[tuple]) -> list[int]:
    """Give each row the position of the first row that equals it."""
    return [rows.index(row) for row in rows]


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


def capture_frames(data: bytes) -> tuple[list[tuple[int | None, int, bytes, int]], bool]:
    """Read a plain pcap (of the usual record headers) or pcapng file, by the formats' texts.

    Gives (time in ns or None, octets on the wire, octets captured, link type) of each frame, and
    whether the file was good to its end.
    """
    good = len(data) >= 24
    frames: list[tuple[int | None, int, bytes, int]] = []
    reading = _pcapng(data) if data[:4] == b"\n\r\r\n" else _pcap(data)
    try:
        for frame in reading:
            frames.append(frame)
    except (struct.error, LookupError, ValueError):
        good = False
    return frames, good


def _octets(data: bytes, at: int, count: int) -> bytes:
    if at + count > len(data):
        raise IndexError(at)
    return data[at : at + count]


def _pcap(data: bytes) -> Any:
    magics = {
        b"\xa1\xb2\xc3\xd4": (">", 1000),
        b"\xd4\xc3\xb2\xa1": ("<", 1000),
        b"\xa1\xb2\x3c\x4d": (">", 1),
        b"\x4d\x3c\xb2\xa1": ("<", 1),
    }
    order, fraction_ns = magics[data[:4]]
    link = struct.unpack(order + "I", _octets(data, 20, 4))[0] & 0xFFFF
    at = 24
    while at < len(data):
        seconds, fraction, kept, wire = struct.unpack(order + "IIII", _octets(data, at, 16))
        if kept > 262144:
            raise ValueError(kept)
        time_ns = seconds * 10**9 + fraction * fraction_ns
        yield time_ns, wire, _octets(data, at + 16, kept), link
        at += 16 + kept


def _pcapng(data: bytes) -> Any:
    at, order = 0, "<"
    interfaces: list[tuple[int, int, int, int]] = []
    while at < len(data):
        if _octets(data, at, 4) == b"\n\r\r\n":
            order = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}[_octets(data, at + 8, 4)]
            interfaces = []
        kind, total = struct.unpack(order + "II", _octets(data, at, 8))
        body = _octets(data, at + 8, total - 12)
        if struct.unpack(order + "I", _octets(data, at + total - 4, 4))[0] != total:
            raise ValueError(total)
        if kind == 1:
            link, _, most = struct.unpack(order + "HHI", body[:8])
            units, offset, option = 10**6, 0, 8
            while option < len(body):
                code, length = struct.unpack(order + "HH", body[option : option + 4])
                value = body[option + 4 : option + 4 + length]
                if code == 0:
                    break
                if code == 9:
                    units = (2 if value[0] & 128 else 10) ** (value[0] & 127)
                if code == 14:
                    offset = struct.unpack(order + "q", value)[0]
                option += 4 + length + -length % 4
            interfaces.append((link, most, units, offset))
        elif kind in (2, 6):
            number, high, low, kept, wire = struct.unpack(order + "IIIII", body[:20])
            if kind == 2:
                number = struct.unpack(order + "H", body[:2])[0]
            link, _, units, offset = interfaces[number]
            count = high << 32 | low
            time_ns = (count // units + offset) * 10**9 + count % units * 10**9 // units
            yield time_ns, wire, _octets(body, 20, kept), link
        elif kind == 3:
            wire = struct.unpack(order + "I", body[:4])[0]
            link, most, _, _ = interfaces[0]
            yield None, wire, _octets(body, 4, min(wire, most or wire)), link
        at += total


def outer(text: str | None) -> str | None:
    """Give the first of values joined by commas."""
    return text.split(",")[0] if text else None


def ends(packet: Packet) -> tuple[str | None, str | None, str | None]:
    """Give source, destination and layer (ip, arp, ipv6) of the outer header."""
    for layer, one, other in (
        ("ip", "ip.src", "ip.dst"),
        ("arp", "arp.src.proto_ipv4", "arp.dst.proto_ipv4"),
        ("ipv6", "ipv6.src", "ipv6.dst"),
    ):
        if packet[one] or packet[other]:
            return outer(packet[one]), outer(packet[other]), layer
    return None, None, None


def is_attack(packet: Packet, bots: list[str], endpoint: str) -> bool:
    """Section IV-B, "Label mapping": is a bot the source, or at either end?"""
    source, destination, _ = ends(packet)
    return source in bots or (endpoint == "either" and destination in bots)


def packet_protocol(packet: Packet) -> str:
    """Name the protocol of the outer header as Argus does; ipv6-icmp is all the rest over IPv6."""
    layer = ends(packet)[2]
    if layer == "arp":
        return "arp"
    if layer == "ipv6":
        alone = "," not in (packet["ipv6.src"] or "") + (packet["ipv6.dst"] or "")
        if alone and packet["tcp.srcport"] is not None:
            return "tcp"
        return "udp" if alone and packet["udp.srcport"] is not None else "ipv6-icmp"
    names = {"1": "icmp", "2": "igmp", "6": "tcp", "17": "udp"}
    return names.get(outer(packet["ip.proto"]) or "", "other")


def flow_of(packet: Packet, flows: list[dict[str, Any]], tolerance_us: int) -> tuple[Any, bool]:
    """Find the class of the packet's flow (None: no flow), and whether flows disagree.

    A flow has proto, ends (a set of addresses with ports, or of addresses alone), start_us, end_us
    and class. The nearest in time counts, of these the one that began last.
    """
    source, destination, _ = ends(packet)
    protocol = packet_protocol(packet)
    one, other = (source,), (destination,)
    if protocol in ("tcp", "udp"):
        one = (source, packet[f"{protocol}.srcport"])
        other = (destination, packet[f"{protocol}.dstport"])
    if packet["time_us"] is None or None in one + other:
        return None, False
    near = []
    for order, flow in enumerate(flows):
        if flow["proto"] != protocol or flow["ends"] != sorted([one, other]):
            continue
        distance = max(flow["start_us"] - packet["time_us"], packet["time_us"] - flow["end_us"], 0)
        if distance <= tolerance_us:
            near.append((distance, -flow["start_us"], -order, flow["class"]))
    if not near:
        return None, False
    best = min(near)
    return best[3], any(n[0] == best[0] and n[3] != best[3] for n in near)


def pandas_unify(paths: Iterable[Path]) -> pd.DataFrame:
    """Section IV-B, "Schema unifying": all labelled captures in one table."""
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def pandas_features(packets: pd.DataFrame) -> pd.DataFrame:
    """Section IV-C up to duplicates, with the labels."""
    arp = packets["arp.proto.type"].map(lambda value: f"0x{int(value):04x}", na_action="ignore")
    proto = packets["ip.proto"].astype("str")
    proto = proto.where(proto.notna(), arp)
    number = {name: i + 1 for i, name in enumerate(sorted(proto.dropna().unique()))}

    def merged(tcp: str, udp: str) -> pd.Series:
        return packets[tcp].astype("float64").fillna(packets[udp].astype("float64"))

    def classed(port: pd.Series) -> pd.Series:
        port = port.fillna(0).astype("int64")
        by_range = np.where(port < 1024, "0-1023", "1024-65535")
        names = [*map(str, WELL_KNOWN), "0-1023", "1024-65535"]
        text = port.astype("str").where(port.isin(WELL_KNOWN), by_range)
        return pd.Series(pd.Categorical(text, categories=names))

    flags, stream = packets["tcp.flags"], merged("tcp.stream", "udp.stream")
    ttl = packets["ip.ttl"].astype("str").str.split(",", expand=True)
    return pd.DataFrame(
        {
            "proto": proto.map(number).fillna(0).astype("int32"),
            "tcp.flags": flags.fillna(pd.Series(flags.max()).fillna(-1)[0] + 1).astype("int32"),
            "src.port": classed(merged("tcp.srcport", "udp.srcport")),
            "dst.port": classed(merged("tcp.dstport", "udp.dstport")),
            "frame.len": packets["frame.len"].astype("float64"),
            "length": merged("tcp.len", "udp.length").fillna(0),
            "stream": stream.fillna(pd.Series(stream.max()).fillna(-1)[0] + 1),
            "ip.ttl_1": ttl[0].astype("float64").fillna(0),
            "ip.ttl_2": ttl[1].astype("float64").fillna(0) if 1 in ttl else 0.0,
            "tcp.analysis.initial_rtt": packets["tcp.analysis.initial_rtt"].fillna(0),
            "tcp.time_delta": packets["tcp.time_delta"].fillna(0),
            "tcp.window_size_value": packets["tcp.window_size_value"].astype("float64").fillna(0),
        }
        | {name: packets[name] for name in ("capture", "category", "subcategory", "class")}
        | {"service": _service(packets)}
    )


def _service(packets: pd.DataFrame) -> pd.Series:
    """ARP, DNS or NTP of a host; a packet with both ports is NTP."""
    found = pd.Series("", index=packets.index)
    for name, port in (("DNS", 53), ("NTP", 123)):
        at_port = (packets["udp.srcport"] == port) | (packets["udp.dstport"] == port)
        found[at_port.fillna(False).astype(bool)] = name
    found[packets["arp.proto.type"].notna()] = "ARP"
    return found


def pandas_conflicts(table: pd.DataFrame, features: list[str]) -> int:
    """Count the rows whose features also stand in a row of another class."""
    distinct = table.drop_duplicates(subset=[*features, "class"])
    contested = distinct[distinct.duplicated(subset=features, keep=False)][features]
    marked = contested.drop_duplicates().assign(contested=True)
    return int(table[features].merge(marked, how="left")["contested"].notna().sum())


def pandas_inputs(train: pd.DataFrame, categorical: list[str], numeric: list[str]) -> pd.DataFrame:
    """Sections IV-C and IV-D on the training rows: one-hot columns in -1 and 1, scaled numbers."""
    columns = {}
    for name in categorical:
        hot = pd.get_dummies(train[name])
        columns |= {f"{name}={value}": 2.0 * hot[value] - 1 for value in hot}
        if not name.endswith("port"):
            columns[f"{name}=other"] = pd.Series(-1.0, train.index)
    for name in numeric:
        low, high = train[name].min(), train[name].max()
        columns[name] = (train[name] - low) / (high - low or 1.0) * 2.0 - 1.0
    return pd.DataFrame({name: column.astype("float32") for name, column in columns.items()})
