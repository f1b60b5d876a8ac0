"""How much of the paper's dataset was read, and how far its counts are from the paper's Table I.

Ge et al. 2019, section IV-B ("A total of 344 PCAP files") and Table I. Stage label measures; what
shows results says it (`notice`), so that a part of BoT-IoT is never taken for the whole.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from packetids.core import classes, settings

PATH = Path("results/label/part.json")
REFERENCE = Path("reference/paper.csv")
DAMAGED_NAMES = 5  # in a notice


def paper_counts() -> tuple[int, dict[str, int]]:
    """Read the paper's number of captures, and its Table I: packets of each class."""
    paper = pd.read_csv(REFERENCE, dtype=str).set_index(["table", "row", "column"])["value"]
    return int(paper["text", "captures", "files"]), {
        key: int(paper["1", key, "packets"]) for key in classes.KEYS
    }


def measure(counts: pd.DataFrame, is_bot_iot: bool, damaged: Sequence[str] = ()) -> dict[str, Any]:
    """Compare `counts` (columns capture, class, packets) with the paper.

    ``differs`` is set where all of the paper's captures are there and a count is not the paper's.
    `damaged` names the captures that count up to their damage only (extract.keep_damaged).
    """
    files, paper = paper_counts()
    ours = counts.groupby("class")["packets"].sum()
    packets = {key: int(ours.get(key, 0)) for key in classes.KEYS}
    captures = int(counts["capture"].nunique())
    complete = is_bot_iot and captures == files
    return {
        "is_bot_iot": is_bot_iot,
        "captures": captures,
        "captures_paper": files,
        "packets": sum(packets.values()),
        "packets_paper": sum(paper.values()),
        "complete": complete,
        "damaged": list(damaged),
        "differs": is_bot_iot and captures >= files and packets != paper,
        "classes": {
            key: {"packets": packets[key], "paper": paper[key],
                  "difference": packets[key] - paper[key]}
            for key in classes.KEYS
        },
    }  # fmt: skip


def table(measured: dict[str, Any]) -> pd.DataFrame:
    """Return Table I: a row a class, columns class, packets, paper, difference."""
    rows = [{"class": key, **values} for key, values in measured["classes"].items()]
    total = {"class": "Total", "packets": measured["packets"], "paper": measured["packets_paper"]}
    rows.append(total | {"difference": measured["packets"] - measured["packets_paper"]})
    return pd.DataFrame(rows)


def lines(measured: dict[str, Any]) -> list[str]:
    """Describe the counts of BoT-IoT's classes beside the paper's, one line per class."""
    if not measured["is_bot_iot"]:
        return []
    return [share(measured)] + [
        f"{key}: {values['packets']:,} packets, Table I {values['paper']:,}, "
        f"difference {values['difference']:+,}"
        for key, values in measured["classes"].items()
    ]


def share(measured: dict[str, Any]) -> str:
    """Describe what part of BoT-IoT this is; return "" for other datasets."""
    if not measured["is_bot_iot"]:
        return ""
    return (
        f"{measured['captures']:,} of {measured['captures_paper']:,} captures, "
        f"{measured['packets']:,} of {measured['packets_paper']:,} packets"
    )


def notice(dataset: settings.Dataset, path: Path = PATH) -> str:
    """Describe what results are made from: the dataset's notice and, of BoT-IoT, the part."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    if not measured["is_bot_iot"]:
        return " ".join(filter(None, (dataset.notice, damage(measured))))
    whole = "All of BoT-IoT's captures" if measured["complete"] else "A part of BoT-IoT"
    if measured["captures"] > measured["captures_paper"]:
        whole = "More captures than the paper's"
    text = f"{dataset.notice} {whole}: {share(measured)}."
    if measured["differs"]:
        apart = ", ".join(
            f"{key} {values['difference']:+,}"
            for key, values in measured["classes"].items()
            if values["difference"]
        )
        text += f" Warning: packets differ from the paper's Table I: {apart}."
    return " ".join(filter(None, (text, damage(measured))))


def damage(measured: dict[str, Any]) -> str:
    """Describe which captures count in part because they are damaged; return "" if none is."""
    damaged = measured["damaged"]
    if not damaged:
        return ""
    names = ", ".join(damaged[:DAMAGED_NAMES]) + (" …" if damaged[DAMAGED_NAMES:] else "")
    return (
        f"Warning: {len(damaged)} of {measured['captures']:,} captures are damaged and count up to "
        f"the damage only (extract.keep_damaged): {names}."
    )


def source(dataset: settings.Dataset, path: Path = PATH) -> str:
    """Name the dataset and its part, for a figure's foot."""
    measured = json.loads(path.read_text(encoding="utf-8"))
    text = share(measured)
    if damaged := len(measured["damaged"]):
        text += f"{', ' if text else ''}{damaged:,} damaged, in part"
    return f"dataset {dataset.name}" + (f": {text}" if text else "")
