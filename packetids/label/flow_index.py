"""The flow that each packet belongs to: flow records by five-tuple and time.

A packet belongs to a flow if protocol, addresses and ports agree in either direction, and the
packet's time lies in [stime, ltime], give or take a tolerance. `flow_csv` reads the records,
`flow_source` chooses them, `flow_coverage` counts the packets that have none.

Memory: a flow is `BYTES_PER_FLOW` bytes, so a million flows are 25 MB; text is never kept.
`store` puts them into files as they are read, and `opened` maps these into memory, so that many
processes share one copy and none holds all of it.
"""

import ipaddress
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from packetids.core import atomic
from packetids.kernels import kernel
from packetids.label import flow_csv, rules
from packetids.label.flow_csv import ARP, IPV6_ICMP, TCP, UDP

BYTES_PER_FLOW = 25  # key 8, first time 8, last time 8, class 1
UNCOVERED = -1  # in place of a class: no flow holds the packet

# A file each in the folder of `store`, and one for what is no column.
COLUMNS: dict[str, type[np.generic]] = {
    "key": np.uint64, "start_us": np.int64, "end_us": np.int64, "class_number": np.int8
}  # fmt: skip
KNOWN = "known.json"
SELECT_ROWS = 1 << 20  # are compared at once, so that a selection takes little memory


class Keys:
    """Numbers for five-tuples without direction, exact and small.

    Distinct addresses are few, so each pair of addresses with a protocol gets a number; the key is
    that number and the two ports, 64 bits. Ports count for TCP and UDP only.
    """

    ABSENT = np.uint64(2**64 - 1)

    def __init__(self, addresses: Iterable[str] = (), pairs: Iterable[int] = ()) -> None:
        self._addresses = {name: number for number, name in enumerate(addresses)}
        self._pairs = {triple: number for number, triple in enumerate(pairs)}

    def as_json(self) -> dict[str, list[Any]]:
        """Return the arguments that make these keys again."""
        return {"addresses": list(self._addresses), "pairs": list(self._pairs)}

    def of(
        self,
        names: list[str],
        source: np.ndarray,
        destination: np.ndarray,
        protocol: np.ndarray,
        source_port: np.ndarray,
        destination_port: np.ndarray,
        grow: bool,
    ) -> np.ndarray:
        """Return the key of each flow or packet; `ABSENT` where something is missing or unknown.

        Parameters
        ----------
        names : list of str
            Addresses; `source` and `destination` are positions in it, -1 for none.
        protocol, source_port, destination_port : numpy.ndarray of int32, shape (n,)
            -1 where unknown; ports are ignored but for TCP and UDP.
        grow : bool
            Give new addresses a number (flows); otherwise they have no key (packets).

        Returns
        -------
        numpy.ndarray of uint64, shape (n,)
        """
        number = np.array([self._address(name, grow) for name in names] + [-1], np.int64)
        one, other = number[source], number[destination]
        has_ports = (protocol == TCP) | (protocol == UDP)
        one_port = np.where(has_ports, source_port, 0).astype(np.int64)
        other_port = np.where(has_ports, destination_port, 0).astype(np.int64)
        swap = (one > other) | ((one == other) & (one_port > other_port))
        one, other = np.where(swap, other, one), np.where(swap, one, other)
        one_port, other_port = (
            np.where(swap, other_port, one_port),
            np.where(swap, one_port, other_port),
        )
        known = (one >= 0) & (protocol >= 0) & (one_port >= 0) & (other_port >= 0)
        triple = (protocol.astype(np.int64) << 52) | (one << 26) | other
        distinct, place = np.unique(triple[known], return_inverse=True)
        pairs = np.array([self._pair(int(value), grow) for value in distinct], np.int64)
        key = np.full(len(triple), self.ABSENT)
        pair = pairs[place] if len(pairs) else np.empty(0, np.int64)
        found = ((pair << 32) | (one_port[known] << 16) | other_port[known]).astype(np.uint64)
        key[known] = np.where(pair >= 0, found, self.ABSENT)
        return key

    def _address(self, name: str, grow: bool) -> int:
        try:
            name = ipaddress.ip_address(name).compressed
        except ValueError:  # an Ethernet address, or nothing
            return -1
        if grow:
            return self._addresses.setdefault(name, len(self._addresses))
        return self._addresses.get(name, -1)

    def _pair(self, triple: int, grow: bool) -> int:
        if grow:
            return self._pairs.setdefault(triple, len(self._pairs))
        return self._pairs.get(triple, -1)


