"""Rows told apart exactly, as pandas tells them apart."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packetids.features import distinct
from tests import naive
from tests.conftest import interpreted

FLOATS = st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 0.1, np.nan, np.inf, -np.inf, 5e-324, 2.0**53, 2.0**53 + 2, 1e300]
)
COLUMNS = {
    "float64": st.lists(FLOATS, min_size=1, max_size=40),
    "whole": st.lists(st.sampled_from([-3.0, -0.0, 0.0, 7.0, 2.0**40]), min_size=1, max_size=40),
    "float32": st.lists(st.sampled_from([0.1, 0.5, np.nan, -0.0]), min_size=1, max_size=40),
    "int64": st.lists(
        st.sampled_from([-(2**63), -1, 0, 1, 2**53, 2**53 + 1, 2**63 - 1]), min_size=1, max_size=40
    ),
    "uint64": st.lists(st.sampled_from([0, 1, 2**63, 2**64 - 1]), min_size=1, max_size=40),
    "int8": st.lists(st.integers(-128, 127), min_size=1, max_size=40),
    "bool": st.lists(st.booleans(), min_size=1, max_size=40),
    "text": st.lists(st.sampled_from(["a", "b", "", None]), min_size=1, max_size=40),
    "category": st.lists(st.sampled_from(["x", "y", None]), min_size=1, max_size=40),
}
DTYPES = {"whole": "float64", "text": "str"}


@st.composite
def tables(draw) -> pd.DataFrame:
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=6))
    drawn = [draw(COLUMNS[kind]) for kind in kinds]
    n = min(map(len, drawn))
    return pd.DataFrame(
        {
            f"{i}.{kind}": pd.Series(values[:n], dtype=DTYPES.get(kind, kind))
            for i, (kind, values) in enumerate(zip(kinds, drawn, strict=True))
        }
    )


@settings(deadline=None, max_examples=300)
@given(tables())
def test_first_rows_are_those_of_pandas(table):
    np.testing.assert_array_equal(
        distinct.is_first(table, list(table.columns)), ~table.duplicated().to_numpy()
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.5, 1.5]), st.text("ab", max_size=1)))
)
def test_every_row_is_given_the_first_that_equals_it(rows):
    table = pd.DataFrame(rows, columns=["a", "b", "c"]).astype({"a": "int64", "b": "float64"})

    assert distinct.first_equal(table, ["a", "b", "c"]).tolist() == naive.first_equal(rows)


def test_many_rows_that_share_a_slot_of_the_table_stay_apart():
    """Far more rows than slots at first sight, some equal, in an order of their own."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {"a": rng.integers(0, 50_000, 100_000), "b": rng.choice([0.1, 0.2], 100_000)}
    )

    got = distinct.is_first(table, ["a", "b"])

    np.testing.assert_array_equal(got, ~table.duplicated().to_numpy())
    assert 50_000 < got.sum() < 100_000


def test_rows_with_the_same_hash_are_compared(monkeypatch):
    """A hash that is the same for all rows, or for many, changes nothing but the time."""
    words = np.random.default_rng(0).integers(0, 4, (200, 3)).astype(np.uint64)
    expected = naive.first_equal([tuple(row) for row in words.tolist()])

    for weak in (
        lambda words, row: np.uint64(0),
        lambda words, row: words[row, 0] << np.uint64(32),
    ):
        monkeypatch.setattr(distinct, "_hash", weak)
        assert interpreted(distinct._first_equal)(words).tolist() == expected


def test_columns_share_words_and_lose_nothing():
    n = 1000
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "port": rng.integers(0, 1 << 16, n).astype(np.uint16),
            "low": rng.integers(-(1 << 40), 1 << 40, n),
            "ttl": rng.integers(0, 256, n).astype(float),
            "delta": rng.random(n),
        }
    )
    words = distinct.pack([table[name] for name in table])

    assert words.shape == (n, 3)  # 16 + 41 bits; 8; 64
    assert len(np.unique(words, axis=0)) == len(table.drop_duplicates())


def test_a_table_without_rows_has_no_first_row_and_one_without_columns_is_refused():
    assert distinct.is_first(pd.DataFrame({"a": np.zeros(0)}), ["a"]).shape == (0,)
    with pytest.raises(ValueError, match="without columns"):
        distinct.is_first(pd.DataFrame({"a": [1]}), [])
