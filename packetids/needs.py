"""What the tasks and trials of params.yaml need of a dataset.

A part of BoT-IoT may lack a subcategory, or a whole class of the multi-class task. The first
stage, the preflight check and the split ask here, so that they agree on what can be trained.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from packetids.core import classes
from packetids.core.errors import PacketidsError


@dataclass(frozen=True)
class Lack:
    """A class that is needed and not there."""

    name: str  # a key of `classes`, or a class of the multi-class task
    needed_by: tuple[str, ...]  # what params.yaml lists, such as "task Keylogging"


def lacks(present: Collection[str], tasks: list[str], trials: list[str]) -> list[Lack]:
    """List what `tasks` and `trials` need beyond `there`, the keys of the dataset's classes."""
    binary = {task: f"task {task}" for task in tasks if task != classes.MULTICLASS}
    multiclass = [f"task {task}" for task in tasks if task == classes.MULTICLASS]
    multiclass += ["all trials"] if trials else []  # which are of the multi-class task
    needed_by = {task: [line] for task, line in binary.items() if task not in present}
    needed_by |= {group: multiclass for group in missing_groups(present)}
    if classes.NORMAL not in present:
        needed_by[classes.NORMAL] = [*binary.values(), *multiclass]
    return [Lack(name, tuple(lines)) for name, lines in needed_by.items() if lines]


def missing_groups(present: Collection[str]) -> list[str]:
    """List the classes of the multi-class task of which `there`, keys of classes, has none."""
    groups = {classes.BY_KEY[key].group for key in present}
    return [group for group in classes.GROUPS if group not in groups]


def check(
    present: Collection[str], tasks: list[str], trials: list[str], place: Path, unit: str
) -> None:
    """Refuse tasks and trials that the dataset at `place`, counted in `unit`, cannot serve.

    Raises
    ------
    PacketidsError
        Names what is missing and what to take out of params.yaml.
    """
    if not (missing := lacks(present, tasks, trials)):
        return
    needed_by = dict.fromkeys(line for lack in missing for line in lack.needed_by)
    raise PacketidsError(
        f"{place}: no {unit} of {', '.join(lack.name for lack in missing)}, which params.yaml "
        f"needs. Add some, or take out of params.yaml: {', '.join(needed_by)}."
    )