@dataclass
class Flows:
    """Flow records as columns, in the order of the files."""

    files: int
    keys: Keys
    key: np.ndarray  # uint64
    start_us: np.ndarray  # int64, since 1970-01-01 UTC
    end_us: np.ndarray  # int64
    class_number: np.ndarray  # int8, position in classes.KEYS
    unmatched: Counter[str] = field(default_factory=Counter)  # rows that no packet can match, why

    def __len__(self) -> int:
        return len(self.key)

    @property
    def rows(self) -> int:
        """Return how many rows the files have, without headers."""
        return len(self) + self.unmatched.total()

    def span_us(self) -> tuple[int, int]:
        """Return the times of the first and last record; there is one."""
        return int(self.start_us.min()), int(self.end_us.max())

    def during(self, first_us: int, last_us: int, tolerance_us: int) -> "Index":
        """Make the flows findable that may hold a packet between two times."""
        overlaps = self._overlapping(first_us - tolerance_us, last_us + tolerance_us)
        key, start = self.key[overlaps], self.start_us[overlaps]
        order = np.lexsort((start, key))
        key = key[order]
        distinct, first = np.unique(key, return_index=True)
        start, end = start[order], self.end_us[overlaps][order]
        bounds = np.append(first, len(key)).astype(np.int64)
        return Index(
            self.keys, distinct, bounds, start, end, _latest_end(bounds, end),
            self.class_number[overlaps][order], tolerance_us,
        )  # fmt: skip

    def _overlapping(self, first_us: int, last_us: int) -> np.ndarray:
        """Return the positions of the flows that overlap a time."""
        found = [np.empty(0, np.int64)]
        for begin in range(0, len(self), SELECT_ROWS):
            rows = slice(begin, begin + SELECT_ROWS)
            overlaps = (self.start_us[rows] <= last_us) & (self.end_us[rows] >= first_us)
            found.append(begin + np.flatnonzero(overlaps))
        return np.concatenate(found)


@dataclass(frozen=True)
class Index:
    """Flows sorted by key and start."""

    keys: Keys
    distinct: np.ndarray  # uint64, keys in order
    bounds: np.ndarray  # int64: flows of key i are bounds[i] to bounds[i + 1]
    start_us: np.ndarray
    end_us: np.ndarray
    latest_end_us: np.ndarray  # of this flow and the earlier ones with its key
    class_number: np.ndarray
    tolerance_us: int

    def __len__(self) -> int:
        return len(self.start_us)

    def classify(self, packets: pa.Table, ends: rules.Ends) -> tuple[np.ndarray, np.ndarray]:
        """Find the class of each packet's flow.

        Of the flows with the packet's five-tuple the nearest in time counts, if it is within the
        tolerance; inside [stime, ltime] the distance is 0. Of flows equally near that which began
        last counts; where they are of different classes, they disagree.

        Returns
        -------
        found : numpy.ndarray of int8, shape (n_packets,)
            Position in `classes.KEYS`, or `UNCOVERED`.
        disagree : numpy.ndarray of bool, shape (n_packets,)
        """
        key = packet_keys(packets, ends, self.keys)
        nanoseconds = packets["frame.time_epoch"].cast(pa.int64())
        has_time = np.asarray(pc.is_valid(nanoseconds))
        time_us = np.asarray(pc.fill_null(nanoseconds, 0)) // 1000
        key = np.where(has_time, key, Keys.ABSENT)
        found = np.full(len(key), UNCOVERED, np.int8)
        disagree = np.zeros(len(key), bool)
        if len(self.distinct):
            place = np.minimum(np.searchsorted(self.distinct, key), len(self.distinct) - 1)
            place = np.where(self.distinct[place] == key, place, -1)
            _nearest(
                place, time_us, self.bounds, self.start_us, self.end_us, self.latest_end_us,
                self.class_number, self.tolerance_us, found, disagree,
            )  # fmt: skip
        return found, disagree


def packet_keys(packets: pa.Table, ends: rules.Ends, keys: Keys) -> np.ndarray:
    """Return the key of each packet: outer addresses, their protocol, and ports of TCP and UDP.

    An ICMP message quotes the packet that it is about, whose ports are in the UDP or TCP fields;
    the outer header's protocol says that they are not the message's own. TShark's fields do not
    name the protocol of an IPv6 packet: with one IPv6 header TCP and UDP show in their ports, and
    all else counts as ICMPv6, on the side of the flows too.
    """
    protocol = rules.outer_numbers(packets["ip.proto"])
    tcp = _ports(packets, "tcp")
    udp = _ports(packets, "udp")
    over_ipv6 = np.where(
        ends.headers > 1, IPV6_ICMP, np.where(tcp[0] >= 0, TCP, np.where(udp[0] >= 0, UDP, 58))
    )
    protocol = np.select([ends.layer == rules.IPV6, ends.layer == rules.ARP],
                         [over_ipv6, np.full(len(protocol), ARP)], protocol)  # fmt: skip
    source_port = np.where(protocol == TCP, tcp[0], udp[0])
    destination_port = np.where(protocol == TCP, tcp[1], udp[1])
    return keys.of(
        ends.names, ends.source, ends.destination, protocol.astype(np.int32),
        source_port, destination_port, grow=False,
    )  # fmt: skip


