"""The paper's quotas: each packet drawn by itself, and each class by its own stream."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packetids.core import atomic, classes, parquet, seeds
from packetids.core.errors import PacketidsError
from packetids.sample import draw, unify


def labelled(path, sizes: dict[tuple[str, str], int], row_group: int = 1000):
    """Write a unified table with the given packets of each (capture, class)."""
    schema = unify.schema()
    rows = {name: [] for name in schema.names}
    serial = 0
    for (capture, key), size in sizes.items():
        for _ in range(size):
            for name in schema.names:
                rows[name].append(None)
            rows["capture"][-1], rows["class"][-1] = capture, key
            rows["frame.len"][-1] = serial
            serial += 1
    pq.write_table(pa.table(rows, schema), path, row_group_size=row_group)
    return path


SIZES = {
    ("a", "DoS_TCP"): 5000,
    ("a", "Normal"): 3000,
    ("b", "Keylogging"): 40,
    ("b", "Normal"): 500,
}


def drawn(path) -> list[int]:
    return pq.read_table(path)["frame.len"].to_pylist()


def test_the_papers_quotas_on_the_papers_counts():
    """Section IV-B with Table I: fractions of 1,000,000 / count, normal up to 2 % of all."""
    import pandas as pd

    paper = pd.read_csv("reference/paper.csv", dtype=str)
    table = paper[(paper["table"] == "1") & (paper["row"] != "Total")]
    counts = {row["row"]: int(row["value"]) for _, row in table.iterrows()}
    after = paper[(paper["table"] == "2") & (paper["column"] == "before")]
    kept = {row["row"]: int(row["value"]) for _, row in after.iterrows()}

    fractions = draw.attack_fractions(counts, 1_000_000)
    attacks = sum(kept[key] for key in classes.ATTACKS)
    normal = draw.normal_fraction(counts, attacks, 0.02) * counts["Normal"]

    for key in classes.ATTACKS:
        spread = np.sqrt(counts[key] * fractions[key] * (1 - fractions[key]))
        assert abs(kept[key] - fractions[key] * counts[key]) <= 3 * spread
    assert abs(kept["Normal"] - normal) <= 3 * np.sqrt(normal)


def test_each_packet_is_drawn_with_its_class_fraction_by_a_named_stream(tmp_path):
    path = labelled(tmp_path / "all.parquet", SIZES)
    before, after = draw.sample(path, tmp_path / "some.parquet", 1000, 0.5, seed=3)

    stream = seeds.generator(3, "sample/a/DoS_TCP")
    expected = [i for i in range(5000) if stream.random() < 1000 / 5000]
    assert [serial for serial in drawn(tmp_path / "some.parquet") if serial < 5000] == expected
    assert before["DoS_TCP"] == 5000 and after["DoS_TCP"] == len(expected)
    assert after["Keylogging"] == 40  # all of a class below the quota
    wanted = 0.5 * 8540 - after["DoS_TCP"] - 40
    assert abs(after["Normal"] - wanted) < 5 * np.sqrt(wanted)


def test_the_sample_does_not_depend_on_row_groups(tmp_path):
    for name, size in (("one", 100_000), ("many", 77)):
        path = labelled(tmp_path / f"{name}.parquet", SIZES, size)
        draw.sample(path, tmp_path / f"{name}-sample.parquet", 1000, 0.5, seed=3)

    assert drawn(tmp_path / "one-sample.parquet") == drawn(tmp_path / "many-sample.parquet")


def test_another_captures_growth_leaves_a_subcategorys_sample(tmp_path):
    for name, sizes in (("small", SIZES), ("grown", SIZES | {("b", "Keylogging"): 90})):
        path = labelled(tmp_path / f"{name}.parquet", sizes)
        draw.sample(path, tmp_path / f"{name}-sample.parquet", 1000, 0.5, seed=3)
    attacks = [
        [serial for serial in drawn(tmp_path / f"{name}-sample.parquet") if serial < 5000]
        for name in ("small", "grown")
    ]

    assert attacks[0] == attacks[1]


def test_an_attacks_sample_stays_when_every_other_folder_grows_and_captures_are_added(tmp_path):
    """Issue: "The sample of a subcategory does not change when another capture folder grows"."""
    grown = {("0", "DDoS_UDP"): 700, ("0", "Normal"): 100} | SIZES
    grown |= {("a", "Normal"): 9000, ("b", "Normal"): 2500, ("c", "Keylogging"): 300}
    drawn_of = []
    for name, sizes in (("small", SIZES), ("grown", grown)):
        path = labelled(tmp_path / f"{name}.parquet", sizes)
        draw.sample(path, tmp_path / f"{name}-sample.parquet", 1000, 0.5, seed=3)
        first = parquet.read(path, ["capture", "class", "frame.len"]).to_pandas()
        start = first.loc[first["class"] == "DoS_TCP", "frame.len"].iloc[0]
        kept = parquet.read(tmp_path / f"{name}-sample.parquet", ["class", "frame.len"]).to_pandas()
        drawn_of.append((kept.loc[kept["class"] == "DoS_TCP", "frame.len"] - start).tolist())

    assert drawn_of[0] == drawn_of[1] and len(drawn_of[0]) > 900


def test_normal_packets_are_only_added_when_the_dataset_grows(tmp_path):
    """Their fraction follows the whole dataset (2 % of it); each packet's draw stays the same."""
    kept = []
    for name, more in (("small", {}), ("grown", {("z", "DDoS_TCP"): 9000})):
        path = labelled(tmp_path / f"{name}.parquet", SIZES | more)
        _, after = draw.sample(path, tmp_path / f"{name}-sample.parquet", 1000, 0.25, seed=3)
        kept.append({s for s in drawn(tmp_path / f"{name}-sample.parquet") if 5000 <= s < 8000})

    assert kept[0] < kept[1]


