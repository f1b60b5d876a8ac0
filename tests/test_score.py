"""Scores are scikit-learn's, intervals cover what they should, tests are those of a textbook."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from packetids.core.classes import MULTICLASS
from packetids.score import confusion, operating, pairs, predictions, tables, values


def drawn(seed: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Labels of four classes, and predictions that are right in seven of ten."""
    rng = np.random.default_rng(seed)
    actual = rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
    return actual, np.where(rng.random(n) < 0.7, actual, rng.integers(0, 4, n))


@pytest.mark.parametrize("seed", range(5))
def test_metrics_of_a_matrix_are_scikit_learns(seed):
    actual, predicted = drawn(seed)
    if seed == 4:  # a class that is nowhere
        actual, predicted = actual % 3, predicted % 3
    (matrix,) = confusion.counts(actual, predicted, np.zeros(len(actual), int), 4)
    slow = values.values(actual, predicted, 4)

    assert confusion.METRICS == values.METRICS
    assert {name: float(v) for name, v in confusion.metrics(matrix).items()} == pytest.approx(slow)


def test_a_share_of_nothing_is_none():
    found = confusion.metrics(np.array([[0, 0], [2, 5]]))

    assert np.isnan(found["false_alarms"]) and found["attack_recall"] == pytest.approx(5 / 7)
    assert found["mcc"] == 0


def test_clusters_are_drawn_whole():
    """Captures that are all right or all wrong: the interval is that of ten and not of 10,000."""
    cluster = np.repeat(np.arange(10), 1000)
    actual = np.tile([0, 1], 5000)
    predicted = np.where(cluster < 7, actual, 1 - actual)
    draw = np.random.default_rng(0)
    each = confusion.counts(actual, predicted, cluster, 2)
    by_capture = confusion.metrics(confusion.resampled_clusters(each, draw))["accuracy"]
    by_row = confusion.metrics(confusion.resampled_rows(each.sum(axis=0), draw))["accuracy"]

    assert set(np.round(by_capture, 6)) <= {i / 10 for i in range(11)}
    low, high = confusion.interval(by_capture)
    assert low <= 0.5 and high >= 0.9
    low, high = confusion.interval(by_row)
    assert 0.68 < low < 0.7 < high < 0.72


def test_mcnemar_is_the_binomial_test_of_what_one_alone_has_right():
    network = np.array([True] * 80 + [False] * 20)
    better = network.copy()
    better[80:95] = True  # 15 more right
    better[:3] = False  # 3 fewer
    found = pairs.against(network, {"better": better, "same": network}).set_index("model")

    assert found.loc["better", ["only_network_right", "only_model_right"]].tolist() == [3, 15]
    assert found.loc["better", "difference"] == pytest.approx(0.12)
    assert found.loc["better", "p"] == pytest.approx(binomtest(3, 18).pvalue)
    assert found.loc["better", "p_holm"] == pytest.approx(2 * binomtest(3, 18).pvalue)
    assert found.loc["same", "p"] == 1


def test_thresholds_give_what_counting_gives():
    rng = np.random.default_rng(1)
    attack = rng.random(20_000) < 0.5
    chance = np.clip(np.where(attack, 0.7, 0.3) + rng.normal(0, 0.15, len(attack)), 0, 1)
    found = operating.values(attack, chance)

    false = (chance[~attack] > 0.5).mean()
    assert found["false_alarms_per_million"] == pytest.approx(1e6 * false)
    # Above the eleventh normal packet of ten thousand, ten are false alarms.
    limit = np.sort(chance[~attack])[::-1][int(1e-3 * (~attack).sum())]
    assert found["recall_at_fpr_1e-03"] == pytest.approx((chance[attack] > limit).mean())
    recall = (chance[attack] > 0.5).mean()
    of_alarms = 0.01 * recall / (0.01 * recall + 0.99 * false)
    assert found["precision_at_1e-02"] == pytest.approx(of_alarms)
    assert tuple(found) == operating.NAMES


def test_a_probability_that_is_a_share_is_calibrated():
    rng = np.random.default_rng(2)
    chance = rng.random(50_000)
    attack = rng.random(50_000) < chance

    assert operating.values(attack, chance)["calibration_error"] < 0.02
    assert operating.values(attack, 1 - chance)["calibration_error"] > 0.4


