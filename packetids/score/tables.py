"""The tables of the stage `score`, from predictions of one task."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from packetids.core import parquet, seeds
from packetids.core.classes import MULTICLASS
from packetids.core.columns import SERVICE
from packetids.features import services
from packetids.learn import task_rows
from packetids.protocol import folds, matched
from packetids.protocol.repeats import BESIDE, NETWORK
from packetids.score import confusion, predictions
from packetids.score import operating as operation
from packetids.score import pairs as comparison
from packetids.score.confusion import METRICS

# All rows, those whose equal training holds, the others, all but the bots' own ARP, DNS and NTP.
PARTS = ("all", "matched", "novel", "without_services")
KEYS = list(predictions.NAMES)
SCORES = [*KEYS, "part", "rows", *METRICS]
POOLED = ["task", "protocol", "model"]
BOUNDS = [f"{metric}_{end}" for metric in METRICS for end in ("low", "high")]
SUMMARY = [*POOLED, "part", "rows", "units",
           *(f"{metric}_{what}" for what in ("mean", "std", "worst") for metric in METRICS),
           *BOUNDS]  # fmt: skip
CLASSES = [*POOLED, "class", "rows", "recall", "recall_low", "recall_high", "precision"]
PAIRS = ["task", "protocol", "fold", *comparison.COLUMNS]
OPERATING = [*POOLED, *operation.NAMES]


@dataclass(frozen=True)
class Place:
    """Of each row of the features table: its capture, and whether training holds its equal."""

    names: tuple[str, ...]  # of the classes
    capture: np.ndarray  # int64 (n_table,)
    matched: dict[tuple[str, str], np.ndarray]  # by protocol and fold; bool (n_table,)
    service: np.ndarray  # whether it is ARP, DNS or NTP; bool (n_table,)

    @property
    def n_classes(self) -> int:
        """Return the number of classes."""
        return len(self.names)


def place(name: str, protocols: list[str]) -> Place:
    """Read what scoring a task needs to know of its rows."""
    task = task_rows.load_task(name)
    told = parquet.read(task_rows.FEATURES_TABLE, ["capture", SERVICE]).to_pandas()
    captures = told["capture"]
    known = {}
    for fold in folds.load(task, protocols):
        marked = np.zeros(len(captures), bool)
        table = folds.seen(task.table, fold.protocol)
        marked[task.row[fold.test]] = matched.matched(table, fold.train, fold.test)
        known[fold.protocol, fold.name] = marked
    service = (told[SERVICE] != services.NONE).to_numpy()
    return Place(task.classes, pd.factorize(captures)[0], known, service)


def scores(rows: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Score each model on each fold, on each of `PARTS`; `SCORES`."""
    found = []
    for key, one in rows.groupby(KEYS, observed=True, sort=False):
        known = place.matched[str(key[1]), str(key[2])][one["row"]]
        own = place.service[one["row"]] & (one["actual"] > 0).to_numpy()
        for part, chosen in zip(PARTS, (known | True, known, ~known, ~own), strict=True):
            if not chosen.any():
                continue
            matrix = _matrices(one[chosen], None, place.n_classes)[0]
            values = confusion.metrics(matrix)
            found.append((*key, part, int(chosen.sum()), *(float(values[m]) for m in METRICS)))
    return pd.DataFrame(found, columns=SCORES)


def intervals(rows: pd.DataFrame, place: Place, seed: int) -> pd.DataFrame:
    """Return 95 % intervals of the mean metrics of each model.

    Under ``paper``, test rows are drawn again, of each seed the same number, and the seeds'
    metrics averaged. Under ``strict``, Student's t of the rounds, which are recorded apart.
    """
    found = []
    for (task, protocol, model), one in rows.groupby(POOLED, observed=True, sort=False):
        matrices = [
            _matrices(part, None, place.n_classes)[0]
            for _, part in one.groupby(["fold", "seed"], observed=True, sort=False)
        ]
        if protocol == folds.STRICT:
            each = confusion.metrics(np.stack(matrices))
            bounds = [bound for name in METRICS for bound in confusion.of_means(each[name])]
        else:
            draw = seeds.generator(seed, f"score/{task}/{protocol}/{model}")
            drawn = [confusion.metrics(confusion.resampled_rows(m, draw)) for m in matrices]
            means = {name: np.mean([values[name] for values in drawn], axis=0) for name in METRICS}
            bounds = [bound for name in METRICS for bound in confusion.interval(means[name])]
        found.append((task, protocol, model, *bounds))
    return pd.DataFrame(found, columns=[*POOLED, *BOUNDS])


