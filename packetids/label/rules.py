"""Which packets are attacks: the paper's rule by the bots' addresses, or the dataset's own flows.

Ge et al. 2019, section IV-B, "Label mapping": "match the IP address of the bot machine and label
packets according to the attack subcategory". The subcategory comes from the capture's place;
packets of no bot are normal traffic. The other rule, by flow records, is in `flows`.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from packetids.core import classes
from packetids.core.columns import LABELS

Endpoint: TypeAlias = Literal["either", "source"]  # which end of a packet may be a bot


NONE, IPV4, IPV6, ARP = 0, 4, 6, 1  # where the addresses of a packet come from
_LAYERS = (
    (IPV4, "ip.src", "ip.dst"),
    (ARP, "arp.src.proto_ipv4", "arp.dst.proto_ipv4"),
    (IPV6, "ipv6.src", "ipv6.dst"),
)


@dataclass(frozen=True)
class Ends:
    """The two ends of packets: addresses of the outer header, or of the ARP message."""

    names: list[str]  # distinct addresses
    source: np.ndarray  # int32, position in `names`, -1 for none; shape (n_packets,)
    destination: np.ndarray  # int32
    layer: np.ndarray  # int8: NONE, IPV4, IPV6 or ARP
    headers: np.ndarray  # int8: 1, or 2 where more than one such header is in the packet

    def are(self, addresses: list[str], at: np.ndarray) -> np.ndarray:
        """Mark the packets that have one of `addresses` at an end (`source` or `destination`)."""
        wanted = np.array([name in set(addresses) for name in self.names] + [False])
        return wanted[at]


def ends(packets: pa.Table) -> Ends:
    """Find the ends of each packet.

    Only the outer header counts, the first of several joined by commas: the header inside an ICMP
    message is a quotation.
    """
    names: dict[str, int] = {}
    n = packets.num_rows
    source, destination = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    layer, headers = np.zeros(n, np.int8), np.ones(n, np.int8)
    for kind, *columns in _LAYERS:
        free = layer == NONE
        taken = np.zeros(n, bool)
        for name, end in zip(columns, (source, destination), strict=True):
            texts, code = _coded(packets[name])
            number = [names.setdefault(t.split(",")[0], len(names)) if t else -1 for t in texts]
            several = np.array(["," in text for text in texts] + [False])
            found = np.array([*number, -1], np.int32)[code]
            here = free & (found >= 0)
            end[here] = found[here]
            headers[here & several[code]] = 2
            taken |= here
        layer[taken] = kind
    return Ends(list(names), source, destination, layer, headers)


def outer_numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Read the first of numbers joined by commas; int32, -1 where there is none."""
    texts, code = _coded(column)
    numbers = [int(text.split(",")[0]) if text else -1 for text in texts]
    return np.array([*numbers, -1], np.int32)[code]


def is_attack(packets: Ends, bots: list[str], endpoint: Endpoint) -> np.ndarray:
    """Mark the packets that a bot sent or received.

    An IPv6 packet matches no bot, as in the paper.

    Returns
    -------
    numpy.ndarray of bool, shape (n_packets,)
    """
    sent = packets.are(bots, packets.source)
    return sent | packets.are(bots, packets.destination) if endpoint == "either" else sent


def by_bot_address(
    packets: Ends, subcategory: classes.Subcategory, bots: list[str], endpoint: Endpoint
) -> np.ndarray:
    """Return the class of each packet by the paper's rule; int8, position in `classes.KEYS`."""
    attack = is_attack(packets, bots, endpoint)
    numbers = classes.KEYS.index(classes.NORMAL), classes.KEYS.index(subcategory.key)
    return np.array(numbers, np.int8)[attack.astype(int)]


def append(packets: pa.Table, capture: str, found: np.ndarray) -> pa.Table:
    """Add the columns capture, category, subcategory and class.

    `found` holds the position in `classes.KEYS` of each packet's class.
    """
    packets = packets.append_column("capture", _encoded(np.zeros(len(found), int), [capture]))
    for name in LABELS[1:]:
        attribute = "key" if name == "class" else name
        texts = [getattr(entry, attribute) for entry in classes.SUBCATEGORIES]
        distinct = sorted(set(texts))  # a dictionary holds no text twice
        code = np.array([distinct.index(text) for text in texts])
        packets = packets.append_column(name, _encoded(code[found], distinct))
    return packets


def _encoded(code: np.ndarray, texts: list[str]) -> pa.Array:
    """Make a dictionary of the texts that are used, so that none stands there without a row."""
    used, place = np.unique(code, return_inverse=True)
    indices = pa.array(place.astype(np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array([texts[i] for i in used], pa.string()))


def _coded(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """Return the distinct texts of a column, and of each row its position there, -1 for null."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    texts = column.chunk(0).dictionary.to_pylist() if column.num_chunks else []
    codes = [np.asarray(pc.fill_null(chunk.indices, -1)) for chunk in column.chunks]
    return texts, np.concatenate([np.empty(0, np.int32), *codes])
