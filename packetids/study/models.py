"""Which simple models the study compares: every file of conf/peer/ that it can afford."""

from packetids.core import composed, settings

LEFT_OUT = ("nearest_neighbours",)  # takes longer than all others together


def peers() -> list[str]:
    """List the simple models."""
    return [name for name in composed.options(settings.PEER) if name not in LEFT_OUT]
