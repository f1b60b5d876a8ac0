"""Bring a dataset's captures to data/capture/: find them, check them, unpack them, list them.

The embedded captures are kept xz-compressed beside a manifest that holds the SHA-256 of each.
A capture's name everywhere else is its path below ``PCAPs/`` without suffixes, such as
``DDoS/DDoS_TCP/1/IoT_Dataset_TCP_DDoS__00001_20180604170103``.

``captures.csv`` lists the captures, one a row. Later stages read the list and not the folder, so
that a dataset can leave its captures where they are.
"""

import csv
import hashlib
import json
import lzma
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from packetids import atomic, classes
from packetids.errors import PacketidsError

SUFFIXES = (".pcap", ".pcapng", ".pcap.xz")
# First octets: pcap with micro- or nanoseconds in both octet orders, an old variant, pcapng.
MAGICS = tuple(
    bytes.fromhex(text)
    for text in ("d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "34cdb2a1", "a1b2cd34", "0a0d0d0a")
)
CHUNK_OCTETS = 1 << 20
LISTING = "captures.csv"


@dataclass(frozen=True)
class Capture:
    """One capture of a dataset: a row of the listing."""

    name: str  # names its rows, its Parquet file and its line in every report
    path: Path  # where its octets are; relative paths start at the top of the repository
    subcategory: str  # key of `classes`
    octets: int  # of the file
    identity: str  # sha256:<hex>, or mtime:<ns> where a file is not hashed: same octets, same text


COLUMNS = [field.name for field in fields(Capture)]


def write_listing(folder: Path, listed_captures: list[Capture]) -> None:
    """Write ``captures.csv`` into `folder`, in the order given."""
    rows = [asdict(capture) | {"path": capture.path.as_posix()} for capture in listed_captures]
    with atomic.replacing(folder / LISTING) as part:
        with part.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def listed(folder: Path) -> list[Capture]:
    """Read the captures that ``captures.csv`` in `folder` lists, in its order.

    Raises
    ------
    PacketidsError
        If there is no listing, or it has other columns or no row.
    """
    path = folder / LISTING
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            columns, *rows = csv.reader(stream)
    except (FileNotFoundError, ValueError):  # the latter: not even a first line
        raise PacketidsError(
            f"{path} is missing or empty. Make it: dvc repro capture, or python -m stages.capture."
        ) from None
    if columns != COLUMNS or not rows:
        raise PacketidsError(
            f"{path}: needs the columns {', '.join(COLUMNS)} and at least one capture; it has "
            f"{', '.join(columns)} and {len(rows)} rows. Make it anew: dvc repro capture."
        )
    return [
        Capture(name, Path(place), subcategory, int(octets), identity)
        for name, place, subcategory, octets, identity in rows
    ]


def find(folder: Path) -> list[Path]:
    """List the captures below `folder`, sorted by name.

    Raises
    ------
    PacketidsError
        If the folder does not exist or holds no capture.
    """
    if not folder.is_dir():
        raise PacketidsError(
            f"{folder} is no folder. Set `captures` in params.yaml to the folder that holds "
            "PCAPs/, in full (~ is not expanded)."
        )
    found = sorted(path for path in folder.rglob("*") if path.name.endswith(SUFFIXES))
    if not found:
        there = sorted(path.name for path in folder.iterdir())
        raise PacketidsError(
            f"{folder}: no capture found ({', '.join(SUFFIXES)}); it holds "
            f"{', '.join(there[:5]) or 'nothing'}. Put captures there, or set `captures` in "
            "params.yaml to the folder that holds PCAPs/."
        )
    return found


def name_of(path: Path, folder: Path) -> str:
    """Name a capture by its path below `folder`, without suffixes."""
    name = path.relative_to(folder).as_posix()
    suffix = next(suffix for suffix in SUFFIXES[::-1] if name.endswith(suffix))
    return name.removesuffix(suffix)


def unpack(dataset: Path, target: Path) -> list[Capture]:
    """Unpack every capture of `dataset` below `target`, each checked against the manifest.

    Parameters
    ----------
    dataset : Path
        Holds ``PCAPs/`` and ``manifest.json``.
    target : Path
        Receives ``<name>.pcap`` for each capture.

    Returns
    -------
    list of Capture
        Sorted by name; each known by the manifest's SHA-256.

    Raises
    ------
    PacketidsError
        If a capture is missing, unknown, damaged or in a folder of no attack subcategory.
    """
    folder = dataset / "PCAPs"
    found = find(folder)
    manifest = _manifest(dataset)
    names = {name_of(path, folder): path for path in found}
    if missing := sorted(manifest.keys() - names.keys()):
        raise PacketidsError(
            f"{folder}: {len(missing)} of {len(manifest)} captures of the manifest are missing, "
            f"first {missing[0]}. Restore them (git checkout -- {dataset}), or record anew."
        )
    unpacked = []
    for name, path in names.items():
        subcategory = classes.of_capture(path.relative_to(folder))
        if name not in manifest:
            raise PacketidsError(
                f"{path}: not in {dataset / 'manifest.json'}. Take it out, or add it there with "
                "its SHA-256."
            )
        pcap = target / f"{name}.pcap"
        with atomic.replacing(pcap) as part:
            _decompress(path, part)
            found_hash = _sha256(part)
            if found_hash != manifest[name]["sha256"]:
                raise PacketidsError(
                    f"{path}: its SHA-256 is {found_hash[:16]}… and the manifest says "
                    f"{manifest[name]['sha256'][:16]}…. The copy is damaged: fetch it again."
                )
        unpacked.append(
            Capture(name, pcap, subcategory.key, pcap.stat().st_size, f"sha256:{found_hash}")
        )
    return unpacked


def place(dataset: Path) -> list[Capture]:
    """Place every capture of a download where it lies; nothing is copied or written.

    `dataset` holds ``PCAPs/``, or is that folder. A capture's identity is the time of its last
    change: DVC hashes the octets, and need not be doubled.

    Raises
    ------
    PacketidsError
        If a file cannot be read, is no pcap or pcapng capture, cannot be placed in a subcategory,
        or there are two of one name.
    """
    folder = dataset / "PCAPs" if (dataset / "PCAPs").is_dir() else dataset
    placed: dict[str, Capture] = {}
    for path in find(folder):
        if path.name.endswith(".xz"):
            raise PacketidsError(f"{path}: compressed captures are not read in place. Unpack it.")
        subcategory = classes.of_capture(path.relative_to(folder))
        check_begin(path)
        if path.name in placed:
            raise PacketidsError(
                f"{path}: there is another capture of that name, {placed[path.name].path}, and its "
                "packets would count twice. Take one of them out of the captures folder."
            )
        status = path.stat()
        placed[path.name] = Capture(
            name_of(path, folder), path.absolute(), subcategory.key, status.st_size,
            f"mtime:{status.st_mtime_ns}",
        )  # fmt: skip
    return sorted(placed.values(), key=lambda capture: capture.name)


def check_recorded_by(dataset: Path, name: str, recorded_by: str) -> None:
    """Refuse a folder that is not of the chosen dataset, so that no notice tells a lie.

    `recorded_by` is the start of the command in the manifest; empty where there is no manifest.
    """
    path = dataset / "manifest.json"
    if not recorded_by and not path.exists():
        return
    command = ""
    if path.exists():
        try:
            command = json.loads(path.read_text(encoding="utf-8")).get("command", "")
        except ValueError:
            return  # `unpack` says what is wrong with it
    if recorded_by and (not path.exists() or command.startswith(recorded_by)):
        return  # `unpack` says that it is missing
    needed = f"made by {recorded_by!r}" if recorded_by else "a download without manifest.json"
    raise PacketidsError(
        f"{dataset}: dataset {name} needs captures {needed}, and these were made by {command!r}. "
        "Set `dataset` and `captures` in params.yaml to the same dataset."
    )


def check_begin(path: Path) -> None:
    """Look at the first octets: hours later is too late to meet a file that is no capture."""
    try:
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as stream:
            begin = stream.read(4)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise PacketidsError(
            f"{path}: cannot be read ({error}). Correct its permissions, or take it out "
            "of the captures folder."
        ) from None
    if begin not in MAGICS:
        found = begin.hex(" ") or "nothing: the file is empty"
        raise PacketidsError(
            f"{path}: octet 0: a pcap or pcapng capture begins with one of "
            f"{', '.join(magic.hex(' ') for magic in MAGICS)}, and there is {found}. Fetch it "
            "again, or take it out of the captures folder."
        )


def _manifest(dataset: Path) -> dict[str, dict[str, Any]]:
    path = dataset / "manifest.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["captures"]
    except FileNotFoundError:
        raise PacketidsError(
            f"{path} is missing: it holds the SHA-256 of every capture. Restore it (git checkout), "
            "or record anew with make testbed."
        ) from None
    except (ValueError, KeyError) as error:
        raise PacketidsError(f"{path}: no list of captures in it: {error!r}") from None
    return {name_of(Path(entry["path"]), Path("PCAPs")): entry for entry in listed}


def _decompress(path: Path, target: Path) -> None:
    opener = lzma.open if path.suffix == ".xz" else open
    try:
        with opener(path, "rb") as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out, CHUNK_OCTETS)
    except (lzma.LZMAError, EOFError) as error:
        raise PacketidsError(
            f"{path}: not whole xz data ({error}). The copy is damaged: fetch it again."
        ) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
