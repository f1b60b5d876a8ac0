"""The feed-forward network of the paper and its training.

Ge et al. 2019, section IV-D and Figure 2: dense layers with ReLU, a softmax layer as wide as the
task has classes, truncated-normal first weights, Adam, sparse categorical cross-entropy, class
weights, early stopping on the validation error.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from packetids.core import atomic, seeds, settings
from packetids.core.errors import PacketidsError
from packetids.learn import encode

# Before the import, which reads it. TensorFlow's C++ side prints notes about missing accelerators
# even so; they go nowhere while it is imported, and errors still come as exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_stderr = os.dup(2)
with open(os.devnull, "w") as _nowhere:
    os.dup2(_nowhere.fileno(), 2)
try:
    import keras
    import tensorflow as tf
finally:
    os.dup2(_stderr, 2)
    os.close(_stderr)

WEIGHTS = "weights.npz"
ARCHITECTURE = "architecture.json"
tf.get_logger().setLevel("ERROR")  # several models in one process warn of retracing

# A batch is dealt to this many shards that run side by side, each on one thread; their gradients
# are added in the same order always. So the numbers do not depend on how many cores there are, and
# no thread waits for another inside a product of matrices (benchmarks/scale.py compares).
SHARDS = 4
with suppress(RuntimeError):  # someone used TensorFlow before: the speed of that someone's choice
    tf.config.threading.set_intra_op_parallelism_threads(1)

SLICE_BATCHES = 64  # that TensorFlow is given at a time; moves no number, only time
PREDICT_ROWS = 8192

# Rows by position: a matrix, or what stands for one.
Inputs = np.ndarray | encode.Coded
OnEpoch = Callable[[int, dict[str, float]], None]


def deterministic(seed: int, name: str) -> None:
    """Make TensorFlow give the same numbers again for the same `seed` and `name`.

    What an earlier training of the process left, as the count in the names of layers, is dropped.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(seeds.integer(seed, f"fnn/{name}"))
    tf.config.experimental.enable_op_determinism()


