"""Normal traffic: what each host does by itself, an activity a function.

An activity does one thing and waits; `__main__` repeats it. Each has a random stream of its own,
so that one more activity leaves the others' choices as they were.
"""

import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

TOOL_TIMEOUT_S = 10
PACE = 8.0  # multiplies pauses; sets how many normal packets there are beside the attacks
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


def pause(rng: random.Random, mean_s: float) -> None:
    """Wait as long as independent events keep each other waiting."""
    time.sleep(PACE * rng.expovariate(1 / mean_s))


def rarely(activity: Activity, mean_s: float) -> Activity:
    """Let an activity wait longer."""

    def slow(rng: random.Random) -> None:
        activity(rng)
        pause(rng, mean_s)

    return slow


def ssh_options(scratch: Path) -> list[str]:
    """Return the options with which hosts log in to each other, without a question."""
    return ["-i", str(scratch / "user_key"), "-o", "StrictHostKeyChecking=no", "-o",
            "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=3"]  # fmt: skip
