"""Tables, figures and the page say what comparison.csv says, cell by cell."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from packetids import metrics
from packetids.core import classes
from packetids.results import compare, figures, page, tables


def value(table: str, row: str, column: str) -> int:
    """A made-up number that is different for every place."""
    return sum(map(ord, f"{table}/{row}/{column}")) * 7 + len(column)


@pytest.fixture
def comparison() -> pd.DataFrame:
    places = [("1", row, "packets") for row in [*classes.KEYS, "Total"]]
    places += [("2", row, c) for row in [*classes.KEYS, "Total"] for c in ("before", "after")]
    places += [("4", row, c) for row in classes.ATTACKS for c in ("tn", "fp", "fn", "tp")]
    places += [("5", a, b) for a in classes.GROUPS for b in classes.GROUPS]
    places += [("5-percent", a, b) for a in classes.GROUPS for b in classes.GROUPS]
    for n in ("1000", "30000"):
        places += [
            ("6", n, c)
            for c in ("n_normal", "n_ddos_dos", "n_reconnaissance", "n_theft", "accuracy")
        ] + [("6", n, "runtime_min")]
    places += [("figure-3", row, m) for row in classes.ATTACKS for m in figures.METRIC_COLOURS]
    frame = pd.DataFrame(places, columns=compare.PLACE)
    frame["ours"] = [float(value(*place)) for place in places]
    frame["paper"] = frame["ours"] + 1
    percents = frame["table"].isin(["5-percent", "figure-3"])
    frame.loc[percents, ["ours", "paper"]] /= frame["paper"].max()
    return frame


def test_every_cell_of_every_table_is_the_one_of_its_place(comparison):
    built = tables.build(comparison)

    assert list(built) == list(tables.TITLES)
    for number, column in (("1", "packets"), ("2", "before"), ("2", "after")):
        for place, key in enumerate([*classes.KEYS, "Total"]):
            assert built[number][f"{column}_ours"][place] == value(number, key, column)
            assert built[number][f"{column}_paper"][place] == value(number, key, column) + 1
    for place, key in enumerate(classes.ATTACKS):
        for column in ("tn", "fp", "fn", "tp"):
            assert built["4"][f"{column}_ours"][place] == value("4", key, column)
    pairs = [(a, b) for a in classes.GROUPS for b in classes.GROUPS]
    assert list(built["5"]["packets_ours"]) == [value("5", a, b) for a, b in pairs]
    assert list(built["6"]["sample_size"]) == [1000, 30000]
    assert built["6"]["runtime_min_paper"][1] == value("6", "30000", "runtime_min") + 1


def test_percentages_from_counts_sum_to_a_hundred_in_each_row(comparison):
    five = tables.build(comparison)["5"]

    sums = five.groupby("actual")["percent_paper_from_counts"].sum()
    np.testing.assert_allclose(sums, 100, atol=0.01)


def test_table_iii_states_the_formulas_that_are_computed():
    formulas = tables._definitions().set_index("metric")["definition"]
    tn, fp, fn, tp = 70, 9, 4, 17
    computed = metrics.binary(tn, fp, fn, tp)

    checked = set()
    for name, formula in formulas.items():
        if name in computed and re.fullmatch(r"[TPFN ()+*/0-9.]+", formula):
            by_hand = eval(formula, {"TN": tn, "FP": fp, "FN": fn, "TP": tp})  # noqa: S307
            assert computed[name] == pytest.approx(by_hand), name
            checked.add(name)
    assert {"accuracy", "precision", "recall"} <= checked <= set(formulas.index)


class Cells(HTMLParser):
    """Rows of the tables of a page, each cell with its colspan."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, int]]] = []
        self.span = 0

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.span = int(dict(attributes).get("colspan", 1))
            self.rows[-1].append(("", self.span))

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.span = 0

    def handle_data(self, data):
        if self.span:
            self.rows[-1][-1] = (self.rows[-1][-1][0] + data, self.span)


