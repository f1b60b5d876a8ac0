"""A setting that does not fit stops the stage and says which, and what there is."""

import dataclasses
import re
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from packetids.core import allowed, classes, settings
from packetids.core.errors import PacketidsError
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
    config = settings.load(train.Config, ["tasks=[multiclass]", "fnn.learning_rate=0.5"])

    assert (config.tasks, config.fnn.learning_rate) == (["multiclass"], 0.5)


def test_a_trial_changes_fnn_and_nothing_else(project):
    plain = settings.load(sweep.Config, ["fnn.learning_rate=0.5"]).fnn
    tried = settings.tried(plain, "hidden_512")

    assert tried == dataclasses.replace(plain, hidden_units=[512]) != plain


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
        settings.load(train.Config, [])


def test_an_unknown_override_is_refused(project):
    with pytest.raises(PacketidsError, match="fnn.lerning_rate"):
        settings.load(train.Config, ["fnn.lerning_rate=1"])


def test_a_stage_started_elsewhere_says_where_to_start_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(PacketidsError, match="from the top folder"):
        settings.load(sample.Config, [])


OUT_OF_RANGE = [
    ("seed=-1", "seed needs a whole number >= 0 and <= 4294967295, found -1"),
    ("seed=4294967296", "seed needs"),
    ("seed=1.0", "seed needs a whole number .* found 1.0"),
    ("seed=true", "seed needs a whole number .* found true"),
    ("seed=null", "seed needs a whole number .* found null"),
    ("captures=''", "captures needs text, not empty, found ''"),
    ("tasks=[multiclass,mutliclass]", r"tasks needs .*multiclass, DDoS_HTTP.*\(item 2: 'mutlicl"),
    ("tasks=[DoS_TCP,DoS_TCP]", "tasks needs a list, without repeats"),
    ("tasks=multiclass", "tasks needs a list.*found 'multiclass'"),
    ("trials=[hidden_51]", "trials needs .*hidden_512, hidden_512_512_512.*item 1: 'hidden_51'"),
    ("trials=[hidden_512,hidden_512]", "trials needs a list, without repeats"),
    ("dataset.name=''", "dataset.name needs text, not empty"),
    ("dataset.is_bot_iot=1", "dataset.is_bot_iot needs true or false, found 1"),
    ("extract.reader=scapy", "extract.reader needs one of native, tshark, auto, found 'scapy'"),
    ("compute.backend=threads", "compute.backend needs one of processes, dask"),
    ("compute.workers=0", "compute.workers needs a whole number >= 1, or -1 .*found 0"),
    ("compute.workers=-2", "compute.workers needs"),
    ("label.rule=bots", "label.rule needs one of bot_address, flows, found 'bots'"),
    ("label.bots=[]", "label.bots needs a list, not empty"),
    ("label.bots=[192.168.100.256]", "label.bots needs .*an IPv4 address"),
    ("label.bots=[192.168.001.1]", "label.bots needs .*an IPv4 address"),
    ("label.bots=[fe80::1]", "label.bots needs .*an IPv4 address"),
    ("label.bots=[10.0.0.1,10.0.0.1]", "label.bots needs a list, not empty, without repeats"),
    ("label.bots_ipv6=['FE80::1']", "label.bots_ipv6 needs .*lower-case"),
    ("label.bots_ipv6=['fe80:0:0:0:0:0:0:1']", "label.bots_ipv6 needs .*short"),
    ("label.bots_ipv6=[10.0.0.1]", "label.bots_ipv6 needs .*IPv6"),
    ("label.endpoint=both", "label.endpoint needs one of either, source"),
    ("label.flow_sources=[whole]", "label.flow_sources needs .*entire, ground_truth, five_percent"),
    ("label.flow_sources=[]", "label.flow_sources needs a list, not empty"),
    ("label.tolerance_s=-0.1", "label.tolerance_s needs a number >= 0"),
    ("label.uncovered=normal", "label.uncovered needs one of Normal, bot_address"),
    ("sample.attack_packets_max=0", "sample.attack_packets_max needs a whole number >= 1"),
    ("sample.dataset_share=0", "sample.dataset_share needs a number > 0 and <= 1"),
    ("sample.dataset_share=1.01", "sample.dataset_share needs"),
    ("preprocess.well_known_ports=[80,70000]", "preprocess.well_known_ports needs .*item 2: 70000"),
    ("preprocess.well_known_ports=[-1]", "preprocess.well_known_ports needs"),
    (
        "preprocess.well_known_ports=[80,80]",
        "preprocess.well_known_ports needs a list, without repeats",
    ),
    (
        "preprocess.duplicates=some",
        "preprocess.duplicates needs one of by_label, by_features, keep",
    ),
    ("split.test_share=1", "split.test_share needs a number > 0 and < 1, found 1"),
    ("split.validation_share=0", "split.validation_share needs"),
    ("split.by=flow", "split.by needs one of packet, capture"),
    ("fnn.hidden_units=[]", "fnn.hidden_units needs a list, not empty"),
    ("fnn.hidden_units=[512,0]", "fnn.hidden_units needs .*item 2: 0"),
    ("fnn.hidden_units=512", "fnn.hidden_units needs a list.*found 512"),
    ("fnn.weight_init_stddev=0", "fnn.weight_init_stddev needs a number > 0"),
    ("fnn.learning_rate=-1", "fnn.learning_rate needs a number > 0, found -1"),
    ("fnn.learning_rate=0", "fnn.learning_rate needs a number > 0"),
    ("fnn.learning_rate=nan", "fnn.learning_rate needs a number > 0, found nan"),
    ("fnn.learning_rate=inf", "fnn.learning_rate needs a number > 0, found inf"),
    ("fnn.learning_rate='0.5'", "fnn.learning_rate needs a number > 0, found '0.5'"),
    ("fnn.batch_size=0", "fnn.batch_size needs a whole number >= 1"),
    ("fnn.batch_size=4294967296", "fnn.batch_size needs"),
    ("fnn.batch_size=500.0", "fnn.batch_size needs a whole number .*found 500.0"),
    ("fnn.epochs_max=0", "fnn.epochs_max needs a whole number >= 1"),
    ("fnn.patience_epochs=-1", "fnn.patience_epochs needs a whole number >= 0"),
    ("fnn.l1=-1", "fnn.l1 needs a number >= 0"),
    ("fnn.l2=-1e-9", "fnn.l2 needs a number >= 0"),
    ("fnn.dropout=1.5", "fnn.dropout needs a number >= 0 and < 1, found 1.5"),
    ("fnn.dropout=1", "fnn.dropout needs"),
    ("fnn.class_weights=balanced", "fnn.class_weights needs one of inverse_max, none"),
    ("svc.estimator=NuSVC", "svc.estimator needs one of SVC, LinearSVC"),
    ("svc.iterations_max=-1", "svc.iterations_max needs a whole number >= 1"),
    ("svc.grid_c=[]", "svc.grid_c needs a list, not empty"),
    ("svc.grid_c=[0.1,0]", "svc.grid_c needs .*item 2: 0"),
    ("svc.grid_c=[0.1,0.10000001]", "svc.grid_c needs .*without repeats in six digits"),
    ("svc.grid_packets=0", "svc.grid_packets needs"),
    ("svc.cv_folds=1", "svc.cv_folds needs a whole number >= 2"),
    ("svc.sample_packets=[1000,-1]", "svc.sample_packets needs .*item 2: -1"),
    ("svc.sample_packets=[1000,1000]", "svc.sample_packets needs .*without repeats"),
    ("svc.test_share=1.5", "svc.test_share needs"),
    ("svc.workers=0", "svc.workers needs"),
    ("track.live=yes please", "track.live needs true or false, found 'yes please'"),
]


