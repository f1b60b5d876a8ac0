"""The committed front page shows the results of the run that dvc.lock records, and no others."""

import re
import subprocess

import pandas as pd
import pytest

from packetids.results import front
from packetids.version import __version__
from tests.quick import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/results.md").read_text(encoding="utf-8")


def test_the_page_names_the_results_of_the_committed_lock():
    for path, md5 in front.shown_hashes(ROOT / "dvc.lock").items():
        assert f"- `{path}`: `{md5}`" in PAGE, f"{path} has changed: run make docs"


def test_the_readme_shows_the_pages_table():
    shown = README.split(front.BEGIN)[1].split(front.END)[0]
    rows = [line for line in shown.splitlines() if line.startswith("|")]

    assert len(rows) > 3
    assert all(row in PAGE.splitlines() for row in rows)


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_every_picture_of_a_page_is_there(page):
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / page).read_text(encoding="utf-8"))

    assert pictures
    for picture in pictures:
        assert (ROOT / page).parent.joinpath(picture).is_file(), picture


def test_only_what_is_between_the_marks_changes():
    text = f"before\n{front.BEGIN}\nold\n{front.END}\nafter\n"

    assert front.between_marks(text, "new\n") == (
        f"before\n{front.BEGIN}\nnew\n{front.END}\nafter\n"
    )


def test_a_task_that_a_run_leaves_out_has_no_row():
    columns = ["table", "row", "column", "paper", "ours"]
    found = front.headline(
        pd.DataFrame(
            [
                ("figure-3", "DoS_TCP", "accuracy", 0.99, 0.98),
                ("figure-3", "DoS_TCP", "f1", 0.97, 0.96),
                ("figure-3", "DoS_UDP", "accuracy", 0.99, None),
                ("figure-3", "DoS_UDP", "f1", 0.99, None),
                ("5", "Normal", "Normal", 1.0, None),
            ],
            columns=columns,
        )
    )

    assert found.to_dict("records") == [
        {"task": "DoS over TCP", "accuracy_ours": 0.98, "accuracy_paper": 0.99, "f1_ours": 0.96,
         "f1_paper": 0.97}
    ]  # fmt: skip


def test_make_help_explains_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    # Below `make test`, make would also tell which folder it enters.
    command = ["make", "--no-print-directory", "help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    explained = [line.split()[0] for line in done.stdout.splitlines()]
    assert sorted(explained) == sorted(targets.split())


def test_the_changelog_tells_of_this_version_in_the_usual_form():
    """Keep a Changelog 1.1: versions newest first, and the kinds of change it names."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[?([^\]\s]+)", changelog, re.MULTILINE)
    kinds = set(re.findall(r"^### (.*)$", changelog, re.MULTILINE))

    assert versions[0] in ("Unreleased", __version__)
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
