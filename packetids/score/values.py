"""Score predictions, also apart on rows that training holds and on rows that it does not."""

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef

METRICS = ("accuracy", "f1_macro", "balanced_accuracy", "mcc", "attack_recall", "false_alarms")
PARTS = ("all", "matched", "novel")


def table(
    target: np.ndarray, predicted: np.ndarray, seen: np.ndarray, n_classes: int
) -> pd.DataFrame:
    """Score all rows, the matched and the novel ones; a row for each of `PARTS` that has rows."""
    rows = []
    for part, chosen in zip(PARTS, (np.ones(len(seen), bool), seen, ~seen), strict=True):
        if chosen.any():
            one = values(target[chosen], predicted[chosen], n_classes)
            rows.append({"part": part, "rows": int(chosen.sum())} | one)
    return pd.DataFrame(rows)


def values(target: np.ndarray, predicted: np.ndarray, n_classes: int) -> dict[str, float]:
    """Return `METRICS`; label 0 is normal traffic, every other one an attack.

    A class without a row and a prediction counts in none of the means. ``attack_recall`` is the
    share of attack packets that are called an attack, whichever; ``false_alarms`` that of normal
    packets that are called one.
    """
    present = [c for c in range(n_classes) if (target == c).any() or (predicted == c).any()]
    return {
        "accuracy": float((target == predicted).mean()),
        "f1_macro": float(f1_score(target, predicted, labels=present, average="macro")),
        "balanced_accuracy": float(balanced_accuracy_score(target, predicted)),
        "mcc": float(matthews_corrcoef(target, predicted)),
        "attack_recall": _share(predicted[target > 0] > 0),
        "false_alarms": _share(predicted[target == 0] > 0),
    }


def _share(marked: np.ndarray) -> float:
    return float(marked.mean()) if len(marked) else float("nan")
