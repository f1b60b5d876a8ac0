"""Find equal rows of a table: exactly, and in one pass, however many rows there are.

pandas' `DataFrame.duplicated` numbers the distinct values of every column one after another. Here
a row is packed into a few 64-bit words first, without loss, and the words are looked up in one
hash table. Rows with the same hash are compared word by word, so that the result never depends
on the hash. Equality is pandas': 0.0 equals -0.0, and every NaN equals every other.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from packetids.kernels import kernel

WORD_BITS = 64
EXACT_INTEGER = 1 << 53  # a float64 holds every whole number up to it
BLOCK_ROWS = 1 << 14  # rows: their words stay in the processor's cache while all columns are packed
ROWS_MAX = (1 << 32) - 2  # a slot of the hash table keeps a row in 32 bits


def first_equal(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Find for each row the first row that equals it in all of `columns`.

    Parameters
    ----------
    table : DataFrame, n rows
        Its `columns` hold numbers, categories or text.

    Returns
    -------
    uint32 array, shape (n,)
        Its own position for a row that has no equal before it.
    """
    if len(table) > ROWS_MAX:
        raise ValueError(f"{len(table)} rows; at most {ROWS_MAX} can be compared at a time")
    return _first_equal(pack([table[name] for name in columns]))


def is_first(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Check which rows have no equal before them; bool, shape (n,)."""
    return np.equal(first_equal(table, columns), np.arange(len(table), dtype=np.uint32))


def pack(columns: list[pd.Series]) -> np.ndarray:
    """Pack rows into words: two rows are equal exactly if all their words are.

    Whole numbers (of any type, codes of categories among them) take the bits of their range, other
    floats a word.

    Returns
    -------
    uint64 array, shape (n, n_words)
    """
    if not columns:
        raise ValueError("a table without columns has no rows to compare")
    numbers = [_numbers(column) for column in columns]
    ranges = [_range(values) for values in numbers]
    free: list[int] = []  # bits left in each word
    places = []
    for _, _, bits in ranges:  # into the first word with room
        word = next((i for i, left in enumerate(free) if left >= bits), len(free))
        if word == len(free):
            free.append(WORD_BITS)
        places.append((word, WORD_BITS - free[word]))
        free[word] -= bits
    words = np.zeros((len(columns[0]), len(free)), np.uint64)
    for start in range(0, len(words), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        for values, (whole, low, _), (word, shift) in zip(numbers, ranges, places, strict=True):
            if whole:
                _put(words[block, word], values[block], low, shift)
            else:
                _put_float(words[block, word], values[block], values[block].view(np.uint64))
    return words


def _numbers(column: pd.Series) -> np.ndarray:
    """Return numbers that are equal exactly where the values are."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes)
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else "O"
    if kind == "f":
        return np.ascontiguousarray(column.to_numpy(), np.float64)
    if kind in "iub":
        values = np.asarray(column)
        return values.view(np.int64) if values.dtype == np.uint64 else values
    return np.asarray(pd.factorize(column)[0])


def _range(values: np.ndarray) -> tuple[bool, int, int]:
    """Return whether all values are whole numbers, the lowest, and the bits that the range needs.

    If not all are whole, a value needs all the bits of a word.
    """
    if not len(values):
        return True, 0, 0
    if values.dtype.kind == "f":
        whole, low, high = _whole_range(values)
    else:
        whole, low, high = True, values.min(), values.max()
    return whole, int(low), (int(high) - int(low)).bit_length() if whole else WORD_BITS


@kernel(nogil=True)
def _whole_range(values: np.ndarray) -> tuple[bool, int, int]:
    low, high = EXACT_INTEGER, -EXACT_INTEGER
    for value in values:
        if not abs(value) < EXACT_INTEGER:  # also NaN
            return False, 0, 0
        number = int(value)
        if number != value:
            return False, 0, 0
        low, high = min(low, number), max(high, number)
    return True, low, high


@kernel(nogil=True)
def _put(word: np.ndarray, values: np.ndarray, low: int, shift: int) -> None:
    for row in range(len(word)):
        word[row] |= np.uint64(np.int64(values[row]) - low) << np.uint64(shift)


@kernel(nogil=True)
def _put_float(word: np.ndarray, values: np.ndarray, bits: np.ndarray) -> None:
    for row in range(len(word)):
        if values[row] == 0:
            word[row] = 0  # of 0.0 and -0.0
        elif values[row] != values[row]:
            word[row] = np.uint64(0x7FF8000000000000)  # of every NaN
        else:
            word[row] = bits[row]


@kernel(nogil=True)
def _hash(words: np.ndarray, row: int) -> np.uint64:
    """Mix the words of a row with the finalizer of SplitMix64 (Steele et al. 2014)."""
    mixed = np.uint64(0x9E3779B97F4A7C15)
    for j in range(words.shape[1]):
        mixed ^= words[row, j]
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed


@kernel(nogil=True)
def _first_equal(words: np.ndarray) -> np.ndarray:
    """Look up every row in a hash table with open addressing.

    A slot holds the row (from 1, in the lower half) and the upper half of its hash, which rules out
    most rows that are not equal.
    """
    n, n_words = words.shape
    size = 16
    while size < n + n // 2:
        size *= 2
    mask = np.uint64(size - 1)
    slots = np.zeros(size, np.uint64)
    lower = np.uint64(0xFFFFFFFF)
    first = np.empty(n, np.uint32)
    for row in range(n):
        mixed = _hash(words, row)
        at = mixed & mask
        while True:
            slot = slots[at]
            if slot == 0:
                slots[at] = (mixed & ~lower) | np.uint64(row + 1)
                first[row] = row
                break
            if (slot ^ mixed) & ~lower == 0:
                other = np.int64(slot & lower) - 1
                equal = True
                for j in range(n_words):
                    if words[other, j] != words[row, j]:
                        equal = False
                        break
                if equal:
                    first[row] = other
                    break
            at = (at + np.uint64(1)) & mask
    return first
