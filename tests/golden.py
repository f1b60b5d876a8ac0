"""Small captures of our own, each beside TShark's reading of it: ``python -m tests.golden``.

Makes tests/golden/<name>.pcap.gz and <name>.parquet anew; needs TShark. A capture's frames come
from a seed, so that it changes only if `packets` does; the reading is TShark 4.0.17's.
"""

import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from packetids.core import fields
from packetids.extract import tshark
from tests import packets

FOLDER = Path(__file__).parent / "golden"
FILTER = "ip or ipv6 or arp"
FRAMES = 400

Builder = Callable[[random.Random], bytes]


def _ip(kind: int, make: Callable[..., bytes]) -> Builder:
    return lambda rng: bytes(12) + kind.to_bytes(2, "big") + make(rng)


BUILDERS: dict[str, Builder] = {
    "ethernet": packets.ethernet,
    "fragment": packets.fragment,
    "portmap": packets.portmap,
    "tftp": packets.tftp,
    "coap": packets.coap,
    "snmp": packets.snmp,
    "connection": packets.connection,
    "arp": _ip(0x0806, packets.arp),
    "ipv4": _ip(0x0800, packets.ipv4),
    "ipv6": _ip(0x86DD, packets.ipv6),
    "offload": packets.offload,
    "understated": packets.ethernet,
}
DAMAGE = {"understated": packets.understated}  # of the others: `packets.damaged`
NAMES = tuple(BUILDERS)


def capture(name: str) -> Path:
    """Give the path of a capture."""
    return FOLDER / f"{name}.pcap.gz"


def reading(name: str) -> list[dict[str, Any]]:
    """Give TShark's reading of a capture, row by row."""
    return pq.read_table(FOLDER / f"{name}.parquet").to_pylist()


def make(name: str) -> None:
    """Write a capture and TShark's reading of it."""
    rng = random.Random(f"golden {name}")
    damage = DAMAGE.get(name, packets.damaged)
    frames = [damage(rng, BUILDERS[name](rng)) for _ in range(FRAMES)]
    FOLDER.mkdir(exist_ok=True)
    capture(name).write_bytes(gzip.compress(packets.capture(frames), mtime=0))
    table = pa.Table.from_batches(tshark.read(capture(name), FILTER), schema=fields.schema())
    pq.write_table(table, FOLDER / f"{name}.parquet", compression="zstd")


if __name__ == "__main__":
    for each in NAMES:
        make(each)
