"""Class weights: a rare class counts as much as the commonest (Ge et al. 2019, section IV-D)."""

from typing import Literal

import numpy as np

from packetids.core.errors import PacketidsError


def class_weights(
    target: np.ndarray, n_classes: int, how: Literal["inverse_max", "none"]
) -> dict[int, float]:
    """Weigh each class by max(count) / count (section IV-D); by 1 if `how` is ``none``.

    `target` holds the training labels, shape (n,), each below `n_classes`.
    """
    if how == "none":
        return dict.fromkeys(range(n_classes), 1.0)
    counts = np.bincount(target, minlength=n_classes)
    if not counts.all():
        raise PacketidsError(
            f"class {int(np.argmin(counts))} has no training row; every class needs one. "
            "Keep more of it in conf/sample/."
        )
    return {label: float(counts.max() / count) for label, count in enumerate(counts)}
