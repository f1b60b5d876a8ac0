"""Cut the tiny capture out of the embedded one: a window of attack and normal packets of each."""

import lzma
import shutil
import tempfile
from pathlib import Path
from typing import Any

from testbed import manifest, pcap
from testbed.hosts import BOTS
from testbed.recorder import Recorded

WINDOW_PACKETS = 64
ROUNDS = ("1", "2", "3", "4")  # enough to split and to leave one out, and small


def cut(source: dict[str, Any], captures: Path, out: Path) -> dict[str, Any]:
    """Cut a window out of each capture of `ROUNDS` of the manifest `source`, and pack them."""
    bots = {bytes(int(part) for part in host.address.split(".")) for host in BOTS}
    recorded = []
    for entry in source["captures"]:
        if entry["round"] not in ROUNDS:
            continue
        target = out / entry["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "whole.pcap"
            with lzma.open(captures / (entry["path"] + ".xz")) as packed, whole.open("wb") as file:
                shutil.copyfileobj(packed, file)
            header, packets = pcap.read(whole)
            chosen = _window([pcap.is_bots(packet, bots) for packet in packets])
            pcap.write(target, header, whole.read_bytes(), packets[chosen])
        recorded.append(
            Recorded(target, entry["subcategory"], entry["round"], entry["kinds"], [], 0)
        )
    how = {name: source[name] for name in ("date", "seed", "kernel", "padding", "tools")}
    return manifest.pack(out, recorded, {"command": "python -m testbed tiny"} | how)


def _window(attack: list[bool]) -> slice:
    """Choose the first window that is half attack, or the one nearest to that."""
    if len(attack) <= WINDOW_PACKETS:
        return slice(0, len(attack))
    inside = sum(attack[:WINDOW_PACKETS])
    best, best_start = abs(2 * inside - WINDOW_PACKETS), 0
    for start in range(1, len(attack) - WINDOW_PACKETS + 1):
        inside += attack[start + WINDOW_PACKETS - 1] - attack[start - 1]
        distance = abs(2 * inside - WINDOW_PACKETS)
        if distance < best:
            best, best_start = distance, start
    return slice(best_start, best_start + WINDOW_PACKETS)
