"""Which kinds of an attack occur in which round: dealt so that every kind comes back.

Each capture holds `EPISODES` episodes. The kinds of an attack are shuffled once and dealt in turn,
so that with eight rounds each occurs in at least three of them: a round that is left out asks for
another session of a known attack. DoS and DDoS are shuffled and drawn apart.
"""

import random
from dataclasses import dataclass
from types import ModuleType

from testbed.attacks import ATTACKS
from testbed.hosts import BOTS
from testbed.orders import Draw, Order

EPISODES = 3
NOVEL = "novel"  # name of the round whose kinds no other round has
PACKETS = {  # that the bots of one episode send, about
    "DoS_TCP": 2000, "DDoS_TCP": 2000, "DoS_UDP": 2000, "DDoS_UDP": 2000, "DoS_HTTP": 1200,
    "DDoS_HTTP": 1200, "Service_Scan": 2200, "OS_Fingerprint": 1500, "Data_Exfiltration": 800,
    "Keylogging": 800,
}  # fmt: skip


@dataclass(frozen=True)
class Episode:
    """One attack of a capture: its kind and its commands."""

    kind: str
    orders: list[Order]


def round_names(rounds: int) -> list[str]:
    """Name the rounds, as folders are named."""
    return [f"{number}" for number in range(1, rounds + 1)]


def deal(subcategory: str, rounds: int, seed: int) -> list[list[str]]:
    """Deal an attack's kinds to the rounds, `EPISODES` different ones to each, or all there are."""
    kinds = list(ATTACKS[subcategory].KINDS)
    random.Random(f"{seed}/deal/{subcategory}").shuffle(kinds)
    hand = min(EPISODES, len(kinds))
    return [
        [kinds[(round_ * hand + card) % len(kinds)] for card in range(hand)]
        for round_ in range(rounds)
    ]


def episodes(
    subcategory: str, round_name: str, kinds: list[str], scale: float, seed: int, scratch: str
) -> list[Episode]:
    """Draw the episodes of one capture."""
    module = ATTACKS[subcategory]
    makers = module.NOVEL if round_name == NOVEL else module.KINDS
    made = []
    for number, kind in enumerate(kinds):
        rng = random.Random(f"{seed}/attack/{subcategory}/{round_name}/{number}")
        made.append(Episode(kind, makers[kind](_draw(module, subcategory, rng, scale, scratch))))
    return made


def novel(subcategory: str) -> list[str]:
    """Return the kinds of the novel round, as many as a capture has episodes, or none."""
    kinds = list(ATTACKS[subcategory].NOVEL)
    return [kinds[n % len(kinds)] for n in range(EPISODES if kinds else 0)]


def _draw(
    module: ModuleType, subcategory: str, rng: random.Random, scale: float, scratch: str
) -> Draw:
    bots = tuple(rng.sample(BOTS, rng.randint(*module.SUBCATEGORIES[subcategory])))
    packets = max(8, round(PACKETS[subcategory] * rng.uniform(0.7, 1.4) * scale))
    return Draw(rng, bots, packets, scratch)
