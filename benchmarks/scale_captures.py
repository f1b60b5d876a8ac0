"""From captures to features at the paper's size: a made-up download through the real stages.

The download has BoT-IoT's layout and names; its captures are the embedded ones, each many times
over by hard links in numbered folders, so that nothing is varied and many rows are duplicates: the
time up to the sample does not depend on that, and preprocess has less to keep than in `scale_data`.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks import scale_page, scale_steps
from packetids.capture import listing

EMBEDDED = Path("captures/testbed")

STEPS = ("capture", "extract", "label", "unify", "sample", "preprocess")
ALL_KEPT = ["sample.attack_packets_max=100000000", "sample.dataset_share=1"]


def run(folder: Path) -> dict[str, Any]:
    """Measure each stage once, in a workspace below `folder`; costs in the order of `STEPS`."""
    download, workspace = folder / "download", folder / "captures"
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir(parents=True)
    shutil.copytree("reference", workspace / "reference")
    copies = build(download)
    overrides = ["dataset=bot_iot", f"captures={download.resolve()}", "extract=native"]
    costs = []
    for step in STEPS:
        more = ALL_KEPT if step == "sample" else []
        costs.append(vars(scale_steps.measure(workspace, step, *overrides, *more)))
    return {
        "copies": copies,
        "octets": sum(path.stat().st_size for path in download.rglob("*.pcap")),
        "steps": costs,
        "load_after": os.getloadavg(),
    }


def build(download: Path) -> int:
    """Make the download anew; gives how often each embedded capture is in it."""
    shutil.rmtree(download, ignore_errors=True)
    unpacked = download.parent / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    embedded = listing.unpack(EMBEDDED, unpacked)
    manifest = json.loads((EMBEDDED / "manifest.json").read_text(encoding="utf-8"))
    sampled, _, _ = scale_page.paper()
    copies = -(-sampled // manifest["totals"]["packets"])  # rounded up
    for number in range(copies):
        for capture in embedded:
            place = Path(capture.name)
            name = place.name.replace("__00001_", f"__{number + 1:05}_")  # no two have one name
            target = download / "PCAPs" / place.parent / str(number) / f"{name}.pcap"
            target.parent.mkdir(parents=True)
            os.link(capture.path, target)
    return copies
