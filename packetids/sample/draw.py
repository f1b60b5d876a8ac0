"""Keep about as many packets of each class as the paper does.

Ge et al. 2019, section IV-B, "Dataset extraction": of an attack subcategory with more than a
million packets each packet is kept with probability 1,000,000 / count, of the others all are
kept; normal traffic fills up to 2 % of the full dataset. The numbers of Table II behave like
independent draws a packet, not like an exact sample size (DIFFERENCES.md).
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from packetids.core import atomic, classes, parquet, seeds
from packetids.core.errors import PacketidsError


def attack_fractions(counts: dict[str, int], attack_packets_max: int) -> dict[str, float]:
    """Return the probability of keeping a packet of each attack subcategory.

    `counts` holds the packets of each class (`classes.KEYS`).
    """
    return {
        key: min(1.0, attack_packets_max / counts[key]) if counts.get(key) else 0.0
        for key in classes.ATTACKS
    }


def normal_fraction(counts: dict[str, int], attacks_kept: int, dataset_share: float) -> float:
    """Return the probability of keeping a normal packet: 2 % of all, less the attacks kept.

    Raises
    ------
    PacketidsError
        If the attacks kept already exceed the share, so that no normal packet would stay.
    """
    total = sum(counts.values())
    wanted = dataset_share * total - attacks_kept
    if wanted <= 0:
        raise PacketidsError(
            f"sample.dataset_share: {dataset_share} of {total} packets is "
            f"{dataset_share * total:.0f}, and the attacks kept are {attacks_kept} already, so no "
            "normal packet would stay. Raise dataset_share, lower attack_packets_max, or choose "
            "another option of conf/sample/ in params.yaml."
        )
    return min(1.0, wanted / counts[classes.NORMAL])


def sample(
    unified: Path, target: Path, attack_packets_max: int, dataset_share: float, seed: int
) -> tuple[dict[str, int], dict[str, int]]:
    """Draw from the Parquet file `unified` into `target`; count packets before and after.

    Each capture and class has a random stream of its own, so a packet's draw does not depend on
    which other captures there are.

    Returns
    -------
    before, after : dict of class key to packets

    Raises
    ------
    PacketidsError
        If a class has packets before and none after.
    """
    sizes = _sizes(unified)
    before = _by_class(sizes)
    if not before[classes.NORMAL]:
        raise PacketidsError(
            f"{unified}: no normal packet among {sum(before.values())}. Every binary task needs "
            "normal traffic: check label.bots and the captures."
        )
    fractions = attack_fractions(before, attack_packets_max)
    draws = _Draws(seed)
    attacks_kept = sum(
        int(draws.below(capture, key, size, fractions[key]).sum())
        for (capture, key), size in sizes.items()
        if key != classes.NORMAL
    )
    fractions[classes.NORMAL] = normal_fraction(before, attacks_kept, dataset_share)

    after = dict.fromkeys(classes.KEYS, 0)
    draws = _Draws(seed)
    with atomic.replacing(target) as part:
        with parquet.writer(part, parquet.schema(unified)) as writer:
            for table in parquet.groups(unified):
                keep = np.zeros(table.num_rows, bool)
                for (capture, key), rows in _rows(table).items():
                    keep[rows] = draws.below(capture, key, len(rows), fractions[key])
                    after[key] += int(keep[rows].sum())
                writer.write_table(table if keep.all() else table.filter(pa.array(keep)))
        for key in classes.KEYS:
            if before[key] and not after[key]:
                raise PacketidsError(
                    f"{target}: of {before[key]} packets of {key} none is left after sampling. "
                    "Raise sample.attack_packets_max or sample.dataset_share in conf/sample/."
                )
    return before, after


def count(packets: Path) -> dict[str, int]:
    """Count the packets of each class in a labelled Parquet file."""
    return _by_class(_sizes(packets))


class _Draws:
    """One random stream for each capture and class, continued from row group to row group."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.streams: dict[tuple[str, str], np.random.Generator] = {}

    def below(self, capture: str, key: str, size: int, fraction: float) -> np.ndarray:
        """Draw `size` booleans, each true with probability `fraction`; shape (size,)."""
        stream = self.streams.setdefault(
            (capture, key), seeds.generator(self.seed, f"sample/{capture}/{key}")
        )
        return stream.random(size) < fraction


def _rows(table: pa.Table) -> dict[tuple[str, str], np.ndarray]:
    """Return the row numbers of each capture and class, in order of capture and class."""
    pairs, number = _pairs(table)
    return {pair: np.flatnonzero(number == code) for pair, code in pairs.items()}


def _sizes(packets: Path) -> dict[tuple[str, str], int]:
    sizes: dict[tuple[str, str], int] = {}
    for table in parquet.groups(packets, ["capture", "class"]):
        pairs, number = _pairs(table)
        count = np.bincount(number)
        for pair, code in pairs.items():
            sizes[pair] = sizes.get(pair, 0) + int(count[code])
    return sizes


def _pairs(table: pa.Table) -> tuple[dict[tuple[str, str], int], np.ndarray]:
    """Return the pairs of capture and class that occur, in order, and each row's pair."""
    captures, keys = (table[name].combine_chunks() for name in ("capture", "class"))
    width = len(keys.dictionary)
    number = np.asarray(captures.indices) * width + np.asarray(keys.indices)
    occurring = np.flatnonzero(np.bincount(number)).tolist()
    named = {
        (captures.dictionary[code // width].as_py(), keys.dictionary[code % width].as_py()): code
        for code in occurring
    }
    return dict(sorted(named.items())), number


def _by_class(sizes: dict[tuple[str, str], int]) -> dict[str, int]:
    counts = dict.fromkeys(classes.KEYS, 0)
    for (_, key), size in sizes.items():
        counts[key] += size
    return counts
