"""What a file is: a capture, plain or packed, or something else; judged by its first bytes.

A name never makes a capture. It only says that a file *should* be one: ``x.pcap`` that holds a web
page, or nothing, is a fault, while a README is merely left out. Every file that is left out is
reported with its reason, except hidden files that are no captures (``.gitignore``, unfinished
``.part`` files) and DVC's own ``.dvc`` files; the folders ``.git`` and ``.dvc``, which hold copies
of what lies beside them, and ``lost+found`` are not searched.

The tool starts with this module, so it imports nothing that takes time.
"""

import bz2
import gzip
import lzma
import os
import re
import stat
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import BinaryIO

# First bytes. `native.pcap` and `native.pcapng` read these, and a test holds the three together.
PCAP_NUMBERS = (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34, 0x1C0001AB, 0x1C0001AC)
PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
MAGICS = {
    PCAPNG_MAGIC,
    *(number.to_bytes(4, "little") for number in PCAP_NUMBERS),
    *(number.to_bytes(4, "big") for number in PCAP_NUMBERS),
}
PLAIN, GZIP, ZSTD, LZ4, XZ, BZIP2 = "", "gzip", "Zstandard", "LZ4", "xz", "bzip2"
PACKINGS = {
    b"\x1f\x8b": GZIP,
    b"\x28\xb5\x2f\xfd": ZSTD,
    b"\x04\x22\x4d\x18": LZ4,
    b"\xfd7zXZ": XZ,
    b"BZh": BZIP2,
}
NATIVELY_READ_PACKINGS = (PLAIN, GZIP)
# TShark unpacks these itself, if it was built with their libraries; Debian's and Wireshark's are.
READ_PACKINGS = (PLAIN, GZIP, ZSTD, LZ4)
# Captures of other formats, which TShark reads. It takes much else for a capture of one packet,
# such as a picture or the two letters "hi", so it is asked only about these.
FOREIGN = {
    b"snoop\0\0\0": "snoop",
    b"iptrace ": "iptrace",
    b"RTSS": "NetMon 1",
    b"GMBU": "NetMon 2",
    b"TRSNIFF ": "Sniffer",
    b"XCP\0": "NetXRay",
    b"Observer": "Observer",
    b"\x05VNF": "Visual Networks",
}
CODECS = {ZSTD: "zstd", LZ4: "lz4"}  # pyarrow's names
PARQUET_MAGIC = b"PAR1"
OTHERS = {
    PARQUET_MAGIC: "Parquet",
    b"PK\x03\x04": "a zip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x1f\x9d": "compress data",
}
BEGIN_BYTES = 8

# Wireshark's suffixes, tcpdump's and dumpcap's numbers of files, and packings.
_PACKED_NAME = re.compile(r"\.(gz|gzip|zst|zstd|lz4|xz|lzma|bz2|zip|7z|rar|z)$", re.IGNORECASE)
_CAPTURE_NAME = re.compile(r"\.(pcapng|pcap|cap|dmp)\d*([._-]\d+)?$", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"\.(pcapng|pcap|cap|dmp)$", re.IGNORECASE)

SKIPPED_FOLDERS = {".git", ".dvc", "lost+found"}
UNPACK_ERRORS = (OSError, EOFError, zlib.error, lzma.LZMAError)


class Kind(Enum):
    """What became of a path."""

    CAPTURE = "capture"
    OTHER = "other"  # a regular file of something else
    PRETENDER = "pretender"  # a regular file that is no capture and has the name of one
    TWIN = "twin"  # the same file or folder as another one, which is read
    SPECIAL = "special"  # a FIFO, socket or device
    UNREADABLE = "unreadable"  # may be a capture: a dangling link, no permission
    LINKED = "linked"  # a link to a folder that was not followed
    ODD_NAME = "odd name"  # a capture, perhaps, whose name is not UTF-8


@dataclass(frozen=True)
class File:
    """What was found at one path."""

    path: Path
    kind: Kind
    why: str = ""  # it is left out, in words; empty for a capture
    packing: str = PLAIN
    status: os.stat_result | None = None  # of a regular file that could be opened
    foreign: str = ""  # the format of a capture that is neither pcap nor pcapng

    @property
    def is_wrong(self) -> bool:
        """Whether leaving it out leaves out, or may leave out, a capture."""
        if self.kind is Kind.SPECIAL:
            return claims_capture(self.path.name)
        return self.kind in (Kind.PRETENDER, Kind.UNREADABLE, Kind.LINKED, Kind.ODD_NAME)

    def __str__(self) -> str:
        return f"{printable(self.path)}: {self.why}"