@pytest.mark.parametrize(("override", "said"), OUT_OF_RANGE)
def test_a_value_out_of_range_is_refused_on_the_command_line(project, override, said):
    """Whatever stage reads it: this one reads no group."""
    with pytest.raises(PacketidsError, match=f"^{said}.*: correct it on the command line.$"):
        settings.load(Nothing, [override])


@dataclasses.dataclass(frozen=True)
class Nothing:
    """A stage that reads no setting."""


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("params.yaml", "seed: 0", "seed: -1", "seed needs .*found -1: .* in params.yaml."),
        ("params.yaml", "seed: 0", "seed: 0\nseed: 1", "params.yaml: .*duplicate key seed"),
        ("params.yaml", "- DoS_TCP", "- DoS_SCTP", "tasks needs .*'DoS_SCTP'.* in params.yaml."),
        ("params.yaml", "seed: 0", "seed: [0", "params.yaml: needs to be YAML"),
        ("params.yaml", "fnn: paper\n", "", "params.yaml: fnn: None is no option; .* paper, quick"),
        ("conf/fnn/paper.yaml", "dropout: 0.0", "dropout: 1.5", "found 1.5: .*/fnn/paper.yaml."),
        ("conf/fnn/paper.yaml", "dropout: 0.0", "dropout: .nan", "dropout needs .*found nan"),
        ("conf/fnn/paper.yaml", "dropout: 0.0", "dropout: '0.0'", "dropout needs .*found '0.0'"),
        ("conf/fnn/paper.yaml", "dropout: 0.0", "dropout: [0", "conf/fnn/paper.yaml: .*be YAML"),
        ("conf/fnn/paper.yaml", "dropout: 0.0", "droput: 0.0", "fnn.droput is no setting; fnn has"),
        ("conf/svc/paper.yaml", "cv_folds: 5", "cv_folds: 1", "found 1: .* conf/svc/paper.yaml."),
        ("conf/trial/l2_1e-4.yaml", "0.0001", "-1", "fnn.l2 .*found -1: .*/trial/l2_1e-4.yaml."),
        ("conf/trial/l2_1e-4.yaml", "l2:", "l3:", "fnn.l3 is no setting.*conf/trial/l2_1e-4.yaml."),
        ("conf/compute/processes.yaml", "processes", "dask", "compute.scheduler needs the address"),
    ],
)  # fmt: skip
def test_the_file_to_edit_is_named(project, file, old, new, said):
    edit(project / file, old, new)

    with pytest.raises(PacketidsError, match=said):
        settings.load(Nothing, [])


