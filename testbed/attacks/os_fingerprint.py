"""Guesses at a host's operating system: nmap's probes, and others' of the same kind."""

from testbed.attacks.service_scan import nmap
from testbed.orders import WEB_VICTIMS, Draw, Kind, Order

SUBCATEGORIES = {"OS_Fingerprint": (2, 4)}
TIMEOUT_S = 8.0


def _nmap(draw: Draw, ports: int, *options: str) -> list[Order]:
    """Nmap -O needs an open and a closed port; it looks for them among `ports` first."""
    orders = []
    for bot in draw.bots:
        first = draw.rng.choice((1, 15, 20, 60))
        how = ["-O", "--osscan-guess", "--max-os-tries", f"{draw.rng.randint(1, 3)}", *options]
        orders.append(
            nmap(draw, bot, draw.victim(WEB_VICTIMS), *how, "-p", f"{first}-{first + ports}")
        )
    return orders


def few_ports(draw: Draw) -> list[Order]:
    """Nmap's probes after a short look for ports."""
    return _nmap(draw, draw.rng.randint(66, 120))


def many_ports(draw: Draw) -> list[Order]:
    """Nmap's probes after a scan of many ports."""
    return _nmap(draw, max(100, draw.each() // 2))


def connected(draw: Draw) -> list[Order]:
    """Nmap's probes after a scan by whole connections."""
    return _nmap(draw, max(100, draw.each() // 3), "-sT")


def icmp(draw: Draw) -> list[Order]:
    """Probes by ICMP as xprobe2 has them: echo, timestamp, address mask, and a closed UDP port."""
    orders = []
    for bot in draw.bots:
        victim, rng = draw.victim(), draw.rng
        common = ["-q", "-n", "-i", f"u{rng.randint(15_000, 60_000)}", "-c",
                  f"{max(4, min(120, draw.each() // 8))}"]  # fmt: skip
        for probe in (["--icmp", "-C", "8"], ["--icmp", "-C", "13"], ["--icmp", "-C", "17"],
                      ["--udp", "-p", "65535", "-d", f"{rng.choice((0, 8, 70))}"]):  # fmt: skip
            orders.append(Order(bot, ["hping3", *common, *probe, victim.address], TIMEOUT_S))
    return orders


def sequence(draw: Draw) -> list[Order]:
    """Sample a victim's initial sequence numbers and clock, and its answers to odd flags."""
    orders = []
    for bot in draw.bots:
        victim, rng = draw.victim(WEB_VICTIMS), draw.rng
        common = ["-q", "-n", "-i", f"u{rng.randint(8_000, 40_000)}", "-p", "80", "-c",
                  f"{max(6, min(200, draw.each() // 6))}"]  # fmt: skip
        window = ["-w", f"{rng.choice((512, 1024, 4096, 31337, 65535))}"]
        for probe in (["-S", "--tcp-timestamp"], ["-S", "-P", "-U", "-F"], ["-A"], ["-S", "-Q"]):
            orders.append(
                Order(bot, ["hping3", *common, *window, *probe, victim.address], TIMEOUT_S)
            )
    return orders


def banners(draw: Draw) -> list[Order]:
    """Greetings of services, which name the system: SSH, FTP and web servers."""
    orders = []
    for bot in draw.bots:
        server = "".join(
            f"curl -s -I -m 2 http://{victim.address}/ >&2; "
            f"echo | ncat -w 1 {victim.address} {draw.rng.choice((21, 22, 80, 23, 443))}; "
            for victim in (draw.victim(WEB_VICTIMS) for _ in range(max(4, draw.each() // 30)))
        )
        orders.append(Order(bot, ["sh", "-c", server], TIMEOUT_S))
    return orders


def times_to_live(draw: Draw) -> list[Order]:
    """Probes of rising time to live, as traceroute sends them."""
    return [
        Order(
            bot,
            ["hping3", "-q", "-n", "-S", "-p", "80", "-t", "1", "--traceroute", "-i", "u20000",
             "-c", f"{max(6, min(250, draw.each() // 2))}", draw.victim(WEB_VICTIMS).address],
            TIMEOUT_S,
        )
        for bot in draw.bots
    ]  # fmt: skip


KINDS: dict[str, Kind] = {
    "few_ports": few_ports, "many_ports": many_ports, "connected": connected, "icmp": icmp,
    "sequence": sequence, "banners": banners,
}  # fmt: skip
NOVEL: dict[str, Kind] = {"times_to_live": times_to_live}
