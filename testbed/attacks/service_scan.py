"""Scans for services, by nmap in its ways, hping3 and ncat."""

from testbed.hosts import AVOIDED_PORTS, Host
from testbed.orders import Draw, Kind, Order

SUBCATEGORIES = {"Service_Scan": (1, 4)}
WELL_KNOWN = "21,22,23,25,53,80,110,139,143,443,445,1883,3306,8080,8443,8883"
TIMEOUT_S = 8.0


def nmap(draw: Draw, bot: Host, victim: Host, *options: str) -> Order:
    """Return an nmap command; timing, source port, TTL and data are drawn, defaults among them."""
    rng = draw.rng
    timing = rng.choice(("-T3", "-T4", "-T4", "-T5"))
    command = ["nmap", "-n", "-Pn", timing, "--max-retries", "1", "--host-timeout", "7s", "-e",
               "eth0", "--exclude-ports", AVOIDED_PORTS]  # fmt: skip
    if not {"-sT", "-sV"} & set(options):  # which leave the packets to the kernel
        if ttl := rng.choice((None, None, 64, 128, 255)):
            command += ["--ttl", f"{ttl}"]
        if rng.random() < 0.25:
            command += ["-g", rng.choice(("20", "53", "88", "443"))]
        if rng.random() < 0.25:
            command += ["--data-length", f"{rng.randint(4, 60)}"]
    return Order(bot, [*command, *options, victim.address], TIMEOUT_S)


def _ports(draw: Draw, share: float = 1.0) -> str:
    """Choose a range of ports, which begins at 1 or anywhere below 20,000."""
    count = max(10, round(draw.each() * share))
    first = draw.rng.choice((1, 1, draw.rng.randrange(1, 20_000)))
    return f"{first}-{first + count}"


def _scan(draw: Draw, *options: str, share: float = 1.0) -> list[Order]:
    return [
        nmap(draw, bot, draw.victim(), *options, "-p", _ports(draw, share)) for bot in draw.bots
    ]


def syn(draw: Draw) -> list[Order]:
    """Half-open scan."""
    return _scan(draw, "-sS", share=0.5)


def connect(draw: Draw) -> list[Order]:
    """Scan by whole connections."""
    return _scan(draw, "-sT", share=0.5)


def udp(draw: Draw) -> list[Order]:
    """Scan for UDP services."""
    return _scan(draw, "-sU", share=0.5)


def ack(draw: Draw) -> list[Order]:
    """Scan of packet filters."""
    return _scan(draw, "-sA", share=0.5)


def stealth(draw: Draw) -> list[Order]:
    """NULL, FIN or Xmas scan."""
    return _scan(draw, draw.rng.choice(("-sN", "-sF", "-sX")), share=0.5)


def versions(draw: Draw) -> list[Order]:
    """Ask open ports what answers there."""
    intensity = draw.rng.choice(("--version-light", "--version-all"))
    return [nmap(draw, bot, draw.victim(), "-sV", intensity, "-p", WELL_KNOWN) for bot in draw.bots]


def hping3(draw: Draw) -> list[Order]:
    """hping3's scan of a range of ports."""
    flag = draw.rng.choice(("-S", "-S", "-A", "-F"))
    return [
        Order(
            bot,
            ["hping3", "-n", "--scan", _ports(draw, 0.5), flag, draw.victim().address],
            TIMEOUT_S,
        )
        for bot in draw.bots
    ]


def window(draw: Draw) -> list[Order]:
    """Window or Maimon scan."""
    return _scan(draw, draw.rng.choice(("-sW", "-sM")), share=0.5)


KINDS: dict[str, Kind] = {
    "syn": syn, "connect": connect, "udp": udp, "ack": ack, "stealth": stealth,
    "versions": versions, "hping3": hping3,
}  # fmt: skip
NOVEL: dict[str, Kind] = {"window": window}