@dataclass
class Found:
    """What was found below a folder, each list sorted by path."""

    captures: list[File] = field(default_factory=list)
    left_out: list[File] = field(default_factory=list)
    linked: list[Path] = field(default_factory=list)  # links to folders that were followed


def find(folder: Path, *, follow: bool) -> Found:
    """Look at every file below `folder`.

    Parameters
    ----------
    folder : Path
        May itself be a link.
    follow : bool
        Look into linked folders, each real folder and file once; else a linked folder is left out.

    Raises
    ------
    OSError
        If `folder` itself cannot be listed.
    """
    os.scandir(folder).close()
    found = Found()
    paths = list(_walk(folder, follow, found))
    through_links = {path for path in paths if found.linked and _is_below(path, found.linked)}
    seen: dict[tuple[int, int], Path] = {}

    def rank(path: Path) -> tuple[bool, bool, bool, Path]:
        """Rank the names of a file: UTF-8 first, and the file itself before links to it."""
        return not is_utf8(path), path.is_symlink(), path in through_links, path

    for path in sorted(paths, key=rank):
        file = recognise(path)
        if file.status is not None and file.kind is not Kind.OTHER:
            first = seen.setdefault((file.status.st_dev, file.status.st_ino), path)
            if first != path:
                file = File(path, Kind.TWIN, f"it is the file {printable(first)}, which is read")
        if file.is_wrong or file.kind is Kind.CAPTURE:
            file = _with_utf8_name(file, folder)
        if file.kind is Kind.CAPTURE:
            found.captures.append(file)
        elif not _is_noise(file):
            found.left_out.append(file)
    found.captures.sort(key=lambda file: file.path)
    found.left_out.sort(key=lambda file: file.path)
    return found


def recognise(path: Path) -> File:
    """Recognize the file at `path`. Raises nothing, and waits for no FIFO."""
    none = Kind.PRETENDER if claims_capture(path.name) else Kind.OTHER
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return File(path, Kind.SPECIAL, f"it is {kind_of(status.st_mode)}, no regular file")
        with path.open("rb") as stream:
            begin = stream.read(BEGIN_BYTES)
    except OSError as error:
        return File(path, Kind.UNREADABLE, f"cannot be read ({reason(path, error)})")
    packing = packing_of(begin)
    if packing:
        try:
            with unpacked(path, packing) as inside:
                begin = inside.read(BEGIN_BYTES)
        except UNPACK_ERRORS as error:
            why = f"it begins as {packing} data do and cannot be unpacked ({words(error)})"
            return File(path, none, why, packing, status)
    foreign = next((name for magic, name in FOREIGN.items() if begin.startswith(magic)), "")
    if begin[:4] in MAGICS or foreign:
        return File(path, Kind.CAPTURE, "", packing, status, foreign)
    return File(path, none, begins(begin, packing), packing, status)


def packing_of(begin: bytes) -> str:
    """Name the packing of data that begin with `begin`; empty if there is none."""
    return next((name for magic, name in PACKINGS.items() if begin.startswith(magic)), PLAIN)


def format_of(begin: bytes) -> str:
    """Name the format that begins with `begin`, other than pcap and pcapng; "" if unknown."""
    known = PACKINGS | FOREIGN | OTHERS
    return next((name for magic, name in known.items() if begin.startswith(magic)), "")


def begins(begin: bytes, packing: str = PLAIN) -> str:
    """Describe how a file that is no capture begins."""
    if not begin:
        return f"there is nothing: {f'the {packing} data are' if packing else 'the file is'} empty"
    known = format_of(begin)
    where = f"the {packing} data begin" if packing else "it begins"
    return f"{where} with {begin[:4].hex(' ')}{f' ({known})' if known else ''}, as no capture does"


def unpacked(path: Path, packing: str) -> BinaryIO:
    """Open a file as a stream of its unpacked bytes; reading raises some of `UNPACK_ERRORS`."""
    if packing in CODECS:
        import pyarrow as pa

        return pa.CompressedInputStream(path.open("rb"), CODECS[packing])
    openers = {GZIP: gzip.open, XZ: lzma.open, BZIP2: bz2.open}
    return openers.get(packing, open)(path, "rb")  # type: ignore[operator]


def unread(file: File, *, natively: bool = False) -> str:
    """Explain that no reader, or not the native one, reads a capture's compression; else ""."""
    if file.packing not in READ_PACKINGS:
        return f"it is packed by {file.packing}, which no reader reads. Unpack it"
    if natively and file.foreign:
        return f"it is a {file.foreign} capture, which only TShark reads. Use its reader"
    if natively and file.packing not in NATIVELY_READ_PACKINGS:
        return (
            f"it is packed by {file.packing}, which only TShark reads. Use its reader, or unpack it"
        )
    return ""


