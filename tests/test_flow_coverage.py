"""Packets of bots that no flow record holds: counted, warned of, and refused above a limit."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from packetids.capture import listing
from packetids.core import fields, parquet, settings
from packetids.label import flow_coverage, rules
from packetids.label.flow_coverage import Held
from tests import botiot, flow_records, naive, quick
from tests.flow_records import COLUMNS, FIVE_PERCENT, as_flows, by_twin

BOT_PACKETS = botiot.bot_packets()
BOTS = [f"192.168.100.{number}" for number in (147, 148, 149, 150)]


def held(capture: str, subcategory: str, bots: int, without: int) -> Held:
    return Held(capture, subcategory, (0, 1), 1, 2 * bots, bots, without)


@pytest.mark.parametrize(
    ("captures_held", "over"),
    [
        ([held("a", "DoS_TCP", 1000, 10)], []),  # at the limit
        ([held("a", "DoS_TCP", 1000, 11)], ["DoS_TCP", "a"]),
        # one capture in many without a record does not show in its class
        ([held("a", "DoS_TCP", 10**6, 0), held("b", "DoS_TCP", 100, 100)], ["b"]),
        # a few packets of a small capture are no share of it, but they are of a small class
        ([held("a", "Keylogging", 1000, 0), held("b", "Keylogging", 5, 5)], []),
        ([held("a", "Keylogging", 20, 0), held("b", "Keylogging", 5, 5)], ["Keylogging"]),
        # and a small class does not show in the whole
        ([held("a", "DoS_TCP", 10**6, 0), held("b", "Keylogging", 9, 9)], ["Keylogging"]),
        ([held("a", "DoS_TCP", 0, 0)], []),
    ],
)
def test_a_limit_holds_for_each_class_and_each_capture(captures_held, over):
    found = flow_coverage.over(captures_held, 0.01)

    assert [one.capture for one in found] == over
    assert flow_coverage.over(captures_held, 1.0) == []


def test_without_flow_records_their_columns_are_empty():
    made = flow_coverage.table([Held("a", "DoS_TCP", (0, 1), None, 9, 5, 0)], has_flows=False)

    assert made[["packets", "bot_packets"]].to_numpy().tolist() == [[9, 5], [9, 5]]
    assert made[["bot_packets_without_flow", "share"]].isna().all(None)


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    return flow_records.real()


@pytest.fixture(scope="module")
def extracted(tmp_path_factory) -> Path:
    """A workspace whose captures, a download's, are extracted; CSV files come and go."""
    place = botiot.download(tmp_path_factory.mktemp("disk") / "BoT-IoT", flows=False)
    work = quick.workspace(
        tmp_path_factory.mktemp("work") / "repository", dataset="bot_iot", captures=str(place)
    )
    for name in ("capture", "extract"):
        done = stage(work, name)
        assert done.returncode == 0, done.stderr
    return work


@pytest.fixture
def work(extracted) -> Iterator[Path]:
    csvs(extracted).mkdir()
    yield extracted
    shutil.rmtree(csvs(extracted))
    for made in ("data/label", "results/label"):
        shutil.rmtree(extracted / made, ignore_errors=True)


