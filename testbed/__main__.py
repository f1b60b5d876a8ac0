"""Record BoT-IoT's traffic anew, in network namespaces: Linux, root.

python -m testbed record --out captures/testbed --novel captures/novel
python -m testbed tiny   --captures captures/testbed --out captures/tiny
python -m testbed flows  --captures captures/tiny

`record` needs Linux and root; `flows` needs Argus.

Everything stays between namespaces that have no route out; counts and times are bounded, and all
of it is removed at the end, also when interrupted.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from testbed import argus, manifest, network, recorder, schedule, tiny
from testbed.errors import TestbedError
from testbed.places import PLACES

PACKAGES = {
    "ip": "iproute2", "ethtool": "ethtool", "sysctl": "procps", "dumpcap": "tshark",
    "hping3": "hping3", "nmap": "nmap", "goldeneye": "goldeneye", "slowhttptest": "slowhttptest",
    "mosquitto": "mosquitto", "mosquitto_pub": "mosquitto-clients", "nginx": "nginx-light",
    "dnsmasq": "dnsmasq", "chronyd": "chrony", "vsftpd": "vsftpd", "curl": "curl",
    "sshd": "openssh-server", "ssh": "openssh-client", "ping": "iputils-ping",
    "ab": "apache2-utils", "siege": "siege", "ncat": "ncat", "openssl": "openssl",
}  # fmt: skip
DISK_NEEDED_MB = 500
NOVEL_SCALE = 0.5  # the novel round is for tests only


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(
        prog="python -m testbed", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    record = commands.add_parser("record", help="record all subcategories")
    record.add_argument("--out", type=Path, required=True, help="folder to replace")
    record.add_argument(
        "--novel",
        type=Path,
        help="folder to replace: one more round, of kinds that no other round has",
    )
    record.add_argument("--rounds", type=int, default=8, help="captures of each subcategory")
    record.add_argument("--scale", type=float, default=1.0, help="multiplies packet counts")
    record.add_argument("--only", default=",".join(PLACES), help="subcategories")
    record.add_argument("--seed", type=int, default=0)
    small = commands.add_parser("tiny", help="cut the test capture out of a recording")
    small.add_argument("--captures", type=Path, required=True)
    small.add_argument("--out", type=Path, required=True, help="folder to replace")
    flows = commands.add_parser("flows", help="make flow records of a recording with Argus")
    flows.add_argument("--captures", type=Path, required=True, help="gets flows/flows.csv.xz")
    arguments = parser.parse_args()
    if arguments.command == "record":  # before the old recording is replaced by an empty one
        if arguments.rounds < 1:
            parser.error(f"--rounds needs a whole number >= 1, found {arguments.rounds}")
        if not 0 < arguments.scale < float("inf"):
            parser.error(f"--scale needs a number > 0, found {arguments.scale}")
    # Ending by a signal unwinds like an error, so that everything is removed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if arguments.command == "record":
            _record(arguments)
        elif arguments.command == "tiny":
            _tiny(arguments)
        else:
            _flows(arguments)
    except TestbedError as error:
        sys.exit(f"testbed: error: {error}")
    except KeyboardInterrupt:
        sys.exit("testbed: interrupted; namespaces, processes and unfinished captures are removed")


def check(only: list[str], out: Path) -> None:
    """Refuse to begin where it cannot end well."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise TestbedError("network namespaces need Linux and root. Run it as root on Linux.")
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    os.environ["PATH"] = path
    if missing := sorted(tool for tool in PACKAGES if shutil.which(tool, path=path) is None):
        packages = " ".join(sorted({PACKAGES[tool] for tool in missing}))
        raise TestbedError(f"missing: {', '.join(missing)}. apt-get install {packages}")
    if unknown := sorted(set(only) - PLACES.keys()):
        raise TestbedError(
            f"--only: {', '.join(unknown)} is no subcategory; there is {', '.join(PLACES)}."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    free_mb = shutil.disk_usage(out.parent).free / 1e6
    if free_mb < DISK_NEEDED_MB:
        raise TestbedError(
            f"{out.parent}: {DISK_NEEDED_MB} MB are needed and {free_mb:.0f} MB are free."
        )


def _record(arguments: argparse.Namespace) -> None:
    only = arguments.only.split(",")
    check(only, arguments.out)
    seed, scale = arguments.seed, arguments.scale
    parts = [(arguments.out, schedule.round_names(arguments.rounds))]
    if arguments.novel:
        parts.append((arguments.novel, [schedule.NOVEL]))
    with network.alone():
        for out, rounds in parts:
            with _replacing(out) as folder:
                size = scale * (NOVEL_SCALE if rounds == [schedule.NOVEL] else 1)
                recorded = recorder.record(folder, rounds, size, only, seed)
                how = manifest.circumstances(seed, rounds, size, only)
                made = manifest.pack(folder, recorded, how)
            print(json.dumps(made["totals"]))


def _tiny(arguments: argparse.Namespace) -> None:
    source = json.loads((arguments.captures / "manifest.json").read_text(encoding="utf-8"))
    with _replacing(arguments.out) as folder:
        made = tiny.cut(source, arguments.captures, folder)
    print(json.dumps(made["totals"]))


def _flows(arguments: argparse.Namespace) -> None:
    source = json.loads((arguments.captures / "manifest.json").read_text(encoding="utf-8"))
    target = arguments.captures / "flows" / "flows.csv.xz"
    print(json.dumps({"flows": argus.write(arguments.captures, source["captures"], target)}))


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a folder beside `target`; put it in the target's place only if all goes well.

    Only an earlier recording is replaced, never a folder of something else.
    """
    if target.exists() and any(target.iterdir()) and not (target / "manifest.json").is_file():
        raise TestbedError(
            f"{target} holds no manifest.json, so it is no recording and is not replaced. "
            "Give another --out, or empty it."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    for killed in target.parent.glob(f".recording-{target.name}-*"):
        shutil.rmtree(killed)
    work = Path(tempfile.mkdtemp(prefix=f".recording-{target.name}-", dir=target.parent))
    try:
        new, old = work / "new", work / "old"
        new.mkdir()
        yield new
        if target.exists():
            target.rename(old)
        new.rename(target)
    finally:
        shutil.rmtree(work)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
