"""Rows of features whose classes are told by known columns."""

import numpy as np
import pandas as pd

from packetids.core.columns import FEATURES


def features(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows whose window tells the class, and whose stream tells it better."""
    rng = np.random.default_rng(seed)
    target = (np.arange(n) % 2).astype(np.int8)
    table = pd.DataFrame({name: rng.integers(0, 5, n).astype(float) for name in FEATURES})
    for name in ("proto", "tcp.flags"):
        table[name] = table[name].astype(np.int32)
    for name in ("src.port", "dst.port"):
        table[name] = pd.Categorical(rng.choice(["80", "443"], n), categories=["80", "443"])
    table["tcp.window_size_value"] = np.where(rng.random(n) < 0.9, 100.0 * target, 50.0)
    table["stream"] = 10.0 * target
    return table, target
