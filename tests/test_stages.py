"""Every stage says what it does and what it takes, and refuses what it does not know."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import started

ROOT = Path(__file__).parents[1]
STAGES = sorted(p.stem for p in (ROOT / "stages").glob("[a-z]*.py"))


def stage(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return started.python(ROOT, ["-m", f"stages.{name}", *arguments], dict(os.environ))


@pytest.mark.parametrize("name", STAGES)
def test_help_tells_the_stages_subject_and_settings(name):
    said = stage(name, "--help")

    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith(f"usage: python -m stages.{name} [--help] [SETTING=VALUE ...]")
    assert "settings, with their present values" in said.stdout


@pytest.mark.parametrize("name", ["extract", "sample", "svc"])
def test_a_misspelt_setting_stops_the_stage_in_one_paragraph(name):
    said = stage(name, f"{name}.colour=blue")

    assert said.returncode == 1
    assert "colour" in said.stderr and "Traceback" not in said.stderr