def stage(work: Path, name: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    done = quick.run(work, sys.executable, "-m", f"stages.{name}", *overrides)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def csvs(work: Path) -> Path:
    return Path(yaml.safe_load((work / "params.yaml").read_text())["captures"]) / "CSV"


def write(work: Path, name: str, rows: list[dict[str, str]], names: list[str] = COLUMNS) -> None:
    lines = [",".join(row.get(column, "7") for column in names) for row in rows]
    (csvs(work) / name).write_text("\n".join([",".join(names), *lines]) + "\n")


def results(work: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(work / "results/label" / name)


def flows_json(work: Path) -> dict:
    return json.loads((work / "results/label/flows.json").read_text())


def row(done: subprocess.CompletedProcess[str], subject: str) -> str:
    return next(line for line in done.stdout.splitlines() if line.startswith(subject))


def expected(work: Path, rows: list[dict[str, str]]) -> list[list]:
    """Count as the slow twin does: capture, packets, packets of bots, of these without a flow."""
    listed = as_flows(rows)
    counted = []
    for capture in listing.listed(work / "data/capture"):
        packets = parquet.read(work / "data/extract" / f"{capture.name}.parquet")
        classes = [name for name, _ in by_twin(packets, listed, 1000)]
        times = packets["frame.time_epoch"].cast(pa.int64())
        plain = packets.set_column(0, "frame.time_epoch", times).to_pylist()
        bots = [bool({*naive.ends(packet)[:2]} & {*BOTS}) for packet in plain]
        without = sum(bot and name is None for bot, name in zip(bots, classes, strict=True))
        counted.append([capture.name, len(bots), sum(bots), without])
    return counted


def test_five_percent_is_refused_with_its_counts(work, records):
    thin = records[::2]
    write(work, "UNSW_2018_IoT_Botnet_Full5pc_1.csv", thin, FIVE_PERCENT)
    done = stage(work, "label", "label=flows")

    counted = expected(work, thin)
    made = results(work, "coverage.csv")
    columns = ["capture", "packets", "bot_packets", "bot_packets_without_flow"]
    assert made[columns].to_numpy().tolist()[:-1] == counted
    every, bots, without = (sum(entry[i] for entry in counted) for i in (1, 2, 3))
    assert made[columns].to_numpy().tolist()[-1] == ["Total", every, bots, without]
    assert without > 100 and made["share"].iloc[-1] == pytest.approx(without / bots, abs=1e-6)
    assert flows_json(work)["coverage"] == {
        "packets": every, "bot_packets": bots, "bot_packets_without_flow": without,
        "share": round(without / bots, 6),
    }  # fmt: skip
    assert flows_json(work)["part"] and flows_json(work)["files_whole"] == 4

    assert done.returncode == 1
    assert f"{without} of {bots} packets of bots ({without / bots:.1%})" in done.stderr
    rows = f"five_percent, 1 file (of 4), {len(thin):,} rows (of 3,668,522)"
    for word in (rows, "label: bot_address", "uncovered: bot_address", "label.uncovered_share_max"):
        assert word in done.stderr
    assert not list((work / "data/label").rglob("*.parquet"))  # nothing that looks whole
    assert {path.name for path in (work / "results/label").iterdir()} == {
        "coverage.csv", "flows.json",
    }  # fmt: skip


def test_a_refused_run_leaves_no_labels_of_an_earlier_one(work, records):
    write(work, "data_1.csv", records)
    assert stage(work, "label", "label=flows").returncode == 0
    assert list((work / "data/label").rglob("*.parquet"))
    write(work, "data_1.csv", records[::2])

    assert stage(work, "label", "label=flows").returncode == 1
    assert not list((work / "data/label").rglob("*.parquet"))
    assert not (work / "results/label/counts.csv").exists()


def test_records_of_whole_captures_hold_every_packet_of_a_bot(work, records):
    write(work, "data_1.csv", records)
    done = stage(work, "label", "label=flows")

    assert done.returncode == 0
    assert f"0 of {BOT_PACKETS} packets of bots (0.0%) have no flow record" in done.stderr
    assert flows_json(work)["coverage"]["bot_packets_without_flow"] == 0
    report = results(work, "report.csv").set_index(["kind", "captures_of"])
    assert report.loc[("all", "Total"), "uncovered_percent"] < 0.5


def test_captures_without_any_record_are_refused_beside_covered_ones(work, records):
    """As with some of the 74 files: one subcategory's time is missing."""
    write(work, "data_1.csv", [row for row in records if row["subcategory"] != "Keylogging"])
    done = stage(work, "label", "label=flows")

    assert done.returncode == 1 and "there are Keylogging" in done.stderr
    assert flows_json(work)["coverage"]["share"] < 0.1


def test_a_few_packets_warn_and_the_limit_is_a_setting(work, records):
    missing = next(
        i for i, entry in enumerate(records)
        if entry["subcategory"] == "TCP" and entry["pkts"] == "1" and entry["category"] == "DoS"
    )  # fmt: skip
    write(work, "data_1.csv", records[:missing] + records[missing + 1 :])
    strict = stage(work, "label", "label=flows")
    allowed = stage(work, "label", "label=flows", "label.uncovered_share_max=0.05")

    assert strict.returncode == 1 and "DoS_TCP 1 of 32" in strict.stderr
    assert allowed.returncode == 0, allowed.stderr
    share = f"1 of {BOT_PACKETS} packets of bots (0.3%)"
    assert f"{share} have no flow record: label=flows calls them Normal" in allowed.stderr
    assert "most in DoS/DoS_TCP/1/IoT_Dataset_TCP_DoS__00046_20180604134915 1 of 32" in (
        allowed.stderr
    )
    wrong = stage(work, "label", "label.uncovered_share_max=1.5")
    assert wrong.returncode == 1 and "uncovered_share_max" in wrong.stderr


def test_with_a_class_by_address_they_are_a_mixture_and_not_refused(work, records):
    write(work, "data_1.csv", records[::2])
    done = stage(work, "label", "label=flows", "label.uncovered=bot_address")

    assert done.returncode == 0 and "a mixture" in done.stderr
    counts = results(work, "counts.csv")
    attacks = counts[counts["class"] != "Normal"]["packets"].sum()
    assert attacks > 0.95 * BOT_PACKETS
    # What the flows say is counted of the packets that they hold, and of no other.
    report = results(work, "report.csv").set_index(["kind", "captures_of"]).loc[("all", "Total")]
    coverage = flows_json(work)["coverage"]
    assert report["uncovered"] >= coverage["bot_packets_without_flow"] > 100
    assert report["attack_by_flows"] <= BOT_PACKETS - coverage["bot_packets_without_flow"]
    assert report["same_class"] <= report["packets"] - report["uncovered"]
    assert report["same_class_percent"] > 95


def test_by_address_nothing_is_refused_and_the_coverage_is_told(work, records):
    write(work, "data_1.csv", records[::2])
    done = stage(work, "label")

    assert done.returncode == 0 and "have no flow record: report.csv compares" in done.stderr
    assert flows_json(work)["coverage"]["bot_packets_without_flow"] > 100
    write(work, "data_1.csv", records)
    text = (csvs(work) / "data_1.csv").read_text()
    (csvs(work) / "data_1.csv").write_text(text.rsplit(",", 5)[0])
    damaged = stage(work, "label")
    last = f"row {len(records) + 1}"
    assert damaged.returncode == 0 and f"{last} needs 35 columns and has 30" in damaged.stderr
    assert last in flows_json(work)["why"] and flows_json(work)["coverage"] is None
    assert results(work, "coverage.csv")["share"].isna().all()


def moved(records: list[dict[str, str]], seconds: float) -> list[dict[str, str]]:
    return [
        entry | {name: f"{float(entry[name]) + seconds:.6f}" for name in ("stime", "ltime")}
        for entry in records
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: moved(rows, 36000), "No record is of the time of"),
        (lambda rows: moved(rows, -8 * 365 * 86400), "or of another year"),
        (lambda rows: moved(rows, 36000), "UTC+10"),
        (lambda rows: [row | {"saddr": row["saddr"].replace("192.168", "10.1"),
                              "daddr": row["daddr"].replace("192.168", "10.1")} for row in rows],
         "or addresses were changed"),
        (lambda rows: [row | {"proto": "llc"} for row in rows],
         "{0} of {0} records can match no packet, {0} by their protocol 'llc'"),
    ],
)  # fmt: skip
def test_records_that_hold_nothing_are_refused_with_likely_causes(change, said, work, records):
    write(work, "data_1.csv", change(records))
    done = stage(work, "label", "label=flows")

    assert done.returncode == 1 and said.format(f"{len(records):,}") in done.stderr, done.stderr
    assert f"{BOT_PACKETS} of {BOT_PACKETS} packets of bots (100.0%)" in done.stderr


