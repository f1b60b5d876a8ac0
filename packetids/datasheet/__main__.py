"""Write the datasheet of the embedded captures, and hold it to the gate: ``make datasheet``."""

import argparse
import sys
from pathlib import Path

from packetids.core import atomic
from packetids.datasheet import packets, page, separability

EXPLAINED = "separable.csv"
PAGE = "DATASHEET.md"


def main() -> None:
    """Read both recordings, write the page, and end with 1 if the gate does not hold."""
    parser = argparse.ArgumentParser(prog="python -m packetids.datasheet", description=__doc__)
    parser.add_argument("--captures", type=Path, default=Path("captures"))
    parser.add_argument("--out", type=Path, help="default: DATASHEET.md in the captures folder")
    arguments = parser.parse_args()
    text, unexplained = made(arguments.captures)
    with atomic.replacing(arguments.out or arguments.captures / PAGE) as part:
        part.write_text(text, encoding="utf-8")
    if unexplained:
        sys.exit("\n".join([f"the gate does not hold ({EXPLAINED}):", *unexplained]))


def made(captures: Path) -> tuple[str, list[str]]:
    """Return the page, and what the gate finds without a reason."""
    read = packets.read(captures / "testbed")
    novel = packets.read(captures / "novel")
    scores = separability.table(read)
    why = separability.explained(captures / EXPLAINED)
    text = page.page(read, novel, packets.manifest(captures / "testbed"), scores, why)
    return text, separability.unexplained(separability.over_the_gate(scores), why)


if __name__ == "__main__":
    main()
