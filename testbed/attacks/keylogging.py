"""Keylogging, played: made-up keystrokes with human timing leave victims for bots.

Nothing is logged. A victim sends each key, each line, or what was typed in some seconds.
"""

from testbed.attacks.exfiltration import listening, pairs
from testbed.network import python_module
from testbed.orders import Draw, Kind, Order

SUBCATEGORIES = {"Keylogging": (3, 4)}


def _keystrokes(draw: Draw, carrier: str, port: int) -> list[Order]:
    rng = draw.rng
    seconds = rng.uniform(5.0, 7.0)
    return [
        Order(
            victim,
            python_module("tools.keystrokes", carrier, bot.address, f"{port}", f"{seconds:.1f}",
                          f"{rng.uniform(0.8, 1.6):.2f}", f"{rng.randrange(10**6)}"),
            seconds + 4,
        )
        for victim, bot in pairs(draw)
    ]  # fmt: skip


def keys(draw: Draw) -> list[Order]:
    """Each key pressed and released, over one TCP connection."""
    port = draw.rng.choice((4444, 4433, 8443, 80))
    return [*listening(draw, "tcp", port), *_keystrokes(draw, "keys", port)]


def lines(draw: Draw) -> list[Order]:
    """Each line when it is finished, over one TCP connection."""
    port = draw.rng.choice((4444, 4433, 443, 6667))
    return [*listening(draw, "tcp", port), *_keystrokes(draw, "lines", port)]


def shell(draw: Draw) -> list[Order]:
    """Open a reverse shell: the bot types commands, the victim echoes and answers."""
    port = draw.rng.choice((4444, 4433, 443))
    return [*listening(draw, "shell", port), *_keystrokes(draw, "shell", port)]


def http(draw: Draw) -> list[Order]:
    """Post what was typed in a second or two."""
    port = draw.rng.choice((80, 8000, 8888))
    return [*listening(draw, "http", port), *_keystrokes(draw, "http", port)]


def udp(draw: Draw) -> list[Order]:
    """Send a datagram for each key."""
    port = draw.rng.choice((5555, 514, 40_002))
    return [*listening(draw, "udp", port), *_keystrokes(draw, "udp", port)]


def dns(draw: Draw) -> list[Order]:
    """Ask a DNS question for each word."""
    return [*listening(draw, "dns", 53), *_keystrokes(draw, "dns", 53)]


def icmp(draw: Draw) -> list[Order]:
    """Send an echo request for each key."""
    return _keystrokes(draw, "icmp", 0)


KINDS: dict[str, Kind] = {
    "keys": keys, "lines": lines, "shell": shell, "http": http, "udp": udp, "dns": dns,
}  # fmt: skip
NOVEL: dict[str, Kind] = {"icmp": icmp}
