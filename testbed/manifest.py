"""Pack recorded captures and say what they are: ``PCAPs/**/*.pcap.xz`` and ``manifest.json``."""

import hashlib
import json
import lzma
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from testbed import links, pcap
from testbed.hosts import BOTS, HOSTS
from testbed.recorder import Recorded

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
    "ab": ["ab", "-V"],
    "siege": ["siege", "-V"],
    "ncat": ["ncat", "--version"],
    "vsftpd": ["vsftpd", "-v"],
    "openssl": ["openssl", "version"],
    "dnsmasq": ["dnsmasq", "--version"],
    "chronyd": ["chronyd", "--version"],
}


def pack(out: Path, recorded: Iterable[Recorded], how: dict[str, Any]) -> dict[str, Any]:
    """Compress every capture below `out` and write the manifest; `how` says how they were made."""
    bots = {bytes(int(part) for part in host.address.split(".")) for host in BOTS}
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # xz leaves Python's lock alone
        captures = list(threads.map(lambda one: _pack(one, out, bots), recorded))
    captures.sort(key=lambda entry: entry["path"])
    totals = {
        name: sum(entry[name] for entry in captures)
        for name in (
            "packets",
            "bot_packets",
            "frames_padded",
            "bytes",
            "xz_bytes",
            "dropped_packets",
        )
    }
    manifest = how | {"totals": totals, "captures": captures}
    text = json.dumps(manifest, indent=0, ensure_ascii=False) + "\n"
    (out / "manifest.json").write_text(text, encoding="utf-8")
    return manifest


def _pack(one: Recorded, out: Path, bots: set[bytes]) -> dict[str, Any]:
    entry = _describe(one, out, bots)
    packed = one.path.with_name(one.path.name + ".xz")
    content = lzma.compress(one.path.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
    packed.write_bytes(content)
    one.path.unlink()
    entry["xz_sha256"] = hashlib.sha256(content).hexdigest()
    entry["xz_bytes"] = len(content)
    return entry


def circumstances(seed: int, rounds: list[str], scale: float, only: list[str]) -> dict[str, Any]:
    """Return when and with what a recording was made, and the hosts' stacks and links."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": f"python -m testbed record --seed {seed} --scale {scale:g}",
        "seed": seed,
        "scale": scale,
        "only": only,
        "kernel": platform.release().split("-")[0],
        "padding": "frames shorter than 60 bytes are padded with zeros by the switch, as the "
        "sender's Ethernet card does; frames_padded counts frames of 60 bytes with padding",
        "tools": {name: _version(command) for name, command in VERSIONS.items()},
        "hosts": {
            host.name: {"address": host.address, "role": host.role, **asdict(host.stack)}
            for host in HOSTS
        },
        "rounds": {
            name: {host: str(link) for host, link in links.draw(seed, name).items()}
            for name in rounds
        },
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
        "kinds": one.kinds,
        "sha256": hashlib.sha256(one.path.read_bytes()).hexdigest(),
        "bytes": one.path.stat().st_size,
        "packets": len(packets),
        "bot_packets": sum(pcap.is_bots(packet, bots) for packet in packets),
        "frames_padded": sum(pcap.is_padded(packet) for packet in packets),
        "first_time_us": packets[0].time_us if packets else None,
        "last_time_us": packets[-1].time_us if packets else None,
        "dropped_packets": one.dropped_packets,
        "commands": one.commands,
    }
