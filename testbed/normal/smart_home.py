"""Smart-home devices: MQTT as in the paper (section IV-A), a camera, updates, push messages."""

import json
import random
import socket
import subprocess
import time

from testbed.hosts import BY_NAME
from testbed.normal import Activity, pause, run
from testbed.services import PUSH_PORT
from testbed.tools.human import text

BROKER, CLOUD = BY_NAME["broker"].address, BY_NAME["cloud"].address


def reading(device: str, rng: random.Random) -> str:
    """Make up one message of a device; some carry a history, so that sizes range widely."""
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
    state = values.get(device, {"ok": rng.random() < 0.9})
    if rng.random() < 0.15:
        return json.dumps({"device": device, "history": [state] * rng.randint(2, 20)})
    return json.dumps({"device": device, "state": state})


def _client(program: str, rng: random.Random, tls: str, target: str) -> list[str]:
    """Name the client's broker; `tls` is the certificate's file, or empty for port 1883."""
    secure = ["-p", "8883", "--cafile", tls, "--insecure"] if tls else []
    return [program, "-h", target, "-k", f"{rng.choice((5, 10, 60))}", *secure]


def publish_steadily(device: str, qos: int, mean_s: float, tls: str = "",
                     target: str = BROKER) -> Activity:  # fmt: skip
    """Publish over one long-lived connection, with times of silence and bursts."""

    def activity(rng: random.Random) -> None:
        command = [*_client("mosquitto_pub", rng, tls, target), "-t", f"home/{device}/state", "-q",
                   f"{qos}", "-l"]  # fmt: skip
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
            assert client.stdin is not None
            for _ in range(rng.randint(20, 120)):
                try:
                    for _ in range(rng.choice((1, 1, 1, 1, 4))):
                        client.stdin.write(f"{reading(device, rng)}\n".encode())
                        client.stdin.flush()
                except BrokenPipeError:
                    return
                pause(rng, mean_s * rng.choice((0.3, 1, 1, 4)))

    return activity


def publish_once(device: str, tls: str = "") -> Activity:
    """Connect, publish one message, disconnect."""

    def activity(rng: random.Random) -> None:
        run(*_client("mosquitto_pub", rng, tls, BROKER), "-t", f"home/{device}/event", "-q",
            f"{rng.choice((0, 1, 2))}", "-m", reading(device, rng))  # fmt: skip
        pause(rng, 1.5)

    return activity


def subscribe(qos: int) -> Activity:
    """Listen to the whole home for a while."""

    def activity(rng: random.Random) -> None:
        run(*_client("mosquitto_sub", rng, "", BROKER), "-t", "home/#", "-q", f"{qos}", "-W",
            f"{rng.randint(4, 9)}")  # fmt: skip

    return activity


def stream(target: str, port: int, frames_per_s: float, frame_bytes: int) -> Activity:
    """Send pictures as a camera does: for each a burst of datagrams, each after a short header."""

    def activity(rng: random.Random) -> None:
        picture = text(6 * frame_bytes, "picture")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(rng.randint(20, 80)):
                size = min(len(picture), round(rng.lognormvariate(0, 0.6) * frame_bytes))
                for start in range(0, size, 1_200):
                    part = picture[start : min(size, start + rng.choice((400, 1_200)))]
                    try:
                        sender.sendto(number.to_bytes(4, "big") + part, (target, port))
                    except OSError:  # nobody looks at present: port unreachable
                        pass
                time.sleep(1 / frames_per_s)
        pause(rng, 2)

    return activity


def telemetry(target: str, port: int, mean_s: float) -> Activity:
    """Send one short datagram now and then, from another port each time, and wait for no answer."""

    def activity(rng: random.Random) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(rng.choice((1, 1, 3, 10))):
                size = rng.choice((0, 4, 12, rng.randint(1, 60), rng.randint(40, 600)))
                try:
                    sender.sendto(text(size, f"{rng.random()}") if size else b"", (target, port))
                except OSError:
                    pass
        pause(rng, mean_s)

    return activity


def push_messages(rng: random.Random) -> None:
    """Keep a connection to the cloud for push messages: a word now and then, and the answer."""
    try:
        with socket.create_connection((CLOUD, PUSH_PORT), 3) as session:
            session.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            session.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
            session.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
            for _ in range(rng.randint(5, 40)):
                size = rng.choice((4, 20, 60, 200, 900))
                session.sendall(text(size, f"{rng.random()}") + b"\n")
                pause(rng, 0.5)
    except OSError:
        pass
    pause(rng, 2)


def update(rng: random.Random) -> None:
    """Look for a software update, and fetch it if there is one."""
    page = rng.choice(("index", "index", "news", "index", "photo", "index", "index", "update"))
    scheme = rng.choice(("http", "http", "http", "https"))
    run("curl", "-s", "-k", "-m", "8", "--limit-rate", f"{rng.choice((30, 100, 400))}k", "-o",
        "/dev/null", "-A", "device/1.2", f"{scheme}://{CLOUD}/{page}.html")  # fmt: skip
    pause(rng, 6)