def _ports(packets: pa.Table, protocol: str) -> tuple[np.ndarray, np.ndarray]:
    source, destination = (
        np.asarray(pc.fill_null(packets[f"{protocol}.{end}"].cast(pa.int32()), -1))
        for end in ("srcport", "dstport")
    )
    return source, destination


@kernel
def _latest_end(bounds: np.ndarray, end: np.ndarray) -> np.ndarray:
    latest = end.copy()
    for i in range(len(bounds) - 1):
        for j in range(bounds[i] + 1, bounds[i + 1]):
            latest[j] = max(latest[j], latest[j - 1])
    return latest


@kernel
def _nearest(
    place: np.ndarray, time_us: np.ndarray, bounds: np.ndarray, start_us: np.ndarray,
    end_us: np.ndarray, latest_end_us: np.ndarray, labels: np.ndarray, tolerance_us: int,
    found: np.ndarray, disagree: np.ndarray,
) -> None:  # fmt: skip
    for i in range(len(place)):
        if place[i] < 0:
            continue
        time, low = time_us[i], bounds[place[i]]
        # The last flow that begins at or before the latest time that counts.
        left, right = low, bounds[place[i] + 1]
        while left < right:
            middle = (left + right) // 2
            if start_us[middle] <= time + tolerance_us:
                left = middle + 1
            else:
                right = middle
        nearest = tolerance_us + 1
        j = left - 1
        # No flow at or before j ends later than latest_end_us[j], so once that is too far, all are.
        while j >= low and latest_end_us[j] >= time - min(nearest, tolerance_us):
            distance = max(start_us[j] - time, time - end_us[j], 0)
            if distance < nearest:
                nearest, found[i], disagree[i] = distance, labels[j], False
            elif distance == nearest and distance <= tolerance_us and labels[j] != found[i]:
                disagree[i] = True
            j -= 1


def read(layouts: list[flow_csv.Layout]) -> Flows:
    """Read flow records into memory, a block at a time.

    Raises
    ------
    PacketidsError
        If a row does not fit: says the file, the row, what was needed and what was there. So in
        `store`.
    """
    keys, unmatched = Keys(), Counter[str]()
    parts = list(_decoded(layouts, keys, unmatched))
    columns = {
        name: np.concatenate([np.empty(0, kind), *(part[name] for part in parts)])
        for name, kind in COLUMNS.items()
    }
    return Flows(len(layouts), keys, **columns, unmatched=unmatched)


def store(layouts: list[flow_csv.Layout], folder: Path) -> Flows:
    """Read flow records into files in `folder`, a block at a time, and open them there."""
    keys, unmatched = Keys(), Counter[str]()
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / name).open("wb")) for name in COLUMNS}
        for part in _decoded(layouts, keys, unmatched):
            for name, file in files.items():
                file.write(np.ascontiguousarray(part[name]).data)
    known = {"files": len(layouts), "unmatched": unmatched} | keys.as_json()
    atomic.write_json(folder / KNOWN, known)
    return opened(folder)


def opened(folder: Path) -> Flows:
    """Open the flow records that `store` put into `folder`; the system loads what is looked at."""
    known = json.loads((folder / KNOWN).read_text(encoding="utf-8"))
    keys = Keys(known["addresses"], known["pairs"])
    columns = {name: _mapped(folder / name, kind) for name, kind in COLUMNS.items()}
    return Flows(known["files"], keys, **columns, unmatched=Counter(known["unmatched"]))


def _mapped(path: Path, kind: type[np.generic]) -> np.ndarray:
    if not path.stat().st_size:  # no system maps an empty file
        return np.empty(0, kind)
    return np.asarray(np.memmap(path, kind, mode="r"))


def _decoded(
    layouts: list[flow_csv.Layout], keys: Keys, unmatched: Counter[str]
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the columns of each block's flows; count the rows left out by reason in `unmatched`."""
    for one in layouts:
        for block in flow_csv.blocks(one):
            key = _flow_keys(block, keys)
            unmatched.update(
                block.why_unmatched(i) for i in np.flatnonzero(key == Keys.ABSENT).tolist()
            )
            kept = key != Keys.ABSENT
            yield {"key": key[kept]} | {
                name: getattr(block, name)[kept] for name in COLUMNS if name != "key"
            }


def _flow_keys(block: flow_csv.Block, keys: Keys) -> np.ndarray:
    names = block.texts["saddr"] + block.texts["daddr"]
    source, destination = block.code["saddr"], block.code["daddr"] + len(block.texts["saddr"])
    is_ipv6 = np.array([":" in name for name in names] + [False])[source]
    # As for packets: over IPv6 all but TCP and UDP is one protocol.
    protocol = np.where(
        is_ipv6 & (block.protocol != TCP) & (block.protocol != UDP) & (block.protocol >= 0),
        IPV6_ICMP, block.protocol,
    )  # fmt: skip
    return keys.of(
        names, source, destination, protocol, block.source_port, block.destination_port, grow=True
    )
