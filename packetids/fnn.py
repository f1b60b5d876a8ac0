"""The feed-forward network of the paper and its training.

Ge et al. 2019, section IV-D and Figure 2: dense layers with ReLU, a softmax layer as wide as the
task has classes, truncated-normal first weights, Adam, sparse categorical cross-entropy, class
weights, early stopping on the validation error.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from packetids import atomic, seeds, settings
from packetids.errors import PacketidsError

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

BATCHES_PER_CALL = 32  # of model.fit into TensorFlow; moves no number, only time
PREDICT_ROWS = 8192

OnEpoch = Callable[[int, dict[str, float]], None]


def deterministic(seed: int, name: str) -> None:
    """Make TensorFlow give the same numbers again for the same `seed` and `name`."""
    keras.utils.set_random_seed(seeds.integer(seed, f"fnn/{name}"))
    tf.config.experimental.enable_op_determinism()


def build(n_inputs: int, n_classes: int, p: settings.Fnn) -> keras.Sequential:
    """Build the network of Figure 2: (n, n_inputs) scaled features to (n, n_classes) chances."""
    hidden = [_dense(units, "relu", p) for units in p.hidden_units]
    layers: list[keras.Layer] = [keras.Input((n_inputs,))]
    for layer in hidden:
        layers.append(layer)
        if p.dropout:
            layers.append(keras.layers.Dropout(p.dropout))
    model = keras.Sequential([*layers, _dense(n_classes, "softmax", p)])
    model.compile(
        optimizer=keras.optimizers.Adam(p.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=BATCHES_PER_CALL,
    )
    return model


def train(
    model: keras.Sequential,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    p: settings.Fnn,
    weights: dict[int, float],
    on_epoch: OnEpoch | None = None,
) -> tuple[pd.DataFrame, float]:
    """Train with early stopping; the weights of the best epoch stay.

    Parameters
    ----------
    train, validation : (inputs, target)
        float32 (n, n_inputs) and int8 (n,).
    on_epoch : called with the epoch, from 1, and its values

    Returns
    -------
    history : DataFrame
        A row an epoch: epoch, loss, accuracy, val_loss, val_accuracy.
    runtime_s : float
        Seconds of training with its validation.
    """
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.EarlyStopping(
            monitor="val_loss", patience=p.patience_epochs, restore_best_weights=True
        ),
        keras.callbacks.TerminateOnNaN(),
    ]
    if on_epoch:
        callbacks.append(
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: on_epoch(epoch + 1, dict(logs or {}))
            )
        )
    for inputs, _ in (train, validation):
        # TensorFlow's ReLU makes 0 of NaN: the loss would stay a number, the first layer lost.
        if not np.isfinite(inputs).all():
            row, column = np.argwhere(~np.isfinite(inputs))[0]
            raise PacketidsError(
                f"training needs finite inputs; row {row}, input {column} is "
                f"{inputs[row, column]}. Look at that row of data/preprocess."
            )
    start = time.perf_counter()
    fitted = model.fit(
        *train,
        validation_data=validation,
        batch_size=p.batch_size,
        epochs=p.epochs_max,
        class_weight=weights,
        callbacks=callbacks,
        verbose=0,
    )
    runtime_s = time.perf_counter() - start
    history = pd.DataFrame(fitted.history)
    if not np.isfinite(history.to_numpy()).all():
        raise PacketidsError(
            f"training diverged in epoch {len(history)}: the loss is no number. Lower "
            "fnn.learning_rate."
        )
    history.insert(0, "epoch", np.arange(1, len(history) + 1))
    return history[["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]], runtime_s


def predict(model: keras.Sequential, inputs: np.ndarray) -> np.ndarray:
    """Give the chance of each class; float32, shape (n, n_classes)."""
    return model.predict(inputs, batch_size=PREDICT_ROWS, verbose=0)


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
