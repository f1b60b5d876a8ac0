"""The table work as it is plainly written with pandas, step by step on the pipeline's files.

Each function does what the stage of its name does, in the current folder, with the twins of
tests/naive.py, and writes below ``plain/``; `same` compares what came out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.model_selection import train_test_split

from packetids.core import classes, columns, seeds
from packetids.features import preprocess
from packetids.learn import task_rows
from tests import naive

OUT = Path("plain")
SEED = 0


def _unify() -> None:
    """Join all labelled captures."""
    paths = sorted(Path("data/label").rglob("*.parquet"))
    _write(naive.pandas_unify(paths), "unify.parquet")


def _sample() -> None:
    """Keep each packet by a draw of its capture and class; here all of them."""
    packets = pd.read_parquet("data/unify/packets.parquet")
    keep = np.zeros(len(packets), bool)
    grouped = packets.groupby(["capture", "class"], observed=True, sort=True)
    for (capture, key), rows in grouped.indices.items():
        stream = seeds.generator(SEED, f"sample/{capture}/{key}")
        keep[rows] = stream.random(len(rows)) < 1.0
    _write(packets[keep], "sample.parquet")


def _preprocess() -> None:
    """Make features, count conflicts, drop duplicates."""
    table = naive.pandas_features(pd.read_parquet("data/sample/packets.parquet"))
    naive.pandas_conflicts(table, list(columns.FEATURES))
    keys = [*columns.FEATURES, "class"]
    _write(table.drop_duplicates(subset=keys, ignore_index=True), "preprocess.parquet")


def _split() -> None:
    """Deal the rows of all eleven tasks."""
    table = pd.read_parquet("data/preprocess/features.parquet", columns=["capture", "class"])
    keys = table["class"].astype("str").to_numpy()
    for task in (classes.MULTICLASS, *classes.ATTACKS):
        rows = np.arange(len(keys))
        if task != classes.MULTICLASS:
            rows = np.flatnonzero((keys == task) | (keys == classes.NORMAL))
        order = np.arange(len(rows))
        rest, test = train_test_split(
            order, test_size=0.2, random_state=seeds.integer(SEED, f"split/{task}/test")
        )
        _, validation = train_test_split(
            rest, test_size=0.2, random_state=seeds.integer(SEED, f"split/{task}/validation")
        )
        fold = np.zeros(len(rows), np.int8)
        fold[validation], fold[test] = 1, 2
        of_row = keys[rows]
        assert all(set(of_row) == set(of_row[fold == number]) for number in range(3))
        _write(pd.DataFrame({"row": rows, "fold": fold}), f"split/{task}.parquet")


def _encode() -> None:
    """Make the whole matrix of the multi-class task's training rows."""
    table = pd.read_parquet("data/preprocess/features.parquet")
    fold = pd.read_parquet("data/split/multiclass.parquet")["fold"]
    train = table[fold == 0].reset_index(drop=True)
    naive.pandas_inputs(train, list(columns.CATEGORICAL), list(columns.NUMERIC)).to_numpy()


def same() -> dict[str, bool]:
    """Compare the files of the plain way with those of the stages, value by value."""
    pairs = {
        "unify": "data/unify/packets.parquet",
        "sample": "data/sample/packets.parquet",
        "preprocess": "data/preprocess/features.parquet",
        **{
            f"split/{task}": f"data/split/{task}.parquet"
            for task in (classes.MULTICLASS, *classes.ATTACKS)
        },
    }
    return {name: _same(OUT / f"{name}.parquet", Path(path)) for name, path in pairs.items()}


def same_inputs() -> bool:
    """Compare the encoded training rows, a slice at a time."""
    task = task_rows.load_task(classes.MULTICLASS)
    from packetids.learn import encode

    train, _ = task.part("train")
    train = train.reset_index(drop=True)
    coded = encode.fit(train, task.well_known_ports, "min_max").code(train)
    plain = naive.pandas_inputs(train, list(columns.CATEGORICAL), list(columns.NUMERIC))
    step = 1 << 20
    return all(
        np.array_equal(coded[start : start + step], plain.iloc[start : start + step].to_numpy())
        for start in range(0, len(train), step)
    )


def _same(plain: Path, ours: Path) -> bool:
    with pq.ParquetFile(plain) as a, pq.ParquetFile(ours) as b:
        if a.metadata.num_rows != b.metadata.num_rows:
            return False
        for name in b.schema_arrow.names:  # a column at a time, for memory
            first = a.read([name])[name].to_pandas()
            second = b.read([name])[name].to_pandas()
            if isinstance(second.dtype, pd.CategoricalDtype):
                second = second.astype("str")
                first = first.astype("str")
            if not (first.isna() == second.isna()).all():
                return False
            there = first.notna()
            if not (first[there].to_numpy() == second[there].to_numpy()).all():
                return False
    return True


def _write(table: pd.DataFrame, name: str) -> None:
    path = OUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False)


def duplicates() -> Callable[[], Any]:
    """Prepare a table of features; give what drops its duplicates."""
    table, _ = preprocess.read(Path("data/sample/packets.parquet"), list(naive.WELL_KNOWN))
    return lambda: table.duplicated(subset=[*columns.FEATURES, "class"])


# A step's name to what prepares it and gives what is timed.
STEPS: dict[str, Callable[[], Callable[[], Any]]] = {
    "unify": lambda: _unify,
    "sample": lambda: _sample,
    "duplicates": duplicates,
    "preprocess": lambda: _preprocess,
    "split": lambda: _split,
    "encode": lambda: _encode,
}