def claims_capture(name: str) -> bool:
    """Check whether a name says that the file is a capture; a hidden file's name says nothing."""
    while _PACKED_NAME.search(name):
        name = _PACKED_NAME.sub("", name)
    return not name.startswith(".") and bool(_CAPTURE_NAME.search(name))


def without_suffixes(name: str) -> str:
    """Return a capture's name without its packing and ``.pcap`` and the like.

    ``x.pcap2`` stays, because it is another file than ``x.pcap`` and ``x.pcap1``.
    """
    while (shorter := _PACKED_NAME.sub("", name)) not in (name, ""):
        name = shorter
    return _PLAIN_NAME.sub("", name) or name


def not_replaceable(path: Path) -> str:
    """Explain why `path` must not be replaced by a Parquet file; return "" if it may be.

    A Parquet file may, whole or cut short, and so may an empty file, such as mktemp makes:
    nothing is lost with either.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return f"is {kind_of(status.st_mode)}"
        with path.open("rb") as stream:
            begin = stream.read(BEGIN_BYTES)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return ""
        return f"cannot be read ({reason(path, error)})"
    if not begin or begin.startswith(PARQUET_MAGIC):
        return ""
    known = "a capture" if begin[:4] in MAGICS else format_of(begin)
    what = f" ({known})" if known else ""
    return f"exists and is not a Parquet file: it begins with {begin[:4].hex(' ')}{what}"


def reason(path: Path, error: OSError) -> str:
    """Explain in the system's words why `path` cannot be opened, or where a broken link points."""
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"a link to {printable(os.readlink(path))}, which is not there"
    return words(error)


def words(error: Exception) -> str:
    """Describe what went wrong, without the path, which the message already has."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error)


def kind_of(mode: int) -> str:
    """Name the kind of file of a mode."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "a special file")


def is_utf8(path: Path | str) -> bool:
    """Check whether a path is UTF-8 text; Python keeps other bytes as lone surrogates."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(path: Path | str) -> str:
    r"""Return a path as one line of UTF-8: other bytes as ``\xe9``, line ends as ``\n``."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def _walk(folder: Path, follow: bool, found: Found) -> Iterator[Path]:
    """Yield each file below `folder`; add folders that are left out, and links, to `found`."""

    def leave_out(path: Path, kind: Kind, why: str) -> None:
        found.left_out.append(_with_utf8_name(File(path, kind, why), folder))

    real, links = [folder], deque[Path]()
    seen = {_identity(folder): folder}
    while real or links:  # folders under their own names before links to them
        if real:
            here = real.pop()
        else:
            here = links.popleft()
            target = Path(os.path.realpath(here))
            if not follow:
                leave_out(here, Kind.LINKED, f"it is a link to the folder {printable(target)}")
                continue
            if target in Path(os.path.realpath(here.parent)).parents:
                why = f"it is a link back to {printable(target)}, which holds it"
                leave_out(here, Kind.TWIN, why)
                continue
            first = seen.setdefault(_identity(here), here)
            if first != here:
                leave_out(here, Kind.TWIN, f"it is the folder {printable(first)}, which is read")
                continue
            found.linked.append(here)
        try:
            names = sorted(os.listdir(here))
        except OSError as error:
            leave_out(here, Kind.UNREADABLE, f"cannot be read ({reason(here, error)})")
            continue
        for name in names:
            path = here / name
            identity = _identity(path)
            if identity is None:
                yield path
            elif os.path.islink(path):
                links.append(path)
            elif name not in SKIPPED_FOLDERS:
                first = seen.setdefault(identity, path)
                if first == path:
                    real.append(path)
                else:
                    why = f"it is the folder {printable(first)}, which is read"
                    leave_out(path, Kind.TWIN, why)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return a folder's identity; None if it is not a folder or no longer exists."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _is_below(path: Path, folders: list[Path]) -> bool:
    return any(folder in path.parents for folder in folders)


def _with_utf8_name(file: File, folder: Path) -> File:
    """Return `file`, or where its name below `folder` is not UTF-8, that it is left out for it."""
    if is_utf8(file.path.relative_to(folder)):
        return file
    why = "its name is not UTF-8, in which results keep names: rename it"
    return replace(file, kind=Kind.ODD_NAME, why=f"{why} ({file.why})" if file.why else why)


def _is_noise(file: File) -> bool:
    """Check whether a file that is left out need not be reported."""
    hidden = file.path.name.startswith(".") or file.path.suffix == ".dvc"
    return file.kind is Kind.OTHER and hidden and is_utf8(file.path)
