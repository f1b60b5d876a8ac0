"""Packets of bots that no flow record holds: how many, where, and when they are too many.

Flow records that cover a part of the captures say nothing of the other packets, and ``label:
flows`` would call these Normal. So the packets of bots are counted that have no record, for each
capture; a packet of a bot is one with a bot's IPv4 or IPv6 address at either end, ARP too. Records
that Argus made of the whole of a capture hold all of them but a few.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from packetids.core.errors import PacketidsError
from packetids.core.settings import Label
from packetids.label import flow_index, rules
from packetids.label.flow_source import Chosen, percent

if TYPE_CHECKING:
    import pandas as pd

TOTAL = "Total"
FEW = 10  # packets without a flow say nothing of a capture by their share
NEARLY_ALL = 0.99
UNMATCHED_NOTABLE = 0.95  # of the records should be able to match a packet

log = logging.getLogger("label")


@dataclass
class Held:
    """Counts of a capture's packets, gathered a table of packets at a time."""

    capture: str
    subcategory: str  # of the capture's place
    span_us: tuple[int, int]  # first and last time of its packets
    flow_records: int | None  # that overlap that time; None where there are no flow records
    packets: int = 0
    bot_packets: int = 0
    without_flow: int = 0

    def add(self, ends: rules.Ends, uncovered: np.ndarray | None, p: Label) -> None:
        """Count packets; `uncovered` marks those that no flow record holds."""
        bots = p.bots + p.bots_ipv6
        of_bot = ends.are(bots, ends.source) | ends.are(bots, ends.destination)
        self.packets += len(of_bot)
        self.bot_packets += int(of_bot.sum())
        if uncovered is not None:
            self.without_flow += int((of_bot & uncovered).sum())

    @property
    def share(self) -> float:
        """Return the share of the bots' packets that no flow holds; 0 where bots sent none."""
        return self.without_flow / max(self.bot_packets, 1)

    def __str__(self) -> str:
        return f"{self.capture} {self.without_flow:,} of {self.bot_packets:,}"


def total(captures: Iterable[Held], name: str = TOTAL) -> Held:
    """Add the counts of captures up."""
    every = list(captures)
    spans = [held.span_us for held in every]
    return Held(
        name, name, (min(first for first, _ in spans), max(last for _, last in spans)), None,
        *(sum(getattr(held, count) for held in every)
          for count in ("packets", "bot_packets", "without_flow")),
    )  # fmt: skip


def table(captures: list[Held], has_flows: bool) -> "pd.DataFrame":
    """Return the counts: a row a capture, and the total.

    Without flow records the columns that need them are empty.
    """
    import pandas as pd  # here, since the workers that count make no table

    columns = {
        name: [getattr(held, attribute) for held in [*captures, total(captures)]]
        for name, attribute in (
            ("capture", "capture"), ("packets", "packets"), ("bot_packets", "bot_packets"),
            ("bot_packets_without_flow", "without_flow"), ("share", "share"),
            ("captures_of", "subcategory"), ("flow_records_of_its_time", "flow_records"),
        )
    }  # fmt: skip
    made = pd.DataFrame(columns)
    made["share"] = made["share"].where(made["bot_packets"] > 0).round(6)
    made["flow_records_of_its_time"] = made["flow_records_of_its_time"].astype("Int64")
    if not has_flows:
        for name in ("bot_packets_without_flow", "share"):
            made[name] = pd.array([pd.NA] * len(made), "Int64")
    return made


def over(captures: list[Held], share_max: float) -> list[Held]:
    """Return which captures, and captures of a subcategory together, have more than `share_max`.

    A subcategory is a class: none may lose more. One capture in many may be without any record
    and not show in its class; but a few packets are no share.
    """
    places = sorted({held.subcategory for held in captures})
    together = [
        total((held for held in captures if held.subcategory == place), place) for place in places
    ]
    alone = [held for held in captures if held.without_flow >= FEW]
    return [held for held in [*together, *alone] if held.share > share_max]


def summary(captures: list[Held]) -> str:
    """Describe how many packets of bots have no flow record."""
    every = total(captures)
    return (
        f"{every.without_flow:,} of {every.bot_packets:,} packets of bots "
        f"({percent(every.share)}) have no flow record"
    )


