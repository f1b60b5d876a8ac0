"""Normal traffic of one host, until ended: ``python -m testbed.normal HOST SEED SCRATCH``.

Five smart-home devices publish over MQTT (Ge et al. 2019, section IV-A), people browse, look up
names, copy files and log in, clocks ask for the time, neighbours ask for each other's addresses,
and generators send at a constant rate, as Ostinato did in BoT-IoT. Each activity has a random
stream with a name, so that one more activity leaves the others' choices as they were.
"""

import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from testbed.services import DOMAIN, PAGE_OCTETS, text
from testbed.topology import BY_NAME, HOSTS

BROKER = BY_NAME["broker"].address
GATEWAY = BY_NAME["gateway"].address
TOOL_TIMEOUT_S = 8

Activity = Callable[[random.Random], None]


def run(*command: str) -> None:
    """Run a tool for at most `TOOL_TIMEOUT_S` seconds; a failure under attack is normal."""
    try:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TOOL_TIMEOUT_S,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pass


# --- smart home -----------------------------------------------------------------------------


def reading(device: str, rng: random.Random) -> str:
    """Make up one message of a device."""
    values: dict[str, object] = {
        "weather": {
            "temperature_c": round(rng.gauss(17, 6), 1),
            "humidity_percent": rng.randint(30, 90),
            "pressure_hpa": round(rng.gauss(1013, 8), 1),
        },
        "fridge": {
            "temperature_c": round(rng.gauss(4, 0.7), 2),
            "door": rng.choice(["open", "shut"]),
        },
        "thermostat": {"set_c": rng.randint(17, 23), "temperature_c": round(rng.gauss(20, 1), 1)},
        "garage": {
            "door": rng.choice(["open", "closed", "moving"]),
            "by": rng.choice(["app", "key"]),
        },
        "lights": {"on": rng.random() < 0.5, "level_percent": rng.randint(1, 100)},
    }
    return json.dumps({"device": device, "state": values[device]})


def publish_steadily(device: str, qos: int, pause_s: float) -> Activity:
    """Publish over one long-lived connection."""

    def activity(rng: random.Random) -> None:
        command = ["mosquitto_pub", "-h", BROKER, "-t", f"home/{device}/state", "-q", str(qos),
                   "-l"]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
            assert client.stdin is not None
            for _ in range(rng.randint(40, 120)):
                try:
                    client.stdin.write(f"{reading(device, rng)}\n".encode())
                    client.stdin.flush()
                except BrokenPipeError:
                    return
                time.sleep(rng.expovariate(1 / pause_s))

    return activity


def publish_once(device: str) -> Activity:
    """Connect, publish one message, disconnect."""

    def activity(rng: random.Random) -> None:
        run("mosquitto_pub", "-h", BROKER, "-t", f"home/{device}/event", "-q",
            str(rng.choice((0, 1, 2))), "-m", reading(device, rng))  # fmt: skip
        time.sleep(rng.expovariate(1 / 1.2))

    return activity


def subscribe(qos: int) -> Activity:
    """Listen to the whole home for a while."""

    def activity(rng: random.Random) -> None:
        run("mosquitto_sub", "-h", BROKER, "-t", "home/#", "-q", str(qos), "-W",
            str(rng.randint(4, 7)))  # fmt: skip

    return activity


# --- people and machines --------------------------------------------------------------------


def browse(rng: random.Random) -> None:
    """Fetch one to four pages over one connection, by name."""
    host = rng.choice(("server", "web", "files"))
    pages = rng.choices(list(PAGE_OCTETS), weights=(5, 4, 2, 1), k=rng.randint(1, 4))
    urls = [f"http://{host}.{DOMAIN}/{page}.html" for page in pages]
    outputs = [argument for _ in urls for argument in ("-o", "/dev/null")]
    run("curl", "-s", "--max-time", "5", *outputs, *urls)
    time.sleep(rng.expovariate(1 / 1.6))


def look_up(rng: random.Random) -> None:
    """Ask the resolver for a name that exists or does not; IPv4 and IPv6."""
    name = rng.choice([host.name for host in HOSTS] + ["printer", "nowhere"])
    try:
        socket.getaddrinfo(f"{name}.{DOMAIN}", 80)
    except socket.gaierror:
        pass
    time.sleep(rng.expovariate(1 / 0.8))


def ask_time(scratch: Path, host: str) -> Activity:
    """Ask the gateway for the time, without setting it."""
    own = f"pidfile {scratch / f'chronyd-{host}.pid'}"

    def activity(rng: random.Random) -> None:
        run("chronyd", "-Q", "-t", "2", "-u", "root", f"server {GATEWAY} iburst maxsamples 1",
            own, "cmdport 0")  # fmt: skip
        time.sleep(rng.uniform(1.5, 4))

    return activity


def log_in(scratch: Path) -> Activity:
    """Run a command on the server over SSH, or copy a file to it."""
    options = ["-i", str(scratch / "user_key"), "-o", "StrictHostKeyChecking=no", "-o",
               "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=3"]  # fmt: skip
    server = f"root@{BY_NAME['server'].address}"
    document = scratch / f"document-{socket.gethostname()}-{threading.get_ident()}.txt"

    def activity(rng: random.Random) -> None:
        if rng.random() < 0.5:
            run("ssh", *options, server, "cat /proc/uptime; sleep 0.3; cat /proc/loadavg")
        else:
            document.write_bytes(text(rng.randint(2_000, 60_000), f"{rng.random()}"))
            run("scp", "-q", *options, str(document), f"{server}:{document}.copy")
        time.sleep(rng.expovariate(1 / 1.5))

    return activity


