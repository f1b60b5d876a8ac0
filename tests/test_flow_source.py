"""Which flow records are read: by what is there, in words, and what part of the dataset it is."""

import gzip
import shutil
from pathlib import Path

import pytest

from packetids.core.errors import PacketidsError
from packetids.label import flow_source
from packetids.label.flow_source import BOT_IOT, choose
from tests import flow_records
from tests.conftest import ROOT
from tests.flow_records import COLUMNS, FIVE_PERCENT

PREFERENCE = ["entire", "ground_truth", "five_percent"]
ENTIRE = "UNSW_2018_IoT_Botnet_Dataset_{}.csv"
FULL_5PC = "UNSW_2018_IoT_Botnet_Full5pc_{}.csv"


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    return flow_records.real()


def write(path: Path, rows: list[dict[str, str]], names: list[str] = COLUMNS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(row.get(name, "7") for name in names) for row in rows]
    path.write_text("\n".join([",".join(names), *lines]) + "\n")


def parts(rows: list, number: int) -> list[list]:
    return [rows[i::number] for i in range(number)]


def write_entire(folder: Path, rows: list, files: int) -> None:
    for number, some in enumerate(parts(rows, 74)[:files], 1):
        write(folder / ENTIRE.format(number), some)


def write_five_percent(folder: Path, rows: list, files: int = 4) -> None:
    for number, some in enumerate(parts(rows, 4)[:files], 1):
        write(folder / FULL_5PC.format(number), some, FIVE_PERCENT)


def chosen_of(folder: Path, preference: list[str] = PREFERENCE) -> flow_source.Chosen:
    return choose(folder, preference, is_bot_iot=True)


def test_one_stray_file_does_not_hide_a_complete_set(records, tmp_path):
    write_five_percent(tmp_path, records[:400])
    write_entire(tmp_path, records[400:], 1)
    chosen = chosen_of(tmp_path)

    assert chosen.source == "five_percent" and len(chosen.layouts) == 4
    assert chosen.why.startswith("it is complete") and "five_percent 5.0%" in chosen.why
    assert [(path.name, why) for path, why in chosen.aside] == [
        (ENTIRE.format(1), "five_percent is read, and this is entire")
    ]
    assert chosen.is_part  # of the dataset's flows


def test_a_complete_set_of_all_flows_is_preferred(records, tmp_path):
    write_five_percent(tmp_path, records[:400])
    write_entire(tmp_path, records, 74)

    assert chosen_of(tmp_path).source == "entire"
    assert chosen_of(tmp_path, ["five_percent", "entire"]).source == "five_percent"


@pytest.fixture
def five_percent_rows(records) -> int:
    return len(records) // 20


@pytest.fixture
def small(monkeypatch, records, five_percent_rows) -> None:
    """BoT-IoT with as many files as it has, and as many flows as there are records."""
    flows = len(records)
    monkeypatch.setattr(flow_source, "FLOWS", flows)
    wholes = {
        "entire": (74, flows, flows),
        "ground_truth": (10, None, flows),
        "five_percent": (4, five_percent_rows, five_percent_rows),
    }
    for source, whole in wholes.items():
        monkeypatch.setitem(BOT_IOT, source, flow_source.Whole(*whole))


@pytest.mark.parametrize(
    ("entire", "five_percent", "ground_truth", "source", "is_part"),
    [
        (73, 4, 0, "entire", True),  # holds far more than the complete 5 %
        (37, 4, 0, "entire", True),
        (3, 4, 0, "five_percent", True),
        (3, 3, 0, "entire", True),
        (1, 3, 0, "five_percent", True),
        (74, 4, 10, "entire", False),
        (40, 4, 10, "ground_truth", False),
        (0, 4, 1, "five_percent", True),  # one scenario's ground truth may be a few rows
        (1, 0, 0, "entire", True),
        (0, 4, 0, "five_percent", True),
    ],
)
def test_what_holds_most_is_read_where_none_is_complete(
    entire, five_percent, ground_truth, source, is_part, records, five_percent_rows, tmp_path, small
):
    write_entire(tmp_path, records, entire)
    write_five_percent(tmp_path, records[:five_percent_rows], five_percent)
    for number in range(ground_truth):
        flow_records.ground_truth(
            tmp_path, records[number::10] if ground_truth > 1 else records[:9]
        )
        (tmp_path / "DoS_HTTP.csv").rename(tmp_path / f"scenario {number}.csv")
    chosen = chosen_of(tmp_path)

    assert (chosen.source, chosen.is_part) == (source, is_part)


def test_files_that_were_joined_are_complete_by_their_rows(
    records, five_percent_rows, tmp_path, small
):
    write(tmp_path / "all.csv", records)
    write_five_percent(tmp_path, records[:five_percent_rows])
    chosen = chosen_of(tmp_path)

    assert chosen.source == "entire" and not chosen.is_part
    assert chosen.counted(len(records) - 1).is_part
    assert not chosen.counted(len(records)).is_part


