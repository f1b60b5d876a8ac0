"""The paper's extraction, as properties: growth elsewhere changes nothing here, normal fills up."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from packetids.core import classes
from packetids.sample import draw, unify

PLACES = {key: "/".join(classes.BY_KEY[key].folder or ()) for key in classes.ATTACKS}
KEY = st.sampled_from(["DDoS_TCP", "DoS_TCP", "OS_Fingerprint", "Keylogging"])
CAPTURES = st.dictionaries(
    st.tuples(KEY, st.integers(1, 3)), st.tuples(st.integers(1, 400), st.integers(1, 200)),
    min_size=1, max_size=5,
)  # fmt: skip


def kept(captures: dict, quota: int, share: float, per_group: int) -> dict[str, list[tuple]]:
    """Sample captures of (attack, normal) packets; give each class's kept (capture, number)."""
    names: list[str] = []
    keys: list[str] = []
    numbers: list[int] = []
    for (key, number), (attacks, normal) in sorted(captures.items()):
        # Attack and normal packets take turns, as in a real capture.
        order = np.argsort(np.arange(attacks + normal) * 7919 % (attacks + normal), kind="stable")
        for i in order:
            names.append(f"{PLACES[key]}/{number}/x")
            keys.append(key if i < attacks else classes.NORMAL)
            numbers.append(int(i))
    columns = {name: [None] * len(names) for name in unify.schema().names}
    columns |= {"capture": names, "class": keys, "frame.len": numbers}
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "all.parquet", Path(folder) / "some.parquet"
        pq.write_table(pa.table(columns, unify.schema()), path, row_group_size=per_group)
        draw.sample(path, target, quota, share, seed=5)
        table = pq.read_table(target, columns=["capture", "class", "frame.len"])
    found: dict[str, list[tuple]] = {}
    for row in table.to_pylist():
        found.setdefault(row["class"], []).append((row["capture"], row["frame.len"]))
    return found


@settings(max_examples=40, deadline=None)
@given(CAPTURES, CAPTURES, KEY, st.integers(20, 200), st.integers(50, 5000))
def test_a_subcategorys_sample_stays_when_other_folders_grow(few, more, key, quota, per_group):
    """Captures before and after it in order, larger ones, new ones, and other row groups."""
    few = {place: size for place, size in few.items() if place[0] == key} or {(key, 1): (300, 50)}
    grown = few | {place: size for place, size in more.items() if place[0] != key}

    here = kept(few, quota, 1.0, 10**6)
    there = kept(grown, quota, 1.0, per_group)

    assert there[key] == here[key] and len(here[key]) > 0


@settings(max_examples=40, deadline=None)
@given(CAPTURES, st.integers(20, 200), st.floats(0.5, 1))
def test_quotas_bound_attacks_and_normal_fills_up_to_the_share(captures, quota, share):
    counts = dict.fromkeys((*classes.ATTACKS, classes.NORMAL), 0)
    for (key, _), (attacks, normal) in captures.items():
        counts[key] += attacks
        counts[classes.NORMAL] += normal
    total = sum(counts.values())
    # Room for normal packets, whatever is drawn of the attacks; `sample` refuses less.
    highest = sum(min(counts[key], 2 * quota + 40) for key in classes.ATTACKS)
    share = max(share, min(1.0, (highest + 20) / total))

    found = kept(captures, quota, share, 1000)

    attacks_kept = 0
    for key in classes.ATTACKS:
        n, fraction = counts[key], min(1, quota / max(counts[key], 1))
        spread = math.sqrt(n * fraction * (1 - fraction))
        assert abs(len(found.get(key, [])) - n * fraction) <= 6 * spread + 1e-9
        attacks_kept += len(found.get(key, []))
    wanted = min(share * total - attacks_kept, counts[classes.NORMAL])
    spread = math.sqrt(max(wanted * (1 - wanted / counts[classes.NORMAL]), 0))
    assert abs(len(found[classes.NORMAL]) - wanted) <= 6 * spread + 1
