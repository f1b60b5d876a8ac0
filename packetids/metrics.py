"""How good predictions are: the paper's Table III, and what it leaves out."""

import numpy as np
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, matthews_corrcoef

DEFINITIONS = {
    "accuracy": "(TP + TN) / (TP + TN + FP + FN)",
    "precision": "TP / (TP + FP)",
    "recall": "TP / (TP + FN)",
    "f1": "2 x precision x recall / (precision + recall)",
}


def confusion(target: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Count pairs; int64 (n_classes, n_classes), a row an actual class, a column a predicted."""
    return confusion_matrix(target, predicted, labels=np.arange(n_classes))


def binary(tn: int, fp: int, fn: int, tp: int) -> dict[str, float]:
    """Return Table III's four metrics, with attack as the positive class.

    A ratio whose denominator is 0 is defined as 0, such as the precision of a detector that never
    raises an alarm.
    """
    precision = _ratio(tp, tp + fp)
    recall = _ratio(tp, tp + fn)
    return {
        "accuracy": _ratio(tp + tn, tp + tn + fp + fn),
        "precision": precision,
        "recall": recall,
        "f1": _ratio(2 * precision * recall, precision + recall),
    }


def multiclass(matrix: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    """Return accuracy, macro F1, and each class's precision, recall and F1."""
    values = {"accuracy": _ratio(np.trace(matrix), matrix.sum())}
    f1s = []
    for label, name in enumerate(names):
        hit = matrix[label, label]
        precision = _ratio(hit, matrix[:, label].sum())
        recall = _ratio(hit, matrix[label].sum())
        f1s.append(_ratio(2 * precision * recall, precision + recall))
        values |= {
            f"precision_{name}": precision,
            f"recall_{name}": recall,
            f"f1_{name}": f1s[-1],
        }
    values["f1_macro"] = float(np.mean(f1s))
    return values


def summary(target: np.ndarray, predicted: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    """Return all metrics of one task: Table III's for two classes, each class's for more."""
    matrix = confusion(target, predicted, len(names))
    if len(names) == 2:
        values = binary(*(int(cell) for cell in matrix.ravel()))
    else:
        values = multiclass(matrix, names)
    values["balanced_accuracy"] = float(balanced_accuracy_score(target, predicted))
    values["mcc"] = float(matthews_corrcoef(target, predicted))
    # What answering the commonest class alone would reach.
    values["accuracy_majority"] = float(matrix.sum(axis=1).max() / matrix.sum())
    return values


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
