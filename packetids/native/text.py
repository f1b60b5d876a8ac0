"""Columns of text: occurrences become entries of a dictionary, entries become text at the end."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from packetids.kernels import kernel, subkernel
from packetids.native.state import (
    DEPTH_MAX,
    ITEM_OCTETS,
    NUMBERS,
    ROWS,
    TEXTS,
    Output,
)

ENTRIES = 1 << 16  # of a dictionary, at most
SLOTS = ENTRIES * 2
POOL_OCTETS = ENTRIES * 16
LONGEST_OCTETS = (DEPTH_MAX + 1) * 16  # of one packet's entry

LONGEST = {1: 4, 4: 16, 16: 46}  # characters of one item with its comma, by bytes
COMMA, DOT, COLON, ZERO, LETTER_A = (ord(sign) for sign in ",.:0a")


class Dictionaries(NamedTuple):
    """The distinct texts of a batch, a dictionary for each of `TEXTS`."""

    entry: np.ndarray  # int32 (8, ROWS): which entry a row of `Output` has
    slots: np.ndarray  # int32 (8, SLOTS): entry + 1 by hash, 0 is free
    entry_slot: np.ndarray  # int32 (8, ENTRIES)
    entry_key: np.ndarray  # uint64 (8, ENTRIES)
    entry_end: np.ndarray  # int64 (8, ENTRIES + 1), offsets in the pool; [:, 0] is 0
    entries: np.ndarray  # int64 (8,)
    pool: np.ndarray  # uint8 (8, POOL_OCTETS)
    full: np.ndarray  # bool (1,): the entries of another packet may not fit


def dictionaries() -> Dictionaries:
    """Begin without entries."""
    return Dictionaries(
        entry=np.zeros((len(TEXTS), ROWS), np.int32),
        slots=np.zeros((len(TEXTS), SLOTS), np.int32),
        entry_slot=np.zeros((len(TEXTS), ENTRIES), np.int32),
        entry_key=np.zeros((len(TEXTS), ENTRIES), np.uint64),
        entry_end=np.zeros((len(TEXTS), ENTRIES + 1), np.int64),
        entries=np.zeros(len(TEXTS), np.int64),
        pool=np.zeros((len(TEXTS), POOL_OCTETS), np.uint8),
        full=np.zeros(1, np.bool_),
    )


@subkernel(forceinline=True)
def intern(row: int, out: Output, d: Dictionaries) -> None:
    """Turn what was found in a packet into entries of the columns' dictionaries."""
    for column in range(len(TEXTS)):
        length = out.found_octets[column]
        if not length:
            continue
        # Up to seven bytes and their number are one integer; of more, the integer is a hash.
        key: Any = np.uint64(length)
        if length == 4:  # an address: most are; a loop of unknown length is slower
            for i in range(4):
                key = key << np.uint64(8) | np.uint64(out.found[column, i])
        elif length < 8:
            for i in range(length):
                key = key << np.uint64(8) | np.uint64(out.found[column, i])
        else:
            for i in range(length):
                key = (key ^ np.uint64(out.found[column, i])) * np.uint64(0x100000001B3)
        h = key * np.uint64(0x9E3779B97F4A7C15)
        slot: Any = (h ^ h >> np.uint64(32)) & np.uint64(SLOTS - 1)
        while True:
            entry: Any = np.int64(d.slots[column, slot]) - 1
            if entry < 0:
                entry = _add(out, d, column, slot, key, length)
                break
            if d.entry_key[column, entry] == key:
                if length < 8 or _same(out, d, column, entry, length):
                    break
            slot = (slot + np.uint64(1)) & np.uint64(SLOTS - 1)
        d.entry[column, row] = entry
        out.rows[row].valid |= np.uint32(1 << len(NUMBERS) + column)
        out.found_octets[column] = 0


@subkernel
def _add(out: Output, d: Dictionaries, column: int, slot: int, key: int, length: int) -> int:
    entry = d.entries[column]
    begin = d.entry_end[column, entry]
    for i in range(length):
        d.pool[column, begin + i] = out.found[column, i]
    d.entry_end[column, entry + 1] = begin + length
    d.entry_slot[column, entry] = slot
    d.entry_key[column, entry] = key
    d.entries[column] = entry + 1
    d.slots[column, slot] = entry + 1
    if entry + 1 == ENTRIES or begin + length + LONGEST_OCTETS > POOL_OCTETS:
        d.full[0] = True
    return entry


