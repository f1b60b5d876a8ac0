"""Fields become features: drop, merge, class, split, fill, and drop what repeats.

Ge et al. 2019, section IV-C, in its order:

1. nine fields are dropped (time, addresses, checksums);
2. five pairs that never overlap are merged into proto, src.port, dst.port, length, stream;
3. proto becomes an integer for each distinct value, ports become classes, ``ip.ttl`` becomes two
   columns (the second is the packet inside an ICMP message);
4. nulls become the column's maximum + 1 in tcp.flags and stream, 0 elsewhere;
5. rows that are now the same are dropped.

One-hot coding and scaling follow in `encode`, where training needs them: kept as codes, the table
is a tenth of the size, and what is fitted can be fitted on training rows only.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from packetids.core import atomic, fields, parquet
from packetids.core.columns import (
    FEATURES,
    LABELS,
    PORT_OTHER,
    PORT_REGISTERED,
    PORTS,
    SERVICE,
    Fitted,
    port_class_names,
)
from packetids.core.errors import PacketidsError
from packetids.features import distinct, services

DROPPED = (
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "arp.src.proto_ipv4",
    "arp.dst.proto_ipv4",
    "tcp.checksum",
    "udp.checksum",
)
MERGED = {
    "proto": ("ip.proto", "arp.proto.type"),
    "src.port": ("tcp.srcport", "udp.srcport"),
    "dst.port": ("tcp.dstport", "udp.dstport"),
    "length": ("tcp.len", "udp.length"),
    "stream": ("tcp.stream", "udp.stream"),
}
# The fields whose values, over all packets, decide something about each.
DECIDING = ("ip.proto", "arp.proto.type", "tcp.flags", *MERGED["stream"])

ROW_GROUP_ROWS = 1 << 20


def fit(tables: Iterable[pa.Table], well_known_ports: list[int]) -> Fitted:
    """Find the protocol values and the maxima that replace nulls, over all of `tables`.

    Each has the columns of `fields.schema()`, at least `DECIDING`. A column without a value has
    the maximum -1.
    """
    protocols: set[str] = set()
    flags = stream = -1
    for packets in tables:
        protocols.update(_proto(packets).unique().drop_null().to_pylist())
        flags = max(flags, _maximum(packets["tcp.flags"]))
        stream = max(stream, *(_maximum(packets[name]) for name in MERGED["stream"]))
    return Fitted(sorted(protocols), flags + 1, stream + 1, well_known_ports)


def read(sampled: Path, well_known_ports: list[int]) -> tuple[pd.DataFrame, Fitted]:
    """Make the features of every packet in the Parquet file `sampled`.

    Packets are read a row group at a time, twice: `fit`, then `features`. Memory holds the
    features, about 80 bytes per packet, and one row group.

    Returns
    -------
    table : DataFrame, n_packets rows
        `columns.FEATURES`, `columns.LABELS` and `columns.SERVICE`, the last two as categories.
    fitted : Fitted
    """
    fitted = fit(parquet.groups(sampled, list(DECIDING)), well_known_ports)
    n = parquet.rows(sampled)
    whole: dict[str, np.ndarray] = {}
    service = np.empty(n, np.int8)
    start = 0
    for packets in parquet.groups(sampled, [n for n in fields.NAMES if n not in DROPPED]):
        part = features(packets, fitted)
        for name in FEATURES:
            values = part[name].cat.codes if name in PORTS else part[name]
            column = whole.setdefault(name, np.empty(n, values.dtype))
            column[start : start + len(part)] = values
        service[start : start + len(part)] = services.of_packets(packets)
        start += len(part)
    names = port_class_names(well_known_ports)
    columns = {
        name: pd.Categorical.from_codes(values, names, validate=False) if name in PORTS else values
        for name, values in whole.items()
    }
    labelled = labels(parquet.read(sampled, list(LABELS)))
    told = dict(labelled.items()) | {SERVICE: services.column(service)}
    return pd.DataFrame(columns | told, copy=False), fitted


def features(packets: pa.Table, fitted: Fitted) -> pd.DataFrame:
    """Turn packets into the paper's twelve columns, nulls filled.

    Parameters
    ----------
    packets : pyarrow.Table, n_packets rows
        Columns as in `fields.schema()`.

    Returns
    -------
    DataFrame, shape (n_packets, 12)
        In the order of `FEATURES`: proto (int32 code), tcp.flags (int32), src.port and dst.port
        (categories: the well-known numbers, `PORT_OTHER`, `PORT_REGISTERED`); then numbers in
        float64: bytes, hops, seconds, and the conversation's number.

    Raises
    ------
    PacketidsError
        If a protocol value was not there when `fitted` was made.
    """
    ttl = _ttl(packets["ip.ttl"])
    ports = fitted.well_known_ports
    columns = {
        "proto": _protocol_codes(_proto(packets), fitted.protocols),
        "tcp.flags": _filled(packets["tcp.flags"], fitted.flags_missing).astype(np.int32),
        "src.port": port_classes(_filled(_merge(packets, "src.port"), 0), ports),
        "dst.port": port_classes(_filled(_merge(packets, "dst.port"), 0), ports),
        "frame.len": _filled(packets["frame.len"], 0),
        "length": _filled(_merge(packets, "length"), 0),
        "stream": _filled(_merge(packets, "stream"), fitted.stream_missing),
        "ip.ttl_1": ttl[:, 0],
        "ip.ttl_2": ttl[:, 1],
        "tcp.analysis.initial_rtt": _filled(packets["tcp.analysis.initial_rtt"], 0),
        "tcp.time_delta": _filled(packets["tcp.time_delta"], 0),
        "tcp.window_size_value": _filled(packets["tcp.window_size_value"], 0),
    }
    return pd.DataFrame(columns, columns=list(FEATURES))


def port_classes(ports: np.ndarray, well_known_ports: list[int]) -> pd.Categorical:
    """Class port numbers: each well-known one alone, the others below 1024, those from 1024 on.

    `ports` has shape (n_packets,); a packet without ports was given 0 and falls into
    `PORT_OTHER`, as the paper's order of steps implies.
    """
    names = port_class_names(well_known_ports)
    code_of_port = np.full(65536, names.index(PORT_REGISTERED), np.int8)
    code_of_port[:1024] = names.index(PORT_OTHER)
    for position, port in enumerate(well_known_ports):
        code_of_port[port] = position
    return pd.Categorical.from_codes(code_of_port[ports.astype(np.int64)], names)


def kept(table: pd.DataFrame, duplicates: Literal["by_label", "by_features", "keep"]) -> np.ndarray:
    """Mark the rows that stay when repeated rows are dropped.

    `duplicates` says what makes rows the same: ``by_label`` features and class, ``by_features``
    features alone, ``keep`` nothing.

    Returns
    -------
    bool array, shape (n_packets,)
    """
    if duplicates == "keep":
        return np.ones(len(table), bool)
    keys = {"by_label": (*FEATURES, "class"), "by_features": FEATURES}
    return distinct.is_first(table, keys[duplicates])


def conflicts(table: pd.DataFrame) -> int:
    """Count the rows whose features also stand in a row of another class."""
    first = distinct.first_equal(table, FEATURES)
    key = pd.factorize(table["class"])[0]
    contested = np.zeros(len(table), bool)
    contested[first[key != key[first]]] = True
    return int(contested[first].sum())


def write(path: Path, table: pd.DataFrame, kept: np.ndarray) -> None:
    """Write the rows of `table` that are `kept`, a row group at a time."""
    empty = pa.Table.from_pandas(table[:0], preserve_index=False)
    with (
        atomic.replacing(path) as part,
        parquet.writer(part, empty.schema) as writer,
    ):
        position = np.flatnonzero(kept)
        for start in range(0, max(len(position), 1), ROW_GROUP_ROWS):
            rows = table.iloc[position[start : start + ROW_GROUP_ROWS]]
            writer.write_table(pa.Table.from_pandas(rows, empty.schema, preserve_index=False))


def labels(packets: pa.Table) -> pd.DataFrame:
    """Take the label columns, as categories."""
    return packets.select(list(LABELS)).combine_chunks().to_pandas()


def _merge(packets: pa.Table, name: str) -> pa.ChunkedArray:
    first, second = (packets[field] for field in MERGED[name])
    # The paper holds that the pairs do not overlap. Where they do (a tunnel), TCP's value stays.
    wide = pa.int64()
    return pc.coalesce(first.cast(wide), second.cast(wide))


def _proto(packets: pa.Table) -> pa.ChunkedArray:
    """Merge ip.proto ("6", "1,17") and arp.proto.type ("0x0800"), both as text."""
    number, arp = packets["ip.proto"], packets["arp.proto.type"]
    distinct = pc.unique(arp.combine_chunks() if isinstance(arp, pa.ChunkedArray) else arp)
    texts = pa.array(
        [None if v is None else f"0x{v:04x}" for v in distinct.to_pylist()], pa.string()
    )
    arp_text = texts.take(pc.index_in(arp, distinct))
    return pc.coalesce(number.cast(pa.string()), arp_text)


def _protocol_codes(proto: pa.ChunkedArray, protocols: list[str]) -> np.ndarray:
    codes = pc.index_in(proto, pa.array(protocols, pa.string()))
    unknown = pc.and_(pc.is_null(codes), pc.is_valid(proto))
    if pc.any(unknown).as_py():
        row = pc.index(unknown, True).as_py()
        raise PacketidsError(
            f"packet {row + 1}: protocol {proto[row].as_py()!r} is none of the fitted "
            f"{', '.join(protocols)}. Fit on a table that holds it."
        )
    return pc.add(pc.fill_null(codes, -1), 1).to_numpy().astype(np.int32)


def _ttl(column: pa.ChunkedArray) -> np.ndarray:
    """Split "64,63" into two numbers, 0 where there is none; shape (n_packets, 2)."""
    encoded = column.combine_chunks()
    encoded = encoded if pa.types.is_dictionary(encoded.type) else encoded.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    pairs = np.zeros((len(texts) + 1, 2))  # the last row is for nulls
    for row, text in enumerate(texts):
        for position, value in enumerate(text.split(",")[:2]):
            pairs[row, position] = float(value)
    return pairs[pc.fill_null(encoded.indices, len(texts)).to_numpy()]


def _filled(column: pa.ChunkedArray, missing: int) -> np.ndarray:
    return pc.fill_null(column.cast(pa.float64()), float(missing)).to_numpy()


def _maximum(column: pa.ChunkedArray) -> int:
    highest = pc.max(column).as_py()
    return -1 if highest is None else int(highest)
