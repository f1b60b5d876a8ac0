"""Settings of an experiment: the choices of params.yaml, composed by Hydra from conf/.

``params.yaml`` names one option for each group; ``conf/<group>/<option>.yaml`` holds its values.
The dataclasses here say which settings exist: an unknown, missing or mistyped name stops the
stage. A stage declares what it reads as a dataclass of its own (``Config``), whose fields are
groups or single keys of params.yaml; it sees nothing else, and a test holds dvc.yaml to that.

Composing happens in the stage and not in DVC, because ``dvc repro`` does not recompose after an
edit under conf/ (treeverse/dvc#10750); dvc.yaml tracks the chosen option files themselves.
"""

import re
import typing
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from packetids.errors import PacketidsError

PARAMS = Path("params.yaml")
CONF = Path("conf")
TRIAL = "trial"

T = TypeVar("T")


@dataclass(frozen=True)
class Dataset:
    """Where the captures come from and what must be said about results made from them."""

    name: str = MISSING
    recorded_by: str = MISSING  # start of the command in manifest.json; empty: no manifest
    is_bot_iot: bool = MISSING  # its counts should be the paper's
    notice: str = MISSING  # shown on every table, figure and page


@dataclass(frozen=True)
class Extract:
    """How packet fields are read (section IV-B, "Feature extraction")."""

    reader: str = MISSING  # native | tshark | auto
    display_filter: str = MISSING
    keep_damaged: bool = False  # a damaged capture counts up to the damage


@dataclass(frozen=True)
class Compute:
    """Where work that splits is done; no result depends on it."""

    backend: str = MISSING  # processes | dask
    workers: int = MISSING  # processes; -1: as many as there are cores
    scheduler: str = MISSING  # address of the Dask cluster's


@dataclass(frozen=True)
class Label:
    """Which packets are attacks (section IV-B, "Label mapping")."""

    rule: str = MISSING  # bot_address | flows
    bots: list[str] = MISSING
    endpoint: str = MISSING  # either | source
    bots_ipv6: list[str] = MISSING  # for the report on the two rules
    flow_sources: list[str] = MISSING  # in order of preference
    tolerance_s: float = MISSING  # of a packet's time beyond its flow's
    uncovered: str = MISSING  # Normal | bot_address: class of a packet without a flow


@dataclass(frozen=True)
class Sample:
    """How many packets are kept (section IV-B, "Dataset extraction")."""

    attack_packets_max: int = MISSING  # of each attack subcategory
    dataset_share: float = MISSING  # of all packets; normal traffic fills up to it


@dataclass(frozen=True)
class Preprocess:
    """How fields become features (section IV-C)."""

    well_known_ports: list[int] = MISSING
    duplicates: str = MISSING  # by_label | by_features | keep


@dataclass(frozen=True)
class Split:
    """How rows are dealt into train, validation and test (section IV-D)."""

    test_share: float = MISSING  # of all rows
    validation_share: float = MISSING  # of the rows that are left
    by: str = MISSING  # packet | capture


@dataclass(frozen=True)
class Fnn:
    """The feed-forward network and its training (section IV-D)."""

    hidden_units: list[int] = MISSING
    weight_init_stddev: float = MISSING
    learning_rate: float = MISSING
    batch_size: int = MISSING
    epochs_max: int = MISSING
    patience_epochs: int = MISSING
    l1: float = MISSING
    l2: float = MISSING
    dropout: float = MISSING
    class_weights: str = MISSING  # inverse_max | none


@dataclass(frozen=True)
class Svc:
    """The support vector baseline (section IV-F)."""

    estimator: str = MISSING  # SVC | LinearSVC
    iterations_max: int = MISSING  # of one fit; a fit that needs more is reported, not hidden
    grid_c: list[float] = MISSING
    grid_packets: int = MISSING
    cv_folds: int = MISSING
    sample_packets: list[int] = MISSING
    test_share: float = MISSING
    workers: int = MISSING


@dataclass(frozen=True)
class Track:
    """What MLflow is told."""

    live: bool = MISSING  # while training runs, too


def choices() -> dict[str, Any]:
    """Read params.yaml, the file of choices."""
    try:
        chosen = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PacketidsError(
            f"{PARAMS.resolve()} is missing. Run stages from the top folder of the repository."
        ) from None
    except yaml.YAMLError as error:
        raise PacketidsError(f"{PARAMS}: not YAML: {error}") from None
    if not isinstance(chosen, dict):
        raise PacketidsError(f"{PARAMS}: needs one 'name: value' line a setting, found {chosen!r}")
    return chosen