def test_a_share_that_leaves_no_normal_traffic_is_refused(tmp_path):
    path = labelled(tmp_path / "all.parquet", SIZES)

    with pytest.raises(PacketidsError, match="no normal packet would stay"):
        draw.sample(path, tmp_path / "some.parquet", 5000, 0.02, seed=0)
    assert not (tmp_path / "some.parquet").exists()


def test_a_class_that_vanishes_is_named_and_nothing_is_written(tmp_path):
    path = labelled(tmp_path / "all.parquet", {("a", "DoS_TCP"): 3, ("a", "Normal"): 3000})

    with pytest.raises(PacketidsError, match="of 3 packets of DoS_TCP none is left"):
        draw.sample(path, tmp_path / "some.parquet", 0, 0.5, seed=0)
    assert not list(tmp_path.glob("*some*"))


def test_without_normal_traffic_it_says_so(tmp_path):
    path = labelled(tmp_path / "all.parquet", {("a", "DoS_TCP"): 3})

    with pytest.raises(PacketidsError, match="no normal packet among 3"):
        draw.sample(path, tmp_path / "some.parquet", 1, 0.5, seed=0)


def test_unify_fills_missing_columns_with_nulls_and_makes_text_of_numbers(tmp_path):
    """Section IV-B: captures without IPv6 lack its columns; ip.ttl may have come as a number."""
    path = tmp_path / "part.parquet"
    pq.write_table(pa.table({"frame.len": [60, 70], "ip.ttl": [64.0, None]}), path)

    assert unify.unify([path, path], tmp_path / "all.parquet") == 4
    table = pq.read_table(tmp_path / "all.parquet")

    assert table.schema.equals(unify.schema())
    assert table["ip.ttl"].to_pylist() == ["64", None] * 2
    assert table["ipv6.src"].null_count == 4


def test_unify_refuses_a_column_it_does_not_know_or_cannot_cast(tmp_path):
    for column, said in (
        ({"ip.tll": ["64"]}, "unknown column ip.tll"),
        ({"frame.len": ["a"]}, "frame.len"),
    ):
        path = tmp_path / "part.parquet"
        pq.write_table(pa.table(column), path)
        with pytest.raises(PacketidsError, match=said):
            unify.unify([path], tmp_path / "all.parquet")
        assert not (tmp_path / "all.parquet").exists()


def test_a_failing_write_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "kept.json"
    atomic.write_json(path, {"a": 1})

    with pytest.raises(RuntimeError), atomic.replacing(path) as part:
        part.write_text("half")
        raise RuntimeError

    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]
