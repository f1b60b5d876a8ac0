"""The network: a bridge and hosts, each in a network namespace of its own, and no route out.

Addresses and roles follow BoT-IoT: four bots .147 to .150, victims .3 .5 .6 .7, gateway .1 with
DNS and NTP, generators .46 and .55. Nothing is connected to the machine's own network: the bridge
lies in a namespace too, and no namespace has a default route.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from testbed.errors import TestbedError

PREFIX = "packetids-"  # of every namespace; `remove_leftovers` touches no other
SWITCH = f"{PREFIX}switch"
BRIDGE = "br0"
NETWORK = "192.168.100"
ETC = Path("/etc/netns")  # ip-netns(8): files here appear as /etc/… inside a namespace
LOCK = Path("/run/packetids-testbed.lock")
SCRATCH = f"{PREFIX}scratch-"  # of temporary folders: keys, configurations, pages


@dataclass(frozen=True)
class Host:
    """One machine of the testbed."""

    name: str
    last_octet: int
    role: str

    @property
    def namespace(self) -> str:
        """Name of its network namespace."""
        return PREFIX + self.name

    @property
    def address(self) -> str:
        """Its IPv4 address."""
        return f"{NETWORK}.{self.last_octet}"

    @property
    def mac(self) -> str:
        """Its Ethernet address, in VMware's range as in BoT-IoT."""
        return f"00:50:56:be:00:{self.last_octet:02x}"


HOSTS = (
    Host("gateway", 1, "DNS and NTP"),
    Host("server", 3, "victim: web, SSH, UDP sink"),
    Host("desktop", 4, "workstation: browsing, mDNS"),
    Host("web", 5, "victim: web"),
    Host("windows", 6, "victim: web, the theft's origin"),
    Host("files", 7, "victim: FTP, web"),
    Host("broker", 20, "MQTT broker"),
    Host("weather", 21, "IoT: weather station"),
    Host("fridge", 22, "IoT: smart fridge"),
    Host("thermostat", 23, "IoT: smart thermostat"),
    Host("garage", 24, "IoT: remotely controlled garage door"),
    Host("lights", 25, "IoT: smart lights"),
    Host("hub", 27, "smart-home hub: subscribes, looks up names"),
    Host("generator", 46, "constant-rate flows"),
    Host("bot-147", 147, "bot"),
    Host("bot-148", 148, "bot"),
    Host("bot-149", 149, "bot"),
    Host("bot-150", 150, "bot"),
)
BY_NAME = {host.name: host for host in HOSTS}
BOTS = tuple(host for host in HOSTS if host.role == "bot")

SYSCTLS = {
    "net.ipv6.conf.all.accept_dad": "0",  # addresses are usable at once
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv4.icmp_ratelimit": "0",  # a victim of a UDP flood answers every packet
    "net.ipv4.icmp_msgs_per_sec": "100000",
    "net.ipv4.icmp_msgs_burst": "100000",
    "net.ipv4.ip_unprivileged_port_start": "0",
}
OFFLOADS = ("rx", "tx", "tso", "gso", "gro", "sg")


@contextmanager
def alone() -> Iterator[None]:
    """Hold the machine's only testbed: names and addresses are fixed, so there is room for one.

    Whatever bears our prefix while this is held is left over from a recording that was killed.
    The kernel gives the lock back when its holder dies, however it dies.
    """
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TestbedError(
                "another recording is running on this machine. Wait for its end, or interrupt it."
            ) from None
        yield


class Network:
    """The namespaces and everything that runs in them; leaves nothing behind.

    Use as a context manager, inside `alone`. Temporary files of services belong into `scratch`.
    """

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Network":
        remove_leftovers()
        try:
            self.scratch = Path(tempfile.mkdtemp(prefix=SCRATCH))
            self.scratch.chmod(0o755)  # services that give up root still read it
            self._build()
        except BaseException:
            remove_leftovers()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # A second Ctrl-C must not interrupt the removal that the first one caused.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.stop(self.started)
        remove_leftovers()

    def start(
        self,
        host: Host,
        command: Sequence[str],
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start `command` on `host` in a process group of its own."""
        process = subprocess.Popen(
            _inside(host.namespace, command),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            cwd=self.scratch,
        )
        self.started.append(process)
        return process

    def run(self, host: Host, command: Sequence[str], timeout_s: float) -> None:
        """Run `command` on `host` to its end, for at most `timeout_s` seconds."""
        process = self.start(host, command)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.stop([process])

    def stop(self, processes: Sequence[subprocess.Popen[bytes]]) -> None:
        """End processes that `start` made, with all they started: first asking, then not."""
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            alive = [process for process in processes if process.poll() is None]
            for process in alive:
                try:
                    os.killpg(process.pid, end)
                except ProcessLookupError:
                    continue
            deadline = time.monotonic() + 2
            for process in alive:
                try:
                    process.wait(max(0.05, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    continue

    def _build(self) -> None:
        _ip("netns", "add", SWITCH)
        _ip("-n", SWITCH, "link", "add", BRIDGE, "type", "bridge")
        _ip("-n", SWITCH, "link", "set", BRIDGE, "up")
        for host in HOSTS:
            port = f"p{host.last_octet}"
            _ip("netns", "add", host.namespace)
            _ip("-n", SWITCH, "link", "add", port, "type", "veth", "peer", "name", "eth0",
                "netns", host.namespace)  # fmt: skip
            _ip("-n", SWITCH, "link", "set", port, "master", BRIDGE, "up")
            _ip("-n", host.namespace, "link", "set", "eth0", "address", host.mac)
            for name, value in SYSCTLS.items():
                quiet(_inside(host.namespace, ["sysctl", "-qw", f"{name}={value}"]))
            _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
            _ip("-n", host.namespace, "link", "set", "lo", "up")
            _ip("-n", host.namespace, "link", "set", "eth0", "up")
            # Offloads would give frames of up to 64 KB with wrong checksums.
            for namespace, device in ((host.namespace, "eth0"), (SWITCH, port)):
                for feature in OFFLOADS:
                    quiet(_inside(namespace, ["ethtool", "-K", device, feature, "off"]))
            resolver = ETC / host.namespace
            resolver.mkdir(parents=True, exist_ok=True)
            (resolver / "resolv.conf").write_text(
                f"nameserver {BY_NAME['gateway'].address}\noptions timeout:1 attempts:1\n"
            )


def remove_leftovers() -> None:
    """Remove every namespace of ours, the processes in it, and temporary files."""
    for namespace in namespaces():
        listed = subprocess.run(
            ["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False
        )
        for pid in listed.stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        _ip("netns", "delete", namespace)
    for folder in (*ETC.glob(f"{PREFIX}*"), *Path(tempfile.gettempdir()).glob(f"{SCRATCH}*")):
        shutil.rmtree(folder)


def namespaces() -> list[str]:
    """List the namespaces of ours that there are."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    names = [line.split()[0] for line in listed.stdout.splitlines() if line.strip()]
    return [name for name in names if name.startswith(PREFIX)]


def quiet(command: Sequence[str]) -> None:
    """Run a command whose failure does not matter: not every kernel has every switch."""
    subprocess.run(command, capture_output=True, check=False)


def python_module(module: str, *arguments: str) -> list[str]:
    """Give the command that runs a module of this folder in another process."""
    root = Path(__file__).resolve().parents[1]
    return ["env", f"PYTHONPATH={root}", sys.executable, "-m", f"testbed.{module}", *arguments]


def _inside(namespace: str, command: Sequence[str]) -> list[str]:
    return ["ip", "netns", "exec", namespace, *command]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
