"""Machines among themselves: time, neighbours, multicast names, copies, constant-rate flows."""

import random
import socket
import sys
import time
from pathlib import Path

from testbed.hosts import BY_NAME
from testbed.normal import Activity, pause, run, ssh_options
from testbed.tools.human import text


def ask_time(scratch: Path, host: str) -> Activity:
    """Ask the gateway for the time, without setting it."""
    own = f"pidfile {scratch / f'chronyd-{host}.pid'}"
    gateway = BY_NAME["gateway"].address

    def activity(rng: random.Random) -> None:
        run("chronyd", "-Q", "-t", "2", "-u", "root", f"server {gateway} iburst maxsamples 1",
            own, "cmdport 0")  # fmt: skip
        pause(rng, 4)

    return activity


def forget_neighbours(rng: random.Random) -> None:
    """Forget the neighbours' Ethernet addresses, so that ARP and IPv6 discovery ask again."""
    run("ip", "neigh", "flush", "dev", "eth0")
    pause(rng, 4)


def multicast_dns(rng: random.Random) -> None:
    """Ask for services by multicast DNS (RFC 6762), over IPv4 and IPv6."""
    service = rng.choice((b"_http", b"_mqtt", b"_ssh", b"_printer", b"_googlecast"))
    labels = (service, b"_tcp", b"local")
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    question = bytes(4) + b"\0\1" + bytes(6) + name + b"\0\x0c\0\1"  # one PTR question, class IN
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        sender.bind(("0.0.0.0", 5353))
        index = socket.if_nametoindex("eth0")
        interface = socket.inet_aton("224.0.0.251") + bytes(4) + index.to_bytes(4, sys.byteorder)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        sender.sendto(question, ("224.0.0.251", 5353))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sender.sendto(question, ("ff02::fb", 5353, 0, socket.if_nametoindex("eth0")))
    pause(rng, 2.5)


def back_up(scratch: Path) -> Activity:
    """Copy a server's files by SSH, slowly enough to go on while others work."""

    def activity(rng: random.Random) -> None:
        source = BY_NAME[rng.choice(("server", "files"))].address
        document = f"root@{source}:{scratch}/documents/{rng.randrange(7)}.txt"
        run("scp", "-q", "-l", "600", *ssh_options(scratch), document,
            str(scratch / "got" / "backup"))  # fmt: skip
        pause(rng, 5)

    return activity


def udp_flow(source_port: int, target: str, port: int, rate_pps: float,
             size_bytes: tuple[int, ...]) -> Activity:  # fmt: skip
    """Send datagrams at one rate, as Ostinato did in BoT-IoT; each run has a size of its own."""

    def activity(rng: random.Random) -> None:
        payload = text(rng.choice(size_bytes), f"flow/{source_port}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sender.bind(("0.0.0.0", source_port))
            for _ in range(rng.randint(40, 200)):
                try:
                    sender.sendto(payload, (target, port))
                except OSError:  # the answer to an earlier datagram: port unreachable
                    pass
                time.sleep(1 / rate_pps)

    return activity


def tcp_flow(source_port: int, target: str, rate_pps: float) -> Activity:
    """Send lone TCP segments at one rate, as Ostinato did in BoT-IoT."""

    def activity(rng: random.Random) -> None:
        flags = rng.choice((["-S"], ["-S"], ["-A"], ["-P", "-A"]))
        window = rng.choice(([], [], ["-w", "8192"], ["-w", "64240"], ["-w", "1024"]))
        ports = rng.choice((["-k"], []))
        run("hping3", "-q", "-n", "-c", f"{rng.randint(30, 90)}", "-i",
            f"u{round(1e6 / rate_pps)}", *flags, *window, *ports, "-s", str(source_port), "-p",
            "80", "-d", f"{rng.choice((0, 6, 46, 100, 300))}", target)  # fmt: skip

    return activity
