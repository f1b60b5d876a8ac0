"""The network is the paper's: shape, first weights, early stopping; and it comes back from disk."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from packetids.core import settings
from packetids.core.errors import PacketidsError
from packetids.fnn import network
from packetids.learn import balance, encode

P = settings.Fnn(
    hidden_units=[16, 8],
    weight_init_stddev=0.05,
    learning_rate=0.01,
    batch_size=50,
    epochs_max=4,
    patience_epochs=2,
    l1=0.0,
    l2=0.0,
    dropout=0.0,
    class_weights="inverse_max",
    scaling="min_max",
    validation_loss="plain",
)


@dataclass(frozen=True)
class _Config:
    fnn: settings.Fnn


@pytest.fixture
def folds():
    drawn = np.random.default_rng(5)
    inputs = drawn.uniform(-1, 1, (400, 6)).astype(np.float32)
    target = (inputs[:, 0] + inputs[:, 1] > 0.4).astype(np.int8)
    return (inputs[:300], target[:300]), (inputs[300:], target[300:])


def order() -> np.random.Generator:
    return np.random.default_rng(0)


def relu_softmax(model, inputs: np.ndarray) -> np.ndarray:
    """The slow twin: layers multiplied by hand in float64."""
    weights = [w.astype(np.float64) for w in model.get_weights()]
    for kernel, bias in zip(weights[0:-2:2], weights[1:-2:2], strict=True):
        inputs = np.maximum(inputs @ kernel + bias, 0)
    exponents = np.exp(inputs @ weights[-2] + weights[-1])
    return exponents / exponents.sum(axis=1, keepdims=True)


def test_the_papers_network_has_its_layers_and_first_weights():
    paper = settings.load(_Config, []).fnn
    model = network.build(70, 4, paper)

    assert [layer.units for layer in model.layers] == [512, 512, 4]
    assert [layer.activation.__name__ for layer in model.layers] == ["relu", "relu", "softmax"]
    kernel = model.get_weights()[2]
    assert np.abs(kernel).max() <= 2 * paper.weight_init_stddev  # truncated at two deviations
    # A normal distribution cut at two deviations has 0.8796 of the deviation.
    assert kernel.std() == pytest.approx(0.8796 * paper.weight_init_stddev, rel=0.01)
    assert not model.get_weights()[1].any()


def test_chances_are_what_the_layers_multiply_to(folds):
    model = network.build(6, 3, P)
    inputs = folds[0][0]

    np.testing.assert_allclose(
        network.predict(model, inputs), relu_softmax(model, inputs), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(("l1", "l2"), [(0.01, 0.0), (0.0, 0.01), (0.002, 0.003)])
def test_penalties_add_to_the_loss_what_the_formula_says(folds, l1, l2):
    model = network.build(6, 2, replace(P, l1=l1, l2=l2))
    kernels = model.get_weights()[::2]
    by_hand = sum(l1 * np.abs(k).sum() + l2 * np.square(k).sum() for k in kernels)

    assert float(sum(model.losses)) == pytest.approx(by_hand, rel=1e-5)


def test_dropout_follows_every_hidden_layer_and_no_other():
    kinds = [type(layer).__name__ for layer in network.build(6, 2, replace(P, dropout=0.5)).layers]

    assert kinds == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]


def test_the_same_seed_and_name_train_to_the_same_weights(folds):
    def weights(seed: int) -> list[np.ndarray]:
        network.deterministic(seed, "multiclass")
        model = network.build(6, 2, P)
        network.train(model, *folds, P, {0: 1.0, 1: 1.0}, order())
        return model.get_weights()

    first, again, other = weights(0), weights(0), weights(1)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("change", [{}, {"l1": 0.001, "l2": 0.002}, {"hidden_units": [8]}])
def test_the_numbers_are_those_of_keras_over_batches_in_the_same_order(folds, change):
    """The slow twin: ``model.fit`` a batch a call, unshuffled, on rows in the order drawn."""
    (inputs, target), validation = folds
    p = replace(P, batch_size=64, epochs_max=3, patience_epochs=3, **change)  # 300 = 4 * 64 + 44
    weights = {0: 1.0, 1: 3.5}
    ours = network.build(6, 2, p)
    plain = network.build(6, 2, p)
    plain.set_weights(ours.get_weights())

    history, _ = network.train(ours, folds[0], validation, p, weights, order())

    shuffled, expected = order(), []
    for _ in range(3):
        rows = shuffled.permutation(len(target))
        fitted = plain.fit(
            inputs[rows], target[rows], batch_size=64, shuffle=False, class_weight=weights,
            validation_data=validation, verbose=0,
        )  # fmt: skip
        expected.append({name: values[0] for name, values in fitted.history.items()})
        if expected[-1]["val_loss"] == min(row["val_loss"] for row in expected):
            best = plain.get_weights()
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(history[name], [row[name] for row in expected], rtol=1e-4)
    for got, kept in zip(ours.get_weights(), best, strict=True):
        np.testing.assert_allclose(got, kept, rtol=1e-3, atol=1e-5)


def test_class_weights_count_in_the_validation_loss_if_asked(folds):
    """The slow twin: a row at a time. Another epoch may be the best one then."""
    (inputs, target), validation = folds
    weights = {0: 1.0, 1: 3.5}
    model = network.build(6, 2, P)
    p = replace(P, validation_loss="weighted", epochs_max=1)

    history, _ = network.train(model, (inputs, target), validation, p, weights, order())

    chances = relu_softmax(model, validation[0].astype(np.float64))
    losses = [
        -np.log(row[label]) * weights[label]
        for row, label in zip(chances, validation[1], strict=True)
    ]
    assert history["val_loss"][0] == pytest.approx(np.mean(losses), rel=1e-4)
    assert network.evaluate(model, *validation)[0] < np.mean(losses)


def test_coded_rows_train_as_their_matrix_does(folds):
    """A slice of `encode.Coded` at a time, or the matrix at once: the same bytes."""
    drawn = np.random.default_rng(3)
    coded = encode.Coded(
        np.column_stack([drawn.integers(0, 3, 300), drawn.integers(3, 5, 300)]).astype(np.int16),
        drawn.uniform(-1, 1, (300, 2)).astype(np.float32),
        7,
    )
    target = (coded.numbers[:, 0] > 0).astype(np.int8)
    weights = []
    for inputs in (coded, coded[:]):
        network.deterministic(0, "x")
        model = network.build(7, 2, P)
        network.train(model, (inputs, target), (inputs, target), P, {0: 1.0, 1: 1.0}, order())
        weights.append(model.get_weights())

    assert all((a == b).all() for a, b in zip(*weights, strict=True))
    np.testing.assert_array_equal(network.predict(model, coded), network.predict(model, coded[:]))


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 300])
def test_a_batch_may_be_smaller_than_the_shards(folds, rows):
    inputs, target = folds[0][0][:rows], folds[0][1][:rows]
    model = network.build(6, 2, P)
    history, _ = network.train(model, (inputs, target), folds[1], P, {0: 1.0, 1: 1.0}, order())

    assert np.isfinite(history.to_numpy()).all()
    assert network.predict(model, inputs).shape == (rows, 2)


def test_dropout_trains_to_the_same_weights_again(folds):
    def weights() -> list[np.ndarray]:
        network.deterministic(0, "x")
        p = replace(P, dropout=0.5)
        model = network.build(6, 2, p)
        network.train(model, *folds, p, {0: 1.0, 1: 1.0}, order())
        return model.get_weights()

    assert all((a == b).all() for a, b in zip(weights(), weights(), strict=True))


def test_training_learns_and_tells_every_epoch(folds):
    seen = []
    network.deterministic(0, "x")
    model = network.build(6, 2, replace(P, epochs_max=30, patience_epochs=30))
    history, runtime_s = network.train(
        model,
        *folds,
        replace(P, epochs_max=30),
        {0: 1.0, 1: 1.0},
        order(),
        lambda e, v: seen.append((e, v)),
    )

    assert list(history["epoch"]) == [epoch for epoch, _ in seen]
    assert history["val_accuracy"].iloc[-1] > 0.9 > history["val_accuracy"].iloc[0]
    assert seen[-1][1]["loss"] == history["loss"].iloc[-1]
    assert runtime_s > 0


def test_early_stopping_keeps_the_weights_of_the_best_epoch(folds):
    (inputs, target), (held, _) = folds
    random_target = np.random.default_rng(1).integers(0, 2, len(held)).astype(np.int8)
    p = replace(P, epochs_max=60, patience_epochs=2, learning_rate=0.05)
    network.deterministic(0, "x")
    model = network.build(6, 2, p)
    history, _ = network.train(
        model, (inputs, target), (held, random_target), p, {0: 1.0, 1: 1.0}, order()
    )

    best = history.loc[history["val_loss"].idxmin()]
    assert len(history) == best["epoch"] + 2 < 60
    chances = network.predict(model, held)
    loss = -np.log(chances[np.arange(len(held)), random_target]).mean()
    assert loss == pytest.approx(best["val_loss"], rel=1e-4)


def test_class_weights_weigh_the_loss_of_each_row(folds):
    (inputs, target), validation = folds
    weights = balance.class_weights(target, 2, "inverse_max")
    p = replace(P, epochs_max=1, batch_size=len(target), learning_rate=1e-12)
    model = network.build(6, 2, p)
    history, _ = network.train(model, (inputs, target), validation, p, weights, order())

    chances = relu_softmax(model, inputs)
    of_row = -np.log(chances[np.arange(len(target)), target])
    by_hand = (of_row * np.vectorize(weights.get)(target)).mean()
    assert history["loss"].iloc[0] == pytest.approx(by_hand, rel=1e-4)


def test_a_training_that_diverges_is_refused(folds):
    p = replace(P, learning_rate=1e12)

    with pytest.raises(PacketidsError, match=r"diverged in epoch 1.*Lower fnn.learning_rate"):
        network.train(network.build(6, 2, p), *folds, p, {0: 1.0, 1: 1.0}, order())


def test_an_input_that_is_no_number_is_named(folds):
    """TensorFlow would train on, its first layer lost, with a finite loss."""
    (inputs, target), validation = folds
    spoilt = inputs.copy()
    spoilt[3, 2] = np.nan

    with pytest.raises(PacketidsError, match="row 3, input 2 is nan"):
        network.train(
            network.build(6, 2, P), (spoilt, target), validation, P, {0: 1.0, 1: 1.0}, order()
        )


def test_a_saved_network_comes_back_with_the_same_octets_and_answers(folds, tmp_path):
    model = network.build(6, 2, P)
    network.save(model, tmp_path / "a")
    loaded = network.load(tmp_path / "a")
    network.save(loaded, tmp_path / "b")

    inputs = folds[0][0]
    np.testing.assert_array_equal(network.predict(loaded, inputs), network.predict(model, inputs))
    for name in (network.WEIGHTS, network.ARCHITECTURE):
        first, second = ((tmp_path / x / name).read_bytes() for x in "ab")
        assert first == second, name
