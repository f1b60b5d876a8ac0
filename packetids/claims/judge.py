"""A verdict on each of the paper's numbers and sentences, by rules that stand here."""

import math
from dataclasses import dataclass

import pandas as pd

from packetids.claims.measured import NAN, RECALLS, Place, Value, percents
from packetids.claims.verdicts import CHOICE, CONTRADICTS, FAILS, HOLDS, OPEN, OTHER_CHOICE
from packetids.core import classes, settings

COLUMNS = ["table", "row", "column", "paper", "from_counts", "ours", "low", "high", "strict",
           "strict_low", "strict_high", "verdict", "why", "said", "source"]  # fmt: skip

COUNTS = ("1", "2", "4", "5")  # tables of packets
CHOICES = ("captures", "unify", "sample", "common_ports", "port_classes", "preprocess", "split",
           "fnn", "fnn_sweep", "hardware")  # fmt: skip
SENTENCES = {  # of section IV-D: what a trial must not, or must, do
    "l1_1e-5": ("regularization", "'the classification accuracy does not improve' (L1)"),
    "l2_1e-4": ("regularization", "'the classification accuracy does not improve' (L2)"),
    "dropout_0.2": ("regularization", "'the classification accuracy does not improve' (dropout)"),
    "dropout_0.5": ("regularization", "'the classification accuracy does not improve' (dropout)"),
    "hidden_512": ("layers", "'three hidden layers and 512 neurons in the first two … best'"),
    "hidden_512_512_512": ("layers", "the same sentence, against one more layer"),
    "hidden_256_128_64_32": ("layers", "the same sentence, against four layers"),
    "learning_rate_0.01": ("learning rate", "'the default learning rate of 0.001 … higher'"),
    "learning_rate_0.0001": ("learning rate", "'the default learning rate of 0.001 … higher'"),
}


@dataclass(frozen=True)
class Judged:
    """A verdict and its reason."""

    verdict: str
    why: str


def table(
    paper: pd.DataFrame, ours: dict[Place, Value], trials: pd.DataFrame,
    chosen: dict[tuple[str, str], float], is_bot_iot: bool,
) -> pd.DataFrame:  # fmt: skip
    """Judge every row of `paper` and the sentences about the sweep; `COLUMNS`.

    `chosen` holds what params.yaml and conf/ set in the places of the paper's choices.
    """
    counted = from_counts(paper)
    rows = []
    for said in paper.itertuples(index=False):
        place = (said.table, said.row, said.column)
        value = ours.get(place, Value(chosen.get(place[1:], NAN), "params.yaml, conf/"))
        if _is_time(place[2]):
            value = Value(NAN, "")  # times have files of their own: results/compare/runtimes.csv
        derived = counted.get(place, NAN)
        judged = judge(place, float(said.value), derived, value, is_bot_iot)
        note = "" if pd.isna(said.note) else said.note
        source = value.source if not math.isnan(value.ours) else ""
        rows.append((*place, said.value, derived, value.ours, value.low, value.high, value.strict,
                     value.strict_low, value.strict_high, judged.verdict, judged.why, note,
                     source))  # fmt: skip
    for name, row in trials.iterrows():
        if name in SENTENCES:
            topic, words = SENTENCES[str(name)]
            judged = judge_trial(topic, row["low"], row["high"])
            rows.append(("text", "fnn_sweep", str(name), NAN, NAN, row["difference"], row["low"],
                         row["high"], NAN, NAN, NAN, judged.verdict, judged.why,
                         f"section IV-D: {words}; ours: accuracy less the chosen network's",
                         "results/score/pairs.csv"))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def judge(place: Place, paper: float, derived: float, value: Value, is_bot_iot: bool) -> Judged:
    """Judge one number."""
    kind, row, column = place
    if _is_time(column):
        return Judged(OPEN, "a time on other hardware with other amounts of data")
    if not math.isnan(derived) and not _same(column, paper, derived):
        return Judged(CONTRADICTS, f"its own counts give {derived:.4g}, it prints {paper:g}")
    if kind == "svc-grid" or row in CHOICES:
        if math.isnan(value.ours):
            return Judged(OPEN, "told for completeness; this run has no such number")
        same = math.isclose(value.ours, paper)
        return Judged(CHOICE if same else OTHER_CHOICE, "" if same else f"ours is {value.ours:g}")
    if math.isnan(value.ours):
        return Judged(OPEN, "this run has no number in its place")
    if (kind in COUNTS or _is_count(column)) and column != "ddos_dos_and_theft_confused":
        if is_bot_iot:
            same = value.ours == paper
            return Judged(HOLDS if same else FAILS, "" if same else "the counts differ")
        return Judged(OPEN, "a count of another dataset; shares are judged")
    if not _diagonal(place):
        return Judged(OPEN, "a confusion of two classes; the classes' shares are judged")
    return _reached(column, paper, value)


