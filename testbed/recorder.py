"""Record the bridge with dumpcap, into ring files named and laid out like BoT-IoT's."""

import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from testbed import attacks, services
from testbed.errors import TestbedError
from testbed.topology import BRIDGE, HOSTS, SWITCH, Network, python_module

# Folder below PCAPs/ and file prefix; the order of the words differs between the two, as there.
PLACES = {
    "Service_Scan": ("Scan/Service", "IoT_Dataset_ServiceScan_"),
    "OS_Fingerprint": ("Scan/OS", "IoT_Dataset_OSScan_"),
    "DoS_TCP": ("DoS/DoS_TCP", "IoT_Dataset_TCP_DoS_"),
    "DoS_UDP": ("DoS/DoS_UDP", "IoT_Dataset_UDP_DoS_"),
    "DoS_HTTP": ("DoS/DoS_HTTP", "IoT_Dataset_HTTP_DoS_"),
    "DDoS_TCP": ("DDoS/DDoS_TCP", "IoT_Dataset_TCP_DDoS_"),
    "DDoS_UDP": ("DDoS/DDoS_UDP", "IoT_Dataset_UDP_DDoS_"),
    "DDoS_HTTP": ("DDoS/DDoS_HTTP", "IoT_Dataset_HTTP_DDoS_"),
    "Data_Exfiltration": ("Theft/Data_Exfiltration", "IoT_Dataset_data_theft_"),
    "Keylogging": ("Theft/Keylogging", "IoT_Keylogging_"),
}
RING_KB = 20_000
BEFORE_S, AFTER_S = 1.2, 0.8  # normal traffic alone, before and after the attack
DROPPED_SHARE_MAX = 0.001


@dataclass(frozen=True)
class Recorded:
    """One capture file and how it came to be."""

    path: Path
    subcategory: str
    round: int
    commands: list[str]
    dropped_packets: int


def record(
    out: Path,
    rounds: int,
    scale: float,
    only: list[str],
    seed: int,
    log: Callable[[str], None] = print,
) -> list[Recorded]:
    """Record `rounds` of every subcategory of `only` into ``out/PCAPs``."""
    recorded: list[Recorded] = []
    with Network() as network:
        services.start_all(network, seed)
        start_normal(network, seed)
        for round_ in range(rounds):
            for key in only:
                files = record_one(network, out, key, round_, scale, seed)
                recorded += files
                log(f"round {round_ + 1} {key}: {', '.join(f.path.name for f in files)}")
    return recorded


def start_normal(network: Network, seed: int) -> None:
    """Start every host's normal traffic and let it get going."""
    for host in HOSTS:
        network.start(host, python_module("normal", host.name, str(seed), str(network.scratch)))
    time.sleep(2)


def record_one(
    network: Network, out: Path, key: str, round_: int, scale: float, seed: int
) -> list[Recorded]:
    """Record one capture: normal traffic, the attack in it, normal traffic."""
    folder, prefix = PLACES[key]
    place = out / "PCAPs" / folder / str(round_ + 1)
    place.mkdir(parents=True, exist_ok=True)
    orders = attacks.SCENARIOS[key](round_, scale, Random(f"{seed}/attack/{key}/{round_}"))
    with tempfile.TemporaryFile() as said:
        dumpcap = subprocess.Popen(
            ["ip", "netns", "exec", SWITCH, "dumpcap", "-q", "-i", BRIDGE, "-P", "-s", "262144",
             "-B", "64", "-b", f"filesize:{RING_KB}", "-w", str(place / f"{prefix}.pcap")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        network.started.append(dumpcap)
        time.sleep(BEFORE_S)
        attack(network, orders)
        time.sleep(AFTER_S)
        network.stop([dumpcap])
        said.seek(0)
        dropped = dropped_packets(said.read().decode(), key)
    return [
        Recorded(path, key, round_ + 1, [shown(order) for order in orders], dropped)
        for path in sorted(place.glob("*.pcap"))
    ]


def attack(network: Network, orders: list[attacks.Order]) -> None:
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
    """Read dumpcap's last words: "Packets received/dropped on interface 'br0': 8/0 (…)"."""
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


def shown(order: attacks.Order) -> str:
    """Write a command as one would type it, without this machine's paths."""
    command = order.command
    if command[0] == "env":  # a module of this folder
        command = ["python", *command[command.index(sys.executable) + 1 :]]
    return f"{order.host.name}: {shlex.join(command)}"
