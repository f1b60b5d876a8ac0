"""The paper's numbers are copied whole, and add up where the paper's do.

Where they do not, the test says by how much: reference/ corrects nothing.
"""

import csv
import math
import re
import subprocess
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from packetids.core import classes, fields
from packetids.core.errors import PacketidsError
from packetids.extract import tshark

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


def read(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


ROWS = read("paper.csv")
FIELDS = read("fields.csv")
PAPER = {(row["table"], row["row"], row["column"]): row for row in ROWS}


def value(table: str, row: str, column: str) -> Fraction:
    """The number printed there, exactly."""
    return Fraction(PAPER[table, row, column]["value"])


def cells(table: str) -> dict[tuple[str, str], Fraction]:
    return {(row, column): value(table, row, column) for t, row, column in PAPER if t == table}


def rounds_to(exact: Fraction, table: str, row: str, column: str) -> bool:
    """Whether `exact`, rounded to the decimals printed there, is what is printed there."""
    printed = PAPER[table, row, column]["value"]
    decimals = len(printed.partition(".")[2])
    return abs(exact - Fraction(printed)) <= Fraction(1, 2 * 10**decimals)


def of_row(matrix: dict[tuple[str, str], Fraction], row: str) -> Fraction:
    return sum(n for (actual, _), n in matrix.items() if actual == row)


# --- the file -----------------------------------------------------------------------------


def test_a_place_in_the_paper_holds_one_number():
    places = Counter((row["table"], row["row"], row["column"]) for row in ROWS)

    assert [place for place, times in places.items() if times > 1] == []


def test_values_are_plain_numbers_and_no_line_is_ragged():
    plain = re.compile(r"-?\d+(\.\d+)?")

    assert [row for row in ROWS if not plain.fullmatch(row["value"])] == []
    assert {tuple(row) for row in ROWS} == {("table", "row", "column", "value", "note")}
    assert [row for row in (*ROWS, *FIELDS) if None in row or None in row.values()] == []


def test_every_table_is_whole():
    six = ("n_normal", "n_ddos_dos", "n_reconnaissance", "n_theft", "accuracy", "runtime_min")
    want = {
        "1": {(key, "packets") for key in (*classes.KEYS, "Total")},
        "2": {(key, c) for key in (*classes.KEYS, "Total") for c in ("before", "after")},
        "4": {(key, c) for key in classes.ATTACKS for c in ("tn", "fp", "fn", "tp")},
        "5": {(actual, c) for actual in classes.GROUPS for c in classes.GROUPS},
        "5-percent": {(actual, c) for actual in classes.GROUPS for c in classes.GROUPS},
        "6": {(packets, c) for packets in ("1000", "10000", "30000") for c in six},
    }

    assert {table: set(cells(table)) for table in want} == want


def test_what_the_text_says_carries_its_section():
    said = [row for row in ROWS if row["table"] in ("text", "svc-grid")]

    assert [row for row in said if not re.match(r"section (IV-[A-F]|VI)\b", row["note"])] == []


def test_what_the_text_says_is_in_the_words_quoted():
    """A number stands in the quotation of its note, or of the last one where that is `as above`."""
    spelt = {"no": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
    spelt |= {"1 million": 1_000_000, "order of magnitude": 10}
    quoted = ""
    for row in ROWS:
        if row["table"] not in ("text", "svc-grid"):
            continue
        if "as above" not in row["note"]:
            quoted = re.search(r": '(.+)'", row["note"])[1]
        said = {Fraction(number) for number in re.findall(r"(?<![\w.%])-?\d+(?:\.\d+)?", quoted)}
        said |= {Fraction(n) for word, n in spelt.items() if re.search(rf"\b{word}\b", quoted)}

        assert Fraction(row["value"]) in said, row


def test_the_list_of_common_ports_is_the_one_quoted():
    (quoted,) = re.findall(r"i\.e\., ([\d, ]+)\)", PAPER["text", "common_ports", "port_01"]["note"])
    ports = [row["value"] for row in ROWS if row["row"] == "common_ports"]

    assert ports == quoted.split(", ")


# --- Tables I and II ----------------------------------------------------------------------


@pytest.mark.parametrize(("table", "column"), [("1", "packets"), ("2", "before"), ("2", "after")])
def test_the_printed_total_is_the_sum(table, column):
    assert sum(value(table, key, column) for key in classes.KEYS) == value(table, "Total", column)


def test_no_class_gains_rows_between_table_1_and_after_deduplication():
    for key in classes.KEYS:
        packets, before = value("1", key, "packets"), value("2", key, "before")

        assert packets >= before >= value("2", key, "after")


def test_a_class_under_a_million_packets_is_extracted_whole():
    quota = value("text", "sample", "quota_packets")
    small = [key for key in classes.ATTACKS if value("1", key, "packets") < quota]

    assert len(small) == 5
    assert all(value("1", key, "packets") == value("2", key, "before") for key in small)


def test_the_extracted_share_is_two_percent():
    share = 100 * value("2", "Total", "before") / value("1", "Total", "packets")

    assert rounds_to(share, "text", "sample", "percent")
    assert value("2", "Total", "before") == value("text", "sample", "packets")


def test_the_kept_share_is_as_the_text_says():
    kept = 100 * value("2", "Total", "after") / value("2", "Total", "before")

    assert rounds_to(kept, "text", "preprocess", "kept_percent")


def test_the_dropped_share_of_normal_is_as_the_text_says():
    dropped = 100 - 100 * value("2", "Normal", "after") / value("2", "Normal", "before")

    assert rounds_to(dropped, "text", "preprocess", "normal_dropped_percent")


# --- Table IV -----------------------------------------------------------------------------


@pytest.mark.parametrize("attack", classes.ATTACKS)
def test_a_binary_test_set_is_a_fifth_of_all_normals_and_the_attack(attack):
    """Every run uses all normals; scikit-learn rounds a test set up."""
    both = value("2", "Normal", "after") + value("2", attack, "after")

    assert of_row(cells("4"), attack) == math.ceil(both / 5)


def test_the_binary_runs_are_not_stratified():
    """A stratified fifth of the same normals would be as large in every run, give or take one."""
    matrix = cells("4")
    normals = [matrix[attack, "tn"] + matrix[attack, "fp"] for attack in classes.ATTACKS]

    assert max(normals) - min(normals) > 800


@pytest.mark.parametrize(
    ("attack", "column", "wrong", "right", "wrong_name", "whole_name"),
    [
        ("DoS_UDP", "missed_percent", "fn", "tp", "missed", "attacks"),
        ("Service_Scan", "missed_percent", "fn", "tp", "missed", "attacks"),
        ("Service_Scan", "false_alarms_percent", "fp", "tn", "false_alarms", "normals"),
    ],
)
def test_the_errors_the_text_counts_are_those_of_table_4(
    attack, column, wrong, right, wrong_name, whole_name
):
    errors = value("4", attack, wrong)
    whole = errors + value("4", attack, right)

    assert errors == value("text", attack, wrong_name)
    assert whole == value("text", attack, whole_name)
    assert rounds_to(100 * errors / whole, "text", attack, column)


@pytest.mark.parametrize("attack", ["Data_Exfiltration", "Keylogging"])
def test_the_precision_of_theft_is_as_the_text_says(attack):
    tp, fp = value("4", attack, "tp"), value("4", attack, "fp")

    assert rounds_to(100 * tp / (tp + fp), "text", attack, "precision_percent")


@pytest.mark.parametrize("attack", classes.ATTACKS)
def test_the_bounds_the_text_gives_for_figure_3_hold(attack):
    tn, fp, fn, tp = (value("4", attack, name) for name in ("tn", "fp", "fn", "tp"))
    metric = {
        "accuracy": (tn + tp) / (tn + fp + fn + tp),
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
    }
    group = classes.BY_KEY[attack].group

    assert min(metric.values()) > value("text", "figure_3", "axis_lowest")
    if group == classes.DDOS_DOS:
        for name, reached in metric.items():
            assert reached > value("text", "binary_ddos_dos", f"{name}_above")
    elif group == classes.RECONNAISSANCE:
        bound = value("text", "binary_reconnaissance", "all_metrics_above")
        assert min(metric.values()) > bound


# --- Table V ------------------------------------------------------------------------------

FOLLOWING = {  # the cells whose printed percentage does follow from the counts
    ("Normal", "DDoS_DoS"),
    ("Normal", "Theft"),
    ("DDoS_DoS", "Normal"),
    ("DDoS_DoS", "Theft"),
    ("Theft", "DDoS_DoS"),
}


def test_the_multi_class_test_set_is_a_fifth_of_the_processed_data():
    total = sum(cells("5").values())

    assert total == 1_462_110
    assert total == math.ceil(value("2", "Total", "after") / 5)


def test_the_multi_class_accuracy_is_as_the_text_says():
    matrix = cells("5")
    accuracy = sum(matrix[name, name] for name in classes.GROUPS) / sum(matrix.values())

    assert round(float(accuracy), 5) == 0.99027
    assert rounds_to(accuracy, "text", "multiclass", "accuracy")


@pytest.mark.parametrize("actual", classes.GROUPS)
def test_the_printed_percentages_of_a_row_sum_to_a_hundred(actual):
    """They are a confusion matrix, though another one; each of the four may be rounded."""
    assert abs(of_row(cells("5-percent"), actual) - 100) <= Fraction(2, 1000)


@pytest.mark.parametrize("predicted", classes.GROUPS)
@pytest.mark.parametrize("actual", classes.GROUPS)
def test_only_these_printed_percentages_follow_from_the_counts(actual, predicted):
    matrix = cells("5")
    percent = 100 * matrix[actual, predicted] / of_row(matrix, actual)
    follows = rounds_to(percent, "5-percent", actual, predicted)
    note = PAPER["5-percent", actual, predicted]["note"]

    assert follows == ((actual, predicted) in FOLLOWING)
    assert follows == (note == "")
    assert follows or note.endswith(f"which give {float(percent):.3f}")


@pytest.mark.parametrize(
    ("actual", "predicted", "counts_give"),
    [
        ("Normal", "Normal", 98.308),
        ("Normal", "Reconnaissance", 1.427),
        ("DDoS_DoS", "DDoS_DoS", 99.702),
        ("DDoS_DoS", "Reconnaissance", 0.272),
        ("Reconnaissance", "Reconnaissance", 97.918),
        ("Theft", "Reconnaissance", 5.687),
        ("Theft", "Theft", 93.807),
    ],
)
def test_the_counts_give_other_percentages_than_printed(actual, predicted, counts_give):
    matrix = cells("5")
    percent = float(100 * matrix[actual, predicted] / of_row(matrix, actual))

    assert percent == pytest.approx(counts_give, abs=0.0005)
    assert abs(percent - float(value("5-percent", actual, predicted))) > 0.2


@pytest.mark.parametrize("by", ["column", "all"])
def test_no_other_way_to_divide_gives_the_printed_percentages(by):
    matrix = cells("5")
    wholes = {
        "column": {
            name: sum(matrix[row, name] for row in classes.GROUPS) for name in classes.GROUPS
        },
        "all": dict.fromkeys(classes.GROUPS, sum(matrix.values())),
    }[by]

    for actual in classes.GROUPS:
        percent = 100 * matrix[actual, actual] / wholes[actual]
        assert not rounds_to(percent, "5-percent", actual, actual)


def test_what_the_text_says_of_theft_follows_the_percentages_not_the_counts():
    for column, predicted in [
        ("theft_recall_percent", "Theft"),
        ("theft_as_reconnaissance_percent", "Reconnaissance"),
    ]:
        printed = value("5-percent", "Theft", predicted)
        counted = 100 * value("5", "Theft", predicted) / of_row(cells("5"), "Theft")

        assert rounds_to(printed, "text", "multiclass", column)
        assert not rounds_to(counted, "text", "multiclass", column)


def test_more_than_98_percent_of_reconnaissance_holds_for_the_percentages_only():
    claim = value("text", "multiclass", "reconnaissance_recall_percent_above")
    cell = ("Reconnaissance", "Reconnaissance")

    assert value("5-percent", *cell) > claim
    assert 100 * value("5", *cell) / of_row(cells("5"), cell[0]) < claim


def test_319_missed_attacks_are_not_a_fifth_of_a_percent_of_the_attacks():
    matrix = cells("5")
    attacks = [name for name in classes.GROUPS if name != classes.NORMAL]
    missed = sum(matrix[name, classes.NORMAL] for name in attacks)
    malicious = sum(of_row(matrix, name) for name in attacks)
    called_normal = missed + matrix[classes.NORMAL, classes.NORMAL]
    place = ("text", "multiclass", "missed_percent")

    assert missed == value("text", "multiclass", "missed")
    assert malicious == 1_258_119
    assert not rounds_to(100 * missed / malicious, *place)
    assert called_normal == 200_858
    assert rounds_to(100 * missed / called_normal, *place)


# --- Table VI -----------------------------------------------------------------------------


@pytest.mark.parametrize("packets", ["1000", "10000", "30000"])
def test_the_class_sizes_are_those_of_the_training_part(packets):
    sizes = [n for (row, name), n in cells("6").items() if row == packets and name[:2] == "n_"]

    assert sum(sizes) == Fraction(4, 5) * int(packets)


def test_only_the_largest_sample_is_ten_times_slower_than_the_network():
    network = value("text", "multiclass", "runtime_min")
    claim = value("text", "svc", "times_slower_above")
    times = {row: value("6", row, "runtime_min") / network for row in ("1000", "10000", "30000")}

    assert times["1000"] < 1 < times["10000"] < claim < times["30000"]


# --- fields.csv ---------------------------------------------------------------------------


def test_the_fields_are_the_25_the_extraction_reads_in_its_order():
    names = [row["tshark_name"] for row in FIELDS]

    assert len(set(names)) == 25
    assert names == list(fields.NAMES)


def test_a_field_has_the_unit_and_meaning_it_has_in_the_code():
    ours = {row["tshark_name"]: (row["unit"], row["description"]) for row in FIELDS}

    assert ours == {field.name: (field.unit, field.description) for field in fields.FIELDS}


def test_only_two_names_of_section_4b_differ_from_tsharks():
    renamed = {row["paper_name"]: row["tshark_name"] for row in FIELDS}
    renamed = {theirs: name for theirs, name in renamed.items() if theirs != name}

    assert renamed == {
        "arp.src.proto_ip": "arp.src.proto_ipv4",
        "arp.dst.proto_ip": "arp.dst.proto_ipv4",
    }


def test_a_field_stands_in_the_group_its_name_begins_with():
    begins = {"frame": "frame", "arp": "arp", "ip": "ip", "ipv6": "ip", "tcp": "tcp", "udp": "udp"}

    assert [row for row in FIELDS if begins[row["paper_name"].split(".")[0]] != row["group"]] == []


@pytest.fixture(scope="module")
def known_to_tshark() -> set[str]:
    try:
        tshark.version()
    except PacketidsError as error:
        pytest.skip(str(error))
    said = subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True, check=True)
    lines = (line.split("\t") for line in said.stdout.splitlines())
    return {line[2] for line in lines if line[0] == "F"}  # F, description, name, …


def test_tshark_knows_the_25_fields(known_to_tshark):
    assert {row["tshark_name"] for row in FIELDS} - known_to_tshark == set()


def test_tshark_does_not_know_the_papers_other_names(known_to_tshark):
    renamed = {row["paper_name"] for row in FIELDS} - {row["tshark_name"] for row in FIELDS}

    assert (renamed | {"tcp.ttl"}) & known_to_tshark == set()
