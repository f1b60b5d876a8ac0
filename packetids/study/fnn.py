"""The network of section IV-D on the folds of the study, with one setting changed or none."""

import numpy as np

from packetids.core import seeds, settings
from packetids.fnn import network
from packetids.learn import balance, encode
from packetids.learn.task_rows import Task


def predicted(task: Task, p: settings.Fnn, seed: int) -> np.ndarray:
    """Train as `packetids.fnn.training` does, and predict the test rows; int64 (n_test,).

    The seed moves first weights and the order of batches, not the folds.
    """
    (train, target), (validation, known), (test, _) = map(
        task.part, ("train", "validation", "test")
    )
    n_classes = len(task.classes)
    encoder = encode.fit(train, task.well_known_ports, p.scaling)
    network.deterministic(seed, "study")
    model = network.build(len(encoder.names), n_classes, p)
    network.train(
        model,
        (encoder.code(train), target),
        (encoder.code(validation), known),
        p,
        balance.class_weights(target, n_classes, p.class_weights),
        seeds.generator(seed, "fnn/study/order"),
    )
    return np.asarray(network.predict(model, encoder.code(test)).argmax(axis=1))