def build(n_inputs: int, n_classes: int, p: settings.Fnn) -> keras.Sequential:
    """Build the network of Figure 2.

    It maps (n, n_inputs) scaled features to (n, n_classes) probabilities.
    """
    hidden = [_dense(units, "relu", p) for units in p.hidden_units]
    layers: list[keras.Layer] = [keras.Input((n_inputs,))]
    for layer in hidden:
        layers.append(layer)
        if p.dropout:
            layers.append(keras.layers.Dropout(p.dropout))
    model = keras.Sequential([*layers, _dense(n_classes, "softmax", p)])
    model.compile(  # so that its file says how it is trained, and Keras's own `fit` can go on
        optimizer=keras.optimizers.Adam(p.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def train(
    model: keras.Sequential,
    train: tuple[Inputs, np.ndarray],
    validation: tuple[Inputs, np.ndarray],
    p: settings.Fnn,
    weights: dict[int, float],
    order: np.random.Generator,
    on_epoch: OnEpoch | None = None,
) -> tuple[pd.DataFrame, float]:
    """Train with early stopping; the weights of the best epoch stay.

    Gives the numbers of Keras's ``model.fit`` over batches in the same order, up to rounding.

    Parameters
    ----------
    train, validation : (inputs, target)
        float32 (n, n_inputs), or `encode.Coded` rows, and int8 (n,).
    weights : of each label's rows in the training loss; in the validation loss if `p` says so
    order : shuffles the training rows anew for each epoch
    on_epoch : called with the epoch, from 1, and its values

    Returns
    -------
    history : DataFrame
        A row an epoch: epoch, loss, accuracy, val_loss, val_accuracy.
    runtime_s : float
        Seconds of training with its validation.

    Raises
    ------
    PacketidsError
        If an input or the loss is no finite number.
    """
    for inputs, _ in (train, validation):
        _check_finite(inputs)
    start = time.perf_counter()
    trainer = Trainer(model, p, weights)
    validation_weights = weights if p.validation_loss == "weighted" else None
    history: list[dict[str, float]] = []
    best_loss, best_weights, best_epoch = np.inf, model.get_weights(), 0
    for epoch in range(1, p.epochs_max + 1):
        values = trainer.epoch(*train, order.permutation(len(train[1])))
        loss, accuracy = evaluate(model, *validation, validation_weights)
        values |= {"val_loss": loss, "val_accuracy": accuracy}
        if not np.isfinite(list(values.values())).all():
            raise PacketidsError(
                f"training diverged in epoch {epoch}: the loss is no number. Lower "
                "fnn.learning_rate."
            )
        history.append(values)
        if on_epoch:
            on_epoch(epoch, values)
        if loss < best_loss:
            best_loss, best_weights, best_epoch = loss, model.get_weights(), epoch
        elif epoch - best_epoch >= p.patience_epochs:
            break
    model.set_weights(best_weights)
    runtime_s = time.perf_counter() - start
    table = pd.DataFrame(history)
    table.insert(0, "epoch", np.arange(1, len(table) + 1))
    return table[["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]], runtime_s


def predict(model: keras.Sequential, inputs: Inputs) -> np.ndarray:
    """Return class probabilities; float32, shape (n, n_classes)."""
    chances = np.empty((len(inputs), model.output_shape[1]), np.float32)
    forward = _forward(model)
    for rows in _runs(len(inputs), PREDICT_ROWS):
        chances[rows] = forward(tf.constant(inputs[rows])).numpy()
    return chances


def evaluate(
    model: keras.Sequential,
    inputs: Inputs,
    target: np.ndarray,
    weights: dict[int, float] | None = None,
) -> tuple[float, float]:
    """Return the loss, with the penalties on weights, and the accuracy.

    `weights` of each label's rows enter the loss as they do in training; without them, all are 1.
    """
    chances = predict(model, inputs)
    of_row = keras.losses.sparse_categorical_crossentropy(target.astype(np.int32), chances).numpy()
    if weights is not None:
        of_row = of_row * np.array([weights[label] for label in sorted(weights)])[target]
    penalty = float(sum(model.losses))
    accuracy = (chances.argmax(axis=1) == target).mean()
    return float(np.mean(of_row, dtype=np.float64)) + penalty, float(accuracy)


def save(model: keras.Sequential, folder: Path) -> None:
    """Write architecture and weights.

    Not Keras's own ``.keras`` archive: it holds the time of writing, so that its hash, and with
    it DVC's view of the model, would change with every run.
    """
    atomic.write_text(folder / ARCHITECTURE, model.to_json(indent=2) + "\n")
    with atomic.replacing(folder / WEIGHTS) as part, part.open("wb") as stream:
        np.savez(stream, *model.get_weights())


def load(folder: Path) -> keras.Sequential:
    """Read what `save` wrote."""
    model = keras.models.model_from_json((folder / ARCHITECTURE).read_text(encoding="utf-8"))
    with np.load(folder / WEIGHTS) as weights:
        model.set_weights([weights[name] for name in weights.files])
    return model


def _dense(units: int, activation: str, p: settings.Fnn) -> keras.layers.Dense:
    penalty = keras.regularizers.L1L2(l1=p.l1, l2=p.l2) if p.l1 or p.l2 else None
    return keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=p.weight_init_stddev),
        kernel_regularizer=penalty,
    )


class Trainer:
    """Adam over batches, many of them for each call into TensorFlow."""

    def __init__(self, model: keras.Sequential, p: settings.Fnn, weights: dict[int, float]) -> None:
        self.batch_rows = p.batch_size
        weight_of_label = tf.constant([weights[label] for label in sorted(weights)], tf.float32)
        variables = [variable.value for variable in model.trainable_variables]
        adam = _Adam(variables, p.learning_rate)
        loss_of = keras.losses.SparseCategoricalCrossentropy(reduction="sum")

        def shard(inputs: tf.Tensor, target: tf.Tensor, rows: tf.Tensor, penalized: bool):  # type: ignore[no-untyped-def]
            with tf.GradientTape() as tape:
                chances = model(inputs, training=True)
                loss = loss_of(target, chances, tf.gather(weight_of_label, target)) / rows
                if penalized and model.losses:
                    loss += tf.add_n(model.losses)
            right = tf.argmax(chances, axis=1, output_type=tf.int32) == target
            return tape.gradient(loss, variables), loss, tf.math.count_nonzero(right)

        def batch(inputs: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = tf.shape(target)[0]
            parts = [
                shard(inputs[one], target[one], tf.cast(rows, tf.float32), penalized=i == 0)
                for i, one in enumerate(_shards(rows))
            ]
            adam.apply([tf.add_n(same) for same in zip(*(part[0] for part in parts), strict=True)])
            loss = tf.add_n([part[1] for part in parts]) * tf.cast(rows, tf.float32)
            return loss, tf.add_n([part[2] for part in parts])

        def batches(inputs: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            loss, right = tf.constant(0.0), tf.constant(0, tf.int64)
            for start in tf.range(0, tf.shape(target)[0], p.batch_size):
                more = batch(
                    inputs[start : start + p.batch_size], target[start : start + p.batch_size]
                )
                loss, right = loss + more[0], right + more[1]
            return loss, right

        self._batches = tf.function(
            batches,
            input_signature=[
                tf.TensorSpec((None, model.input_shape[1]), tf.float32),
                tf.TensorSpec((None,), tf.int32),
            ],
        )

    def epoch(self, inputs: Inputs, target: np.ndarray, order: np.ndarray) -> dict[str, float]:
        """Train on all rows once, in `order`; give mean loss and accuracy while training."""
        loss = right = 0.0
        for part, labels in self._slices(inputs, target, order):
            more_loss, more_right = self._batches(tf.constant(part), tf.constant(labels))
            loss += float(more_loss)
            right += int(more_right)
            if not np.isfinite(loss):
                break  # no further number would be one
        return {"loss": loss / len(order), "accuracy": right / len(order)}

    def _slices(
        self, inputs: Inputs, target: np.ndarray, order: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of some batches at a time, and prepare the next ones meanwhile."""

        def take(rows: slice) -> tuple[np.ndarray, np.ndarray]:
            return inputs[order[rows]], target[order[rows]].astype(np.int32)

        runs = _runs(len(order), SLICE_BATCHES * self.batch_rows)
        with ThreadPoolExecutor(1) as aside:
            coming = aside.submit(take, next(runs))
            for rows in runs:
                ready, coming = coming, aside.submit(take, rows)
                yield ready.result()
            yield coming.result()


class _Adam:
    """Kingma and Ba 2015, with Keras's defaults, one fused operation a variable.

    Keras's own does the same in a dozen operations, each over all weights.
    """

    def __init__(self, variables: list[tf.Variable], learning_rate: float) -> None:
        self.variables = variables
        self.mean, self.square = (
            [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables] for _ in range(2)
        )
        self.powers = [tf.Variable(beta, trainable=False) for beta in (0.9, 0.999)]  # beta ** step
        self.learning_rate = learning_rate

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """Move the variables by one step."""
        powers = [power.read_value() for power in self.powers]
        for variable, mean, square, gradient in zip(
            self.variables, self.mean, self.square, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=powers[0],
                beta2_power=powers[1],
                lr=self.learning_rate,
                beta1=0.9,
                beta2=0.999,
                epsilon=1e-7,
                grad=gradient,
            )
        for power, beta in zip(self.powers, (0.9, 0.999), strict=True):
            power.assign(power * beta)


@lru_cache(maxsize=2)  # traced once for a model that is asked again and again
def _forward(model: keras.Sequential) -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(
        lambda inputs: tf.concat(
            [model(inputs[one], training=False) for one in _shards(tf.shape(inputs)[0])], axis=0
        ),
        input_signature=[tf.TensorSpec((None, model.input_shape[1]), tf.float32)],
    )


def _shards(rows: tf.Tensor) -> list[slice]:
    """Deal `rows` to `SHARDS` slices; the sizes differ by one row at most."""
    bounds = [rows * i // SHARDS for i in range(SHARDS + 1)]
    return [slice(*pair) for pair in zip(bounds, bounds[1:], strict=False)]


def _runs(rows: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _check_finite(inputs: Inputs) -> None:
    """Refuse what is no number: TensorFlow's ReLU makes 0 of NaN, and the loss would stay one."""
    for rows in _runs(len(inputs), PREDICT_ROWS):
        part = inputs[rows]
        if not np.isfinite(part).all():
            row, column = np.argwhere(~np.isfinite(part))[0]
            raise PacketidsError(
                f"training needs finite inputs; row {rows.start + row}, input {column} is "
                f"{part[row, column]}. Look at that row of data/preprocess."
            )