def options(group: str) -> list[str]:
    """List the options of a group: the files of ``conf/<group>/``."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def load(schema: type[T], overrides: list[str], *, complete: bool = True) -> T:
    """Compose the settings that `schema` names; the command line's `overrides` win.

    Raises
    ------
    PacketidsError
        If a name or value does not fit: says which, and what there is to choose from. If
        `complete`, also if a value is missing; else it is given as ``???``.
    """
    from hydra import compose, initialize_config_dir  # here, because workers only want the classes
    from hydra.errors import HydraException

    chosen = choices()
    known = _known()
    if unknown := sorted(chosen.keys() - known):
        raise PacketidsError(
            f"{PARAMS}: unknown {', '.join(unknown)}. It may set {', '.join(sorted(known))}."
        )
    for name, value in chosen.items():
        if (CONF / name).is_dir() and value not in options(name):
            raise PacketidsError(
                f"{PARAMS}: {name}: {value} is no option; conf/{name}/ has "
                f"{', '.join(options(name))}."
            )
    try:
        with initialize_config_dir(config_dir=str(CONF.resolve()), version_base=None):
            composed = compose(
                "config", [*_as_overrides(chosen), *overrides], return_hydra_config=True
            )
        values: dict[str, Any] = {}
        nested = groups(schema)
        for name, group in nested.items():
            values[name] = OmegaConf.to_object(_check(group, _pick(composed, name)))
        single = [field.name for field in fields(schema) if field.name not in nested]  # type: ignore[arg-type]
        checked = _check(schema, {name: _pick(composed, name) for name in single})
        for name in single:
            if not complete and OmegaConf.is_missing(checked, name):
                values[name] = MISSING
                continue
            value = checked[name]  # raises if it is missing
            values[name] = OmegaConf.to_container(value) if OmegaConf.is_list(value) else value
        return schema(**values)
    except (HydraException, OmegaConfBaseException) as error:
        raise PacketidsError(_explain(error, schema)) from None


def describe(schema: type) -> str:
    """List the settings that `schema` reads, with their present values, for ``--help``.

    What only a command line gives (``task``, ``trial``) stands as ``???``.
    """
    return OmegaConf.to_yaml(OmegaConf.structured(load(schema, [], complete=False)))


def groups(schema: type) -> dict[str, type]:
    """Name the groups of conf/ that `schema` reads, with their dataclasses."""
    hints = typing.get_type_hints(schema)
    return {
        name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)
    }


def _known() -> set[str]:
    config = yaml.safe_load((CONF / "config.yaml").read_text(encoding="utf-8"))
    named = {name for entry in config["defaults"] if isinstance(entry, dict) for name in entry}
    return (named | config.keys()) - {"defaults"}


def _as_overrides(chosen: dict[str, Any]) -> list[str]:
    return [f"{name}={_flow(value)}" for name, value in chosen.items()]


def _check(schema: type, values: Any) -> DictConfig:
    """Fit `values` into the dataclass `schema`: unknown names and wrong types are refused."""
    empty = OmegaConf.structured(schema)
    OmegaConf.set_readonly(empty, False)  # OmegaConf locks configs of frozen dataclasses
    return OmegaConf.merge(empty, values)  # type: ignore[return-value]


def _pick(composed: DictConfig, name: str) -> Any:
    """Give the values of a group or key; of ``trial``, whose values go to fnn, the choice."""
    if name == TRIAL:
        return composed.hydra.runtime.choices.get(TRIAL) or MISSING
    return OmegaConf.to_container(composed).get(name)  # type: ignore[union-attr]


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(_flow(item) for item in value) + "]"
    if isinstance(value, str):  # quoted: a path may hold spaces and Hydra's own signs
        return "'" + re.sub(r"(\\*)'", r"\1\1\'", re.sub(r"\\+$", r"\g<0>\g<0>", value)) + "'"
    return str(value)


def _explain(error: Exception, schema: type) -> str:
    first_line = str(error).strip().splitlines()[0]
    key = getattr(error, "full_key", None)
    reads = "; ".join(
        f"{name}: {', '.join(field.name for field in fields(group))}"
        for name, group in groups(schema).items()
    )
    return (
        f"settings{f', {key}' if key else ''}: {first_line} "
        f"This stage reads {reads or ', '.join(field.name for field in fields(schema))}. "
        "Correct the name or value under conf/, in params.yaml or on the command line."
    )
