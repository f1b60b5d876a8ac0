"""The network: a switch and hosts, each in a network namespace of its own, and no route out.

Nothing is connected to the machine's own network: the switch lies in a namespace too, and no
namespace has a default route. A host's interface is a TAP device of the switch's (`switch`).
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

from testbed.errors import TestbedError
from testbed.hosts import BY_NAME, HOSTS, NETWORK, NETWORK_V6, PREFIX, Host
from testbed.links import Link
from testbed.switch import MIRROR, device

SWITCH = f"{PREFIX}switch"
ETC = Path("/etc/netns")  # ip-netns(8): files here appear as /etc/… inside a namespace
LOCK = Path("/run/packetids-testbed.lock")
SCRATCH = f"{PREFIX}scratch-"  # of temporary folders: keys, configurations, pages

SYSCTLS = {
    "net.ipv6.conf.all.accept_dad": "0",  # addresses are usable at once
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv4.icmp_ratelimit": "0",  # a victim of a UDP flood answers every packet
    "net.ipv4.icmp_msgs_per_sec": "100000",
    "net.ipv4.icmp_msgs_burst": "100000",
    "net.ipv4.ip_unprivileged_port_start": "0",
}
OFFLOADS = ("tx", "tso", "gso", "gro", "sg")
QUEUE_FRAMES = 5000  # of a TAP device, before the kernel drops what a host sends
SWITCH_NICENESS = -10  # its delays are only as good as its turn at the processor


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

    def link(self, links: dict[str, Link]) -> None:
        """Give every host's link to the switch other properties."""
        assert self.switch.stdin is not None
        fields = {name: asdict(link) for name, link in links.items()}
        self.switch.stdin.write(json.dumps(fields).encode() + b"\n")
        self.switch.stdin.flush()
        self._expect("ready")

    def _expect(self, word: str) -> None:
        assert self.switch.stdout is not None
        said = self.switch.stdout.readline().decode().strip()
        if said != word:
            raise TestbedError(
                f"the switch did not answer {word!r} but {said!r}. It needs /dev/net/tun: "
                "modprobe tun, or a container that has the device."
            )

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
        self.switch = subprocess.Popen(
            _inside(SWITCH, ["nice", "-n", f"{SWITCH_NICENESS}",
                             *python_module("switch", *BY_NAME)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.started.append(self.switch)
        self._expect("created")
        # The mirror only records: with IPv6 on it, the kernel would speak there by itself.
        quiet(_inside(SWITCH, ["sysctl", "-qw", f"net.ipv6.conf.{MIRROR}.disable_ipv6=1"]))
        _ip("-n", SWITCH, "link", "set", MIRROR, "txqueuelen", f"{QUEUE_FRAMES}", "up")
        for number, host in enumerate(HOSTS):
            inside = ("-n", host.namespace)
            _ip("netns", "add", host.namespace)
            for name, value in (SYSCTLS | host.stack.sysctls()).items():
                quiet(_inside(host.namespace, ["sysctl", "-qw", f"{name}={value}"]))
            _ip("-n", SWITCH, "link", "set", device(number), "netns", host.namespace)
            _ip(*inside, "link", "set", device(number), "name", "eth0", "address", host.mac,
                "mtu", f"{host.stack.mtu_bytes}", "txqueuelen", f"{QUEUE_FRAMES}")  # fmt: skip
            # Offloads would give frames of up to 64 KB with wrong checksums.
            for feature in OFFLOADS:
                quiet(_inside(host.namespace, ["ethtool", "-K", "eth0", feature, "off"]))
            _ip(*inside, "address", "add", f"{host.address}/24", "dev", "eth0")
            _ip(*inside, "link", "set", "lo", "up")
            _ip(*inside, "link", "set", "eth0", "up")
            if host.role != "bot":
                _ip(*inside, "address", "add", f"{host.address_v6}/64", "dev", "eth0")
            if host.stack.mss_bytes:
                for route in (f"{NETWORK}.0/24", f"{NETWORK_V6}/64"):
                    quiet(["ip", *inside, "route", "change", route, "dev", "eth0", "advmss",
                           f"{host.stack.mss_bytes}"])  # fmt: skip
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
    """Return the command that runs a module of this folder in another process."""
    root = Path(__file__).resolve().parents[1]
    return ["env", f"PYTHONPATH={root}", sys.executable, "-m", f"testbed.{module}", *arguments]


def _inside(namespace: str, command: Sequence[str]) -> list[str]:
    return ["ip", "netns", "exec", namespace, *command]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