def worst(captures: list[Held], number: int = 5) -> str:
    """Name those that have the most such packets."""
    named = sorted((held for held in captures if held.without_flow),
                   key=lambda held: (-held.without_flow, held.capture))  # fmt: skip
    more = f" and {len(named) - number} more" if named[number:] else ""
    return ", ".join(map(str, named[:number])) + more


def as_json(
    captures: list[Held], chosen: Chosen, records: flow_index.Flows | None
) -> dict[str, Any]:
    """Return what ``flows.json`` says: which flow records were read, and what they cover."""
    record = chosen.as_json() | {"flows": 0, "unmatched": {}, "coverage": None}
    if records is not None:
        every = total(captures)
        record["flows"] = len(records)
        record["unmatched"] = dict(records.unmatched.most_common(20))
        record["coverage"] = {
            "packets": every.packets,
            "bot_packets": every.bot_packets,
            "bot_packets_without_flow": every.without_flow,
            "share": round(every.share, 6),
        }
    return record


def tell(captures: list[Held], p: Label) -> None:
    """Log how many packets of bots have no flow record, where, and what becomes of them."""
    if not total(captures).without_flow:
        log.info("%s", summary(captures))
        return
    become = "report.csv compares the two rules on the other packets"
    if p.rule == "flows":
        become = {
            "Normal": "label=flows calls them Normal",
            "bot_address": "they are labelled by address, the others by flows: a mixture",
        }[p.uncovered]
    log.warning("%s: %s", summary(captures), become)
    log.warning("most in %s", worst(captures))


def refuse(captures: list[Held], p: Label, chosen: Chosen, records: flow_index.Flows) -> None:
    """Stop where packets of bots would become Normal because flow records are missing.

    Raises
    ------
    PacketidsError
        If more than ``label.uncovered_share_max`` would.
    """
    if p.rule != "flows" or p.uncovered != "Normal":
        return
    if not (above := over(captures, p.uncovered_share_max)):
        return
    raise PacketidsError(
        f"label=flows: {summary(captures)} and would be called Normal. In the captures of a "
        f"subcategory, and in each capture, label.uncovered_share_max allows a share of "
        f"{p.uncovered_share_max:g}, and there are {worst(above)}; results/label/coverage.csv has "
        f"every capture. {causes(captures, chosen, records)} Put all flow records of these "
        f"captures below {chosen.folder}, or take captures out that have none; or set label: "
        "bot_address in params.yaml; or, in conf/label/flows.yaml, uncovered: bot_address or a "
        "larger uncovered_share_max."
    )


def causes(captures: list[Held], chosen: Chosen, records: flow_index.Flows) -> str:
    """Describe the flow records, and why they may hold none of a capture's packets."""
    sentences = [
        f"The flow records{' are a part of the dataset' if chosen.is_part else ''}: "
        f"{chosen.source}, {chosen.amount()}."
    ]
    if len(records) < UNMATCHED_NOTABLE * records.rows:
        why, count = records.unmatched.most_common(1)[0]
        sentences.append(
            f"{records.unmatched.total():,} of {records.rows:,} records can match no packet, "
            f"{count:,} by their {why}."
        )
    none = [held for held in captures if held.without_flow and held.share >= NEARLY_ALL]
    untimely = [held for held in none if not held.flow_records]
    if untimely and records:
        sentences.append(
            f"No record is of the time of {untimely[0].capture}"
            f"{f' and {len(untimely) - 1} more captures' if untimely[1:] else ''} "
            f"({_times(total(untimely).span_us)}); the records are of "
            f"{_times(records.span_us())}: CSV files of that time are missing, or the records' "
            "times are not UTC (names of BoT-IoT's captures are in UTC+10), or of another year."
        )
    elif len(records) and total(captures).share >= NEARLY_ALL:
        sentences.append(
            "There are records of the captures' time, and they are of other flows: CSV files are "
            "missing; or times were moved (another time zone) or lost digits (see "
            "label.tolerance_s); or addresses were changed."
        )
    return " ".join(sentences)


def _times(span_us: tuple[int, int]) -> str:
    first, last = (
        datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S") for at in span_us
    )
    return f"{first} to {last} UTC"
