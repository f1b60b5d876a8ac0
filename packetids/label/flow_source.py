"""Which flow records of a dataset are read, and how much of it they are.

BoT-IoT's flow records are about in several sources, and a download often holds parts of several:
all 74 files, the authors' 5 % of the rows, the ground truth of each scenario, copies under other
names. One source is read, and never chosen without a word: `Chosen` says which, why, what part of
the dataset it is, and what was left aside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from packetids.core.errors import PacketidsError
from packetids.label.flow_csv import (
    ENTIRE,
    FIVE_PERCENT,
    GROUND_TRUTH,
    NAMES,
    SOURCES,
    TEN_BEST,
    Aside,
    Layout,
    find,
    layout,
    shown,
)


class Whole(NamedTuple):
    """What a source of BoT-IoT has when nothing of it is missing."""

    files: int
    rows: int | None  # None: not known
    flows: int  # of the dataset's


FLOWS = 73_370_443  # of BoT-IoT, a row each
BOT_IOT = {
    ENTIRE: Whole(74, FLOWS, FLOWS),  # 1,000,000 rows a file
    GROUND_TRUTH: Whole(10, None, FLOWS),  # a file a scenario
    FIVE_PERCENT: Whole(4, 3_668_522, 3_668_522),
}
ABOUT = 0.8  # of the rows that are needed, as long as they are estimated and not counted


@dataclass(frozen=True)
class Chosen:
    """The files of one source."""

    folder: Path
    source: str  # one of SOURCES; empty where there is none
    layouts: list[Layout]
    whole: Whole | None  # what all of the source is; None where that is not known
    rows: int  # about, until they are read
    is_counted: bool = False  # they were read
    why: str = ""
    aside: tuple[Aside, ...] = ()

    @property
    def has_all_files(self) -> bool:
        """Check whether no file of BoT-IoT's source is missing, or they were joined into fewer."""
        if self.whole is None or len(self.layouts) >= self.whole.files:
            return True
        if self.whole.rows is None:
            return False
        joined = ABOUT * self.rows / len(self.layouts) > self.whole.rows / self.whole.files
        return joined and self.rows >= ABOUT * self.whole.rows

    @property
    def is_part(self) -> bool:
        """Check whether flows of the dataset are known to be missing."""
        if self.source == FIVE_PERCENT:
            return True
        if self.whole is None or self.whole.rows is None:
            return not self.has_all_files
        if self.is_counted:
            return self.rows < self.whole.rows
        return not self.has_all_files or self.rows < ABOUT * self.whole.rows

    def counted(self, rows: int) -> "Chosen":
        """Return the same with the number of rows that were read."""
        return replace(self, rows=rows, is_counted=True)

    def amount(self) -> str:
        """Describe how many files and rows there are, and how many of BoT-IoT's."""
        files = f"{len(self.layouts):,} file{'s' * (len(self.layouts) != 1)}"
        rows = f"{'' if self.is_counted else 'about '}{self.rows:,} rows"
        if self.whole is None:
            return f"{files}, {rows}"
        files += f" (of {self.whole.files})"
        rows += f" (of {self.whole.rows:,})" if self.whole.rows else ""
        share = f", {percent(self.rows / FLOWS)} of BoT-IoT's flows" if self.is_part else ""
        return f"{files}, {rows}{share}"

    def as_json(self) -> dict[str, Any]:
        """Return what ``flows.json`` says of the choice."""
        return {
            "source": self.source or None,
            "why": self.why,
            "files": len(self.layouts),
            "files_whole": self.whole.files if self.whole else None,
            "rows": self.rows,
            "rows_whole": self.whole.rows if self.whole else None,
            "part": self.is_part,
            "left_aside": [
                {"file": self.below(path), "why": why} for path, why in self.aside
            ],
        }  # fmt: skip

    def aside_lines(self) -> list[str]:
        """Describe what was left aside, one line per reason."""
        by_reason: dict[str, list[str]] = {}
        for path, why in self.aside:
            by_reason.setdefault(why, []).append(self.below(path))
        return [
            f"left aside: {names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}: {why}"
            for why, names in by_reason.items()
        ]

    def aside_in_words(self) -> str:
        """Describe what was left aside, in parentheses; return "" if nothing was."""
        lines = self.aside_lines()
        more = f"; and {len(lines) - 3} more" if lines[3:] else ""
        return f" ({'; '.join(lines[:3])}{more})" if lines else ""

    def below(self, path: Path) -> str:
        """Name a file by its place below the folder."""
        return shown(path.relative_to(self.folder))


def percent(share: float) -> str:
    """Write a share; a small one is not none."""
    return "under 0.1%" if 0 < share < 0.001 else f"{share:.1%}"