@pytest.fixture
def two_protocols() -> tuple[pd.DataFrame, tables.Place]:
    """Predictions of the network and a tree: one random fold, and two rounds of three captures."""
    rows = []
    rng = np.random.default_rng(3)
    for protocol, fold, seed, first, last in (
        ("paper", "random", 0, 0, 300), ("paper", "random", 1, 0, 300),
        ("strict", "1", 0, 0, 600), ("strict", "2", 0, 600, 1200),
    ):  # fmt: skip
        for model, right in (("fnn", 0.6), ("tree", 0.9)):
            if model == "tree" and seed:
                continue
            row = np.arange(first, last)
            actual = row % 4
            said = np.where(rng.random(len(row)) < right, actual, (actual + 1) % 4)
            rows.append(pd.DataFrame({
                "task": MULTICLASS, "protocol": protocol, "fold": fold, "model": model,
                "seed": seed, "row": row, "actual": actual, "predicted": said,
                "attack": np.where(model == "tree", np.nan, (said > 0) * 0.8),
            }))  # fmt: skip
    known = np.arange(1200) % 10 == 0
    folds = {("paper", "random"): known, ("strict", "1"): known, ("strict", "2"): known & False}
    place = tables.Place(
        ("Normal", "a", "b", "c"), np.arange(1200) // 200, folds, np.arange(1200) % 20 < 4
    )
    return pd.concat(rows, ignore_index=True), place


def test_scores_are_summed_up_over_seeds_and_rounds(two_protocols):
    rows, place = two_protocols
    scores = tables.scores(rows, place)
    found = tables.summary(scores, tables.intervals(rows, place, 0))
    whole = found[found["part"] == "all"].set_index(["protocol", "model"])

    assert whole["units"].to_dict() == {
        ("paper", "fnn"): 2, ("paper", "tree"): 1, ("strict", "fnn"): 2, ("strict", "tree"): 2,
    }  # fmt: skip
    one = whole.loc[("strict", "fnn")]
    each = scores[(scores["protocol"] == "strict") & (scores["model"] == "fnn")]
    each = each[each["part"] == "all"]["accuracy"]
    assert one["accuracy_mean"] == pytest.approx(each.mean())
    assert one["accuracy_worst"] == each.min() and one["accuracy_low"] < each.mean()
    assert set(scores[scores["fold"] == "2"]["part"]) == {"all", "novel", "without_services"}
    apart = scores[scores["part"] == "without_services"]["rows"]
    # A fifth of the rows is ARP, DNS or NTP; the quarter of them that is normal stays.
    assert apart.tolist() == [
        int(n * (1 - 3 / 20)) for n in scores[scores["part"] == "all"]["rows"]
    ]
    assert list(found.columns) == tables.SUMMARY
    f1 = whole["f1_macro_mean"].round(6)
    assert tables.headline(found, ["tree", "stump"]) == {
        protocol: {"fnn": f1[protocol, "fnn"], "best_peer": f1[protocol, "tree"]}
        for protocol in ("paper", "strict")
    }
    assert tables.headline(found[:0], ["tree"]) == {}


def test_pairs_classes_and_operation_are_of_each_protocol(two_protocols):
    rows, place = two_protocols
    compared = tables.pairs(rows)
    assert compared[["fold", "model"]].to_numpy().tolist() == [
        ["random", "tree"], ["1", "tree"], ["2", "tree"],
    ]  # fmt: skip
    assert (compared["difference"] > 0.15).all() and (compared["p_holm"] < 1e-6).all()
    classes = tables.classes(rows, place, 0)
    assert len(classes) == 4 * 4 and (classes["recall_low"] <= classes["recall"]).all()
    assert (classes["recall"] <= classes["recall_high"]).all()
    operation = tables.operating(rows)  # the tree gives no probability here
    assert operation[["protocol", "model"]].to_numpy().tolist() == [["paper", "fnn"],
                                                                    ["strict", "fnn"]]  # fmt: skip


def test_predictions_that_are_interrupted_are_not_there(tmp_path):
    path = tmp_path / "networks.parquet"
    with pytest.raises(RuntimeError), predictions.writing(path):
        raise RuntimeError("interrupted")

    assert list(tmp_path.iterdir()) == []
