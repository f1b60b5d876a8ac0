"""Names of columns: the labels, the paper's twelve features, and what is fitted to make them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from packetids.core import atomic

PORTS = ("src.port", "dst.port")


CATEGORICAL = ("proto", "tcp.flags", *PORTS)


NUMERIC = (
    "frame.len",
    "length",
    "stream",
    "ip.ttl_1",
    "ip.ttl_2",
    "tcp.analysis.initial_rtt",
    "tcp.time_delta",
    "tcp.window_size_value",
)


FEATURES = CATEGORICAL + NUMERIC  # the paper's twelve columns


PORT_OTHER, PORT_REGISTERED = "0-1023", "1024-65535"


@dataclass(frozen=True)
class Fitted:
    """What the table itself decided, and new packets need to be treated alike."""

    protocols: list[str]  # position + 1 is the integer of the protocol; 0 is "none"
    flags_missing: int  # maximum + 1
    stream_missing: int  # maximum + 1
    well_known_ports: list[int]

    def save(self, path: Path) -> None:
        """Write as JSON."""
        atomic.write_json(path, asdict(self))

    @staticmethod
    def load(path: Path) -> "Fitted":
        """Read what `save` wrote."""
        return Fitted(**json.loads(path.read_text(encoding="utf-8")))


def port_class_names(well_known_ports: list[int]) -> list[str]:
    """Name the port classes, in the order of their codes: thirteen for the paper's list."""
    return [*map(str, well_known_ports), PORT_OTHER, PORT_REGISTERED]


LABELS = ("capture", "category", "subcategory", "class")


SERVICE = "service"  # ARP, DNS or NTP, so that a bot's own can be scored apart; no feature