def choose(folder: Path, preference: Sequence[str], is_bot_iot: bool) -> Chosen:
    """Choose the files of one source out of the CSV files below `folder`.

    The sources do not hold the same flows: the five per cent are a twentieth of them, and files may
    be missing. The first source in `preference` that is complete is taken; where none is, or where
    one that is preferred to it holds more of the dataset's flows, the one that holds most. What a
    complete source is, is known of BoT-IoT; of another dataset the rows are compared.

    Raises
    ------
    PacketidsError
        If a file is of no known dialect, or `preference` names no source.
    """
    if unknown := [name for name in preference if name not in SOURCES]:
        raise PacketidsError(
            f"label.flow_sources: {unknown[0]} is no source; there is {', '.join(SOURCES)}."
        )
    paths, aside = find(folder)
    by_source: dict[str, list[Layout]] = {}
    for path in paths:
        one = layout(path)
        by_source.setdefault(one.source, []).append(one)
    for source in SOURCES:
        if source in by_source:
            by_source[source], doubled = _without_copies(folder, by_source[source])
            aside += doubled
    present = [source for source in preference if source in by_source]
    amounts = {
        source: Chosen(
            folder, source, by_source[source], BOT_IOT[source] if is_bot_iot else None,
            sum(one.rows for one in by_source[source]),
        )
        for source in present
    }  # fmt: skip
    source, why = _pick(amounts)
    for other, layouts in by_source.items():
        if other != source:
            aside += [Aside(one.path, _why_aside(one, source, preference)) for one in layouts]
    left = tuple(sorted(one for one in aside if one.why))
    if not source:
        return replace(none(folder, why), aside=left)
    return replace(amounts[source], why=why, aside=left)


def none(folder: Path, why: str) -> Chosen:
    """Return the choice of no source."""
    return Chosen(folder, "", [], None, 0, why=why)


def _without_copies(folder: Path, layouts: list[Layout]) -> tuple[list[Layout], list[Aside]]:
    """Leave out files that begin with the same rows as another that has more, or as many.

    A copy has another name (``data_1.csv`` is ``UNSW_2018_IoT_Botnet_Dataset_1.csv``), is
    compressed, or was cut short.
    """
    distinct: dict[tuple[tuple[str, ...], ...], Layout] = {}
    aside = []
    for one in layouts:
        other = distinct.setdefault(one.begin, one)
        if other is one:
            continue
        more, less = (one, other) if one.rows > other.rows else (other, one)
        distinct[one.begin] = more
        same = f"it begins with the same rows as {shown(more.path.relative_to(folder))}"
        rows = f"about {less.rows:,} rows, and {more.rows:,} there"
        aside.append(Aside(less.path, f"{same}: {rows}"))
    return list(distinct.values()), aside


def _pick(amounts: dict[str, Chosen]) -> tuple[str, str]:
    """Choose out of what there is, in the order of preference, and say why."""
    if not amounts:
        return "", "there is none"
    if len(amounts) == 1:
        return next(iter(amounts)), "no other source is present"
    held = {source: _of_dataset(chosen, amounts) for source, chosen in amounts.items()}
    most = max(held, key=lambda source: held[source])
    complete = [
        source for source, chosen in amounts.items()
        if (chosen.has_all_files if chosen.whole else held[source] >= ABOUT)
    ]  # fmt: skip
    first = complete[0] if complete else most
    before = list(amounts)[: list(amounts).index(first)]
    source = most if any(held[other] > held[first] for other in before) else first
    why = "it is complete" if source in complete else "of the present ones it holds the most"
    amount = ", ".join(
        f"{name} {percent(held[name]) if chosen.whole else f'{chosen.rows:,} rows'}"
        for name, chosen in amounts.items()
    )
    return source, f"{why}; of the dataset's flows there are about: {amount}"


def _of_dataset(chosen: Chosen, amounts: dict[str, Chosen]) -> float:
    """Return about what share of a dataset's flows is there, as far as the files tell."""
    if chosen.whole:
        return (chosen.whole.flows if chosen.has_all_files else chosen.rows) / FLOWS
    return chosen.rows / max(*(other.rows for other in amounts.values()), 1)


def _why_aside(one: Layout, source: str, preference: Sequence[str]) -> str:
    if one.source == TEN_BEST:
        return "the 10-best files hold no times, so no packet can be found in them"
    if one.source == NAMES:
        return "" if "names" in one.path.name.lower() else "it holds a header and no row"
    if one.source not in preference:
        return f"its source, {one.source}, is not in label.flow_sources"
    return f"{source} is read, and this is {one.source}"
