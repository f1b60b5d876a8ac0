"""Pack recorded captures and say what they are: ``PCAPs/**/*.pcap.xz`` and ``manifest.json``."""

import hashlib
import json
import lzma
import platform
import re
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from testbed import pcap
from testbed.recorder import Recorded
from testbed.topology import BOTS

VERSIONS = {
    "dumpcap": ["dumpcap", "--version"],
    "hping3": ["hping3", "--version"],
    "nmap": ["nmap", "--version"],
    "goldeneye": ["goldeneye", "-h"],
    "slowhttptest": ["slowhttptest", "-h"],
    "mosquitto": ["mosquitto", "-h"],
    "nginx": ["nginx", "-v"],
    "curl": ["curl", "--version"],
    "ssh": ["ssh", "-V"],
    "dnsmasq": ["dnsmasq", "--version"],
    "chronyd": ["chronyd", "--version"],
}


def pack(out: Path, recorded: Iterable[Recorded], how: dict[str, Any]) -> dict[str, Any]:
    """Compress every capture below `out` and write the manifest; `how` says how they were made."""
    bots = {bytes(int(part) for part in host.address.split(".")) for host in BOTS}
    captures = []
    for one in recorded:
        entry = _describe(one, out, bots)
        packed = one.path.with_name(one.path.name + ".xz")
        packed.write_bytes(lzma.compress(one.path.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
        one.path.unlink()
        entry["xz_sha256"] = hashlib.sha256(packed.read_bytes()).hexdigest()
        entry["xz_octets"] = packed.stat().st_size
        captures.append(entry)
    captures.sort(key=lambda entry: entry["path"])
    totals = {
        name: sum(entry[name] for entry in captures)
        for name in ("packets", "bot_packets", "octets", "xz_octets", "dropped_packets")
    }
    manifest = how | {"totals": totals, "captures": captures}
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (out / "manifest.json").write_text(text, encoding="utf-8")
    return manifest


def circumstances(seed: int, rounds: int, scale: float) -> dict[str, Any]:
    """Say when and with what a recording was made."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": f"python -m testbed record --seed {seed} --rounds {rounds} --scale {scale:g}",
        "seed": seed,
        "kernel": platform.release().split("-")[0],
        "tools": {name: _version(command) for name, command in VERSIONS.items()},
    }


def _version(command: list[str]) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    match = re.search(r"\d+\.\d+[\w.\-]*", said.stdout + said.stderr)
    return match[0] if match else "unknown"


def _describe(one: Recorded, out: Path, bots: set[bytes]) -> dict[str, Any]:
    _, packets = pcap.read(one.path)
    return {
        "path": one.path.relative_to(out).as_posix(),
        "subcategory": one.subcategory,
        "round": one.round,
        "sha256": hashlib.sha256(one.path.read_bytes()).hexdigest(),
        "octets": one.path.stat().st_size,
        "packets": len(packets),
        "bot_packets": sum(pcap.is_bots(packet, bots) for packet in packets),
        "first_time_us": packets[0].time_us if packets else None,
        "last_time_us": packets[-1].time_us if packets else None,
        "dropped_packets": one.dropped_packets,
        "commands": one.commands,
    }
