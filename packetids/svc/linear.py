"""The support vector baseline of the paper.

Ge et al. 2019, section IV-F and Table VI: a linear SVC on random samples of the processed
dataset, 80 % train and 20 % test, class weights as for the network, C chosen by 5-fold
cross-validation on the smallest sample.
"""

import io
import re
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import skops.io
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC, LinearSVC

from packetids.core import atomic, seeds, settings
from packetids.core.errors import PacketidsError
from packetids.learn import balance, encode
from packetids.svc import samples

Model: TypeAlias = SVC | LinearSVC
MODEL = "model.skops"
SCHEMA = "schema.json"  # of a skops archive


@dataclass(frozen=True)
class Sample:
    """A random sample of the processed dataset, encoded and split."""

    encoder: encode.Encoder
    train: tuple[np.ndarray, np.ndarray]  # float32 (n, n_inputs), int8 (n,)
    test: tuple[np.ndarray, np.ndarray]


def draw(
    table: pd.DataFrame,
    target: np.ndarray,
    well_known_ports: list[int],
    packets: int,
    p: settings.Svc,
    seed: int,
) -> Sample:
    """Draw `packets` rows at random and split them; the encoder is fitted on the training part.

    Raises
    ------
    PacketidsError
        As `svc_rows.draw`.
    """
    train, test = samples.draw(target, packets, p, seed)
    encoder = encode.fit(table.iloc[train], well_known_ports, "min_max")
    return Sample(
        encoder,
        (encoder.transform(table.iloc[train]), target[train]),
        (encoder.transform(table.iloc[test]), target[test]),
    )


def class_weights(sample: Sample, n_classes: int) -> dict[int, float]:
    """Weigh the classes of the training part as the network does (section IV-F)."""
    return balance.class_weights(sample.train[1], n_classes, "inverse_max")


def estimator(p: settings.Svc, c: float, weights: dict[int, float], seed: int) -> Model:
    """Make the linear SVC with penalty `c`."""
    if p.estimator == "SVC":
        return SVC(kernel="linear", C=c, class_weight=weights, max_iter=p.iterations_max)
    return LinearSVC(
        C=c,
        class_weight=weights,
        max_iter=p.iterations_max,
        random_state=seeds.integer(seed, "svc/fit"),
    )


def grid_search(
    sample: Sample, p: settings.Svc, weights: dict[int, float], seed: int
) -> tuple[pd.DataFrame, list[Model]]:
    """Cross-validate every C of the grid on the training part.

    Returns
    -------
    candidates : DataFrame
        A row a C: c, rank (1 is best), accuracy_mean, accuracy_sd, and accuracy_1 … of each fold.
    fitted : each candidate refitted on the whole training part, in the same order

    Raises
    ------
    PacketidsError
        If no class has a row for each fold.
    """
    commonest = int(np.bincount(sample.train[1]).max())
    if commonest < p.cv_folds:
        raise PacketidsError(
            f"svc.cv_folds needs {commonest} or less, the training rows of the commonest class "
            f"among {p.grid_packets} packets, found {p.cv_folds}. Lower it, or raise "
            "svc.grid_packets, in conf/svc/."
        )
    search = GridSearchCV(
        estimator(p, p.grid_c[0], weights, seed),
        {"C": p.grid_c},
        scoring="accuracy",
        cv=StratifiedKFold(p.cv_folds, shuffle=True, random_state=seeds.integer(seed, "svc/cv")),
        n_jobs=min(p.workers, p.cv_folds * len(p.grid_c)),  # loky would start all, idle ones too
        refit=False,
        error_score="raise",
    ).fit(*sample.train)
    results = search.cv_results_
    candidates = pd.DataFrame(
        {
            "c": p.grid_c,
            "rank": results["rank_test_score"],
            "accuracy_mean": results["mean_test_score"],
            "accuracy_sd": results["std_test_score"],
        }
        | {f"accuracy_{fold + 1}": results[f"split{fold}_test_score"] for fold in range(p.cv_folds)}
    )
    fitted = [clone(search.estimator).set_params(C=c).fit(*sample.train) for c in p.grid_c]
    return candidates, fitted


def best_c(candidates: pd.DataFrame) -> float:
    """Choose the C of the best mean accuracy; of equals the smallest, the most regularised."""
    return float(candidates.sort_values(["rank", "c"])["c"].iloc[0])


def converged(model: Model, iterations_max: int) -> bool:
    """Check whether a fit ended by itself, before `iterations_max`."""
    return bool(np.max(model.n_iter_) < iterations_max)


def fit_and_test(sample: Sample, model: Model) -> tuple[np.ndarray, float]:
    """Train and test; give the predicted labels of the test part and the seconds of both."""
    start = time.perf_counter()
    predicted = model.fit(*sample.train).predict(sample.test[0])
    return predicted, time.perf_counter() - start


def save(model: Model, folder: Path) -> None:
    """Write the fitted model in skops' format, which loads without running code.

    skops stamps the time of writing on each member of its zip archive, and numbers objects by
    their address in memory. Both are made the same from run to run, so that the same model has
    the same hash: zip's first day, and numbers in the order of appearance.
    """
    dumped = zipfile.ZipFile(io.BytesIO(skops.io.dumps(model)))
    schema = dumped.read(SCHEMA).decode()
    numbers: dict[str, str] = {}

    def renumber(match: re.Match[str]) -> str:
        number = numbers.setdefault(match["address"], str(len(numbers) + 1))
        return f"{match['before']}{number}{match['after']}"

    schema = re.sub(
        r'(?P<before>"__id__": |"file": ")(?P<address>\d+)(?P<after>)', renumber, schema
    )
    with atomic.replacing(folder / MODEL) as part, zipfile.ZipFile(part, "w") as archive:
        for name in dumped.namelist():
            address, dot, suffix = name.partition(".")
            target = f"{numbers.get(address, address)}{dot}{suffix}"
            octets = schema.encode() if name == SCHEMA else dumped.read(name)
            archive.writestr(zipfile.ZipInfo(target), octets)


def load(folder: Path) -> Model:
    """Read what `save` wrote."""
    return skops.io.load(folder / MODEL)