def test_check_names_a_part_and_what_could_only_be_refused(work, records):
    write(work, "UNSW_2018_IoT_Botnet_Full5pc_1.csv", records[::2], FIVE_PERCENT)
    by_address = stage(work, "check", "sample=part")
    by_flows = stage(work, "check", "sample=part", "label=flows")

    assert by_address.returncode == 0 and row(by_address, "flow records").endswith("part")
    rows = f"about {len(records[::2]):,} rows (of 3,668,522)"
    assert f"1 file (of 4), {rows}" in row(by_address, "flow records")
    assert by_flows.returncode == 1 and row(by_flows, "flow records").endswith("part")
    assert row(by_flows, "packets by flows").endswith("NO")
    assert "packets of bots" in row(by_flows, "packets by flows")
    mixed = stage(work, "check", "sample=part", "label=flows", "label.uncovered=bot_address")
    assert mixed.returncode == 0 and row(mixed, "packets by flows").endswith("part")

    write(work, "UNSW_2018_IoT_Botnet_Dataset_1.csv", records)
    whole = stage(work, "check", "sample=part", "label=flows")
    assert whole.returncode == 0 and row(whole, "packets by flows").endswith("ok")
    assert "entire" in row(whole, "flow records") and "left aside" in row(whole, "flow records")
    text = (csvs(work) / "UNSW_2018_IoT_Botnet_Dataset_1.csv").read_text()
    (csvs(work) / "UNSW_2018_IoT_Botnet_Dataset_1.csv").write_text(text.rsplit(",", 5)[0])
    damaged = stage(work, "check", "sample=part", "label=flows")
    last = f"row {len(records) + 1}"
    assert damaged.returncode == 1 and f"{last} needs 35" in row(damaged, "flow records")


