"""Look before hours of work: what of the dataset is there, disk, reader, time, flow records.

Prints a table and writes nothing. Ends with status 0 if a run would work, and 1 if it would not. A
part of BoT-IoT works; what is missing is listed. This is no stage of dvc.yaml: run it by hand.
"""

from dataclasses import dataclass
from pathlib import Path

from packetids.core import command, settings
from packetids.core.errors import PacketidsError
from packetids.preflight import checks


@dataclass(frozen=True)
class Config:
    """What this check reads."""

    dataset: settings.Dataset
    captures: str
    extract: settings.Extract
    compute: settings.Compute
    label: settings.Label
    sample: settings.Sample
    tasks: list[str]
    trials: list[str]


def main(config: Config) -> None:
    """Look and print."""
    rows = checks.findings(
        Path(config.captures),
        config.dataset,
        config.extract,
        config.compute.workers,
        config.label,
        config.sample,
        config.tasks,
        config.trials,
    )
    print(checks.table(rows))
    if bad := [row for row in rows if row.verdict == checks.BAD]:
        raise PacketidsError(
            f"a run would not work: {len(bad)} of {len(rows)} rows say {checks.BAD}. "
            f"The first, {bad[0].subject}: {bad[0].found}"
        )


if __name__ == "__main__":
    command.run(main, Config)