def test_74_files_without_most_rows_are_a_part(records, tmp_path):
    write_entire(tmp_path, records, 74)
    chosen = chosen_of(tmp_path)

    assert chosen.is_part
    rows = f"about {len(records):,} rows (of 73,370,443)"
    assert f"74 files (of 74), {rows}" in chosen.amount()


def test_copies_under_another_name_count_once(records, tmp_path):
    write_entire(tmp_path, records, 3)
    rows = parts(records, 74)
    flow_records.kaggle(tmp_path, rows[0])  # data_1.csv: floats, CRLF, other spellings
    write(tmp_path / "copy/data_2.csv", rows[1][:11])  # cut short
    (tmp_path / "data_3.csv.gz").write_bytes(
        gzip.compress((tmp_path / ENTIRE.format(3)).read_bytes())
    )
    chosen = chosen_of(tmp_path)

    assert sorted(one.path.name for one in chosen.layouts) == [
        ENTIRE.format(1), ENTIRE.format(2), ENTIRE.format(3),
    ]  # fmt: skip
    assert sum(one.rows for one in chosen.layouts) == chosen.rows == sum(map(len, rows[:3]))
    said = {path.name: why for path, why in chosen.aside}
    assert said.keys() == {"data_1.csv", "data_2.csv", "data_3.csv.gz"}
    there = f"about 11 rows, and {len(rows[1])} there"
    assert said["data_2.csv"] == f"it begins with the same rows as {ENTIRE.format(2)}: {there}"


def test_the_longer_copy_is_read(records, tmp_path):
    write(tmp_path / "a.csv", records[:20])
    write(tmp_path / "b.csv", records[:30])

    assert [one.path.name for one in chosen_of(tmp_path).layouts] == ["b.csv"]


def test_of_another_dataset_rows_are_compared(records, tmp_path):
    write(tmp_path / "stray.csv", records[:100])
    write_five_percent(tmp_path, records)
    few = choose(tmp_path, PREFERENCE, is_bot_iot=False)
    write(tmp_path / "stray.csv", records)
    many = choose(tmp_path, PREFERENCE, is_bot_iot=False)

    assert (few.source, few.is_part) == ("five_percent", True)
    assert (many.source, many.is_part) == ("entire", False)
    rows = f"{len(records):,} rows"
    assert many.amount() == f"1 file, about {rows}"
    assert many.why.endswith(f"there are about: entire {rows}, five_percent {rows}")


@pytest.mark.parametrize("name", ["testbed", "tiny"])
def test_the_embedded_records_are_no_part(name):
    chosen = choose(ROOT / "captures" / name, PREFERENCE, is_bot_iot=False)

    assert chosen.source == "entire" and not chosen.is_part and not chosen.aside


def test_five_percent_is_known_by_its_name_too(records, tmp_path):
    write(tmp_path / FULL_5PC.format(1), records)

    assert chosen_of(tmp_path).source == "five_percent"


def test_an_entire_file_with_semicolons_is_no_ground_truth(records, tmp_path):
    write(tmp_path / "a.csv", records)
    text = (tmp_path / "a.csv").read_text()
    (tmp_path / "a.csv").write_text(text.replace(",", ";"))

    assert chosen_of(tmp_path).source == "entire"


def test_what_is_no_source_is_named(records, tmp_path):
    (tmp_path / "UNSW_2018_IoT_Botnet_Final_10_Best.csv").write_text(
        "pkSeqID,proto,saddr,sport,daddr,dport,seq,category,subcategory\n1,tcp,a,1,b,2,3,DoS,TCP\n"
    )
    write(tmp_path / "data_9.csv", [])
    write(tmp_path / "data_names.csv", [])
    write(tmp_path / "linked/data_1.csv", records)
    shutil.move(tmp_path / "linked", tmp_path.parent / f"{tmp_path.name} elsewhere")
    (tmp_path / "linked").symlink_to(tmp_path.parent / f"{tmp_path.name} elsewhere")
    (tmp_path / "gone.csv").symlink_to("nowhere.csv")
    (tmp_path / "data_3.csv.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "data_4.csv.part").write_bytes(b"")
    (tmp_path / "._data_5.csv").write_bytes(b"\0\5\x16\7")  # beside a file that a Mac copied
    chosen = chosen_of(tmp_path)

    assert chosen.source == "" and chosen.layouts == []
    assert {path.name: why.split(",")[0] for path, why in chosen.aside} == {
        "UNSW_2018_IoT_Botnet_Final_10_Best.csv": "the 10-best files hold no times",
        "data_9.csv": "it holds a header and no row",
        "linked": "linked folders are not read; put the folder itself here",
        "gone.csv": "it leads to no file",
        "data_3.csv.zip": "only names in .csv",
        "data_4.csv.part": "only names in .csv",
    }
    write(tmp_path / "data_1.csv", records)
    assert chosen_of(tmp_path).source == "entire"
    other = chosen_of(tmp_path, ["five_percent"])
    assert other.source == ""
    assert "data_1.csv: its source, entire, is not in label.flow_sources" in " ".join(
        other.aside_lines()
    )


def test_an_unknown_source_is_refused(tmp_path):
    with pytest.raises(PacketidsError, match="whole is no source"):
        choose(tmp_path, ["whole"], is_bot_iot=True)
