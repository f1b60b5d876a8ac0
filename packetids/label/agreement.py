"""The two label rules beside each other, on the same packets.

The paper calls every packet of a bot an attack; the dataset's own flow records call what bots do
for themselves (DNS, NTP, ARP) Normal. `Agreement` counts both for each attack subcategory's
captures, for all packets and for the kinds on which the rules are known to part. A packet that no
flow record holds has no class by flows: it is counted as uncovered, and the rules neither agree nor
part on it, whatever ``label.uncovered`` makes of it.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from packetids.core import classes
from packetids.core.classes import TOTAL
from packetids.label import rules

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    "all": "every packet",
    "bot_dns": "a bot at one end, port 53 at the other",
    "bot_ntp": "a bot at one end, port 123 at the other",
    "bot_arp": "an ARP message from or for a bot",
    "bot_ipv6": "an IPv6 address of a bot at one end; the paper's rule knows IPv4 only",
    "victim_reply": "from another host to a bot, over IPv4",
}
COUNTS = ("packets", "attack_by_bot_address", "attack_by_flows", "same_class", "uncovered",
          "flows_disagree")  # fmt: skip


class Agreement:
    """Counts of packets, gathered a table of packets at a time."""

    def __init__(self, bots: list[str], bots_ipv6: list[str]) -> None:
        self.bots, self.bots_ipv6 = bots, bots_ipv6
        self.counts: dict[tuple[str, str], np.ndarray] = {}

    def add(
        self,
        subcategory: str,
        packets: pa.Table,
        ends: rules.Ends,
        by_address: np.ndarray,
        by_flows: np.ndarray | None = None,
        uncovered: np.ndarray | None = None,
        disagree: np.ndarray | None = None,
    ) -> None:
        """Count `packets` of a capture of `subcategory`.

        Classes are positions in `classes.KEYS`; `by_flows`, `uncovered` and `disagree` are None
        where there are no flow records. What `by_flows` says of an uncovered packet is not read.
        """
        normal = classes.KEYS.index(classes.NORMAL)
        none = np.zeros(packets.num_rows, bool)
        columns = [np.ones(packets.num_rows, bool), by_address != normal]
        if by_flows is None or uncovered is None or disagree is None:
            columns += [none] * 4
        else:
            columns += [
                (by_flows != normal) & ~uncovered, (by_flows == by_address) & ~uncovered,
                uncovered, disagree,
            ]  # fmt: skip
        for kind, chosen in self._kinds(packets, ends).items():
            counted = np.array([int((column & chosen).sum()) for column in columns], np.int64)
            place = (subcategory, kind)
            self.counts[place] = self.counts.get(place, 0) + counted

    def merge(self, other: "Agreement") -> None:
        """Add what another one counted, of other packets."""
        for place, counted in other.counts.items():
            self.counts[place] = self.counts.get(place, 0) + counted

    def table(self, flow_files: int) -> "pd.DataFrame":
        """Return the counts: a row a kind and subcategory of captures, and in total.

        ``same_class_percent`` is of the packets that a flow record holds. Without flow files the
        columns that need them are empty, and ``flow_files`` says why.
        """
        import pandas as pd  # here, since the workers that count make no table

        subcategories = [key for key in classes.KEYS if (key, "all") in self.counts]
        rows = []
        for kind in KINDS:
            counted = [self.counts[key, kind] for key in subcategories]
            named = [*zip(subcategories, counted, strict=True), (TOTAL, np.sum(counted, axis=0))]
            rows += [(kind, key, *map(int, values)) for key, values in named]
        table = pd.DataFrame(rows, columns=["kind", "captures_of", *COUNTS])
        covered = table["packets"] - table["uncovered"]
        table["same_class_percent"] = (100 * table["same_class"] / covered).round(3)
        table["uncovered_percent"] = (100 * table["uncovered"] / table["packets"]).round(3)
        if not flow_files:
            for name in [*COUNTS[2:], "same_class_percent", "uncovered_percent"]:
                table[name] = pd.array([pd.NA] * len(table), "Int64")
        return table.assign(flow_files=flow_files)

    def _kinds(self, packets: pa.Table, ends: rules.Ends) -> dict[str, np.ndarray]:
        source = ends.are(self.bots, ends.source)
        destination = ends.are(self.bots, ends.destination)
        bot = source | destination
        ipv4 = ends.layer == rules.IPV4
        ipv6 = ends.are(self.bots_ipv6, ends.source) | ends.are(self.bots_ipv6, ends.destination)
        # By the outer header's protocol: an ICMP message quotes another packet's ports.
        carries_ports = np.isin(rules.outer_numbers(packets["ip.proto"]), (6, 17))
        return {
            "all": np.ones(packets.num_rows, bool),
            "bot_dns": bot & carries_ports & _bot_talks_to(packets, source, destination, 53),
            "bot_ntp": bot & carries_ports & _bot_talks_to(packets, source, destination, 123),
            "bot_arp": bot & (ends.layer == rules.ARP),
            "bot_ipv6": ipv6,
            "victim_reply": ipv4 & destination & ~source,
        }


def _bot_talks_to(
    packets: pa.Table, source: np.ndarray, destination: np.ndarray, port: int
) -> np.ndarray:
    to, from_ = np.zeros(len(source), bool), np.zeros(len(source), bool)
    for protocol in ("tcp", "udp"):
        to |= np.asarray(pc.fill_null(pc.equal(packets[f"{protocol}.dstport"], port), False))
        from_ |= np.asarray(pc.fill_null(pc.equal(packets[f"{protocol}.srcport"], port), False))
    return (source & to) | (destination & from_)