@pytest.mark.parametrize("text", ["", "- a list", "3", "a sentence", "\xe9: 1"])
@pytest.mark.parametrize("file", ["params.yaml", "conf/fnn/paper.yaml"])
def test_a_file_that_is_no_list_of_settings_is_named(project, file, text):
    (project / file).write_bytes(text.encode("latin-1"))

    with pytest.raises(PacketidsError, match=file):
        settings.load(Nothing, [])


def test_every_fault_has_a_sentence_of_its_own(project):
    edit(project / "params.yaml", "seed: 0", "seed: -1")
    edit(project / "conf/fnn/paper.yaml", "batch_size: 500", "batch_size: 0")

    with pytest.raises(PacketidsError) as caught:
        settings.load(train.Config, ["tasks=[multiclas]", "fnn.l1=-1"])

    lines = str(caught.value).splitlines()
    assert [line.split()[0] for line in lines] == ["fnn.batch_size", "fnn.l1", "seed", "tasks"]


@pytest.mark.parametrize(
    ("stage", "overrides", "said"),
    [
        (train, ["fnn=quik"], "fnn: quik is no option; conf/fnn/ has paper"),
        (train, ["tasks=[mutliclass]"], "one of multiclass, DDoS_HTTP.*found .*mutliclass"),
        (sweep, ["trials=[hidden]"], "each one of dropout_0.2,.*found .*hidden"),
        (train, ["batch_size=0"], "there is no batch_size; there are captures"),
        (train, ["seed=1,2"], "needs one value"),
        (train, ["~fnn.l1"], "needs one value"),
        (train, ["seed"], "seed: needs to be SETTING=VALUE"),
        (train, ["--seed=1"], "--seed=1: needs to be SETTING=VALUE"),
    ],
)  # fmt: skip
def test_a_misspelt_choice_lists_the_choices(project, stage, overrides, said):
    with pytest.raises(PacketidsError, match=said):
        settings.load(stage.Config, overrides)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["svc.cv_folds=900"], "svc.grid_packets needs 900 packets or more to train on"),
        (["svc.sample_packets=[1]"], "svc.sample_packets needs 1 packets or more to train on"),
        (["compute=dask", "compute.scheduler="], "compute.scheduler needs the address"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(project, overrides, said):
    with pytest.raises(PacketidsError, match=said):
        settings.load(Nothing, overrides)


def test_numbers_are_read_as_people_write_them(project):
    """YAML 1.1 takes 1e-5 for text; Hydra, and so params.yaml and conf/, for a number."""
    edit(project / "conf/fnn/paper.yaml", "learning_rate: 0.001", "learning_rate: 1e-5")
    edit(project / "conf/trial/l1_1e-5.yaml", "0.00001", "1E-5")
    config = settings.load(train.Config, ["fnn.l2=1e-4", "fnn.l1=0"])

    assert (config.fnn.learning_rate, config.fnn.l2, config.fnn.l1) == (1e-5, 1e-4, 0.0)
    assert isinstance(config.fnn.l1, float)
    assert settings.tried(config.fnn, "l1_1e-5").l1 == 1e-5


def test_empty_lists_of_work_are_settings(project):
    config = settings.load(sample.Config, ["tasks=[]", "trials=[]", "seed=4294967295"])

    assert config.seed == 2**32 - 1


def test_a_wrong_setting_of_the_last_stage_stops_the_first(project):
    """Before any work, not after hours of it."""
    edit(project / "conf/svc/paper.yaml", "test_share: 0.2", "test_share: 2")
    shutil.copytree(ROOT / "packetids", project / "packetids")
    shutil.copytree(ROOT / "stages", project / "stages")
    done = subprocess.run(
        [sys.executable, "-m", "stages.capture"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "svc.test_share needs a number > 0 and < 1, found 2" in done.stderr
    assert not (project / "data").exists()


def test_every_number_has_bounds_and_every_choice_its_names():
    """A setting added without them would be taken whatever it is."""
    groups = settings.GROUPS.values()
    kinds = [(g, n, k) for g in groups for n, k in settings._kinds(g)]
    kinds += [(settings.Experiment, n, settings.KINDS[n]) for n in ("seed", "tasks", "trials")]
    for group, name, kind in kinds:
        words = allowed.needed(kind)
        assert not words.endswith("number"), (group, name)
        assert "each text" not in words, (group, name)


def test_the_sources_of_flows_and_the_tasks_are_those_of_the_code():
    from packetids.label import flow_csv

    kind = typing.get_type_hints(settings.Label)["flow_sources"]
    assert typing.get_args(typing.get_args(kind)[0]) == flow_csv.SOURCES
    assert classes.TASKS == ("multiclass", *classes.ATTACKS)


def test_help_shows_value_bounds_choices_and_the_file_of_each_setting(project, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    said = settings.describe(sweep.Config, ["fnn.dropout=0.5"])

    assert "fnn: paper   one of paper, quick; edit params.yaml" in said
    assert "edit conf/fnn/paper.yaml:" in said
    rows = {line.split()[0]: line for line in said.splitlines() if line.startswith("    ")}
    assert "0.5" in rows["dropout"] and "a number >= 0 and < 1" in rows["dropout"]
    assert "one of inverse_max, none" in rows["class_weights"]
    assert "[512, 512]" in rows["hidden_units"] and ">= 1" in rows["hidden_units"]
    assert "one of after, live" in said and "true or false" in rows["live"]
    assert "a whole number >= 0 and <= 4294967295" in rows["seed"]
    assert "hidden_256_128_64_32" in said and "edit params.yaml:" in said


def test_help_shows_a_value_that_is_refused(project):
    edit(project / "conf/fnn/paper.yaml", "batch_size: 500", "batch_size: 0")

    assert "batch_size          0 " in settings.describe(train.Config, [])


def test_the_settings_classes_are_imported_without_hydra_and_pydantic():
    """The extract tool wants the classes; composing and checking cost a second of imports."""
    heavy = "{'pydantic', 'hydra', 'omegaconf'}"
    code = f"import sys, packetids.core.settings; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "conf").glob("*/paper.yaml")), ids=lambda p: p.parts[-2]
)
def test_every_setting_of_the_papers_options_says_the_papers_value(path):
    settings_of_file = [line for line in path.read_text().splitlines() if re.match(r"\w+:", line)]

    assert settings_of_file
    assert [line for line in settings_of_file if "# paper: " not in line] == []
