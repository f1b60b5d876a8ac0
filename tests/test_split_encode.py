"""Folds as in section IV-D, and inputs fitted on training rows only."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, QuantileTransformer

from packetids import metrics, split
from packetids.core import classes, columns, seeds, tasks
from packetids.core.columns import NUMERIC
from packetids.core.errors import PacketidsError
from packetids.features import preprocess
from packetids.learn import balance, encode
from tests import naive


def table(n_each: int = 300) -> pd.DataFrame:
    """Rows of every class, over four captures a subcategory."""
    rows = []
    for entry in classes.SUBCATEGORIES:
        if entry.folder:
            for i in range(n_each):
                capture = f"{'/'.join(entry.folder)}/{i % 4 + 1}/x"
                rows += [(capture, entry.key), (capture, classes.NORMAL)]
    return pd.DataFrame(rows, columns=["capture", "class"])


def test_multiclass_merges_ddos_and_dos_into_four_classes():
    rows, target, names = tasks.task_labels(table(2), classes.MULTICLASS)
    keys = table(2)["class"].to_numpy()

    assert names == ("Normal", "DDoS_DoS", "Reconnaissance", "Theft")
    assert len(rows) == 40
    assert target[keys == "DoS_UDP"].tolist() == target[keys == "DDoS_HTTP"].tolist() == [1, 1]
    assert set(target[keys == "Keylogging"]) == {3} and set(target[keys == "Normal"]) == {0}


def test_a_binary_task_has_all_normal_packets_and_one_attack():
    data = table(5)
    rows, target, names = tasks.task_labels(data, "DoS_UDP")

    assert names == ("Normal", "DoS_UDP")
    assert (target == 1).sum() == 5 and (target == 0).sum() == (data["class"] == "Normal").sum()
    assert set(data["class"].iloc[rows[target == 1]]) == {"DoS_UDP"}


def test_folds_have_the_papers_sizes_and_no_row_twice():
    """Table IV: every test set holds ceil(0.2 n) rows."""
    data = table()
    rows, _, _ = tasks.task_labels(data, classes.MULTICLASS)
    fold = split.deal(data, rows, classes.MULTICLASS, "packet", 0.2, 0.2, 0)
    n = len(rows)

    test = -(-n // 5)
    validation = -(-(n - test) // 5)
    assert np.bincount(fold).tolist() == [n - test - validation, validation, test]


def test_folds_are_those_of_scikit_learns_function():
    data = table()
    rows = np.arange(len(data))
    fold = split.deal(data, rows, classes.MULTICLASS, "packet", 0.2, 0.2, 5)

    rest, test = train_test_split(
        rows, test_size=0.2, random_state=seeds.integer(5, "split/multiclass/test")
    )
    _, validation = train_test_split(
        rest, test_size=0.2, random_state=seeds.integer(5, "split/multiclass/validation")
    )
    assert sorted(test) == np.flatnonzero(fold == 2).tolist()
    assert sorted(validation) == np.flatnonzero(fold == 1).tolist()


def test_the_split_depends_on_seed_and_task_only():
    data = table()
    rows, _, _ = tasks.task_labels(data, "DoS_TCP")
    deals = [split.deal(data, rows, "DoS_TCP", "packet", 0.2, 0.2, seed) for seed in (0, 0, 1)]

    np.testing.assert_array_equal(deals[0], deals[1])
    assert (deals[0] != deals[2]).any()


def test_a_split_by_capture_shares_no_capture_and_has_every_class_in_every_fold():
    data = table()
    rows, _, _ = tasks.task_labels(data, classes.MULTICLASS)
    fold = split.deal(data, rows, classes.MULTICLASS, "capture", 0.2, 0.2, 0)

    assert pd.Series(fold).groupby(data["capture"]).nunique().max() == 1
    for number in range(3):
        assert set(data["class"][fold == number]) == set(classes.KEYS)


def test_a_class_missing_from_a_fold_is_named():
    data = pd.concat(
        [table(50), pd.DataFrame([("Scan/OS/1/x", "OS_Fingerprint")], columns=["capture", "class"])]
    )
    data = data[(data["class"] != "OS_Fingerprint") | (np.arange(len(data)) == len(data) - 1)]
    data = data.reset_index(drop=True)
    rows, _, _ = tasks.task_labels(data, "OS_Fingerprint")

    with pytest.raises(PacketidsError, match="no packet of OS_Fingerprint came into the"):
        split.deal(data, rows, "OS_Fingerprint", "packet", 0.2, 0.2, 0)


@pytest.mark.parametrize(("rows", "shares"), [(1, (0.2, 0.2)), (2, (0.2, 0.2)), (20, (0.2, 0.99))])
def test_rows_that_do_not_fill_three_folds_are_refused(rows, shares):
    data = table(20)

    with pytest.raises(PacketidsError, match="leave none to train on.*conf/split/"):
        split.deal(data, np.arange(rows), "DoS_TCP", "packet", *shares, 0)


def test_rows_that_only_their_subcategories_tell_apart_are_one_row_of_the_merged_task():
    """The slow twin: a set of all that was met."""
    drawn = np.random.default_rng(4)
    n = 400
    table = pd.DataFrame(np.zeros((n, len(columns.FEATURES))), columns=list(columns.FEATURES))
    table.iloc[:, :6] = drawn.integers(0, 2, (n, 6))
    table["class"] = drawn.choice(["Normal", "DDoS_TCP", "DoS_TCP", "Keylogging"], n)
    table = table[preprocess.kept(table, "by_label")].reset_index(drop=True)
    rows, target, _ = tasks.task_labels(table, "multiclass")

    first = split.is_first(table.iloc[rows], target)

    met: set[tuple[float, ...]] = set()
    values = table[list(columns.FEATURES)].to_numpy()
    for row, label, kept in zip(values, target, first, strict=True):
        assert kept == ((*row, label) not in met)
        met.add((*row, label))
    assert 0 < first.sum() < len(table)
    binary, its, _ = tasks.task_labels(table, "DoS_TCP")
    assert split.is_first(table.iloc[binary], its).all()  # nothing is merged there


def test_an_unknown_task_is_refused():
    with pytest.raises(PacketidsError, match="DoS_SCTP is no task"):
        tasks.task_labels(table(1), "DoS_SCTP")


def features(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = {"proto": rng.integers(0, 4, n), "tcp.flags": rng.choice([2, 16, 18, 99], n)}
    for name in ("src.port", "dst.port"):
        ports = rng.choice([0, 22, 80, 1023, 5000], n)
        made[name] = preprocess.port_classes(ports, list(naive.WELL_KNOWN))
    for name in columns.NUMERIC:
        made[name] = rng.normal(size=n)
    return pd.DataFrame(made)


def test_inputs_agree_with_the_naive_version_and_with_scikit_learn():
    train, test = features(200, 1), features(90, 2)
    test.loc[0, "tcp.flags"] = 7  # not among the training rows
    encoder = encode.fit(train, list(naive.WELL_KNOWN), "min_max")
    got = encoder.transform(test)

    plain = [
        frame.astype({"src.port": str, "dst.port": str}).to_dict("records")
        for frame in (train, test)
    ]
    slow = naive.encode(*plain, list(columns.CATEGORICAL), list(columns.NUMERIC))
    np.testing.assert_allclose(got, slow, rtol=1e-5, atol=1e-5)

    numeric = list(columns.NUMERIC)
    scaler = MinMaxScaler((-1, 1)).fit(train[numeric])
    np.testing.assert_allclose(
        got[:, -len(numeric) :], scaler.transform(test[numeric]), rtol=1e-5, atol=1e-5
    )
    hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(train[["proto"]])
    np.testing.assert_array_equal(got[:, :4], 2 * hot.transform(test[["proto"]]) - 1)


def test_training_inputs_are_those_of_plain_pandas_to_the_bit():
    train = features(300, 4)
    train["length"] = 5.0  # a constant column
    encoder = encode.fit(train, list(naive.WELL_KNOWN), "min_max")
    plain = naive.pandas_inputs(train, list(columns.CATEGORICAL), list(columns.NUMERIC))

    assert list(plain.columns) == encoder.names
    np.testing.assert_array_equal(encoder.transform(train), plain.to_numpy())


def test_coded_rows_give_the_matrix_by_slice_and_by_row_numbers():
    train, test = features(200, 1), features(90, 2)
    encoder = encode.fit(train, list(naive.WELL_KNOWN), "min_max")
    coded, matrix = encoder.code(test), encoder.transform(test)
    rows = np.random.default_rng(0).permutation(90)[:40]

    assert coded.shape == matrix.shape and len(coded) == 90
    np.testing.assert_array_equal(coded[:], matrix)
    np.testing.assert_array_equal(coded[10:30], matrix[10:30])
    np.testing.assert_array_equal(coded[rows], matrix[rows])


def test_the_width_is_thirteen_ports_twice_flags_protocols_and_eight_numbers():
    encoder = encode.fit(features(200, 1), list(naive.WELL_KNOWN), "min_max")

    assert len(encoder.names) == 13 + 13 + (4 + 1) + (4 + 1) + 8  # + 1: "other"
    assert len(set(encoder.names)) == len(encoder.names)


def test_training_inputs_lie_between_minus_one_and_one_whatever_the_test_holds(tmp_path):
    train = features(100, 1)
    train["length"] = 5.0  # a constant column
    encoder = encode.fit(train, list(naive.WELL_KNOWN), "min_max")
    encoder.save(tmp_path / "encoder.json")
    inputs = encode.Encoder.load(tmp_path / "encoder.json").transform(train)

    assert inputs.min() == -1 and inputs.max() == 1 and inputs.dtype == np.float32
    np.testing.assert_array_equal(inputs, encoder.transform(train))


def test_class_weights_are_maximum_over_count_as_derived_from_table_2():
    """On Table II: normal 4.346, DDoS/DoS 1, reconnaissance 2.434, theft 99.73."""
    counts = {0: 1018778, 1: 4427892, 2: 1819478, 3: 44398}
    target = np.repeat(np.array(list(counts), np.int8), list(counts.values()))

    weights = balance.class_weights(target, 4, "inverse_max")

    np.testing.assert_allclose(list(weights.values()), [4.346, 1, 2.434, 99.73], rtol=1e-3)
    assert set(balance.class_weights(target, 4, "none").values()) == {1.0}
    with pytest.raises(PacketidsError, match="class 3 has no training row"):
        balance.class_weights(np.array([0, 1, 2]), 4, "inverse_max")


def test_binary_metrics_of_table_4_give_the_audited_values():
    """Service scan in Table IV: precision 0.994001, recall 0.996525, F1 0.995261."""
    values = metrics.binary(tn=202077, fp=1201, fn=694, tp=199006)

    assert [round(values[name], 6) for name in metrics.DEFINITIONS] == [
        0.995298,
        0.994001,
        0.996525,
        0.995261,
    ]
    assert metrics.binary(tn=5, fp=0, fn=2, tp=0) == {
        "accuracy": 5 / 7,
        "precision": 0,
        "recall": 0,
        "f1": 0,
    }


def test_multiclass_metrics_of_table_5_give_the_audited_values():
    matrix = np.array(
        [
            [200539, 0, 2910, 542],
            [232, 882118, 2406, 0],
            [42, 5566, 356878, 1980],
            [45, 0, 506, 8346],
        ]
    )
    values = metrics.multiclass(matrix, classes.GROUPS)

    assert round(values["accuracy"], 5) == 0.99027
    assert round(values["precision_Theft"], 3) == 0.768
    assert round(values["f1_macro"], 3) == 0.953


def test_confusion_counts_like_the_naive_version():
    rng = np.random.default_rng(0)
    target, predicted = rng.integers(0, 4, 300), rng.integers(0, 4, 300)

    np.testing.assert_array_equal(
        metrics.confusion(target, predicted, 4),
        naive.confusion(target.tolist(), predicted.tolist(), 4),
    )


def test_quantiles_are_scikit_learns_and_of_the_training_rows():
    train, other = features(900, 2), features(400, 3)
    train.loc[:300, "frame.len"] = 60.0  # a number that is several quantiles
    other.loc[0, "frame.len"] = 1e9  # beyond what training holds
    coded = encode.fit(train, list(naive.WELL_KNOWN), "quantile").transform(other)
    slow = QuantileTransformer(n_quantiles=900).fit(train[list(NUMERIC)].to_numpy(np.float64))
    ranks = slow.transform(other[list(NUMERIC)].to_numpy(np.float64))

    np.testing.assert_allclose(coded[:, -len(NUMERIC) :], ranks * 2 - 1, atol=1e-5)


def test_an_encoder_with_quantiles_is_kept_whole(tmp_path):
    rows = features(300, 4)
    encoder = encode.fit(rows, list(naive.WELL_KNOWN), "quantile")
    encoder.save(tmp_path / "encoder.json")

    assert encode.Encoder.load(tmp_path / "encoder.json") == encoder
