"""The link of each host to the switch: delay, jitter, loss and rate, drawn anew for each round.

A host keeps its kind of link; where in the kind's range it lies changes from round to round, for
bots as for anybody else, so that a round trip tells a session and not a class.
"""

import random
from dataclasses import dataclass

from testbed.hosts import HOSTS


@dataclass(frozen=True)
class Link:
    """One direction of a cable or radio link; both directions are alike."""

    delay_s: float
    jitter_s: float  # standard deviation, added to the delay
    loss: float  # probability that a frame is lost
    rate_bps: float
    queue_s: float = 0.3  # frames that would wait longer are dropped

    def __str__(self) -> str:
        return (
            f"{1e3 * self.delay_s:.2f} ms, jitter {1e3 * self.jitter_s:.2f} ms, "
            f"loss {self.loss:.3%}, {self.rate_bps / 1e6:g} Mbit/s"
        )


KINDS = {  # lowest and highest delay in ms, jitter's share of it, highest loss, rates in Mbit/s
    "cable": ((0.5, 3.0), 0.05, 0.0, (40, 100)),
    "radio": ((1.5, 15.0), 0.3, 0.004, (4, 40)),
    "far": ((10.0, 40.0), 0.1, 0.006, (8, 40)),
}
CABLE = {"gateway", "server", "desktop", "web", "files", "broker", "hub", "backup", "generator"}
FAR = {"cloud", "generator-2"}


def draw(seed: int, round_name: str) -> dict[str, Link]:
    """Draw every host's link for a round. A bot may be in the house or far away."""
    links = {}
    for host in HOSTS:
        rng = random.Random(f"{seed}/link/{round_name}/{host.name}")
        if host.role == "bot" or host.role.startswith("victim"):
            kind = rng.choice(list(KINDS))
        else:
            kind = "cable" if host.name in CABLE else "far" if host.name in FAR else "radio"
        (low, high), jitter, loss, (slow, fast) = KINDS[kind]
        delay_s = low * (high / low) ** rng.random() / 1e3
        links[host.name] = Link(
            round(delay_s, 6),
            round(delay_s * jitter, 6),
            round(rng.uniform(0, loss), 5),
            round(rng.uniform(slow, fast), 1) * 1e6,
        )
    return links
