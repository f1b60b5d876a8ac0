"""Record the switch's mirror port with dumpcap, into ring files named as BoT-IoT's are."""

import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed import links, schedule, services
from testbed.errors import TestbedError
from testbed.hosts import HOSTS
from testbed.network import SWITCH, Network, python_module
from testbed.orders import Order
from testbed.places import PLACES
from testbed.schedule import Episode
from testbed.switch import MIRROR

RING_KB = 20_000
BEFORE_S, BETWEEN_S, AFTER_S = 1.5, 0.7, 1.0  # normal traffic alone, around and between episodes
DROPPED_SHARE_MAX = 0.001


@dataclass(frozen=True)
class Recorded:
    """One capture file and how it came to be."""

    path: Path
    subcategory: str
    round: str
    kinds: list[str]
    commands: list[str]
    dropped_packets: int


def record(
    out: Path,
    rounds: list[str],
    scale: float,
    only: list[str],
    seed: int,
    log: Callable[[str], None] = print,
) -> list[Recorded]:
    """Record a capture of every subcategory of `only` in every round into ``out/PCAPs``."""
    numbered = [name for name in rounds if name != schedule.NOVEL]
    dealt = {key: schedule.deal(key, len(numbered), seed) for key in only}
    recorded: list[Recorded] = []
    with Network() as network:
        network.link(links.draw(seed, rounds[0]))
        services.start_all(network, seed)
        start_normal(network, seed)
        for number, round_name in enumerate(rounds):
            network.link(links.draw(seed, round_name))
            for key in only:
                kinds = schedule.novel(key) if round_name == schedule.NOVEL else dealt[key][number]
                if not kinds:  # an attack without novel kinds
                    continue
                episodes = schedule.episodes(
                    key, round_name, kinds, scale, seed, str(network.scratch)
                )
                files = record_one(network, out, key, round_name, episodes)
                recorded += files
                log(f"round {round_name} {key}: {', '.join(kinds)}")
    return recorded


def start_normal(network: Network, seed: int) -> None:
    """Start every host's normal traffic and let it get going."""
    for host in HOSTS:
        network.start(host, python_module("normal", host.name, str(seed), str(network.scratch)))
    time.sleep(5)


def record_one(
    network: Network, out: Path, key: str, round_name: str, episodes: list[Episode]
) -> list[Recorded]:
    """Record one capture: normal traffic all the time, and the episodes one after another in it."""
    folder, prefix = PLACES[key]
    place = out / "PCAPs" / folder / round_name
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as said:
        dumpcap = subprocess.Popen(
            ["ip", "netns", "exec", SWITCH, "dumpcap", "-q", "-i", MIRROR, "-P", "-s", "262144",
             "-B", "64", "-b", f"filesize:{RING_KB}", "-w", str(place / f"{prefix}.pcap")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        network.started.append(dumpcap)
        time.sleep(BEFORE_S)
        for episode in episodes:
            attack(network, episode.orders)
            time.sleep(BETWEEN_S)
        time.sleep(AFTER_S)
        network.stop([dumpcap])
        said.seek(0)
        dropped = dropped_packets(said.read().decode(), key)
    orders = [order for episode in episodes for order in episode.orders]
    scratch = str(network.scratch)
    return [
        Recorded(path, key, round_name, [episode.kind for episode in episodes],
                 [shown(order, scratch) for order in orders], dropped)
        for path in sorted(place.glob("*.pcap"))
    ]  # fmt: skip


def attack(network: Network, orders: list[Order]) -> None:
    """Run an attack's commands together, each to its end or its time-out."""
    helpers = [network.start(order.host, order.command) for order in orders if not order.wait]
    if helpers:
        time.sleep(0.5)
    started = time.monotonic()
    running = [(network.start(order.host, order.command), order) for order in orders if order.wait]
    for process, order in sorted(running, key=lambda pair: pair[1].timeout_s):
        try:
            process.wait(max(0.0, started + order.timeout_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            network.stop([process])
    network.stop(helpers)


def dropped_packets(said: str, key: str) -> int:
    """Read dumpcap's last words: "Packets received/dropped on interface 'mirror': 8/0 (…)"."""
    counts = re.search(r"received/dropped on interface '\w+': (\d+)/(\d+)", said)
    if counts is None:
        raise TestbedError(f"{key}: dumpcap did not say what it dropped; it said {said!r}.")
    received, dropped = int(counts[1]), int(counts[2])
    if dropped > DROPPED_SHARE_MAX * received:
        raise TestbedError(
            f"{key}: dumpcap dropped {dropped} packets and kept {received}; at most "
            f"{DROPPED_SHARE_MAX:.1%} may be lost. Record on a quieter machine, or lower --scale."
        )
    return dropped


def shown(order: Order, scratch: str) -> str:
    """Write a command as one would type it, without this machine's paths."""
    command = [word.replace(scratch, "SCRATCH") for word in order.command]
    if command[0] == "env":  # a module of this folder
        command = ["python", *command[command.index(sys.executable) + 1 :]]
    return f"{order.host.name}: {shlex.join(command)}"
