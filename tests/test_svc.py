"""The support vector baseline's files and its words for bad input."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.svm import SVC, LinearSVC

from packetids.core import settings
from packetids.core.errors import PacketidsError
from packetids.svc import linear


@dataclass(frozen=True)
class _Config:
    svc: settings.Svc


@pytest.mark.parametrize("kind", [LinearSVC, SVC])
def test_the_same_model_has_the_same_octets_and_predicts_alike(kind, tmp_path):
    inputs = np.random.default_rng(0).normal(size=(80, 3))
    target = (inputs[:, 0] > 0).astype(np.int8)
    first, second = (kind(random_state=0).fit(inputs, target) for _ in range(2))

    linear.save(first, tmp_path / "first")
    linear.save(second, tmp_path / "second")

    path = tmp_path / "first" / linear.MODEL
    assert path.read_bytes() == (tmp_path / "second" / linear.MODEL).read_bytes()
    loaded = skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    assert (loaded.predict(inputs) == first.predict(inputs)).all()


def test_of_equal_candidates_the_smallest_c_is_chosen():
    candidates = pd.DataFrame({"c": [10.0, 1.0, 0.1], "rank": [1, 1, 3]})

    assert linear.best_c(candidates) == 1.0


def test_a_sample_larger_than_the_dataset_is_refused():
    p = settings.load(_Config, []).svc

    with pytest.raises(PacketidsError, match="a sample of 9 packets needs as many rows.* has 2"):
        linear.draw(pd.DataFrame({"a": [1, 2]}), np.array([0, 1]), [], 9, p, 0)