def test_the_page_puts_ours_and_the_papers_under_one_head(tmp_path):
    table = pd.DataFrame(
        {"class": ["A<b>", "A<b>"], "n_ours": [1200, 2], "n_paper": [3, 4], "f1": [0.25, np.nan]}
    )
    drawing = tmp_path / "f.svg"
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")

    built = dict.fromkeys(tables.TITLES, table)
    made = page.page(built, {}, {"Figure 9": drawing}, "made <up>", {"seed": 3}, {}, ["1 < 2."])

    parsed = Cells()
    parsed.feed(made)
    assert parsed.rows[:4] == [
        [("class", 1), ("n", 2), ("f1", 1)],
        [("ours", 1), ("paper", 1)],
        [("A<b>", 1), ("1,200", 1), ("3", 1), ("0.2500", 1)],
        [("", 1), ("2", 1), ("4", 1), ("–", 1)],
    ]
    assert "made &lt;up&gt;" in made and "seed: 3" in made
    assert "http" not in made.replace("http://www.w3.org", ""), "the page needs no other file"


def test_figure_3_draws_a_bar_as_high_as_each_number(comparison):
    cells = comparison[comparison["table"] == "figure-3"]
    drawn = figures.binary_metrics(cells, "dataset made up")

    for axes, column in zip(drawn.axes, ("ours", "paper"), strict=True):
        heights = [bar.get_y() + bar.get_height() for bar in axes.patches]
        metric_major = [
            cells[(cells["column"] == m) & (cells["row"] == key)][column].iloc[0]
            for m in figures.METRIC_COLOURS
            for key in classes.ATTACKS
        ]
        np.testing.assert_allclose(heights, metric_major)
    assert "made up" in drawn.axes[0].get_title(loc="left")
    plt.close(drawn)


def test_training_curves_draw_the_history_and_mark_the_kept_epoch():
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [3.0, 2, 1], "val_loss": [3.0, 1, 2]})
    drawn = figures.training_curves({"multiclass": history}, "x")

    training, validation, kept = drawn.axes[0].lines
    assert list(training.get_ydata()) == [3, 2, 1] and list(validation.get_ydata()) == [3, 1, 2]
    assert (kept.get_xdata()[0], kept.get_ydata()[0]) == (2, 1)
    drawn.canvas.draw()
    labels = [t.get_text() for t in drawn.axes[0].get_yticklabels()]
    assert labels and not any("10^" in text or "×" in text for text in labels)
    plt.close(drawn)


def test_the_same_figure_has_the_same_octets(tmp_path):
    accuracy = pd.DataFrame({"name": ["chosen", "b"], "validation": [0.8, 0.9], "test": [0.7, 0.9]})
    for name in "ab":
        drawn = figures.sweep(accuracy, "x")
        drawn.savefig(tmp_path / f"{name}.svg", metadata={"Date": None})
        plt.close(drawn)

    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_comparison_finds_each_place_and_the_difference():
    ours = pd.DataFrame([("1", "Normal", "packets", 10.0)], columns=[*compare.PLACE, "value"])
    paper = pd.DataFrame(
        [("1", "Normal", "packets", 4.0, ""), ("2", "Normal", "after", 9.0, "")],
        columns=[*compare.PLACE, "value", "note"],
    )

    (row,) = compare.beside_paper(ours, paper).to_dict("records")
    assert (row["ours"], row["paper"], row["difference"]) == (10, 4, 6)


def test_tables_4_and_5_take_their_counts_from_the_confusion_matrices():
    confusion = pd.DataFrame(
        [
            ("train", "DoS_TCP", "Normal", "Normal", 5),
            ("train", "DoS_TCP", "Normal", "DoS_TCP", 1),
            ("train", "DoS_TCP", "DoS_TCP", "Normal", 2),
            ("train", "DoS_TCP", "DoS_TCP", "DoS_TCP", 8),
            ("train", "multiclass", "Normal", "Normal", 3),
            ("train", "multiclass", "Normal", "Theft", 1),
            ("sweep", "l1", "Normal", "Normal", 99),
        ],
        columns=["stage", "name", "actual", "predicted", "packets"],
    )

    four = compare.table_4(confusion).set_index(["row", "column"])["value"]
    assert dict(four["DoS_TCP"]) == {"tn": 5, "fp": 1, "fn": 2, "tp": 8}
    three = compare.figure_3(compare.table_4(confusion)).set_index(["row", "column"])["value"]
    assert three["DoS_TCP", "precision"] == pytest.approx(8 / 9)
    five = compare.table_5(confusion).set_index(["table", "row", "column"])["value"]
    assert five["5-percent", "Normal", "Theft"] == 25