def classes(rows: pd.DataFrame, place: Place, seed: int) -> pd.DataFrame:
    """Tell of each class which share of its rows each model finds, and how many finds are right.

    Folds pooled, of the first seed; the interval of the recall is Wilson's under ``paper``, and of
    captures drawn again under ``strict``.

    Returns
    -------
    DataFrame
        `CLASSES`.
    """
    found = []
    for key, one in rows.groupby(POOLED, observed=True, sort=False):
        one = _first_seeds(one)
        each = _matrices(one, place.capture[one["row"]], place.n_classes)
        whole = each.sum(axis=0)
        draw = seeds.generator(seed, f"score/classes/{key}")
        drawn = confusion.resampled_clusters(each, draw)
        for label, name in enumerate(place.names):
            n, hit = int(whole[label].sum()), int(whole[label, label])
            if not n:
                continue
            if key[1] == folds.STRICT:
                with np.errstate(invalid="ignore"):
                    shares = drawn[:, label, label] / drawn[:, label].sum(axis=1)
                low, high = confusion.interval(shares)
            else:
                low, high = proportion_confint(hit, n, method="wilson")
            called = int(whole[:, label].sum())
            precision = hit / called if called else float("nan")
            found.append((*key, name, n, hit / n, low, high, precision))
    return pd.DataFrame(found, columns=CLASSES)


def summary(scores: pd.DataFrame, intervals: pd.DataFrame) -> pd.DataFrame:
    """Summarize scores over seeds under ``paper`` and over rounds under ``strict``.

    Returns
    -------
    DataFrame
        A row a task, protocol, model and part: rows, units (seeds or rounds), and of each metric
        the mean, the standard deviation over units, and the worst; for all rows the interval, too.
    """
    keys = [*POOLED, "part"]
    worst = {metric: "max" if metric == "false_alarms" else "min" for metric in METRICS}
    grouped = scores.groupby(keys, sort=False)
    found = pd.concat(
        [
            grouped["rows"].sum(),
            grouped.size().rename("units"),
            grouped[list(METRICS)].mean().add_suffix("_mean"),
            grouped[list(METRICS)].std(ddof=1).add_suffix("_std"),
            grouped.agg(worst).add_suffix("_worst"),
        ],
        axis="columns",
    ).reset_index()
    bounds = intervals.assign(part="all").astype({name: str for name in POOLED})
    return found.astype({name: str for name in POOLED}).merge(bounds, how="left", on=keys)[SUMMARY]


def headline(summary: pd.DataFrame, peers: list[str]) -> dict[str, dict[str, float]]:
    """Return the mean macro F1 on the multi-class task under each protocol.

    Of the network, of those that stand beside it (`repeats.BESIDE`), and as ``best_peer`` of the
    best of `peers`. What was not trained is left out.
    """
    whole = summary[(summary["task"] == MULTICLASS) & (summary["part"] == "all")]
    found: dict[str, dict[str, float]] = {}
    for protocol, rows in whole.groupby("protocol"):
        f1 = rows.set_index("model")["f1_macro_mean"].round(6)
        of = {name: float(f1[name]) for name in (NETWORK, *BESIDE) if name in f1}
        if there := [name for name in peers if name in f1]:
            of["best_peer"] = float(f1[there].max())
        found[str(protocol)] = of
    return found


def pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare each model with the network on the rows of each fold, at the network's first seed."""
    found = []
    keys = ["task", "protocol", "fold"]
    for key, one in rows.groupby(keys, observed=True, sort=False):
        right = {
            str(model): (mine["actual"] == mine["predicted"]).to_numpy()
            for model, mine in _first_seeds(one).groupby("model", observed=True, sort=False)
        }
        if NETWORK in right:
            network = right.pop(NETWORK)
            table = comparison.against(network, right)
            found.append(table.assign(**dict(zip(keys, key, strict=True))))
    return pd.concat(found)[PAIRS] if found else pd.DataFrame(columns=PAIRS)


def operating(rows: pd.DataFrame) -> pd.DataFrame:
    """Tell of each model with probabilities what its thresholds give, its folds pooled."""
    found = []
    for key, one in rows.groupby(POOLED, observed=True, sort=False):
        one = _first_seeds(one)
        probability = one["attack"].to_numpy(np.float64)
        attack = (one["actual"] > 0).to_numpy()
        if np.isnan(probability).any() or attack.all() or not attack.any():
            continue
        found.append(dict(zip(POOLED, key, strict=True)) | operation.values(attack, probability))
    return pd.DataFrame(found, columns=OPERATING)


def _first_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    first = rows.groupby("model", observed=True)["seed"].transform("first")
    return rows[rows["seed"] == first]


def _matrices(rows: pd.DataFrame, cluster: np.ndarray | None, n_classes: int) -> np.ndarray:
    if cluster is None:
        cluster = np.zeros(len(rows), np.int64)
    return confusion.counts(
        rows["actual"].to_numpy(), rows["predicted"].to_numpy(), cluster, n_classes
    )
