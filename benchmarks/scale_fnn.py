"""How fast the network trains, against the machine's own matrix products, in rows a second.

``python -m benchmarks.scale_fnn WAY ROWS REPEATS`` prints one line of JSON: for each repetition,
rows a second of the clock and of processor time. The ways:

- ``numpy``, ``tensorflow``: only the matrix products of a training step of the paper's network on
  batches of 500 rows (three a layer, without the gradient of the inputs), as each library does
  them by itself;
- ``fit``: Keras's ``model.fit`` with its defaults; ``fit_32``: with 32 steps a call;
- ``packetids``: `network.train` on coded rows, the library's own.

The last three train one epoch without validation.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

BATCH_ROWS, INPUTS, UNITS, CLASSES = 500, 80, 512, 4
WEIGHTS = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}


def products_numpy(rows: int) -> Callable[[], None]:
    """Give the products of `rows` rows with numpy."""
    x, a, b, d, w1, w2, w3 = _matrices()

    def run() -> None:
        for _ in range(rows // BATCH_ROWS):
            x @ w1, a @ w2, b @ w3
            b.T @ d, d @ w3.T
            a.T @ b, b @ w2.T
            x.T @ a

    return run


def products_tensorflow(rows: int) -> Callable[[], None]:
    """Give the products of `rows` rows with TensorFlow, one after another in a graph."""
    import tensorflow as tf

    x, a, b, d, w1, w2, w3 = (tf.constant(matrix) for matrix in _matrices())

    @tf.function
    def step() -> list[tf.Tensor]:
        return [
            tf.matmul(x, w1),
            tf.matmul(a, w2),
            tf.matmul(b, w3),
            tf.matmul(b, d, transpose_a=True),
            tf.matmul(d, w3, transpose_b=True),
            tf.matmul(a, b, transpose_a=True),
            tf.matmul(b, w2, transpose_b=True),
            tf.matmul(x, a, transpose_a=True),
        ]

    def run() -> None:
        for _ in range(rows // BATCH_ROWS):
            step()

    return run


def fit(rows: int, batches_per_call: int) -> Callable[[], None]:
    """Give one epoch of Keras's own training."""
    from packetids.fnn import network

    network.tf.config.threading.set_intra_op_parallelism_threads(0)  # its defaults
    network.deterministic(0, "scale")
    model = network.build(INPUTS, CLASSES, _paper())
    model.compile(
        optimizer=network.keras.optimizers.Adam(_paper().learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=batches_per_call,
    )
    coded, target = _rows(rows)
    matrix = coded[:]
    return lambda: model.fit(
        matrix, target, batch_size=BATCH_ROWS, epochs=1, class_weight=WEIGHTS, verbose=0
    )


def packetids(rows: int) -> Callable[[], None]:
    """Give one epoch of the library's training."""
    from packetids.fnn import network

    network.deterministic(0, "scale")
    trainer = network.Trainer(network.build(INPUTS, CLASSES, _paper()), _paper(), WEIGHTS)
    coded, target = _rows(rows)
    order = np.random.default_rng(0)
    return lambda: trainer.epoch(coded, target, order.permutation(rows))


WAYS: dict[str, Callable[[int], Callable[[], None]]] = {
    "numpy": products_numpy,
    "tensorflow": products_tensorflow,
    "fit": lambda rows: fit(rows, 1),
    "fit_32": lambda rows: fit(rows, 32),
    "packetids": packetids,
}


def measure(way: str, rows: int, repeats: int) -> list[tuple[float, float]]:
    """Run `way`, once to warm up and then `repeats` times: rows/s by clock and by processor."""
    run = WAYS[way](rows)
    run()
    rates = []
    for _ in range(repeats):
        clock, processor = time.perf_counter(), time.process_time()
        run()
        rates.append(
            (rows / (time.perf_counter() - clock), rows / (time.process_time() - processor))
        )
    return rates


def _matrices() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    shapes = [
        (BATCH_ROWS, INPUTS),
        (BATCH_ROWS, UNITS),
        (BATCH_ROWS, UNITS),
        (BATCH_ROWS, CLASSES),
        (INPUTS, UNITS),
        (UNITS, UNITS),
        (UNITS, CLASSES),
    ]
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


def _rows(rows: int):  # type: ignore[no-untyped-def]
    """Make coded rows of 80 inputs, four of them hot and eight numbers, and labels."""
    from packetids.learn.encode import Coded

    random = np.random.default_rng(0)
    numbers = random.uniform(-1, 1, (rows, 8)).astype(np.float32)
    bounds = ((0, 20), (20, 46), (46, 59), (59, 72))
    hot = np.column_stack([random.integers(*pair, rows) for pair in bounds]).astype(np.int16)
    return Coded(hot, numbers, INPUTS), random.integers(0, CLASSES, rows).astype(np.int8)


def _paper():  # type: ignore[no-untyped-def]
    from dataclasses import dataclass

    from packetids.core import settings

    @dataclass(frozen=True)
    class Config:
        fnn: settings.Fnn

    return settings.load(Config, ["fnn=paper"]).fnn


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=sorted(WAYS))
    parser.add_argument("rows", type=int)
    parser.add_argument("repeats", type=int)
    given = parser.parse_args()
    print(json.dumps(measure(given.way, given.rows, given.repeats)))
