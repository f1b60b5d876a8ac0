"""A damaged, missing or foreign Parquet file is named, with what to do, in every stage."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packetids.core import parquet
from packetids.core.errors import PacketidsError
from packetids.sample import draw, unify


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "packets.parquet"
    values = pa.array(range(5000))
    table = pa.table({"a": values, "text": values.cast(pa.string()).dictionary_encode()})
    with parquet.writer(path, table.schema) as writer:
        for start in (0, 2000, 4000):
            writer.write_table(table[start : start + 2000])
    return path


READERS = {
    "read": lambda path: parquet.read(path),
    "groups": lambda path: list(parquet.groups(path)),
    "rows": lambda path: parquet.rows(path),
    "schema": lambda path: parquet.schema(path),
}


def test_what_was_written_is_read_whole_or_by_group_and_column(whole):
    table = pq.read_table(whole)

    assert parquet.read(whole).equals(table) and parquet.rows(whole) == 5000
    assert parquet.read(whole, ["a"]).column_names == ["a"]
    groups = list(parquet.groups(whole))
    assert [len(group) for group in groups] == [2000, 2000, 1000]
    assert pa.concat_tables(groups).unify_dictionaries().equals(table.unify_dictionaries())
    assert parquet.schema(whole).equals(table.schema)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("octets", [0, 3, 100, -1, -8])
def test_a_file_cut_short_is_named(whole, reader, octets):
    whole.write_bytes(whole.read_bytes()[:octets])

    with pytest.raises(PacketidsError) as error:
        READERS[reader](whole)
    assert str(whole) in str(error.value) and "Delete it and run dvc repro" in str(error.value)
    assert f"it has {whole.stat().st_size} bytes" in str(error.value)


@pytest.mark.parametrize("reader", ["read", "groups"])
def test_a_file_damaged_in_the_middle_is_named(whole, reader):
    octets = bytearray(whole.read_bytes())
    octets[4 : len(octets) // 2] = bytes(len(octets) // 2 - 4)
    whole.write_bytes(octets)

    with pytest.raises(PacketidsError, match=r"packets\.parquet: no whole Parquet file"):
        READERS[reader](whole)


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_file_is_named(tmp_path, reader):
    with pytest.raises(PacketidsError, match=r"none\.parquet is missing\. Run dvc repro"):
        READERS[reader](tmp_path / "none.parquet")


def test_a_column_that_is_not_there_is_named(whole):
    with pytest.raises(PacketidsError, match="needs the column b and has a, text"):
        parquet.read(whole, ["a", "b"])


def test_stages_refuse_a_file_cut_short_and_write_nothing(whole, tmp_path):
    whole.write_bytes(whole.read_bytes()[:-20])

    for work in (
        lambda: unify.unify([whole], tmp_path / "out.parquet"),
        lambda: draw.sample(whole, tmp_path / "out.parquet", 1, 0.5, 0),
    ):
        with pytest.raises(PacketidsError, match=r"packets\.parquet: no whole Parquet file"):
            work()
    assert [path.name for path in tmp_path.iterdir()] == ["packets.parquet"]
