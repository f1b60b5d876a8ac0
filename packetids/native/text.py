"""Columns of text: occurrences become entries of a dictionary, entries become text at the end."""

import numba
import numpy as np
import pyarrow as pa

from packetids.native.state import (
    ARP_DST,
    ARP_SRC,
    IP_DST,
    IP_SRC,
    ITEM_OCTETS,
    NUMBERS,
    POOL_OCTETS,
    SLOTS,
    TEXTS,
    Columns,
)

ADDRESSES = (ARP_SRC, ARP_DST, IP_SRC, IP_DST)
LONGEST = {1: 4, 4: 16, 16: 46}  # characters of one item with its comma, by octets
COMMA, DOT, COLON, ZERO, LETTER_A = (ord(sign) for sign in ",.:0a")


@numba.njit(cache=True)
def intern(out: Columns, row: int) -> None:
    """Turn what was found in a packet into entries of the columns' dictionaries."""
    for column in range(len(TEXTS)):
        length = out.found_octets[column]
        if not length:
            continue
        h = np.uint64(0xCBF29CE484222325)
        for i in range(length):
            h = (h ^ np.uint64(out.found[column, i])) * np.uint64(0x100000001B3)
        slot = (h ^ h >> np.uint64(32)) & np.uint64(SLOTS - 1)
        while True:
            entry = out.slots[column, slot] - 1
            if entry < 0:
                entry = _add(out, column, slot, length)
                break
            if _same(out, column, entry, length):
                break
            slot = (slot + np.uint64(1)) & np.uint64(SLOTS - 1)
        out.index[column, row] = entry
        out.valid[len(NUMBERS) + column, row >> 3] |= np.uint8(1 << (row & 7))
        out.found_octets[column] = 0


@numba.njit(cache=True, inline="always")
def _same(out: Columns, column: int, entry: int, length: int) -> bool:
    begin = out.entry_end[column, entry]
    if out.entry_end[column, entry + 1] - begin != length:
        return False
    for i in range(length):
        if out.pool[column, begin + i] != out.found[column, i]:
            return False
    return True


@numba.njit(cache=True)
def _add(out: Columns, column: int, slot: int, length: int) -> int:
    entry = out.entries[column]
    begin = out.entry_end[column, entry]
    for i in range(length):
        out.pool[column, begin + i] = out.found[column, i]
    out.entry_end[column, entry + 1] = begin + length
    out.entry_slot[column, entry] = slot
    out.entries[column] = entry + 1
    out.slots[column, slot] = entry + 1
    return entry


@numba.njit(cache=True)
def have_room(out: Columns) -> bool:
    """Tell whether one more packet's entries fit."""
    for column in range(len(TEXTS)):
        used = out.entry_end[column, out.entries[column]]
        if used + out.found.shape[1] > POOL_OCTETS:
            return False
    return True


@numba.njit(cache=True)
def clear(out: Columns) -> None:
    """Forget all entries."""
    for column in range(len(TEXTS)):
        for entry in range(out.entries[column]):
            out.slots[column, out.entry_slot[column, entry]] = 0
        out.entries[column] = 0


def dictionary(out: Columns, column: int) -> pa.StringArray:
    """Write the entries of a column as text: items joined by commas, as TShark does."""
    entries = int(out.entries[column])
    octets = ITEM_OCTETS[column]
    used = int(out.entry_end[column, entries])
    text = np.empty(used // octets * LONGEST[octets] + 64, np.uint8)
    offsets = np.zeros(entries + 1, np.int32)
    _write(out.pool[column], out.entry_end[column], entries, octets, text, offsets)
    return pa.StringArray.from_buffers(
        entries, pa.py_buffer(offsets), pa.py_buffer(text[: offsets[-1]])
    )


@numba.njit(cache=True)
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


@numba.njit(cache=True)
def _decimal(text: np.ndarray, to: int, value: int) -> int:
    if value >= 100:
        text[to] = ZERO + value // 100
        to += 1
    if value >= 10:
        text[to] = ZERO + value // 10 % 10
        to += 1
    text[to] = ZERO + value % 10
    return to + 1


@numba.njit(cache=True)
def _ipv4(text: np.ndarray, to: int, octets: np.ndarray, at: int) -> int:
    for i in range(4):
        if i:
            text[to] = DOT
            to += 1
        to = _decimal(text, to, octets[at + i])
    return to


@numba.njit(cache=True)
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
