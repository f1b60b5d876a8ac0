"""Settings of an experiment: the choices of params.yaml, composed by Hydra from conf/.

``params.yaml`` names one option for each group; ``conf/<group>/<option>.yaml`` holds its values.
The dataclasses here say which settings exist and what each may be; `Experiment` holds all. A stage
declares what it reads as a dataclass of its own (``Config``), whose fields are fields of
`Experiment`; it sees nothing else, and a test holds dvc.yaml to that.

`load` checks all settings and not only those of the stage, because a wrong seed must stop the
first stage and not the sixth, hours later.

Composing happens in the stage and not in DVC, because ``dvc repro`` does not recompose after an
edit under conf/ (treeverse/dvc#10750); dvc.yaml tracks the chosen option files themselves.
"""

import math
import shutil
import textwrap
import typing
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge, Gt, Interval, Le, Lt

from packetids.core import allowed, classes, composed
from packetids.core.composed import CONF, MISSING, PARAMS, Composed, options
from packetids.core.errors import PacketidsError

TRIAL, CHANGED_BY_TRIAL = "trial", "fnn"  # a folder of conf/, and the group that its files change
PEER = "peer"  # a folder of conf/; each file is a whole model

T = TypeVar("T")

_DISTINCT_NAMES = allowed.Rule(  # a run is named after its C
    "without repeats in six digits", lambda values: len({f"{c:g}" for c in values}) == len(values)
)


@dataclass(frozen=True)
class Dataset:
    """Where the captures come from and what must be said about results made from them."""

    name: allowed.Text
    recorded_by: str  # start of the command in manifest.json; empty: no manifest
    is_bot_iot: bool  # its counts should be the paper's
    notice: allowed.Text  # shown on every table, figure and page


@dataclass(frozen=True)
class Extract:
    """How packet fields are read (section IV-B, "Feature extraction")."""

    reader: Literal["native", "tshark", "auto"]
    display_filter: str  # empty: every packet
    keep_damaged: bool  # a damaged capture counts up to the damage


@dataclass(frozen=True)
class Compute:
    """Where work that splits is done; no result depends on it."""

    backend: Literal["processes", "dask"]
    workers: allowed.Workers  # processes
    scheduler: str  # address of the Dask cluster's


@dataclass(frozen=True)
class Label:
    """Which packets are attacks (section IV-B, "Label mapping")."""

    rule: Literal["bot_address", "flows"]
    bots: Annotated[list[allowed.IPv4], allowed.NOT_EMPTY, allowed.DISTINCT]
    endpoint: Literal["either", "source"]
    bots_ipv6: Annotated[list[allowed.IPv6], allowed.DISTINCT]  # for the report on the two rules
    flow_sources: Annotated[  # in order of preference
        list[Literal["entire", "ground_truth", "five_percent"]],
        allowed.NOT_EMPTY,
        allowed.DISTINCT,
    ]
    # Of a packet's time beyond its flow's. A day is more than any clock was wrong.
    tolerance_s: Annotated[float, Interval(ge=0, le=86400)]
    uncovered: Literal["Normal", "bot_address"]  # class of a packet without a flow
    uncovered_share_max: Annotated[float, Interval(ge=0, le=1)]  # of the bots' packets


@dataclass(frozen=True)
class Sample:
    """How many packets are kept (section IV-B, "Dataset extraction")."""

    attack_packets_max: allowed.Count  # of each attack subcategory
    dataset_share: Annotated[float, Gt(0), Le(1)]  # of all packets; normal traffic fills up to it


@dataclass(frozen=True)
class Preprocess:
    """How fields become features (section IV-C)."""

    well_known_ports: Annotated[list[allowed.Port], allowed.DISTINCT]
    duplicates: Literal["by_label", "by_features", "keep"]


@dataclass(frozen=True)
class Split:
    """How rows are dealt into train, validation and test (section IV-D)."""

    test_share: allowed.Share  # of all rows
    validation_share: allowed.Share  # of the rows that are left
    by: Literal["packet", "capture"]
    duplicates: Literal["keep", "drop"]  # rows equal in features and label of the task


@dataclass(frozen=True)
class Fnn:
    """The feed-forward network and its training (section IV-D)."""

    hidden_units: Annotated[list[allowed.Count], allowed.NOT_EMPTY]
    weight_init_stddev: allowed.Positive
    learning_rate: allowed.Positive
    batch_size: allowed.Count32
    epochs_max: allowed.Count
    patience_epochs: Annotated[int, Ge(0)]
    l1: allowed.NotNegative
    l2: allowed.NotNegative
    dropout: Annotated[float, Ge(0), Lt(1)]
    class_weights: Literal["inverse_max", "none"]
    scaling: Literal["min_max", "quantile"]  # of numbers, to (-1, 1)
    validation_loss: Literal["plain", "weighted"]  # decides which epoch's weights are kept


