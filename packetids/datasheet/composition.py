"""What a recording consists of: packets, conversations, hosts, ports, sizes, TTLs, windows, RTT."""

import pandas as pd

from packetids.core import classes

QUANTILES = (0.05, 0.5, 0.95)
STEADY_PACKETS, STEADY_SPREAD = 30, 0.1


def present(packets: pd.DataFrame) -> list[str]:
    """List the classes that have packets, in the order of `classes.KEYS`."""
    found = set(packets["class"])
    return [name for name in classes.KEYS if name in found]


def by_class(packets: pd.DataFrame) -> pd.DataFrame:
    """Count what each class consists of; a row a class, in the order of `classes.KEYS`."""
    rows = {}
    for name in present(packets):
        one = packets[packets["class"] == name]
        rows[name] = {
            "packets": len(one),
            "conversations": conversations(one),
            "sources": one["source"].nunique(),
            "destination ports": one["dstport"].nunique(),
            "frame sizes": one["frame.len"].nunique(),
            "TTLs": one["ttl"].nunique(),
            "windows": one["window"].nunique(),
        }
    return pd.DataFrame(rows).T


def quantiles(packets: pd.DataFrame) -> pd.DataFrame:
    """Return the quantiles `QUANTILES` of sizes, windows and round trips of each class, as text."""
    shown = {
        "frame.len, bytes": ("frame.len", 1.0, "{:.0f}"),
        "TCP window": ("window", 1.0, "{:.0f}"),
        "initial RTT, ms": ("rtt_s", 1e3, "{:.1f}"),
        "TTL": ("ttl", 1.0, "{:.0f}"),
    }
    rows = {}
    for name in present(packets):
        one = packets[packets["class"] == name]
        rows[name] = {
            title: " / ".join(
                form.format(scale * value) for value in one[column].dropna().quantile(QUANTILES)
            )
            if one[column].notna().any()
            else "–"
            for title, (column, scale, form) in shown.items()
        }
    return pd.DataFrame(rows).T


def by_round(packets: pd.DataFrame) -> pd.DataFrame:
    """Count the packets of each class in each round; a row a class."""
    counted = pd.crosstab(packets["class"], packets["round"])
    return counted.reindex(present(packets))


def conversations(packets: pd.DataFrame) -> int:
    """Count TCP and UDP conversations."""
    held = packets[packets["protocol"].isin(["TCP", "UDP"])]
    return len(held[["capture", "protocol", "stream"]].drop_duplicates())


def steady(packets: pd.DataFrame) -> int:
    """Count the senders of conversations that send at a constant rate.

    It sends at least `STEADY_PACKETS`, and the gaps between them, from the first quartile to the
    third, spread over less than `STEADY_SPREAD` of their median.
    """
    held = packets[packets["protocol"].isin(["TCP", "UDP"])].sort_values("time_s")
    sender = [held[name] for name in ("capture", "protocol", "stream", "source")]
    gaps = held["time_s"].groupby(sender).diff().groupby(sender)
    low, middle, high = (gaps.quantile(share) for share in (0.25, 0.5, 0.75))
    enough = gaps.count() >= STEADY_PACKETS - 1
    return int((enough & (high - low < STEADY_SPREAD * middle)).sum())


def most_common(packets: pd.DataFrame, column: str, number: int = 3) -> str:
    """Name the most common values of a column with their shares, among packets that have one."""
    counted = packets[column].dropna().value_counts(normalize=True).head(number)
    return ", ".join(f"{value:g} ({share:.0%})" for value, share in counted.items())
