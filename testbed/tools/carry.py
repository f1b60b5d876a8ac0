"""Carriers of small messages: a TCP connection, datagrams, DNS questions, ICMP echo requests."""

import base64
import os
import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LABEL_BYTES, LABELS = 48, 3  # of base 32 in one DNS name
Send = Callable[[bytes], None]
ANSWER_WAIT_S = 0.2
BYTES_MAX = {"tcp": 4096, "udp": 1400, "dns": 80, "icmp": 1400}


@contextmanager
def carrier(how: str, target: str, port: int, rng: random.Random) -> Iterator[Send]:
    """Open a carrier of messages of up to `BYTES_MAX` bytes, and close it at the end."""
    if how == "tcp":
        with socket.create_connection((target, port), 5) as session:
            session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield session.sendall
    elif how == "icmp":
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
            identifier, number = os.getpid() & 0xFFFF, 0

            def echo(message: bytes) -> None:
                nonlocal number
                number = (number + 1) & 0xFFFF
                raw.sendto(echo_request(identifier, number, message), (target, 0))

            yield echo
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(ANSWER_WAIT_S)

            def datagram(message: bytes) -> None:
                if how == "dns":
                    message = question(message, rng.randrange(65536))
                try:
                    sender.sendto(message, (target, port))
                    if how == "dns":
                        sender.recv(512)
                except OSError:  # refused, or no answer in time
                    pass

            yield datagram


def echo_request(identifier: int, number: int, message: bytes) -> bytes:
    """Return an ICMP echo request (RFC 792), with its checksum (RFC 1071)."""
    body = struct.pack(">BBHHH", 8, 0, 0, identifier, number) + message
    padded = body + b"\0" * (len(body) % 2)
    total = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return body[:2] + struct.pack(">H", checksum) + body[4:]


def question(message: bytes, identifier: int) -> bytes:
    """Return a DNS question (RFC 1035, section 4) with the message in its name, in base 32."""
    letters = base64.b32encode(message).decode().rstrip("=").lower()
    labels = [letters[at : at + LABEL_BYTES] for at in range(0, len(letters), LABEL_BYTES)]
    name = b"".join(
        bytes([len(label)]) + label.encode() for label in (*labels[:LABELS], "t", "example")
    )
    return struct.pack(">6H", identifier, 0x0100, 1, 0, 0, 0) + name + b"\0" + b"\0\1\0\1"
