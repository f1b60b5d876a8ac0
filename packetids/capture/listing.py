"""Bring a dataset's captures to data/capture/: find them, check them, unpack them, list them.

What is a capture is for `recognise` to say. What is none is left out and named; what should be one,
or what DVC would trip over or not see, is refused: no capture may be missing without a word.

The embedded captures are kept xz-compressed beside a manifest that holds the SHA-256 of each.
A capture's name everywhere else is its path below ``PCAPs/`` without suffixes, such as
``DDoS/DDoS_TCP/1/IoT_Dataset_TCP_DDoS__00001_20180604170103``.

``captures.csv`` lists the captures, one a row. Later stages read the list and not the folder, so
that a dataset can leave its captures where they are.
"""

import csv
import errno
import hashlib
import json
import logging
import os
import shutil
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from packetids.capture import recognise
from packetids.capture.recognise import Kind, printable
from packetids.core import atomic, classes
from packetids.core.errors import PacketidsError

CHUNK_OCTETS = 1 << 20
LISTING = "captures.csv"
PCAPS = "PCAPs"

log = logging.getLogger("capture")


@dataclass(frozen=True)
class Capture:
    """One capture of a dataset: a row of the listing."""

    name: str  # names its rows, its Parquet file and its line in every report
    path: Path  # where its bytes are; relative paths start at the top of the repository
    subcategory: str  # key of `classes`
    octets: int  # of the file
    identity: str  # sha256:<hex>, or mtime:<ns> where a file is not hashed: same bytes, same text


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
            f"{', '.join(columns)} and {len(rows)} rows. Run dvc repro capture to make it again."
        )
    return [
        Capture(name, Path(place), subcategory, int(octets), identity)
        for name, place, subcategory, octets, identity in rows
    ]


@dataclass(frozen=True)
class Place:
    """A capture below the captures folder, and where it belongs."""

    file: recognise.File
    name: str
    subcategory: str  # key of `classes`


@dataclass
class Folder:
    """What a captures folder holds."""

    places: list[Place] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # why a run would not work, one a file
    left_out: list[recognise.File] = field(default_factory=list)  # no captures


def look(dataset: Path, *, packed: bool = False) -> Folder:
    """Look at every file of a dataset's folder.

    Parameters
    ----------
    dataset : Path
        Holds ``PCAPs/``, or is that folder. Beside ``PCAPs/``, flow records and notes are no
        matter.
    packed : bool
        Captures will be unpacked, so that no reader needs to know their packing.

    Raises
    ------
    PacketidsError
        If the folder does not exist or holds no capture.
    """
    top = dataset / PCAPS if os.path.isdir(dataset / PCAPS) else dataset
    try:
        found = recognise.find(top, follow=False)
        beside = recognise.find(dataset, follow=False) if top != dataset else recognise.Found()
    except OSError as error:
        is_none = isinstance(error, (FileNotFoundError, NotADirectoryError))
        why = "is no folder" if is_none else f"cannot be read ({recognise.words(error)})"
        raise PacketidsError(
            f"{printable(dataset)} {why}. Set `captures` in params.yaml to the folder that holds "
            "PCAPs/, in full (~ is not expanded)."
        ) from None
    folder = Folder()
    for file in [*beside.captures, *beside.left_out]:
        if top in file.path.parents:
            continue
        why = _trips_dvc(file)
        if why and not (file.kind is Kind.UNREADABLE and os.path.isdir(file.path)):
            folder.wrong.append(f"{printable(file.path)}: {why}.")
        elif file.kind is not Kind.OTHER:
            why = f"it lies beside {PCAPS}/ and not in it"
            folder.left_out.append(recognise.File(file.path, file.kind, why))
    seen: dict[str, Path] = {}
    for file in sorted([*found.captures, *found.left_out], key=lambda file: file.path):
        if why := _trips_dvc(file) or _is_missed(file, packed):
            folder.wrong.append(f"{printable(file.path)}: {why}.")
        elif file.kind is not Kind.CAPTURE:
            folder.left_out.append(file)
        else:
            try:
                folder.places.append(_place(file, top, seen, packed))
            except PacketidsError as error:
                folder.wrong.append(str(error))
    if not folder.places and not folder.wrong:
        there = sorted(os.listdir(top))
        raise PacketidsError(
            f"{printable(top)}: no capture found; it holds "
            f"{', '.join(map(printable, there[:5])) or 'nothing'}. Put captures there, or set "
            "`captures` in params.yaml to the folder that holds PCAPs/."
        )
    return folder


def _trips_dvc(file: recognise.File) -> str:
    """Explain why DVC does not see or cannot read a path; return "" if it can."""
    if file.kind is Kind.LINKED:
        return (
            f"{file.why}. DVC does not look below such a link, so that a change there would go "
            "unseen: set `captures` in params.yaml to the real folder, or move or copy it here"
        )
    if file.kind is Kind.SPECIAL:
        return f"{file.why}, and DVC would wait for it. Take it out of the captures folder"
    if file.kind is Kind.ODD_NAME or not recognise.is_utf8(file.path.absolute()):
        return "its name is not UTF-8, in which results and DVC keep names. Rename it"
    if file.kind is Kind.UNREADABLE:
        return f"{file.why}. Correct its permissions, fetch it again, or take it out of the folder"
    return ""


def _is_missed(file: recognise.File, packed: bool) -> str:
    """Explain why a file that is or should be a capture cannot be read as one, or is read twice."""
    if file.kind is Kind.OTHER:
        return ""
    if file.kind is Kind.TWIN:
        return f"{file.why}: its packets would count twice. Take one out of the captures folder"
    if not packed and (why := recognise.unread(file)):
        return why
    if file.kind is Kind.PRETENDER:
        return f"byte 0: {file.why}. Fetch it again, or take it out of the captures folder"
    return ""


