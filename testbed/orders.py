"""What an attack consists of: commands on hosts, drawn from what an episode is given."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from testbed.hosts import AVOIDED_PORTS, BY_NAME, VICTIMS, Host

WEB_VICTIMS = tuple(BY_NAME[name] for name in ("server", "web", "windows", "files"))
_AVOIDED = {
    port
    for first, _, last in (part.partition("-") for part in AVOIDED_PORTS.split(","))
    for port in range(int(first), int(last or first) + 1)
}


@dataclass(frozen=True)
class Order:
    """One command of an episode."""

    host: Host
    command: list[str]
    timeout_s: float = 8.0
    wait: bool = True  # else it is ended when the waited-for commands are done


@dataclass(frozen=True)
class Draw:
    """What an episode of an attack is drawn from: chance, bots, and how much it may send."""

    rng: Random
    bots: tuple[Host, ...]
    packets: int  # sent by all bots together
    scratch: str  # folder of keys and pages

    def victim(self, among: tuple[Host, ...] = VICTIMS) -> Host:
        """Choose a victim."""
        return self.rng.choice(among)

    def each(self) -> int:
        """Return the packets that one bot sends."""
        return max(4, self.packets // len(self.bots))

    def pause_us(self, least_s: float = 2.0, most_s: float = 5.0) -> int:
        """Choose the pause between a bot's packets, so that all last some seconds."""
        return max(100, round(1e6 * self.rng.uniform(least_s, most_s) / self.each()))

    def first_port(self, count: int, data: bool) -> int:
        """Choose where a sweep of `count` source ports begins; without data it may pass 0."""
        if not data and self.rng.random() < 0.15:
            return 65536 - self.rng.randrange(count)
        while True:
            first = self.rng.randrange(1024, 65536 - count)
            if not data or _AVOIDED.isdisjoint(range(first, first + count)):
                return first


Kind = Callable[[Draw], list[Order]]
