"""The datasheet says what the captures hold, and its gate closes on a feature that tells all."""

import numpy as np
import pandas as pd
import pytest

from packetids.core import classes
from packetids.core.columns import FEATURES
from packetids.core.errors import PacketidsError
from packetids.datasheet import __main__ as datasheet
from packetids.datasheet import composition, conflicts, separability
from tests.quick import ROOT


def test_the_committed_datasheet_is_of_the_committed_captures_and_the_gate_holds():
    text, unexplained = datasheet.made(ROOT / "captures")

    assert unexplained == []
    assert text == (ROOT / "captures" / datasheet.PAGE).read_text(encoding="utf-8")


def packets(told_by: str | None, seed: int = 0) -> pd.DataFrame:
    """Two rounds of normal packets and UDP floods; `told_by` alone tells one from the other."""
    rng = np.random.default_rng(seed)
    n = 4000
    attack = rng.random(n) < 0.5
    made = pd.DataFrame({name: rng.integers(0, 50, n).astype(float) for name in FEATURES})
    if told_by:
        made[told_by] = np.where(attack, 60.0, rng.integers(61, 999, n))
    for name in ("src.port", "dst.port"):
        made[name] = pd.Categorical(rng.choice(["80", "443"], n))
    key = np.where(attack, "DoS_UDP", classes.NORMAL)
    return made.assign(**{"class": key, "round": rng.choice(["1", "2"], n)})


def test_a_feature_that_tells_a_class_by_itself_exceeds_the_gate():
    scores = separability.table(packets("frame.len"))
    over = separability.over_the_gate(scores)

    assert list(zip(over["task"], over["feature"], strict=True)) == [("DoS_UDP", "frame.len")]
    nothing = pd.DataFrame(columns=separability.EXPLAINED)
    assert separability.unexplained(over, nothing) == [
        "DoS_UDP, frame.len: exceeds 0.9 and has no reason"
    ]
    reason = pd.DataFrame([("DoS_UDP", "frame.len", "it is so")], columns=separability.EXPLAINED)
    assert separability.unexplained(over, reason) == []


def test_where_nothing_tells_scores_are_those_of_a_coin_and_a_reason_is_refused():
    scores = separability.table(packets(None))
    over = separability.over_the_gate(scores)

    assert scores["left_out_mean"].between(0.4, 0.6).all()
    reason = pd.DataFrame([("DoS_UDP", "frame.len", "it was so")], columns=separability.EXPLAINED)
    assert separability.unexplained(over, reason) == [
        "DoS_UDP, frame.len: has a reason and does not exceed 0.9"
    ]


def test_a_left_out_round_is_not_trained_on():
    """What tells in each round by another value tells nothing in a round left out."""
    made = packets(None)
    first = made["round"] == "1"
    attack = made["class"] == "DoS_UDP"
    made["length"] = np.where(attack == first, 7.0, 8.0)
    made["stream"] = np.where(first, 0.0, 1.0)
    scores = separability.table(made).set_index("feature")

    assert scores.loc["length", "left_out_mean"] < 0.1  # the other round's rule, the wrong way
    assert scores.loc[separability.ALL, "random"] > 0.85


def test_the_ceiling_is_the_majority_of_each_distinct_row():
    first = np.array([0, 0, 0, 3, 3, 5])
    code = np.array([0, 0, 1, 2, 2, 1])

    assert conflicts.contested(first, code) == (pytest.approx(3 / 6), pytest.approx(5 / 6))


def test_a_table_of_reasons_with_other_columns_is_named(tmp_path):
    path = tmp_path / "separable.csv"
    path.write_text("task,why\nDoS_UDP,so\n")

    with pytest.raises(PacketidsError, match="separable.csv: needs the columns task, feature, why"):
        separability.explained(path)


def test_a_conversation_is_steady_if_one_source_sends_at_a_constant_rate():
    rng = np.random.default_rng(0)
    n = composition.STEADY_PACKETS

    def sent(stream: int, times_s: np.ndarray) -> pd.DataFrame:
        """The other side answers at once, which changes nothing."""
        sides = [pd.DataFrame({"time_s": times_s + later, "source": source})
                 for source, later in (("sensor", 0.0), ("server", 0.001))]  # fmt: skip
        return pd.concat(sides).assign(capture="a", protocol="UDP", stream=stream)

    even = 0.2 * np.arange(n)
    chance = rng.exponential(0.2, n).cumsum()
    paused = np.concatenate([even, even + 60])
    of = [sent(0, even), sent(1, even[:-1]), sent(2, chance), sent(3, paused)]
    packets = pd.concat(of).sample(frac=1, random_state=0)

    assert composition.steady(packets) == 4  # both sides of the first and of the last
