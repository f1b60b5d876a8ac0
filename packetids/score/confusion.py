"""Metrics of confusion matrices, many at a time, and their intervals.

A matrix has a row for each actual class and a column for each predicted one; class 0 is normal
traffic, every other one an attack.
"""

import numpy as np
from scipy import stats

METRICS = ("accuracy", "f1_macro", "balanced_accuracy", "mcc", "attack_recall", "false_alarms")
RESAMPLES = 1000
LEVEL = 0.95


def counts(
    actual: np.ndarray, predicted: np.ndarray, cluster: np.ndarray, n_classes: int
) -> np.ndarray:
    """Count pairs of labels in each cluster; int64 (n_clusters, n_classes, n_classes).

    `cluster` numbers the cluster of each row; shape (n,) each.
    """
    n_clusters = int(cluster.max()) + 1 if len(cluster) else 0
    cell = (cluster.astype(np.int64) * n_classes + actual) * n_classes + predicted
    found = np.bincount(cell, minlength=n_clusters * n_classes**2)
    return found.reshape(n_clusters, n_classes, n_classes)


def metrics(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Compute `METRICS` of each matrix; shape (..., k, k) gives (...,).

    A class without a row and a prediction counts in no mean. A share of nothing is NaN.
    """
    matrix = np.asarray(matrix, np.float64)
    row, column = matrix.sum(axis=-1), matrix.sum(axis=-2)
    hit = np.diagonal(matrix, axis1=-2, axis2=-1)
    total = row.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(row + column > 0, 2 * hit / (row + column), np.nan)
        recall = np.where(row > 0, hit / row, np.nan)
        covariance = hit.sum(axis=-1) * total - (row * column).sum(axis=-1)
        spread = (total**2 - (row**2).sum(axis=-1)) * (total**2 - (column**2).sum(axis=-1))
        return {
            "accuracy": hit.sum(axis=-1) / total,
            "f1_macro": np.nanmean(f1, axis=-1),
            "balanced_accuracy": np.nanmean(recall, axis=-1),
            "mcc": np.where(spread > 0, covariance / np.sqrt(spread), 0.0),
            "attack_recall": matrix[..., 1:, 1:].sum(axis=(-1, -2)) / row[..., 1:].sum(axis=-1),
            "false_alarms": matrix[..., 0, 1:].sum(axis=-1) / row[..., 0],
        }


def resampled_rows(matrix: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Draw the rows of one matrix again, `RESAMPLES` times; shape (RESAMPLES, k, k)."""
    cells = matrix.ravel()
    drawn = draw.multinomial(cells.sum(), cells / cells.sum(), RESAMPLES)
    return drawn.reshape(RESAMPLES, *matrix.shape)


def resampled_clusters(matrices: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Draw whole clusters again, because their rows are alike; shape (RESAMPLES, k, k)."""
    matrices = matrices[matrices.sum(axis=(1, 2)) > 0]
    n = len(matrices)
    times = draw.multinomial(n, np.full(n, 1 / n), RESAMPLES)
    return np.tensordot(times, matrices, axes=1)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the percentile interval of `LEVEL` of resampled values, shape (RESAMPLES,)."""
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def of_means(values: np.ndarray) -> tuple[float, float]:
    """Return the interval of `LEVEL` of a mean of independent values by Student's t, within 0 to 1.

    NaN if there are fewer than two values.
    """
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return float("nan"), float("nan")
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values)
    return max(0.0, float(values.mean() - half)), min(1.0, float(values.mean() + half))
