"""ARCHITECTURE.md is a map of what is there."""

import re

import yaml

from tests.conftest import ROOT

TEXT = (ROOT / "ARCHITECTURE.md").read_text()


def first_column(heading: str) -> list[str]:
    """The first cells of the table below a heading, or at the top for an empty one."""
    section = TEXT.split(heading, 1)[1].split("\n## ", 1)[0]
    return [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")][
        1:
    ]


def test_every_room_is_on_the_map_and_nothing_else():
    rooms = {
        f"`{path.name}/`" if path.is_dir() else f"`{path.name}`"
        for path in (ROOT / "packetids").iterdir()
        if path.name not in ("__init__.py", "__pycache__", "py.typed")
    }

    listed = first_column("## The rooms of packetids/")

    assert set(listed) == rooms
    assert len(listed) == len(rooms)


def test_every_stage_is_in_the_table_in_the_order_of_the_pipeline():
    stages = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])

    listed = [name for cell in first_column("# Architecture") for name in cell.split(", ")]

    assert listed == stages


def test_every_module_that_the_text_names_exists():
    """A path is below packetids/, or a sibling of the module named before it."""
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", TEXT))
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/**/*.py")}

    missing = [name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in files)]

    assert missing == []
