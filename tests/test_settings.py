"""A setting that does not fit stops the stage and says which, and what there is."""

import shutil
from pathlib import Path

import pytest

from packetids import settings
from packetids.errors import PacketidsError
from stages import sample, sweep, train

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the settings, to spoil."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_command_line_wins_over_the_files(project):
    config = settings.load(train.Config, ["task=multiclass", "fnn.learning_rate=0.5"])

    assert (config.task, config.fnn.learning_rate) == ("multiclass", 0.5)


def test_a_trial_changes_fnn_and_nothing_else(project):
    plain = settings.load(train.Config, ["task=multiclass"]).fnn
    tried = settings.load(sweep.Config, ["trial=hidden_512"])

    assert tried.trial == "hidden_512"
    assert tried.fnn.hidden_units == [512] != plain.hidden_units
    assert tried.fnn.learning_rate == plain.learning_rate


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("params.yaml", "fnn: paper", "fnn: papr", "fnn: papr is no option; conf/fnn/ has paper"),
        ("params.yaml", "seed: 0", "sede: 0", "unknown sede"),
        ("params.yaml", "seed: 0", "seed: none", "seed"),
        ("conf/fnn/paper.yaml", "learning_rate", "lerning_rate", "lerning_rate"),
        ("conf/fnn/paper.yaml", "batch_size: 500 ", "", "batch_size"),
        ("conf/fnn/paper.yaml", "epochs_max: 20", "epochs_max: many", "epochs_max"),
    ],
)
def test_a_misspelt_missing_or_mistyped_setting_is_refused(project, file, old, new, said):
    edit(project / file, old, new)

    with pytest.raises(PacketidsError, match=said):
        settings.load(train.Config, ["task=multiclass"])


def test_an_unknown_override_is_refused(project):
    with pytest.raises(PacketidsError, match="fnn.lerning_rate"):
        settings.load(train.Config, ["task=multiclass", "fnn.lerning_rate=1"])


def test_a_stage_started_elsewhere_says_where_to_start_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(PacketidsError, match="from the top folder"):
        settings.load(sample.Config, [])
