"""The datasheet as a page of Markdown: ``captures/DATASHEET.md``."""

from pathlib import Path
from typing import Any

import pandas as pd

from packetids.core import classes
from packetids.datasheet import composition, conflicts, separability
from packetids.datasheet.packets import ROUND, bot_addresses

FACTS = Path("reference/bot_iot_facts.csv")
FLOODS = {"tcp": ("DoS_TCP", "DDoS_TCP"), "udp": ("DoS_UDP", "DDoS_UDP")}
THEFT = ("Data_Exfiltration", "Keylogging")


def page(
    packets: pd.DataFrame,
    novel: pd.DataFrame,
    manifest: dict[str, Any],
    scores: pd.DataFrame,
    why: pd.DataFrame,
) -> str:
    """Write the datasheet of a recording and of its novel round."""
    over = separability.over_the_gate(scores)
    attack = packets["class"] != classes.NORMAL
    repeated = conflicts.repeated(packets)
    parts = [
        "# Datasheet of the embedded captures",
        "`make datasheet` writes this page from `captures/testbed` and `captures/novel`; a test "
        "holds it to them. What the recordings are: [README.md](README.md). A packet's class is "
        "that of the paper's rule, by the bots' addresses; its features are the paper's twelve.",
        f"{len(packets):,} packets in {packets['capture'].nunique()} captures of "
        f"{packets[ROUND].nunique()} rounds, {attack.mean():.0%} of them attack packets; "
        f"{_minutes(manifest):.0f} minutes of recording; "
        f"{manifest['totals']['xz_bytes'] / 1e6:.1f} MB packed. The novel round holds "
        f"{len(novel):,} packets more.",
        "## Classes",
        _markdown(_whole(composition.by_class(packets)), "class"),
        "Quantiles 5 %, 50 % and 95 %:",
        _markdown(composition.quantiles(packets), "class"),
        "## Rounds",
        "Packets of each class. The novel round is `captures/novel`, not among the eight.",
        _markdown(
            _whole(composition.by_round(packets).join(composition.by_round(novel)).fillna(0)),
            "class",
        ),
        "Kinds of each attack, with the rounds in which they occur:",
        _markdown(_kinds(manifest), "subcategory"),
        "## Beside BoT-IoT",
        "Where something is known of the dataset (`reference/bot_iot_facts.csv`).",
        _markdown(_facts(packets, repeated), "what"),
        "Packets that an equal row of their own class precedes, in all twelve features:",
        _markdown(_percent(repeated.reindex(composition.present(packets)).to_frame("share")),
                  "class"),
        "## Label conflicts",
        "Packets whose features also belong to a packet of another class, and the accuracy that "
        "no classifier of these features exceeds on these packets.",
        _markdown(_conflicts(packets), "features"),
        "## What separates classes by itself",
        "Balanced accuracy on each binary task of the paper, of a decision tree of "
        f"{separability.LEAVES_MAX} leaves on one feature, and of a random forest on all. "
        "First on random rows, then the mean over the rounds left out.",
        _markdown(_scores(scores, "random"), "random rows"),
        _markdown(_scores(scores, "left_out_mean"), "a round left out"),
        f"The gate: no single feature has more than {separability.GATE} with a round left out, "
        "unless `separable.csv` gives the reason.",
        _markdown(_reasons(over, why), "task") if len(over) else "No feature exceeds it.",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _minutes(manifest: dict[str, Any]) -> float:
    spans = (one["last_time_us"] - one["first_time_us"] for one in manifest["captures"])
    return sum(spans) / 60e6


def _kinds(manifest: dict[str, Any]) -> pd.DataFrame:
    rounds: dict[str, dict[str, set[str]]] = {}
    for one in manifest["captures"]:
        for kind in one["kinds"]:
            rounds.setdefault(one["subcategory"], {}).setdefault(kind, set()).add(one[ROUND])
    return pd.DataFrame(
        {
            key: {
                "kinds: rounds": "; ".join(
                    f"{kind}: {' '.join(sorted(found))}"
                    for kind, found in sorted(rounds[key].items())
                )
            }
            for key in classes.ATTACKS
            if key in rounds
        }
    ).T


def _facts(packets: pd.DataFrame, repeated: pd.Series) -> pd.DataFrame:
    bots = bot_addresses()
    attack = packets["class"] != classes.NORMAL
    of = {name: packets[packets["class"].isin(keys)] for name, keys in FLOODS.items()}
    sent = {name: one[one["source"].isin(bots)] for name, one in of.items()}
    theft = packets[packets["class"].isin(THEFT)]
    kept = 1 - repeated
    counts = packets["class"].value_counts()
    bot_sources = packets.loc[attack, "source"].isin(bots)
    here = {
        "packets": f"{len(packets):,}",
        "normal_share": f"{1 - attack.mean():.0%} of all",
        "kept_share": f"{(kept * counts).sum() / counts.sum():.2%}",
        "normal_kept_share": f"{kept[classes.NORMAL]:.2%}",
        "bots": f"{packets.loc[attack, 'source'][bot_sources].nunique()}",
        "frame_min_bytes": f"{packets['frame.len'].min():.0f} bytes, padded",
        "tcp_flood_bytes": composition.most_common(sent["tcp"], "frame.len"),
        "udp_flood_bytes": composition.most_common(sent["udp"], "frame.len"),
        "flood_ports": composition.most_common(pd.concat(sent.values()), "dstport", 5),
        "theft_conversations": f"{composition.conversations(theft):,} conversations",
        "theft_ports": composition.most_common(theft[~theft["source"].isin(bots)], "dstport", 6),
        "generators": f"{composition.steady(packets[~attack]):,} senders",
    }
    known = pd.read_csv(FACTS)
    return pd.DataFrame(
        {"BoT-IoT": known["bot_iot"].array, "here": [here[key] for key in known["key"]],
         "known from": known["source"].array},
        index=known["what"],
    )  # fmt: skip


def _conflicts(packets: pd.DataFrame) -> pd.DataFrame:
    found = conflicts.table(packets)
    return pd.DataFrame(
        {
            "distinct rows": found["distinct_share"].map("{:.1%}".format).array,
            "target": found["target"].array,
            "packets contested": found["conflicting_share"].map("{:.1%}".format).array,
            "highest accuracy": found["ceiling"].map("{:.4f}".format).array,
        },
        index=found["features"],
    )


def _scores(scores: pd.DataFrame, column: str) -> pd.DataFrame:
    wide = scores.pivot(index="feature", columns="task", values=column)
    order = [name for name in classes.ATTACKS if name in wide.columns]
    features = [name for name in scores["feature"].unique() if name in wide.index]
    wide = wide.loc[features, order].astype(object)
    gated = column == "left_out_mean"
    return wide.apply(
        lambda row: [
            f"**{value:.2f}**"
            if gated and value > separability.GATE and row.name != separability.ALL
            else f"{value:.2f}"
            for value in row
        ],
        axis=1, result_type="broadcast",
    )  # fmt: skip


def _reasons(over: pd.DataFrame, why: pd.DataFrame) -> pd.DataFrame:
    told = over.merge(why, how="left", on=["task", "feature"]).fillna({"why": "**no reason**"})
    return pd.DataFrame(
        {
            "feature": told["feature"].array,
            "a round left out": told["left_out_mean"].map("{:.2f}".format).array,
            "why this is real": told["why"].array,
        },
        index=told["task"],
    )


def _whole(counts: pd.DataFrame) -> pd.DataFrame:
    return counts.astype(int).map("{:,}".format)


def _percent(shares: pd.DataFrame) -> pd.DataFrame:
    return shares.map("{:.1%}".format)


def _markdown(shown: pd.DataFrame, name: str) -> str:
    head = [name, *map(str, shown.columns)]
    rows = [
        [str(index), *map(str, row)]
        for index, row in zip(shown.index, shown.to_numpy(), strict=True)
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
