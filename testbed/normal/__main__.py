"""Normal traffic of one host, until ended: ``python -m testbed.normal HOST SEED SCRATCH``."""

import random
import sys
import threading
import time
from pathlib import Path

from testbed.hosts import BY_NAME
from testbed.normal import Activity, rarely
from testbed.normal.machines import (
    ask_time,
    back_up,
    forget_neighbours,
    multicast_dns,
    tcp_flow,
    udp_flow,
)
from testbed.normal.people import (
    browse,
    chat,
    copy_files,
    fetch_by_ftp,
    fill_in,
    log_in,
    look_up,
    ping,
    retry,
)
from testbed.normal.smart_home import (
    publish_once,
    publish_steadily,
    push_messages,
    stream,
    subscribe,
    telemetry,
    update,
)

SIZES = (0, 6, 18, 64, 120, 400, 900)


def activities(host: str, scratch: Path) -> dict[str, Activity]:
    """Name the activities of a host; each runs in a thread of its own, again and again."""
    address = {name: each.address for name, each in BY_NAME.items()}
    tls = str(scratch / "certificate.pem")
    clock = ask_time(scratch, host)
    device = {
        "steady": publish_steadily(host, 0, 0.3),
        "event": publish_once(host),
        "neighbours": forget_neighbours,
        "update": update,
        "telemetry": telemetry(address["server"], 5683, 0.8),
    }
    person = {
        "browse": browse, "browse-2": browse, "look-up": look_up, "mdns": multicast_dns,
        "ping": ping, "neighbours": forget_neighbours, "retry": retry, "post": fill_in(scratch),
        "chat": chat, "push": push_messages,
    }  # fmt: skip
    return {
        "weather": device,
        "fridge": device | {"steady": publish_steadily(host, 1, 0.35), "push": push_messages},
        "thermostat": device | {"steady": publish_steadily(host, 1, 0.4), "look-up": look_up},
        "garage": device | {"steady": publish_steadily(host, 2, 0.5), "time": clock},
        "lights": device | {"steady": publish_steadily(host, 2, 0.5),
                            "telemetry": telemetry(address["web"], 80, 0.6)},
        "camera": {
            "stream": stream(address["hub"], 50_004, 4, 1_500),
            "stream-2": stream(address["server"], 443, 4, 700),
            "steady": publish_steadily(host, 0, 0.8, tls),
            "update": update, "neighbours": forget_neighbours,
        },
        "hub": {"all": subscribe(1), "sure": subscribe(2), "look-up": look_up, "ping": ping,
                "cloud": publish_steadily(host, 1, 0.4, tls, address["cloud"]), "update": update},
        "phone": person,
        "laptop": person | {"log-in": log_in(scratch), "copy": copy_files(scratch)},
        "desktop": person | {"log-in": log_in(scratch), "ftp": fetch_by_ftp, "browse-3": browse},
        "tablet": person | {"home": subscribe(0)},
        "windows": person | {"udp": udp_flow(8082, address["server"], 80, 5, SIZES),
                             "log-in": log_in(scratch)},
        "television": {"browse": browse, "update": update, "mdns": multicast_dns,
                       "push": push_messages, "stream": stream(address["phone"], 50_010, 3, 1_200)},
        "printer": {"mdns": multicast_dns, "telemetry": telemetry(address["server"], 514, 0.7),
                    "closed": telemetry(address["windows"], 9999, 1.0), "time": clock},
        "backup": {"copy": back_up(scratch), "time": clock, "ftp": fetch_by_ftp},
        "files": {"udp": udp_flow(365, address["server"], 565, 5, SIZES), "time": clock,
                  "ping": ping},
        "server": {"time": clock, "look-up": look_up, "update": update},
        "web": {"time": clock, "closed": telemetry(address["files"], 1900, 1.0)},
        "generator": {"tcp": tcp_flow(3456, address["web"], 5), "browse": browse,
                      "udp": udp_flow(8081, address["web"], 80, 6, SIZES)},
        "generator-2": {"tcp": tcp_flow(8082, address["server"], 5), "retry": retry,
                        "udp": udp_flow(4321, address["web"], 514, 5, SIZES)},
        # The bots' own business, which the paper's rule by address calls an attack.
        "bot-147": {"time": rarely(clock, 8)},
        "bot-148": {"look-up": rarely(look_up, 4)},
        "bot-149": {"time": rarely(clock, 6), "look-up": rarely(look_up, 4)},
        "bot-150": {"look-up": rarely(look_up, 4), "neighbours": rarely(forget_neighbours, 8)},
    }.get(host, {})  # fmt: skip


def main(host: str, seed: str, scratch: Path) -> None:
    """Do everything the host does, until ended."""

    def forever(name: str, activity: Activity) -> None:
        rng = random.Random(f"{seed}/normal/{host}/{name}")
        time.sleep(2 * rng.random())
        while True:
            activity(rng)

    for name, activity in activities(host, scratch).items():
        threading.Thread(target=forever, args=(name, activity), daemon=True).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
