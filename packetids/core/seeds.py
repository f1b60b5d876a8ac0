"""Randomness with a name: each use has its own stream, so that one more use moves no other."""

import zlib

import numpy as np


def generator(seed: int, name: str) -> np.random.Generator:
    """Make the random generator of the use called `name`."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def integer(seed: int, name: str) -> int:
    """Draw one seed below 2**31 for a library that takes an integer (scikit-learn, Keras)."""
    return int(generator(seed, name).integers(2**31))