def fetch_by_ftp(rng: random.Random) -> None:
    """Fetch a file by FTP: a control and a data connection."""
    run("curl", "-s", "--max-time", "5", "-o", "/dev/null",
        f"ftp://{BY_NAME['files'].address}/pub/manual.txt")  # fmt: skip
    time.sleep(rng.expovariate(1 / 2.5))


def ping(rng: random.Random) -> None:
    """Ask a neighbour for an echo, over IPv4 or a link-local IPv6 address."""
    host = rng.choice([host for host in HOSTS if host.role != "bot"])
    if rng.random() < 0.5:
        run("ping", "-q", "-c", "3", "-i", "0.2", "-W", "1", host.address)
    else:
        run("ping", "-q", "-c", "2", "-i", "0.2", "-W", "1", f"{link_local(host.mac)}%eth0")
    time.sleep(rng.expovariate(1 / 1.5))


def forget_neighbours(rng: random.Random) -> None:
    """Forget the neighbours' Ethernet addresses, so that ARP and IPv6 discovery ask again."""
    run("ip", "neigh", "flush", "dev", "eth0")
    time.sleep(rng.uniform(2, 5))


def multicast_dns(rng: random.Random) -> None:
    """Ask for services by multicast DNS (RFC 6762), over IPv4 and IPv6."""
    service = rng.choice((b"_http", b"_mqtt", b"_ssh", b"_printer"))
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
    time.sleep(rng.expovariate(1 / 1.0))


def link_local(mac: str) -> str:
    """Give the link-local IPv6 address of an Ethernet address (RFC 4291, appendix A)."""
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    words = [*octets[:3], 0xFF, 0xFE, *octets[3:]]
    return "fe80::" + ":".join(f"{words[i] << 8 | words[i + 1]:x}" for i in range(0, 8, 2))


# --- constant-rate generators ---------------------------------------------------------------


def udp_flow(source_port: int, target: str, port: int, rate_pps: float, octets: int) -> Activity:
    """Send datagrams of one size at one rate."""

    def activity(rng: random.Random) -> None:
        payload = text(octets, f"flow/{source_port}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sender.bind(("0.0.0.0", source_port))
            for _ in range(200):
                try:
                    sender.sendto(payload, (target, port))
                except OSError:  # the answer to an earlier datagram: port unreachable
                    pass
                time.sleep(1 / rate_pps)

    return activity


def tcp_flow(source_port: int, target: str, rate_pps: float) -> Activity:
    """Send lone TCP segments from one port to the same port of a web server."""

    def activity(rng: random.Random) -> None:
        run("hping3", "-q", "-n", "-c", "100", "-i", f"u{round(1e6 / rate_pps)}", "-S", "-k", "-s",
            str(source_port), "-p", "80", "-d", "46", target)  # fmt: skip

    return activity


# --- who does what --------------------------------------------------------------------------


def activities(host: str, scratch: Path) -> dict[str, Activity]:
    """Name the activities of a host; each runs in a thread of its own, again and again."""
    server, web = BY_NAME["server"].address, BY_NAME["web"].address
    clock = ask_time(scratch, host)
    device = {
        "steady": publish_steadily(host, 0, 0.3),
        "event": publish_once(host),
        "neighbours": forget_neighbours,
    }
    person = {"browse": browse, "look-up": look_up, "mdns": multicast_dns, "ping": ping,
              "neighbours": forget_neighbours}  # fmt: skip
    return {
        "weather": device | {"time": clock},
        "fridge": device | {"steady": publish_steadily(host, 1, 0.35)},
        "thermostat": device | {"steady": publish_steadily(host, 1, 0.4), "look-up": look_up},
        "garage": device | {"steady": publish_steadily(host, 2, 0.6)},
        "lights": device | {"steady": publish_steadily(host, 2, 0.5), "time": clock},
        "hub": {"all": subscribe(1), "sure": subscribe(2), "look-up": look_up, "ping": ping},
        "desktop": person | {"browse-2": browse, "log-in": log_in(scratch), "ftp": fetch_by_ftp},
        "windows": person | {"udp": udp_flow(8080, server, 80, 10, 120), "log-in": log_in(scratch)},
        "files": {"udp": udp_flow(365, server, 565, 10, 18), "time": clock, "ping": ping},
        "generator": {
            "tcp": tcp_flow(3456, web, 10),
            "udp": udp_flow(8081, web, 80, 10, 400),
            "browse": browse,
        },
        # The bots' own business, which the paper's rule by address calls an attack.
        "bot-149": {"time": clock, "look-up": _slowly(look_up)},
        "bot-150": {"look-up": _slowly(look_up), "neighbours": forget_neighbours},
    }.get(host, {})


def _slowly(activity: Activity) -> Activity:
    def slow(rng: random.Random) -> None:
        activity(rng)
        time.sleep(1.5)

    return slow


def main(host: str, seed: str, scratch: Path) -> None:
    """Do everything the host does, until ended."""

    def forever(name: str, activity: Activity) -> None:
        rng = random.Random(f"{seed}/normal/{host}/{name}")
        time.sleep(rng.random())
        while True:
            activity(rng)

    for name, activity in activities(host, scratch).items():
        threading.Thread(target=forever, args=(name, activity), daemon=True).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