def _place(file: recognise.File, top: Path, seen: dict[str, Path], packed: bool) -> Place:
    path = file.path
    subcategory = classes.of_capture(path.relative_to(top))
    name = name_of(path, top)
    # BoT-IoT's names hold the time; the embedded ones have places of their own in the manifest.
    first = seen.setdefault(name if packed else name.rsplit("/", 1)[-1], path)
    if first != path:
        raise PacketidsError(
            f"{printable(path)}: there is another capture of that name, {printable(first)}, and "
            "its packets would count twice. Take one of them out of the captures folder, or rename "
            "it if it holds other packets."
        )
    return Place(file, name, subcategory.key)


def _checked(folder: Folder) -> list[Place]:
    """Name what is left out, and refuse what is wrong."""
    for file in folder.left_out:
        log.warning("left out: %s", file)
    for why in folder.wrong[1:]:
        log.error("%s", why)
    if folder.wrong:
        raise PacketidsError(folder.wrong[0])
    return sorted(folder.places, key=lambda place: place.name)


def name_of(path: Path, folder: Path) -> str:
    """Name a capture by its path below `folder`, without suffixes."""
    below = path.relative_to(folder)
    return below.with_name(recognise.without_suffixes(below.name)).as_posix()


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
    folder = dataset / PCAPS
    if not folder.is_dir():
        raise PacketidsError(
            f"{folder} is no folder. Set `captures` in params.yaml to the folder that holds "
            f"PCAPs/, or restore it (git checkout -- {dataset})."
        )
    places = _checked(look(dataset, packed=True))
    manifest = _manifest(dataset)
    if missing := sorted(manifest.keys() - {place.name for place in places}):
        raise PacketidsError(
            f"{folder}: {len(missing)} of {len(manifest)} captures of the manifest are missing, "
            f"first {missing[0]}. Restore them (git checkout -- {dataset}), or record again."
        )
    unpacked = []
    for place in places:
        path, name = place.file.path, place.name
        if name not in manifest:
            raise PacketidsError(
                f"{path}: not in {dataset / 'manifest.json'}. Take it out, or add it there with "
                "its SHA-256."
            )
        pcap = target / f"{name}.pcap"
        with atomic.replacing(pcap) as part:
            _decompress(place.file, part)
            found_hash = _sha256(part)
            if found_hash != manifest[name]["sha256"]:
                raise PacketidsError(
                    f"{path}: its SHA-256 is {found_hash[:16]}… and the manifest says "
                    f"{manifest[name]['sha256'][:16]}…. The copy is damaged: fetch it again."
                )
        octets = pcap.stat().st_size
        unpacked.append(Capture(name, pcap, place.subcategory, octets, f"sha256:{found_hash}"))
    return unpacked


def place(dataset: Path) -> list[Capture]:
    """Place every capture of a download where it lies; nothing is copied or written.

    `dataset` holds ``PCAPs/``, or is that folder. A capture's identity is the time of its last
    change: DVC hashes the bytes, and need not be doubled.

    Raises
    ------
    PacketidsError
        If a file cannot be read, is no capture although its name says so, is in a packing that no
        reader reads, cannot be placed in a subcategory, or there are two of one name; or DVC would
        not see it, or would trip over it.
    """
    return [
        Capture(
            one.name,
            one.file.path.absolute(),
            one.subcategory,
            one.file.status.st_size,
            f"mtime:{one.file.status.st_mtime_ns}",
        )
        for one in _checked(look(dataset))
        if one.file.status is not None  # a capture has one
    ]


def check_recorded_by(dataset: Path, name: str, recorded_by: str) -> None:
    """Refuse a folder that is not of the chosen dataset, so that no notice is false.

    `recorded_by` is the start of the command in the manifest; empty where there is no manifest.
    """
    path = dataset / "manifest.json"
    is_there = os.path.isfile(path)  # False, too, where nobody may look; `look` says so
    if not recorded_by and not is_there:
        return
    command = ""
    if is_there:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            return  # `unpack` says what is wrong with it
        command = str(found.get("command", "")) if isinstance(found, dict) else ""
    if recorded_by and (not is_there or command.startswith(recorded_by)):
        return  # `unpack` says that it is missing
    needed = f"made by {recorded_by!r}" if recorded_by else "a download without manifest.json"
    raise PacketidsError(
        f"{dataset}: dataset {name} needs captures {needed}, and these were made by {command!r}. "
        "Set `dataset` and `captures` in params.yaml to the same dataset."
    )


def _manifest(dataset: Path) -> dict[str, dict[str, Any]]:
    path = dataset / "manifest.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["captures"]
        return {name_of(Path(entry["path"]), Path(PCAPS)): entry for entry in listed}
    except FileNotFoundError:
        raise PacketidsError(
            f"{path} is missing: it holds the SHA-256 of every capture. Restore it (git checkout), "
            "or record again with make testbed."
        ) from None
    except OSError as error:
        raise PacketidsError(f"{path}: cannot be read ({recognise.words(error)}).") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PacketidsError(f"{path}: no list of captures in it: {error!r}") from None


def _decompress(file: recognise.File, target: Path) -> None:
    try:
        with recognise.unpacked(file.path, file.packing) as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out, CHUNK_OCTETS)
    except recognise.UNPACK_ERRORS as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EIO):
            raise  # of the target
        raise PacketidsError(
            f"{printable(file.path)}: not whole {file.packing} data ({recognise.words(error)}). "
            "The copy is damaged: fetch it again."
        ) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
