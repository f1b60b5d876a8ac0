"""Which files of this package a module can reach through its imports.

What is kept on disk, compiled kernels and extracted Parquet files, is kept beside a hash of the
sources that decide what is in it, so that nothing stale is ever taken for fresh.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

PACKAGE = Path(__file__).parent
_IMPORTED = re.compile(
    rb"^[ \t]*(?:from|import)[ \t]+(packetids[\w.]*)(?:[ \t]+import[ \t]+(\([^)]*\)|.*))?", re.M
)


def reachable(module: Path) -> set[Path]:
    """Return the files of this package that `module` can reach through imports, itself included.

    A text file beside one of them counts too, because a module may read it while it is imported.
    Imports are found by a pattern, because parsing all files would slow every start.
    """
    reached, unread = {module}, [module]
    while unread:
        imported = {
            path
            for name, members in _IMPORTED.findall(unread.pop().read_bytes())
            for path in _files(name.decode(), re.findall(r"\w+", members.decode()))
        }
        unread += imported - reached
        reached |= imported
    beside = {text for path in reached for text in path.parent.glob("*.txt")}
    return reached | beside


def _files(name: str, members: list[str]) -> set[Path]:
    """Find the files behind ``from name import members``: a package's own file counts too."""
    parts = name.split(".")[1:]
    names = [parts[:depth] for depth in range(len(parts) + 1)] + [[*parts, one] for one in members]
    places = [PACKAGE.joinpath(*one) for one in names]
    files = [place / "__init__.py" for place in places] + [
        place.with_suffix(".py") for place in places if place != PACKAGE
    ]
    return {path for path in files if path.is_file()}


def digest(files: Iterable[Path]) -> str:
    """Return the SHA-256 of `files` of this package, in the order of their names."""
    hashed = hashlib.sha256()
    for path in sorted(files):
        hashed.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()