@dataclass(frozen=True)
class Peer:
    """A simple model beside the network: a file of conf/peer/."""

    title: allowed.Text
    estimator: Literal[
        "DummyClassifier", "DecisionTreeClassifier", "RandomForestClassifier",
        "HistGradientBoostingClassifier", "LogisticRegression", "LinearSVC",
        "KNeighborsClassifier",
    ]  # fmt: skip
    inputs: Literal["features", "network"]  # numbers and codes, or one-hot coded and scaled
    depth_max: Annotated[int, Ge(0)]  # of each tree; 0: the library's default


@dataclass(frozen=True)
class Svc:
    """The support vector baseline (section IV-F)."""

    estimator: Literal["SVC", "LinearSVC"]
    iterations_max: allowed.Count32  # of one fit; a fit that needs more is reported, not hidden
    grid_c: Annotated[list[allowed.Positive], allowed.NOT_EMPTY, _DISTINCT_NAMES]
    grid_packets: allowed.Count
    cv_folds: Annotated[int, Ge(2)]
    sample_packets: Annotated[list[allowed.Count], allowed.NOT_EMPTY, allowed.DISTINCT]
    test_share: allowed.Share
    workers: allowed.Workers


@dataclass(frozen=True)
class Track:
    """How runs are logged to MLflow."""

    live: bool  # while training runs, too


_TASK = allowed.OneOf(lambda: classes.TASKS)
_TRIAL = allowed.OneOf(lambda: options(TRIAL))
_PEER = allowed.OneOf(lambda: options(PEER))
_SEED = Interval(ge=0, le=2**32 - 1)


@dataclass(frozen=True)
class Experiment:
    """All that params.yaml and the command line of a stage set."""

    dataset: Dataset
    captures: allowed.Text
    extract: Extract
    compute: Compute
    label: Label
    sample: Sample
    preprocess: Preprocess
    split: Split
    fnn: Fnn
    svc: Svc
    track: Track
    seed: Annotated[int, _SEED]
    tasks: Annotated[list[Annotated[str, _TASK]], allowed.DISTINCT]
    trials: Annotated[list[Annotated[str, _TRIAL]], allowed.DISTINCT]
    protocols: Annotated[list[Literal["paper", "strict"]], allowed.NOT_EMPTY, allowed.DISTINCT]
    repeats: Annotated[list[Annotated[int, _SEED]], allowed.DISTINCT]
    peers: Annotated[list[Annotated[str, _PEER]], allowed.DISTINCT]


def groups(schema: type) -> dict[str, type]:
    """Return the groups of conf/ that `schema` reads, with their dataclasses."""
    hints = typing.get_type_hints(schema)
    return {
        name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)
    }


KINDS = typing.get_type_hints(Experiment, include_extras=True)
GROUPS = groups(Experiment)


def load(schema: type[T], overrides: list[str]) -> T:
    """Compose the settings that `schema` names; the command line's `overrides` win.

    Raises
    ------
    PacketidsError
        If any setting of the experiment is unknown, missing or out of range: a sentence each.
    """
    found = composed.compose(overrides)
    wanted = [field.name for field in fields(schema)]  # type: ignore[arg-type]
    faults: list[str] = []
    checked = {name: _checked(found, name, faults) for name in KINDS}
    faults += _faults_of_trials(found.values["trials"])
    faults += _faults_of_peers(found.values["peers"])
    if not faults:
        faults += _faults_together(found, checked["compute"], checked["svc"])
    if faults:
        raise PacketidsError("\n".join(dict.fromkeys(faults)))
    return schema(**{name: checked[name] for name in wanted})


def tried(p: Fnn, trial: str) -> Fnn:
    """Return `p` with the changes of a trial of ``trials``, which `load` has checked."""
    kinds = dict(_kinds(Fnn))
    changes = composed.of_option(TRIAL, trial)
    return replace(
        p, **{name: allowed.fitted(kinds[name], value) for name, value in changes.items()}
    )


def peer(name: str) -> Peer:
    """Return the settings of a peer of ``peers``, which `load` has checked."""
    kinds = dict(_kinds(Peer))
    values = composed.of_option(PEER, name)
    return Peer(**{key: allowed.fitted(kinds[key], value) for key, value in values.items()})


def describe(schema: type, overrides: list[str]) -> str:
    """List the settings that `schema` reads, for ``--help``: values, bounds and files to edit.

    Values are listed as they stand, even those that `load` refuses.
    """
    found = composed.compose(overrides)
    names = [field.name for field in fields(schema)]
    sections = []
    for group in (name for name in names if name in GROUPS):
        option, values = found.options[group], found.values[group]
        rows = [(name, values.get(name, MISSING), kind) for name, kind in _kinds(GROUPS[group])]
        head = f"{group}: {option}   one of {', '.join(options(group))}; edit {PARAMS}"
        sections.append(f"{head}\n  edit {CONF / group}/{option}.yaml:\n{_table(rows)}")
    single = [name for name in names if name not in GROUPS]
    if single:
        rows = [(name, found.values[name], KINDS[name]) for name in single]
        sections.append(f"edit {PARAMS}:\n{_table(rows)}")
    return "\n\n".join(sections) or "none"


