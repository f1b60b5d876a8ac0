"""The testbed's switch, without a network: order, delay, loss, rate, padding, learning."""

import random

import pytest

from testbed.links import Link
from testbed.switch import FRAME_BYTES_MIN, MIRROR, Direction, Switch

A, B, C = (bytes([2, 0, 0, 0, 0, n]) for n in (1, 2, 3))
EVERYBODY = b"\xff" * 6
PLAIN = Link(delay_s=0.01, jitter_s=0.0, loss=0.0, rate_bps=8e6)  # a byte takes a microsecond


class Wire:
    """A switch with ports a, b and c, and what came out of each port."""

    def __init__(self, link: Link = PLAIN) -> None:
        self.out: list[tuple[str, bytes]] = []
        self.switch = Switch(dict.fromkeys("abc", link), self.send, "seed")

    def send(self, port: str, frame: bytes) -> None:
        self.out.append((port, frame))

    def at(self, port: str) -> list[bytes]:
        return [frame for name, frame in self.out if name == port]


def frame(target: bytes, source: bytes, size: int = 100) -> bytes:
    return (target + source + b"\x08\x00").ljust(size, b"x")


def test_a_frame_takes_both_links_and_is_mirrored_between_them():
    wire = Wire()
    wire.switch.arrive("a", frame(EVERYBODY, A), now_s=0.0)

    wire.switch.move(0.0100)
    assert wire.out == []
    wire.switch.move(0.0102)  # 100 us on the wire and 10 ms of delay
    assert wire.at(MIRROR) == [frame(EVERYBODY, A)]
    assert not wire.at("b")
    wire.switch.move(0.0203)
    assert wire.at("b") == wire.at("c") == [frame(EVERYBODY, A)] and not wire.at("a")


def test_an_address_that_was_seen_is_reached_at_its_port_only():
    wire = Wire()
    wire.switch.arrive("a", frame(EVERYBODY, A), 0.0)
    wire.switch.move(1.0)
    wire.out.clear()
    wire.switch.arrive("b", frame(A, B), 2.0)
    wire.switch.move(3.0)

    assert [port for port, _ in wire.out] == [MIRROR, "a"]


def test_an_unknown_or_forgotten_address_is_looked_for_everywhere():
    wire = Wire()
    wire.switch.arrive("a", frame(B, A), 0.0)
    wire.switch.move(1.0)
    assert {port for port, _ in wire.out} == {MIRROR, "b", "c"}

    wire.out.clear()
    wire.switch.arrive("c", frame(A, C), 1000.0)
    wire.switch.move(1001.0)
    assert {port for port, _ in wire.out} == {MIRROR, "a", "b"}


@pytest.mark.parametrize("size", [14, 42, 59, 60, 61, 1514])
def test_short_frames_are_padded_with_zeros_and_no_frame_is_cut(size):
    wire = Wire()
    wire.switch.arrive("a", frame(EVERYBODY, A, size), 0.0)
    wire.switch.move(1.0)

    assert wire.at("b") == wire.at(MIRROR)
    (came,) = wire.at("b")
    assert came == frame(EVERYBODY, A, size) + bytes(max(0, FRAME_BYTES_MIN - size))


def test_jitter_never_lets_a_frame_overtake_an_earlier_one():
    link = Link(delay_s=0.01, jitter_s=0.02, loss=0.0, rate_bps=1e9)
    direction = Direction(link, random.Random(0))
    times = [direction.comes_out_s(n / 1000, 100) for n in range(500)]

    assert times == sorted(times)
    waits = [t - n / 1000 for n, t in enumerate(times)]
    assert min(waits) >= 0.01 and max(waits) > 0.03


def test_the_rate_spaces_frames_out_and_a_full_queue_drops():
    direction = Direction(Link(0.0, 0.0, 0.0, rate_bps=8e5, queue_s=0.1), random.Random(0))
    times = [direction.comes_out_s(0.0, 1000) for _ in range(30)]  # 10 ms each

    came = [t for t in times if t is not None]
    assert came == pytest.approx([0.01 * n for n in range(1, len(came) + 1)])
    assert len(came) == 11 and times[11:] == [None] * 19


def test_loss_takes_the_share_of_frames_that_it_says():
    direction = Direction(Link(0.0, 0.0, 0.1, 1e9, queue_s=1e9), random.Random(0))
    lost = sum(direction.comes_out_s(n, 100) is None for n in range(20_000))

    assert lost == pytest.approx(2000, abs=150)


def test_frames_on_their_way_arrive_after_the_links_have_changed():
    wire = Wire()
    wire.switch.arrive("a", frame(EVERYBODY, A), 0.0)
    wire.switch.relink(dict.fromkeys("abc", Link(0.5, 0.0, 0.0, 1e9)))
    wire.switch.move(0.02)
    assert wire.at(MIRROR)
    wire.switch.move(0.6)

    assert wire.at("b") == [frame(EVERYBODY, A)]


def test_less_than_an_ethernet_header_is_no_frame():
    wire = Wire()
    wire.switch.arrive("a", b"short", 0.0)
    wire.switch.move(1.0)

    assert wire.out == []
