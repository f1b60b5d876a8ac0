"""What a smaller run leaves out, and why: tables and figures without a number of ours.

Nothing is left out of a run of all tasks. What shows results asks here, so that no stage draws an
empty picture, shows what an earlier run left on disk, or waits for what was never made.
"""

from pathlib import Path

from packetids.core import classes

SVC = Path("results/svc/left_out.txt")  # why the baseline was not trained; else it is not there


def reasons(tasks: list[str], trials: list[str]) -> dict[str, str]:
    """Return why each output that is left out of this run is, by the output's name."""
    found: dict[str, str] = {}
    if not tasks:
        why = "params.yaml lists no task."
        found |= dict.fromkeys(["figure-2", "training-curves", "scores", "runtimes"], why)
    if not set(tasks) - {classes.MULTICLASS}:
        found |= dict.fromkeys(["table-4", "figure-3"], "params.yaml lists no binary task.")
    if classes.MULTICLASS not in tasks:
        why = f"{classes.MULTICLASS} is not among the tasks of params.yaml."
        found |= dict.fromkeys(["table-5", "models", "operating", "protocols"], why)
        found |= dict.fromkeys(["fits", "single", "ablations"], why)
    if not trials:
        found["sweep"] = "params.yaml lists no trial."
    if why := svc():
        found |= dict.fromkeys(["table-6", "grid"], why)
    return found


def svc() -> str:
    """Return why the support vector baseline was left out; empty if it was trained."""
    return SVC.read_text(encoding="utf-8").strip() if SVC.exists() else ""
