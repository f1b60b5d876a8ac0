"""dvc.yaml says the truth about the code: modules, settings, order."""

import ast
import importlib
from pathlib import Path

import pytest
import yaml

from packetids.core import settings
from tests.conftest import ROOT
from tests.imports import local_imports

STAGES = {
    name: stage.get("do", stage)
    for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items()
}


# They show in MLflow what is in result files. Trainings call them, and no output depends on them.
VIEW = {ROOT / "packetids/runs/mlflow_runs.py", ROOT / "packetids/runs/mlflow_store.py"}


def script_of(name: str) -> Path:
    """The stage's script, from its command: ``python -m stages.extract …``."""
    return ROOT / f"{STAGES[name]['cmd'].split()[2].replace('.', '/')}.py"


def has_code(path: Path) -> bool:
    """Whether a file holds more than a docstring, as the ``__init__`` of most rooms does not."""
    return any(not isinstance(node, ast.Expr) for node in ast.parse(path.read_text()).body)


def below(listed: str) -> set[Path]:
    """The modules of a dependency: of a folder all but its command line."""
    path = ROOT / listed
    found = set(path.rglob("*.py")) if path.is_dir() else {path}
    return {one for one in found if one.name != "__main__.py" and has_code(one)}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_just_the_code_it_imports(name):
    """DVC does not follow imports: what is missing leaves stale results, what is stray re-runs.

    A room is listed as a folder where the stage imports all of it, else file by file. `core` is
    always a folder.
    """
    script = script_of(name)
    imported = {path for path in local_imports(script) | {script} if has_code(path)}
    if name != "track":
        imported -= VIEW
    code = [dep for dep in STAGES[name]["deps"] if dep.startswith(("packetids/", "stages/"))]
    listed = {dep: below(dep) for dep in code}

    assert imported <= set().union(*listed.values())
    for dep, files in listed.items():
        assert files & imported, f"{dep} is not imported"
        assert files <= imported or dep == "packetids/core", f"{dep}: {files - imported}"
    assert sum(map(len, listed.values())) == len(set().union(*listed.values()))


def test_the_pipeline_is_read_at_a_glance():
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) < 10 * len(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_tracks_just_the_settings_it_reads(name):
    config = importlib.import_module(f"stages.{script_of(name).stem}").Config
    reads = set(config.__dataclass_fields__)
    groups = set(settings.groups(config))
    tracked = set()
    for entry in STAGES[name].get("params", []):
        path = entry if isinstance(entry, str) else next(iter(entry))
        tracked.add(Path(path).parts[1] if path.startswith("conf/") else path)

    assert tracked == reads
    assert all(f"conf/{g}/" in str(STAGES[name]["params"]) for g in groups)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_the_name_of_its_script_and_outputs(name):
    assert script_of(name).stem == name
    for out in STAGES[name]["outs"]:
        path = out if isinstance(out, str) else next(iter(out))
        assert name in Path(path).parts or name == "plot"


def test_every_script_is_a_stage_and_every_choice_an_option():
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "check", "docs"}
    chosen = yaml.safe_load((ROOT / "params.yaml").read_text())

    assert scripts == set(STAGES)
    for name, value in chosen.items():
        if (ROOT / "conf" / name).is_dir():
            assert (ROOT / "conf" / name / f"{value}.yaml").is_file()


def test_the_library_never_imports_stages():
    for path in (ROOT / "packetids").rglob("*.py"):
        assert not any(p.parent.name == "stages" for p in local_imports(path)), path


def test_every_option_of_every_group_fits_its_schema(monkeypatch):
    monkeypatch.chdir(ROOT)
    schemas = {
        "dataset",
        "extract",
        "compute",
        "label",
        "sample",
        "preprocess",
        "split",
        "fnn",
        "svc",
    }
    for group in schemas | {"track"}:
        schema = getattr(settings, group.capitalize())
        config = type("Config", (), {"__annotations__": {group: schema}})
        from dataclasses import dataclass

        for option in settings.options(group):
            loaded = settings.load(dataclass(config), [f"{group}={option}"])
            assert isinstance(getattr(loaded, group), schema)
