"""Send made-up keystrokes with human timing.

``python -m testbed.tools.keystrokes HOW TARGET PORT SECONDS HASTE SEED``; HOW is ``keys``,
``lines``, ``shell``, ``http``, ``udp``, ``dns`` or ``icmp``, and HASTE divides the pauses.
"""

import http.client
import random
import socket
import sys
import time
from collections.abc import Iterator

from testbed.tools.carry import Send, carrier
from testbed.tools.human import WORDS, key_pause_s

BODY_S = 0.7  # what is typed in this time goes into one HTTP request


def typed(rng: random.Random, seconds: float, haste: float) -> Iterator[str]:
    """Type words for some seconds: give each key when it is pressed."""
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        for key in rng.choice(WORDS) + rng.choice("    \n"):
            time.sleep(key_pause_s(rng, key) / haste)
            yield key


def press(send: Send, key: str, rng: random.Random, haste: float) -> None:
    """Send a key pressed and released."""
    name = {" ": "Space", "\n": "Return"}.get(key, key)
    send(f"key {name} down\n".encode())
    time.sleep(rng.uniform(0.03, 0.11) / haste)
    send(f"key {name} up\n".encode())


def by_message(how: str, target: str, port: int, keys: Iterator[str], rng: random.Random,
               haste: float) -> None:  # fmt: skip
    """Send each key, each word or each line, as `how` says."""
    line = ""
    with carrier({"keys": "tcp", "lines": "tcp"}.get(how, how), target, port, rng) as send:
        for key in keys:
            line += key
            if how in ("keys", "udp", "icmp"):
                press(send, key, rng, haste)
            elif (
                key == "\n" or (how == "dns" and key == " ") or (how == "lines" and len(line) > 30)
            ):
                send(f"{line.strip()}\n".encode())
                line = ""


def by_request(target: str, port: int, keys: Iterator[str], rng: random.Random) -> None:
    """Post what was typed since the last request, over one connection or several."""
    keep = rng.random() < 0.5
    connection = http.client.HTTPConnection(target, port, timeout=3)
    body, posted_s = "", time.monotonic()
    for key in keys:
        body += key
        if time.monotonic() - posted_s > BODY_S * rng.uniform(0.5, 1.5):
            connection.request("POST", "/k", body=body.encode())
            connection.getresponse().read()
            if not keep:
                connection.close()
            body, posted_s = "", time.monotonic()
    connection.close()


def by_shell(target: str, port: int, seconds: float, rng: random.Random) -> None:
    """Echo the keys that the other side types, and answer each line with some text."""
    ends_s = time.monotonic() + seconds
    with socket.create_connection((target, port), 5) as session:
        session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session.settimeout(0.5)
        session.sendall(b"$ ")
        while time.monotonic() < ends_s:
            try:
                keys = session.recv(256)
            except TimeoutError:
                continue
            if not keys:
                return
            session.sendall(keys)
            if keys.endswith(b"\n"):
                answer = " ".join(rng.choices(WORDS, k=rng.randint(3, 150)))
                session.sendall(f"{answer}\n$ ".encode())


def main(how: str, target: str, port: int, seconds: float, haste: float, seed: str) -> None:
    """Type for `seconds` seconds."""
    rng = random.Random(f"{seed}/keystrokes")
    if how == "shell":
        by_shell(target, port, seconds, rng)
    elif how == "http":
        by_request(target, port, typed(rng, seconds, haste), rng)
    else:
        by_message(how, target, port, typed(rng, seconds, haste), rng, haste)


if __name__ == "__main__":
    how, target, port, seconds, haste, seed = sys.argv[1:]
    main(how, target, int(port), float(seconds), float(haste), seed)
