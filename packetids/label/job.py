"""One capture to label: what a worker process gets, does and gives back.

Apart from `many`, because a worker imports only this, and pandas would cost every worker half a
second. A job names the folder of the flow records (`flow_index.store`) and does not carry them:
all of BoT-IoT's are 1.8 GB.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from packetids.capture.listing import Capture
from packetids.core import atomic, classes, parquet, settings
from packetids.core.errors import PacketidsError
from packetids.label import agreement, flow_coverage, flow_index, rules


@dataclass(frozen=True)
class Job:
    """One capture to label."""

    capture: Capture
    fields: Path  # its Parquet file
    target: Path
    flows: Path | None  # folder of the flow records; None where there are none
    label: settings.Label

    def __str__(self) -> str:
        return self.capture.name


@dataclass
class Labelled:
    """What one capture's packets are, and how the two rules compare on them."""

    held: flow_coverage.Held
    report: agreement.Agreement
    packets: np.ndarray = field(  # of each class
        default_factory=lambda: np.zeros(len(classes.KEYS), np.int64)
    )

    def counted(self) -> dict[str, int]:
        """Return the packets of each class that is there, or that belongs to the capture."""
        always = {self.held.subcategory, classes.NORMAL}
        counted = zip(classes.KEYS, map(int, self.packets), strict=True)
        return {key: packets for key, packets in counted if packets or key in always}


def run(job: Job) -> Labelled | str:
    """Label one capture, a row group at a time; return what is wrong with it if it cannot be read.

    Raises
    ------
    OSError
        If the disk is full: then nobody needs to try the other captures.
    """
    try:
        return _label(job)
    except PacketidsError as error:
        return str(error)


def _label(job: Job) -> Labelled:
    p, subcategory = job.label, classes.BY_KEY[job.capture.subcategory]
    span = span_us(job.fields)
    index = None
    if job.flows is not None:
        index = flow_index.opened(job.flows).during(*span, round(p.tolerance_s * 1e6))
    made = Labelled(
        flow_coverage.Held(
            job.capture.name, subcategory.key, span, None if index is None else len(index)
        ),
        agreement.Agreement(p.bots, p.bots_ipv6),
    )
    with atomic.replacing(job.target) as out, ExitStack() as stack:
        writer = None
        for packets in parquet.groups(job.fields):
            found = _classify(packets, subcategory, index, p, made)
            made.packets += np.bincount(found, minlength=len(classes.KEYS))
            labelled = rules.append(packets, job.capture.name, found)
            if writer is None:
                writer = stack.enter_context(parquet.writer(out, labelled.schema))
            writer.write_table(labelled)
        if writer is None:
            raise PacketidsError(
                f"{job.fields} holds no packet. Run dvc repro -f extract to make it again."
            )
    return made


def _classify(
    packets: pa.Table,
    subcategory: classes.Subcategory,
    index: flow_index.Index | None,
    p: settings.Label,
    made: Labelled,
) -> np.ndarray:
    """Return the class of each packet by the chosen rule, and count both rules in `made`."""
    ends = rules.ends(packets)
    by_address = rules.by_bot_address(ends, subcategory, p.bots, p.endpoint)
    if index is None:
        made.held.add(ends, None, p)
        made.report.add(subcategory.key, packets, ends, by_address)
        return by_address
    by_flows, disagree = index.classify(packets, ends)
    uncovered = by_flows == flow_index.UNCOVERED
    made.held.add(ends, uncovered, p)
    made.report.add(subcategory.key, packets, ends, by_address, by_flows, uncovered, disagree)
    if p.rule != "flows":
        return by_address
    normal = classes.KEYS.index(classes.NORMAL)
    return np.where(uncovered, by_address if p.uncovered == "bot_address" else normal, by_flows)


def span_us(source: Path) -> tuple[int, int]:
    """Return the first and last time of a capture's packets, in microseconds since 1970."""
    first, last = [], []
    for packets in parquet.groups(source, ["frame.time_epoch"]):
        times = pc.min_max(packets[0].cast(pa.int64()))
        if times["min"].is_valid:
            first.append(times["min"].as_py() // 1000)
            last.append(times["max"].as_py() // 1000)
    return (min(first), max(last)) if first else (0, 0)
