"""A learning Ethernet switch in user space: ``python -m testbed.switch NAME …``.

The kernel of a small machine often lacks `sch_netem`, so delay, jitter, loss and rate are the
switch's. Each host has a TAP device, of which this program holds the other end. A frame takes the
sender's link, passes the switch and takes the receiver's link; as it passes, frames shorter than
60 bytes are padded with zeros, as the sender's Ethernet card would do, and a copy leaves at the
port `mirror`, where dumpcap records.

On standard input it takes a JSON object of `links.Link` fields by host on each line, and answers
with "ready" when they hold. It ends with its standard input.
"""

import fcntl
import heapq
import json
import os
import random
import select
import struct
import sys
import time
from collections.abc import Callable

from testbed.links import Link

MIRROR = "mirror"
FRAME_BYTES_MIN = 60  # IEEE 802.3, clause 3.2.8, without the check sequence
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAMES_AT_ONCE = 64
MEMORY_S = 300.0  # a port that is silent for so long is forgotten (IEEE 802.1D, table 7-5)

Send = Callable[[str, bytes], None]


class Direction:
    """One direction of a host's link: when a frame that enters now comes out."""

    def __init__(self, link: Link, rng: random.Random) -> None:
        self.link, self.rng = link, rng
        self.free_s = self.last_s = 0.0

    def comes_out_s(self, now_s: float, frame_bytes: int) -> float | None:
        """Return the time at which the frame arrives, never before an earlier one, or None."""
        link = self.link
        if link.loss and self.rng.random() < link.loss:
            return None
        starts_s = max(now_s, self.free_s)
        if starts_s - now_s > link.queue_s:
            return None
        self.free_s = starts_s + 8 * frame_bytes / link.rate_bps
        jitter_s = abs(self.rng.gauss(0, link.jitter_s)) if link.jitter_s else 0.0
        self.last_s = max(self.last_s, self.free_s + link.delay_s + jitter_s)
        return self.last_s


class Switch:
    """Ports by name, each with a link in both directions. `send` puts a frame out of a port."""

    def __init__(self, links: dict[str, Link], send: Send, seed: str) -> None:
        self.send = send
        self.rng = random.Random(seed)
        self.places: dict[bytes, tuple[str, float]] = {}  # by MAC: the port, and when it was seen
        self.waiting: list[tuple[float, int, str | None, str, bytes]] = []
        self.number = 0
        self.relink(links)

    def relink(self, links: dict[str, Link]) -> None:
        """Give every port another link; frames on their way arrive as they were to."""
        self.inward = {port: Direction(link, self.rng) for port, link in links.items()}
        self.outward = {port: Direction(link, self.rng) for port, link in links.items()}

    def arrive(self, port: str, frame: bytes, now_s: float) -> None:
        """Take a frame that a host sends."""
        if len(frame) >= 14:
            self._wait(self.inward[port].comes_out_s(now_s, len(frame)), port, "", frame)

    def due_s(self) -> float | None:
        """Return when the next frame passes or arrives, or None."""
        return self.waiting[0][0] if self.waiting else None

    def move(self, now_s: float) -> None:
        """Let every frame that is due pass the switch, or reach its receiver."""
        while self.waiting and self.waiting[0][0] <= now_s:
            at_s, _, source, target, frame = heapq.heappop(self.waiting)
            if source is None:
                self.send(target, frame)
            else:
                self._pass(source, frame, at_s)

    def _pass(self, source: str, frame: bytes, at_s: float) -> None:
        frame = frame.ljust(FRAME_BYTES_MIN, b"\0")
        self.send(MIRROR, frame)
        self.places[frame[6:12]] = source, at_s
        port, seen_s = self.places.get(frame[:6], ("", 0.0))
        if frame[0] & 1 or not port or at_s - seen_s > MEMORY_S:
            targets = [name for name in self.outward if name != source]
        else:
            targets = [port] if port != source else []
        for target in targets:
            self._wait(self.outward[target].comes_out_s(at_s, len(frame)), None, target, frame)

    def _wait(self, at_s: float | None, source: str | None, target: str, frame: bytes) -> None:
        if at_s is not None:
            self.number += 1
            heapq.heappush(self.waiting, (at_s, self.number, source, target, frame))


def tap(name: str) -> int:
    """Create a TAP device and return its other end, a file descriptor that does not block."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return descriptor


def device(number: int) -> str:
    """Name the TAP device of the host with this number before it is moved to its namespace."""
    return f"p{number}"


def main(names: list[str]) -> None:
    """Switch frames between the hosts `names` until standard input ends."""
    descriptors = {name: tap(device(number)) for number, name in enumerate(names)}
    ports = {descriptor: name for name, descriptor in descriptors.items()}
    descriptors[MIRROR] = tap(MIRROR)
    print("created", flush=True)

    def send(port: str, frame: bytes) -> None:
        try:
            os.write(descriptors[port], frame)
        except OSError:  # the device is down, or its queue is full: the frame is lost
            pass

    switch: Switch | None = None
    control = b""
    stdin = sys.stdin.fileno()
    while True:
        due_s = switch.due_s() if switch else None
        wait_s = 0.5 if due_s is None else max(0.0, due_s - time.monotonic())
        readable, _, _ = select.select([stdin, *ports], [], [], wait_s)
        for descriptor in readable:
            if descriptor == stdin:
                if not (read := os.read(stdin, 65536)):
                    return
                *lines, control = (control + read).split(b"\n")
                for line in lines:
                    links = {name: Link(**fields) for name, fields in json.loads(line).items()}
                    if switch is None:
                        switch = Switch(links, send, "switch")
                    else:
                        switch.relink(links)
                    print("ready", flush=True)
                continue
            for _ in range(FRAMES_AT_ONCE):
                try:
                    frame = os.read(descriptor, 65536)
                except OSError:  # nothing more now
                    break
                if switch:
                    switch.arrive(ports[descriptor], frame, time.monotonic())
        if switch:
            switch.move(time.monotonic())


if __name__ == "__main__":
    main(sys.argv[1:])
