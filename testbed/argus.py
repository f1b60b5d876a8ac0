"""Flow records of recorded captures, as BoT-IoT distributes them: Argus, then labels.

Needs Debian's argus-server and argus-client; both read files only, no network.

The labels follow BoT-IoT's as far as its rows tell: a flow between a bot and a victim, in either
direction and ARP too, is of the capture's category and subcategory; all else is Normal, also what
bots do for themselves (DNS, NTP, ARP of the gateway).
"""

import csv
import io
import lzma
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from testbed.errors import TestbedError
from testbed.hosts import BOTS, VICTIMS

# BoT-IoT's 35 columns, in its order; Argus' are between the number and the labels.
ARGUS_COLUMNS = (
    "stime", "flgs", "proto", "saddr", "sport", "daddr", "dport", "pkts", "bytes", "state",
    "ltime", "seq", "dur", "mean", "stddev", "smac", "dmac", "sum", "min", "max", "soui", "doui",
    "sco", "dco", "spkts", "dpkts", "sbytes", "dbytes", "rate", "srate", "drate",
)  # fmt: skip
COLUMNS = ("pkSeqID", *ARGUS_COLUMNS, "attack", "category", "subcategory")
RATES = {"rate", "srate", "drate"}  # two decimals: more are a tenth of the file and tell nothing
EMPTY = {"smac", "dmac", "soui", "doui", "sco", "dco"}  # always, in BoT-IoT

LABELS = {
    "DDoS_HTTP": ("DDoS", "HTTP"), "DDoS_TCP": ("DDoS", "TCP"), "DDoS_UDP": ("DDoS", "UDP"),
    "DoS_HTTP": ("DoS", "HTTP"), "DoS_TCP": ("DoS", "TCP"), "DoS_UDP": ("DoS", "UDP"),
    "OS_Fingerprint": ("Reconnaissance", "OS_Fingerprint"),
    "Service_Scan": ("Reconnaissance", "Service_Scan"),
    "Data_Exfiltration": ("Theft", "Data_Exfiltration"), "Keylogging": ("Theft", "Keylogging"),
}  # fmt: skip

_BOTS = {host.address for host in BOTS}
_VICTIMS = {host.address for host in VICTIMS}


def write(captures: Path, listed: list[dict[str, Any]], target: Path) -> int:
    """Write the flows of the captures `listed` in a manifest to `target`, and count them.

    `target` is CSV with a header, compressed with xz; it appears only when it is whole.
    """
    check()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    flows = 0
    for entry in sorted(listed, key=lambda entry: entry["first_time_us"] or 0):
        with tempfile.TemporaryDirectory() as folder:
            pcap = Path(folder) / "capture.pcap"
            with lzma.open(captures / (entry["path"] + ".xz")) as packed, pcap.open("wb") as out:
                shutil.copyfileobj(packed, out)
            for row in records(pcap):
                flows += 1
                labels = _labels(row, entry["subcategory"])
                cells = [cell(name, row[name]) for name in ARGUS_COLUMNS]
                writer.writerow([flows, *cells, *labels])
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(lzma.compress(text.getvalue().encode(), preset=9 | lzma.PRESET_EXTREME))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return flows


def records(pcap: Path) -> Iterator[dict[str, str]]:
    """Run Argus on a capture; give its flow records by BoT-IoT's column names."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "flows.argus"
        _run(["argus", "-r", str(pcap), "-w", str(made)], pcap)
        said = _run(
            ["ra", "-n", "-u", "-r", str(made), "-c", ",", "-p", "6", "-s", *ARGUS_COLUMNS,
             "-", "not", "man"], pcap,
        )  # fmt: skip
    for row in list(csv.reader(io.StringIO(said)))[1:]:
        yield dict(zip(ARGUS_COLUMNS, map(str.strip, row), strict=True))


def check() -> None:
    """Refuse to begin without Argus."""
    if missing := [tool for tool in ("argus", "ra") if shutil.which(tool) is None]:
        raise TestbedError(
            f"missing: {', '.join(missing)}. apt-get install argus-server argus-client"
        )


def cell(name: str, text: str) -> str:
    """Write a cell of Argus as the embedded CSV has it: no column of `EMPTY`, rates short."""
    if name in EMPTY:
        return ""
    return f"{float(text):.2f}" if name in RATES and text else text


def _labels(row: dict[str, str], subcategory: str) -> tuple[str, str, str]:
    ends = {row["saddr"], row["daddr"]}
    if ends & _BOTS and ends & _VICTIMS:
        return ("1", *LABELS[subcategory])
    return ("0", "Normal", "Normal")


def _run(command: list[str], pcap: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TestbedError(f"{pcap}: {command[0]} stopped: {done.stderr.strip()[:300]}")
    return done.stdout
