"""What people write and how fast: words, prose and pauses between keystrokes."""

import math
import random

WORDS = (
    "sensor door kitchen report budget meeting update garden lamp river window morning system "
    "number letter winter season market silver animal corner station energy signal paper"
).split()
KEY_PAUSE_S = 0.13  # median between two keys of a word
WORD_PAUSE_S = 0.28  # median before a word
THINKING_SHARE, THINKING_S = 0.05, 0.8  # now and then a person stops


def text(size_bytes: int, name: str) -> bytes:
    """Write made-up prose of `size_bytes` bytes; the same for the same name."""
    rng = random.Random(name)
    words: list[str] = []
    size = 0
    while size <= size_bytes:
        words.append(rng.choice(WORDS))
        size += len(words[-1]) + 1
    return " ".join(words).encode()[:size_bytes]


def key_pause_s(rng: random.Random, key: str) -> float:
    """Return the pause before a key: lognormal, longer before a word, sometimes a thought."""
    if rng.random() < THINKING_SHARE:
        return rng.expovariate(1 / THINKING_S)
    median_s = WORD_PAUSE_S if key == " " else KEY_PAUSE_S
    return min(3.0, rng.lognormvariate(math.log(median_s), 0.5))