@subkernel
def _same(out: Output, d: Dictionaries, column: int, entry: int, length: int) -> bool:
    begin = d.entry_end[column, entry]
    if d.entry_end[column, entry + 1] - begin != length:
        return False
    for i in range(length):
        if d.pool[column, begin + i] != out.found[column, i]:
            return False
    return True


@kernel
def clear(d: Dictionaries) -> None:
    """Forget all entries."""
    for column in range(len(TEXTS)):
        for entry in range(d.entries[column]):
            d.slots[column, d.entry_slot[column, entry]] = 0
        d.entries[column] = 0
    d.full[0] = False


def dictionary(d: Dictionaries, column: int) -> pa.StringArray:
    """Write the entries of a column as text: items joined by commas, as TShark does."""
    entries = int(d.entries[column])
    octets = ITEM_OCTETS[column]
    used = int(d.entry_end[column, entries])
    text = np.empty(used // octets * LONGEST[octets] + 64, np.uint8)
    offsets = np.zeros(entries + 1, np.int32)
    _write(d.pool[column], d.entry_end[column], entries, octets, text, offsets)
    return pa.StringArray.from_buffers(
        entries, pa.py_buffer(offsets), pa.py_buffer(text[: offsets[-1]])
    )


def strings(texts: list[str]) -> pa.StringArray:
    """Make an array of `texts`; pa.array would import pandas first, for 0.2 s."""
    octets = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, octets)], dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(offsets), pa.py_buffer(b"".join(octets))
    )


@kernel
def _write(
    pool: np.ndarray, ends: np.ndarray, entries: int, octets: int,
    text: np.ndarray, offsets: np.ndarray,
) -> None:  # fmt: skip
    to = 0
    for entry in range(entries):
        for at in range(ends[entry], ends[entry + 1], octets):
            if at > ends[entry]:
                text[to] = COMMA
                to += 1
            if octets == 1:
                to = _decimal(text, to, pool[at])
            elif octets == 4:
                to = _ipv4(text, to, pool, at)
            else:
                to = _ipv6(text, to, pool, at)
        offsets[entry + 1] = to


@subkernel
def _decimal(text: np.ndarray, to: int, value: int) -> int:
    if value >= 100:
        text[to] = ZERO + value // 100
        to += 1
    if value >= 10:
        text[to] = ZERO + value // 10 % 10
        to += 1
    text[to] = ZERO + value % 10
    return to + 1


@subkernel
def _ipv4(text: np.ndarray, to: int, octets: np.ndarray, at: int) -> int:
    for i in range(4):
        if i:
            text[to] = DOT
            to += 1
        to = _decimal(text, to, octets[at + i])
    return to


@subkernel
def _ipv6(text: np.ndarray, to: int, octets: np.ndarray, at: int) -> int:
    """Write groups without leading zeros, the first longest run of zero groups as "::".

    RFC 5952; addresses that embed an IPv4 address end in it, as inet_ntop writes them.
    """
    best, best_length = -1, 1
    run = 0
    for group in range(8):
        zero = octets[at + 2 * group] == 0 and octets[at + 2 * group + 1] == 0
        run = run + 1 if zero else 0
        if run > best_length:
            best, best_length = group - run + 1, run
    mapped = best_length == 5 and octets[at + 10] == 0xFF and octets[at + 11] == 0xFF
    ends_in_ipv4 = best == 0 and (best_length == 6 or mapped)
    group = 0
    while group < 8:
        if group == best:
            text[to] = text[to + 1] = COLON
            to += 2
            group += best_length
            continue
        if group and group != best + best_length or group and best < 0:
            text[to] = COLON
            to += 1
        if ends_in_ipv4 and group == 6:
            return _ipv4(text, to, octets, at + 12)
        value = np.int64(octets[at + 2 * group]) << 8 | octets[at + 2 * group + 1]
        started = False
        for shift in (12, 8, 4, 0):
            digit = value >> shift & 0xF
            if digit or started or shift == 0:
                text[to] = ZERO + digit if digit < 10 else LETTER_A + digit - 10
                to += 1
                started = True
        group += 1
    return to
