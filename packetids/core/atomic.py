"""Write whole files or none: a reader never meets half an output that looks finished."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

PART = ".part"
NAME_BYTES = 255  # of a file's name, in the usual file systems


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it to `path` only if the block succeeds.

    A killed process leaves at most a file that starts with a dot and ends in ``.part``. Its name
    is used once, because on a cluster a worker that was given up may still write the same `path`.

    Raises
    ------
    OSError
        Its ``filename`` is `path` where pyarrow or ``write`` name none.
    """
    once = f".{uuid.uuid4().hex[:12]}{PART}"
    part = path.parent / f".{path.name}{once}"
    if len(os.fsencode(part.name)) > NAME_BYTES:
        part = path.parent / once
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
    except OSError as error:
        if error.filename in (None, str(part)):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # of a folder that is not there, or is none
            part.unlink()


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write `table` without its index; floats keep all the digits they need to round-trip."""
    with replacing(path) as part:
        table.to_csv(part, index=False, lineterminator="\n")