def _reached(column: str, paper: float, value: Value) -> Judged:
    """Judge a share of which more is better, or of mistakes, of which less is."""
    fewer = any(word in column for word in ("missed", "false_alarms", "confused", "theft_as"))
    bound = value.low if fewer else value.high
    bound = value.ours if math.isnan(bound) else bound
    reached = bound <= paper if fewer else bound >= paper
    words = "at most" if fewer else "at least"
    if reached:
        return Judged(HOLDS, f"{words} the paper's, by its interval")
    return Judged(FAILS, f"ours is {value.ours:.4g}, {words} {paper:g} was needed")


def judge_trial(topic: str, low: float, high: float) -> Judged:
    """Judge a sentence about the sweep by the interval of the trial's difference."""
    if low > 0:
        return Judged(FAILS, "the trial is better than the chosen network, beyond its interval")
    if high < 0:
        return Judged(HOLDS, "the trial is worse than the chosen network, beyond its interval")
    why = "its interval holds 0: one cannot be told from the other"
    # "Does not improve" is all that is said of regularization; the others are said to be worse.
    return Judged(HOLDS if topic == "regularization" else OPEN, why)


def from_counts(paper: pd.DataFrame) -> dict[Place, float]:
    """Return what follows from the paper's own counts, in the places where it prints a share."""
    counts = {
        (row.table, row.row, row.column): float(row.value)
        for row in paper.itertuples(index=False)
        if row.table in ("4", "5")
    }
    found: dict[Place, float] = {}
    of_row = {
        name: sum(counts["5", name, said] for said in classes.GROUPS) for name in classes.GROUPS
    }
    for actual in classes.GROUPS:
        for said in classes.GROUPS:
            share = 100 * counts["5", actual, said] / of_row[actual]
            found["5-percent", actual, said] = share
    for column, cell in RECALLS.items():
        found["text", "multiclass", column] = found["5-percent", *cell]
    attacks = [name for name in classes.GROUPS if name != classes.NORMAL]
    missed = sum(counts["5", name, classes.NORMAL] for name in attacks)
    found["text", "multiclass", "missed"] = missed
    found["text", "multiclass", "missed_percent"] = 100 * missed / sum(of_row[a] for a in attacks)
    hits = sum(counts["5", name, name] for name in classes.GROUPS)
    found["text", "multiclass", "accuracy"] = hits / sum(of_row.values())
    for task in classes.ATTACKS:
        tn, fp, fn, tp = (counts["4", task, one] for one in ("tn", "fp", "fn", "tp"))
        for column, (part, whole) in percents(tn, fp, fn, tp).items():
            found["text", task, column] = 100 * part / whole
    return found


def choices(
    label: settings.Label, sample: settings.Sample, preprocess: settings.Preprocess,
    split: settings.Split, fnn: settings.Fnn, svc: settings.Svc,
) -> dict[tuple[str, str], float]:  # fmt: skip
    """Return what this run chose in the places of the paper's choices."""
    found: dict[tuple[str, str], float] = {
        ("split", "test_percent"): 100 * split.test_share,
        ("split", "validation_percent"): 100 * (1 - split.test_share) * split.validation_share,
        ("fnn", "learning_rate"): fnn.learning_rate,
        ("fnn", "batch_size"): fnn.batch_size,
        ("fnn", "epochs_max"): fnn.epochs_max,
        ("fnn", "patience_epochs"): fnn.patience_epochs,
        ("fnn", "dense_layers"): len(fnn.hidden_units) + 1,
        ("fnn", "outputs_binary"): 2,
        ("fnn", "outputs_multiclass"): len(classes.GROUPS),
        ("captures", "attack_subcategories"): len(classes.ATTACKS),
        ("captures", "bots"): len(label.bots),
        ("sample", "percent"): 100 * sample.dataset_share,
        ("sample", "quota_packets"): sample.attack_packets_max,
        ("grid", "folds"): svc.cv_folds,
        ("grid", "packets"): svc.grid_packets,
        ("grid", "train_percent"): 100 * (1 - svc.test_share),
        ("grid", "test_percent"): 100 * svc.test_share,
    }
    found["split", "train_percent"] = (
        100 - found["split", "test_percent"] - found["split", "validation_percent"]
    )
    for number, units in enumerate(fnn.hidden_units, 1):
        found["fnn", f"hidden_units_{number}"] = units
    for number, c in enumerate(svc.grid_c, 1):
        found["grid", f"c_{number}"] = c
    for number, port in enumerate(preprocess.well_known_ports, 1):
        found["common_ports", f"port_{number:02}"] = port
    return found


def _same(column: str, printed: float, derived: float) -> bool:
    """Check whether a printed number follows from the counts, as exactly as it is printed."""
    if column.endswith("_above"):
        return derived > printed
    if column == "accuracy":
        return abs(derived - printed) < 0.005
    digits = len(f"{printed:g}".partition(".")[2])
    return abs(derived - printed) <= 0.5 * 10**-digits + 1e-9


def _is_time(column: str) -> bool:
    return "runtime" in column or column == "times_slower_above"


def _is_count(column: str) -> bool:
    return column in ("missed", "attacks", "false_alarms", "normals", "processed_packets") or (
        column.startswith("n_")
    )


def _diagonal(place: Place) -> bool:
    return place[0] != "5-percent" or place[1] == place[2]
