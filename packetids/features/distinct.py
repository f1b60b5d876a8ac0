"""Which rows of a table are equal: exact, and in one pass, however many rows there are.

pandas' `DataFrame.duplicated` numbers the distinct values of every column one after another. Here
a row is packed into a few 64-bit words first, without loss, and the words are looked up in one
hash table. Rows with the same hash are compared word by word, so that the answer never depends
on the hash. Equal means what it means in pandas: 0.0 and -0.0 are the same, and so are all NaN.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from packetids.kernels import kernel
from packetids.prefetch import prefetch

WORD_BITS = 64
EXACT_INTEGER = 1 << 53  # a float64 holds every whole number up to it
BLOCK_ROWS = 1 << 14  # whose words stay in the processor's cache while every column is packed
AHEAD_ROWS = 128  # whose places in the hash table are asked for at a time
ROWS_MAX = (1 << 32) - 2  # a slot of the hash table keeps a row in 32 bits


def first_equal(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Give each row the position of the first row that equals it in all of `columns`.

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
        raise ValueError(f"{len(table)} rows; at most {ROWS_MAX} can be told apart at a time")
    return _first_equal(pack([table[name] for name in columns]))


def is_first(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Tell which rows have no equal before them; bool, shape (n,)."""
    return first_equal(table, columns) == np.arange(len(table), dtype=np.uint32)


def pack(columns: list[pd.Series]) -> np.ndarray:
    """Pack rows into words: two rows are equal just if all their words are.

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
    free: list[int] = []  # bits of each word
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
    """Give numbers that are equal just where the values are."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy()
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else "O"
    if kind == "f":
        return np.ascontiguousarray(column.to_numpy(), np.float64)
    if kind in "iub":
        values = column.to_numpy()
        return values.view(np.int64) if values.dtype == np.uint64 else values
    return pd.factorize(column)[0]


def _range(values: np.ndarray) -> tuple[bool, int, int]:
    """Tell whether all values are whole numbers, the lowest, and the bits from it to the highest.

    Where not all are whole, a value needs all the bits of a word.
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
    """Look every row up in a table of open addresses.

    A slot holds the row (from 1, in the lower half) and the upper half of its hash, which spares
    most looks at rows that are not equal.
    """
    n, n_words = words.shape
    size = 16
    while size < n + n // 2:
        size *= 2
    mask = np.uint64(size - 1)
    slots = np.zeros(size, np.uint64)
    lower = np.uint64(0xFFFFFFFF)
    first = np.empty(n, np.uint32)
    hashes = np.empty(AHEAD_ROWS, np.uint64)
    for start in range(0, n, AHEAD_ROWS):
        rows = min(AHEAD_ROWS, n - start)
        for i in range(rows):
            hashes[i] = _hash(words, start + i)
            prefetch(slots, np.int64(hashes[i] & mask))
        for i in range(rows):
            slot = slots[hashes[i] & mask]
            if slot != 0 and (slot ^ hashes[i]) & ~lower == 0:
                prefetch(words, np.int64(slot & lower) - 1)
        for i in range(rows):
            row, mixed = start + i, hashes[i]
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
