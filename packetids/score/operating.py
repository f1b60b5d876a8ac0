"""What a detector is worth in operation: thresholds, false alarms, prevalence, calibration.

From the probability of an attack, whichever; normal packets are by far the most there, so that a
small share of false alarms is many of them (Arp et al. 2022; findings on base rates).
"""

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, roc_curve

FALSE_POSITIVE_RATES = (1e-3, 1e-4)
PREVALENCES = (0.1, 0.01, 0.001)
BINS = 15
NAMES = (
    "pr_auc", *(f"recall_at_fpr_{rate:.0e}" for rate in FALSE_POSITIVE_RATES),
    "false_alarms_per_million", *(f"precision_at_{share:.0e}" for share in PREVALENCES), "brier",
    "calibration_error",
)  # fmt: skip


def values(attack: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Return the area under the precision-recall curve and what thresholds give.

    Parameters
    ----------
    attack : bool array, shape (n,)
        Which rows are of an attack.
    probability : float array, shape (n,)
        That they are.

    Returns
    -------
    dict
        ``pr_auc``; ``recall_at_fpr_1e-03`` and the like, 0 if no threshold has so few false alarms;
        ``false_alarms_per_million`` normal packets at a probability of 0.5; ``precision_at_1e-02``
        and the like: of an alarm where that share of packets is of attacks; ``brier``;
        ``calibration_error``: the mean distance of probability and share, weighted by rows.
    """
    false_positive, true_positive, _ = roc_curve(attack, probability, drop_intermediate=False)
    found = {"pr_auc": float(average_precision_score(attack, probability))}
    for rate in FALSE_POSITIVE_RATES:
        found[f"recall_at_fpr_{rate:.0e}"] = float(true_positive[false_positive <= rate].max())
    alarm = probability > 0.5
    recall, false = float(alarm[attack].mean()), float(alarm[~attack].mean())
    found["false_alarms_per_million"] = false * 1e6
    for share in PREVALENCES:
        alarms = recall * share + false * (1 - share)
        found[f"precision_at_{share:.0e}"] = recall * share / alarms if alarms else float("nan")
    found["brier"] = float(brier_score_loss(attack, np.clip(probability, 0, 1)))
    found["calibration_error"] = _calibration_error(attack, probability)
    return found


def _calibration_error(attack: np.ndarray, probability: np.ndarray) -> float:
    clipped = np.clip(probability, 0, 1)
    share, mean = calibration_curve(attack, clipped, n_bins=BINS)
    edges = np.linspace(0, 1, BINS + 1)
    filled = np.bincount(np.searchsorted(edges[1:-1], clipped), minlength=BINS)
    weights = filled[filled > 0] / len(clipped)
    return float((np.abs(share - mean) * weights).sum())
