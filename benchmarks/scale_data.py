"""A dataset of the paper's size and shape, made out of the embedded captures.

The sample of the paper has 11,174,616 packets of eleven classes (Table II, "Before"), a multiple of
what the embedded captures have. Each embedded capture becomes one pseudo-capture, as if its
recording had gone on for longer: its packets are repeated, with new conversations at other times,
until the class has Table II's count. Its file has the schema of a labelled capture and many row
groups, so that the pipeline's own functions run on it.

What differs from one repetition to the next, as it does in real traffic:

- time: each repetition begins where the one before it ended;
- stream numbers: counted on, as TShark does in a longer capture;
- ports from 32768 on (a client's own choice): shifted within that range, by the same step in
  both directions of a conversation;
- ``tcp.time_delta``: a log-normal factor (sigma 0.1) a packet; ``tcp.analysis.initial_rtt``: the
  same a conversation; both rounded to the microsecond, which is what the captures resolve;
- length: the payload of a conversation is 0 to 15 bytes shorter, where it has 32 bytes or more
  and is not a full segment (1400 or more);
- TTL: the whole repetition is 0, 1 or 2 hops further away;
- checksums: drawn anew.

Addresses, flags, windows, protocols and the order of packets stay. Everything is seeded by
capture and repetition, so that a part of the dataset (``scale`` 1/16) is made of the same rows.
Nothing here was chosen for a share of duplicates: what the rules lead to is reported.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from packetids import extract
from packetids.capture import listing
from packetids.core import atomic, classes, parquet, seeds, settings
from packetids.core.errors import PacketidsError
from packetids.label import rules
from packetids.sample import unify

EMBEDDED = Path("captures/testbed")
READER, DISPLAY_FILTER = "native", "ip or ipv6 or arp"
EPHEMERAL, PORTS = 32768, 65536
PAYLOAD_OCTETS_MIN, SEGMENT_OCTETS = 32, 1400
PORTS_OF_A_STREAM = {"tcp": ("tcp.srcport", "tcp.dstport"), "udp": ("udp.srcport", "udp.dstport")}


def paper_counts(scale: float) -> dict[str, int]:
    """Give Table II's packets of each class before duplicate removal, times `scale`."""
    paper = pd.read_csv("reference/paper.csv", dtype=str)
    before = paper[(paper["table"] == "2") & (paper["column"] == "before")]
    counts = before.set_index("row")["value"].astype(int)
    return {key: round(int(counts[key]) * scale) for key in classes.KEYS}


def embedded(folder: Path, rule: settings.Label) -> dict[str, pa.Table]:
    """Extract and label the embedded captures once; give each one's packets by its name."""
    tables = {}
    for place in listing.look(EMBEDDED, packed=True).places:
        name = place.name
        path = folder / "label" / f"{name}.parquet"
        if not path.exists():
            if not (folder / "capture").exists():
                listing.unpack(EMBEDDED, folder / "capture")
            fields = folder / "extract" / f"{name}.parquet"
            extract.to_parquet(folder / "capture" / f"{name}.pcap", fields, READER, DISPLAY_FILTER)
            subcategory = classes.of_capture(Path(name))
            packets = parquet.read(fields)
            ends = rules.ends(packets)
            found = rules.by_bot_address(ends, subcategory, rule.bots, rule.endpoint)
            parquet.write(path, rules.append(packets, name, found))
        tables[name] = unify.conform(pq.read_table(path), path).unify_dictionaries()
    return tables


