"""Read a recording with its manifest: every packet's fields, class, round and features."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from packetids import extract
from packetids.capture import listing
from packetids.core import classes, composed, fields, parquet
from packetids.core.columns import LABELS, Fitted
from packetids.features import preprocess
from packetids.label import rules

ROUND = "round"


def manifest(dataset: Path) -> dict[str, Any]:
    """Read the manifest of a recording."""
    loaded: dict[str, Any] = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))
    return loaded


def bot_addresses() -> list[str]:
    """Return the bots' addresses, by which the paper's rule labels."""
    bots: list[str] = composed.of_option("label", "bot_address")["bots"]
    return bots


def read(dataset: Path, fitted: Fitted | None = None) -> pd.DataFrame:
    """Read every packet of a recording, labelled by the paper's rule, with the paper's features.

    Features are fitted on the recording itself, or taken as `fitted` on another.

    Returns
    -------
    DataFrame, n_packets rows
        `columns.FEATURES`, `columns.LABELS` and ``round``; then ``protocol`` and ``source`` (text,
        of the outer header), ``srcport``, ``dstport``, ``ttl``, ``window`` and ``rtt_s`` (NaN where
        there is none), and ``time_s``, the time of arrival.
    """
    bots = bot_addresses()
    told = {
        listing.name_of(dataset / entry["path"], dataset / listing.PCAPS): entry
        for entry in manifest(dataset)["captures"]
    }
    tables, rounds = [], []
    with tempfile.TemporaryDirectory() as folder:
        for capture in listing.unpack(dataset, Path(folder)):
            target = Path(folder) / "fields.parquet"
            extract.to_parquet(capture.path, target, extract.NATIVE, "")
            packets = parquet.read(target, list(fields.NAMES))
            ends = rules.ends(packets)
            found = rules.by_bot_address(ends, classes.BY_KEY[capture.subcategory], bots, "either")
            names = pa.array([*ends.names, "none"])
            packets = packets.append_column(
                "source", names.take(pa.array(ends.source % len(names)))
            )
            tables.append(rules.append(packets, capture.name, found))
            rounds += [told[capture.name][ROUND]] * packets.num_rows
            capture.path.unlink()
    return table(pa.concat_tables(tables).unify_dictionaries(), rounds, fitted)


def table(packets: pa.Table, rounds: list[str], fitted: Fitted | None = None) -> pd.DataFrame:
    """Make the columns that `read` returns of labelled packets."""
    if fitted is None:
        ports = composed.of_option("preprocess", "paper")["well_known_ports"]
        fitted = preprocess.fit([packets], ports)
    features = preprocess.features(packets, fitted)
    more = {name: packets[name].cast(pa.string()).to_numpy() for name in (*LABELS, "source")}
    for name, columns in {
        "srcport": ("tcp.srcport", "udp.srcport"), "dstport": ("tcp.dstport", "udp.dstport"),
        "window": ("tcp.window_size_value",), "rtt_s": ("tcp.analysis.initial_rtt",),
    }.items():  # fmt: skip
        number = pc.coalesce(*(packets[column].cast(pa.float64()) for column in columns))
        more[name] = number.to_numpy()
    ttl = rules.outer_numbers(packets["ip.ttl"]).astype(float)
    more |= {"ttl": np.where(ttl < 0, np.nan, ttl), "protocol": _protocol(packets)}
    more["time_s"] = packets["frame.time_epoch"].cast(pa.int64()).to_numpy() / 1e9
    return features.assign(**more, round=rounds)


def _protocol(packets: pa.Table) -> np.ndarray:
    """Name the protocol: TCP, UDP, ICMP, ARP, IPv6 or other."""
    number = rules.outer_numbers(packets["ip.proto"])
    arp = pc.is_valid(packets["arp.proto.type"]).to_numpy()
    ipv6 = pc.is_valid(packets["ipv6.src"]).to_numpy() & (number < 0)
    conditions = [number == 6, number == 17, number == 1, arp, ipv6]
    return np.select(conditions, ["TCP", "UDP", "ICMP", "ARP", "IPv6"], "other")
