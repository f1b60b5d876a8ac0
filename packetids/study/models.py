"""What the study compares: every file of conf/peer/ and two networks."""

from typing import Literal

from packetids.core import composed, settings

FNN, QUANTILE = "fnn", "fnn_quantile"
NETWORKS = {
    FNN: "the paper's network",
    QUANTILE: "the same network on quantiles",
}
SCALING: dict[str, Literal["min_max", "quantile"]] = {FNN: "min_max", QUANTILE: "quantile"}
LEFT_OUT = ("nearest_neighbours",)  # takes longer than all others together


def peers() -> list[str]:
    """List the simple models."""
    return [name for name in composed.options(settings.PEER) if name not in LEFT_OUT]