def build(sources: dict[str, pa.Table], target: Path, scale: float, seed: int) -> int:
    """Write one pseudo-capture for each embedded capture below `target`; count the packets.

    Memory holds one row group and one embedded capture's repetition.
    """
    wanted = paper_counts(scale)
    there = {name: _class_counts(table) for name, table in sources.items()}
    total = {key: sum(counts[key] for counts in there.values()) for key in classes.KEYS}
    if lacking := [key for key in classes.KEYS if wanted[key] and not total[key]]:
        raise PacketidsError(f"{EMBEDDED}: no packet of {lacking[0]} to repeat. Record one.")
    given = dict.fromkeys(classes.KEYS, 0)  # so far, of the embedded packets of the class
    packets = 0
    for name, table in sources.items():
        quota = dict.fromkeys(classes.KEYS, 0)
        for key, rows in there[name].items():  # cumulated, so that the sum is Table II's count
            if rows:
                low, given[key] = given[key], given[key] + rows
                ends = [wanted[key] * end // total[key] for end in (low, given[key])]
                quota[key] = ends[1] - ends[0]
        packets += _write(name, table, quota, target / f"{name}.parquet", seed)
    return packets


def repetition(table: pa.Table, number: int, random: np.random.Generator) -> pa.Table:
    """Give the packets of one embedded capture as their `number`-th repetition, from 0."""
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    time_ns = columns["frame.time_epoch"].cast(pa.int64()).to_numpy()
    lasted_ns = int(time_ns[-1] - time_ns[0]) + 1_000_000
    columns["frame.time_epoch"] = _like(table, "frame.time_epoch", time_ns + number * lasted_ns)

    shorter = np.zeros(table.num_rows, np.int64)
    for protocol, ports in PORTS_OF_A_STREAM.items():
        stream, has = _numbers(columns[f"{protocol}.stream"])
        streams = int(stream.max()) + 1
        steps = random.integers(0, PORTS - EPHEMERAL, streams)[stream]
        for name in ports:
            port, _ = _numbers(columns[name])
            moved = EPHEMERAL + (port - EPHEMERAL + steps) % (PORTS - EPHEMERAL)
            columns[name] = _like(table, name, np.where(port >= EPHEMERAL, moved, port), has)
        shorter += np.where(has, random.integers(0, 16, streams)[stream], 0)
        if protocol == "tcp":
            rtt_factor = random.lognormal(0, 0.1, streams)[stream]
        columns[f"{protocol}.stream"] = _like(
            table, f"{protocol}.stream", stream + number * streams, has
        )

    for name, header in (("tcp.len", 0), ("udp.length", 8)):
        octets, has = _numbers(columns[name])
        bulk = (octets - header >= PAYLOAD_OCTETS_MIN) & (octets < SEGMENT_OCTETS) & has
        columns[name] = _like(table, name, octets - np.where(bulk, shorter, 0), has)
        frame, _ = _numbers(columns["frame.len"])
        columns["frame.len"] = _like(table, "frame.len", frame - np.where(bulk, shorter, 0))

    packet_factor = random.lognormal(0, 0.1, table.num_rows)
    for name, factor in (
        ("tcp.time_delta", packet_factor),
        ("tcp.analysis.initial_rtt", rtt_factor),
    ):
        has = columns[name].is_valid().to_numpy(zero_copy_only=False)
        seconds = pc.fill_null(columns[name], 0.0).to_numpy() * factor
        columns[name] = _like(table, name, np.round(seconds, 6), has)
    for name in ("tcp.checksum", "udp.checksum"):
        _, has = _numbers(columns[name])
        columns[name] = _like(table, name, random.integers(0, 1 << 16, table.num_rows), has)
    columns["ip.ttl"] = _further(columns["ip.ttl"], int(random.integers(0, 3)))
    return pa.table(columns, schema=table.schema)


def _write(name: str, table: pa.Table, quota: dict[str, int], target: Path, seed: int) -> int:
    with (
        atomic.replacing(target) as part,
        parquet.writer(part, table.schema) as writer,
    ):
        packets = 0
        for group in _groups(_repetitions(name, table, quota, seed)):
            writer.write_table(group)
            packets += group.num_rows
        return packets


def _groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Join and cut `tables` into row groups as extraction writes them, the last one smaller."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += table.num_rows
        if rows >= parquet.CAPTURE_GROUP_ROWS:
            joined = pa.concat_tables(waiting).unify_dictionaries()
            rows %= parquet.CAPTURE_GROUP_ROWS
            end = joined.num_rows - rows
            for start in range(0, end, parquet.CAPTURE_GROUP_ROWS):
                yield joined.slice(start, parquet.CAPTURE_GROUP_ROWS).combine_chunks()
            waiting = [joined.slice(end)]
    if rows:
        yield pa.concat_tables(waiting).unify_dictionaries().combine_chunks()


def _repetitions(
    name: str, table: pa.Table, quota: dict[str, int], seed: int
) -> Iterator[pa.Table]:
    """Repeat `table` until every class has its quota; the last ones hold fewer classes."""
    key_of_row = np.asarray(table["class"].to_pylist())
    left = dict(quota)
    number = 0
    while any(left.values()):
        keep = np.zeros(table.num_rows, bool)
        for key in classes.KEYS:
            rows = np.flatnonzero(key_of_row == key)[: left[key]]
            keep[rows] = True
            left[key] -= len(rows)
        random = seeds.generator(seed, f"scale/{name}/{number}")
        yield repetition(table, number, random).filter(pa.array(keep))
        number += 1


def _class_counts(table: pa.Table) -> dict[str, int]:
    keys = table["class"].to_pylist()
    return {key: keys.count(key) for key in classes.KEYS}


def _numbers(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Give int64 values, 0 for null, and which rows have one."""
    has = column.is_valid().to_numpy(zero_copy_only=False)
    return pc.fill_null(column.cast(pa.int64()), 0).to_numpy(), has


def _like(
    table: pa.Table, name: str, values: np.ndarray, has: np.ndarray | None = None
) -> pa.Array:
    mask = None if has is None else ~has
    return pa.array(values, mask=mask).cast(table.schema.field(name).type)


def _further(ttl: pa.DictionaryArray, hops: int) -> pa.Array:
    """Subtract `hops` from every TTL, down to 1."""
    texts = [
        ",".join(str(max(int(value) - hops, min(int(value), 1))) for value in text.split(","))
        for text in ttl.dictionary.to_pylist()
    ]
    return (
        pa.DictionaryArray.from_arrays(ttl.indices, pa.array(texts, pa.string()))
        .cast(pa.string())
        .cast(ttl.type)
    )