def test_a_name_that_is_not_utf_8_is_read_and_check_says_that_dvc_stops(work, records):
    """DVC 3.67 ends with "codec can't encode character" wherever such a name is."""
    write(work, "data_1.csv", records)
    name = os.fsencode(csvs(work)) + b"/caf\xe9.csv"
    os.rename(csvs(work) / "data_1.csv", name)

    assert stage(work, "label", "label=flows").returncode == 0
    done = stage(work, "check", "sample=part")
    assert done.returncode == 1 and r"caf\xe9.csv: not a UTF-8 name" in done.stdout
    os.rename(name, csvs(work) / "data_1.csv")
    write(work, "data_2.csv", records[:100])
    os.rename(csvs(work) / "data_2.csv", name)
    assert stage(work, "label", "label=flows").returncode == 0
    there = f"{len(records):,} there"
    assert {"file": r"CSV/caf\xe9.csv", "why": (
        f"it begins with the same rows as CSV/data_1.csv: about 100 rows, and {there}"
    )} in flows_json(work)["left_aside"]  # fmt: skip


@pytest.mark.parametrize("name", ["testbed", "tiny"])
def test_check_finds_the_embedded_records_complete(name):
    done = stage(
        quick.ROOT, "check", f"dataset={name}", f"captures=captures/{name}", "label=flows"
    )  # fmt: skip

    assert row(done, "flow records").endswith("ok"), done.stdout + done.stderr


def test_the_bots_other_addresses_and_arp_count():
    packets = pa.Table.from_pylist(
        [
            dict.fromkeys(fields.schema().names) | entry
            for entry in (
                {"ip.src": "192.168.100.147", "ip.dst": "8.8.8.8"},
                {"arp.src.proto_ipv4": "192.168.100.1", "arp.dst.proto_ipv4": "192.168.100.150"},
                {"ipv6.src": "fe80::b", "ipv6.dst": "ff02::fb"},
                {
                    "ip.src": "192.168.100.3,192.168.100.147",
                    "ip.dst": "192.168.100.7,192.168.100.3",
                },
                {},
            )
        ],
        schema=fields.schema(),
    )
    p = settings.Label(
        rule="flows", bots=BOTS, endpoint="either", bots_ipv6=["fe80::b"], flow_sources=["entire"],
        tolerance_s=0.001, uncovered="Normal", uncovered_share_max=0.01,
    )  # fmt: skip
    counted = Held("a", "DoS_TCP", (0, 1), 1)
    counted.add(rules.ends(packets), np.array([True, False, True, True, True]), p)

    assert (counted.packets, counted.bot_packets, counted.without_flow) == (5, 3, 2)