def _kinds(group: type) -> list[tuple[str, Any]]:
    return list(typing.get_type_hints(group, include_extras=True).items())


def _checked(found: Composed, name: str, faults: list[str]) -> Any:
    """Return the value of a key, or the dataclass of a group; append what is wrong to `faults`."""
    if name not in GROUPS:
        return _value(name, KINDS[name], found.values[name], found.place(name), faults)
    before, kinds = len(faults), dict(_kinds(GROUPS[name]))
    values = found.values[name]
    for unknown in values.keys() - kinds:
        faults.append(_unknown(name, unknown, found.place(f"{name}.{unknown}")))
    built = {}
    for setting, kind in kinds.items():
        full = f"{name}.{setting}"
        value = values.get(setting, MISSING)
        built[setting] = _value(full, kind, value, found.place(full), faults)
    return GROUPS[name](**built) if len(faults) == before else None


def _value(name: str, kind: Any, value: Any, place: str, faults: list[str]) -> Any:
    if value == MISSING:
        faults.append(f"{name} is missing and needs {allowed.needed(kind)}: give it {place}.")
        return None
    try:
        return allowed.fitted(kind, value)
    except ValueError as error:
        faults.append(f"{name} {error}: correct it {place}.")
    return None


def _unknown(group: str, name: str, place: str) -> str:
    there = ", ".join(field.name for field in fields(GROUPS[group]))
    return f"{group}.{name} is no setting; {group} has {there}: correct it {place}."


def _faults_of_trials(trials: Any) -> list[str]:
    """Check the values of each trial, which only the sweep applies."""
    faults: list[str] = []
    group = CHANGED_BY_TRIAL
    kinds = dict(_kinds(GROUPS[group]))
    for trial in trials if isinstance(trials, list) else []:
        if trial not in options(TRIAL):
            continue  # said of `trials` itself
        place = f"in {CONF / TRIAL}/{trial}.yaml"
        for name, value in composed.of_option(TRIAL, trial).items():
            if name in kinds:
                _value(f"{group}.{name}", kinds[name], value, place, faults)
            else:
                faults.append(_unknown(group, name, place))
    return faults


def _faults_of_peers(peers: Any) -> list[str]:
    """Check the values of each peer, of which every setting is needed."""
    faults: list[str] = []
    kinds = dict(_kinds(Peer))
    for name in peers if isinstance(peers, list) else []:
        if name not in options(PEER):
            continue  # said of `peers` itself
        values, place = composed.of_option(PEER, name), f"in {CONF / PEER}/{name}.yaml"
        for key in values.keys() - kinds:
            faults.append(
                f"{PEER}.{key} is no setting; {PEER} has {', '.join(kinds)}: correct it {place}."
            )
        for key, kind in kinds.items():
            _value(f"{PEER}.{key}", kind, values.get(key, MISSING), place, faults)
    return faults


def _faults_together(found: Composed, compute: Compute, svc: Svc) -> list[str]:
    """Check settings of which one makes another meaningless."""
    faults = []
    if compute.backend == "dask" and not compute.scheduler:
        faults.append(
            "compute.scheduler needs the address of a scheduler, as in tcp://127.0.0.1:8786, where "
            "compute.backend is dask, found '': correct it "
            f"{found.place('compute.scheduler')}."
        )
    sizes = [("grid_packets", svc.grid_packets, svc.cv_folds)]
    sizes += [("sample_packets", packets, 1) for packets in svc.sample_packets]
    for name, packets, least in sizes:
        train = packets - math.ceil(svc.test_share * packets)
        if train < least:
            faults.append(
                f"svc.{name} needs {least} packets or more to train on (svc.cv_folds is "
                f"{svc.cv_folds}), found {packets}, of which svc.test_share {svc.test_share} "
                f"leaves {train}: correct it {found.place(f'svc.{name}')}."
            )
    return faults


def _table(rows: list[tuple[str, Any, Any]]) -> str:
    """Lay out settings, values and what they may be in three columns, wrapped to the terminal."""
    width = max(shutil.get_terminal_size((100, 24)).columns, 80)
    shown = [
        (name, "-" if value == MISSING else allowed.shown(value), allowed.needed(kind))
        for name, value, kind in rows
    ]
    first = max(len(name) for name, *_ in shown) + 2
    second = min(max(len(value) for _, value, _ in shown), 34) + 2
    lines = []
    for name, value, needs in shown:
        values = textwrap.wrap(value, second - 2, break_on_hyphens=False) or [""]
        needed = textwrap.wrap(needs, width - 4 - first - second, break_on_hyphens=False)
        for i in range(max(len(values), len(needed))):
            cells = [column[i] if i < len(column) else "" for column in ([name], values, needed)]
            lines.append(f"    {cells[0]:{first}}{cells[1]:{second}}{cells[2]}".rstrip())
    return "\n".join(lines)
