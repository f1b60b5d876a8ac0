"""The MLflow store of this folder: made whole, anchored where it lies now, its errors in words.

MLflow writes the absolute path of artifacts into its database, for each experiment, run and model.
After ``mv`` those paths lead nowhere; in a copy they lead into the original, and a copy would write
there. So `prepare` anchors a store before it is used: every path below the folder that the
experiments were made in is put below the present one, in one transaction.

Two other ways were tried. MLflow makes a relative location absolute when an experiment is created;
written into the database by hand it is resolved against the working directory of whoever loads a
model. ``mlflow-artifacts:`` locations need a server that runs whenever a model is loaded or logged.

A store at any other address than an SQLite file is somebody's server, who decides where artifacts
lie: it is used as it is.

Import it through `mlflow_runs`, which turns MLflow's telemetry off first.
"""

import errno
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import mlflow
from filelock import FileLock, Timeout
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_latest_schema_revision  # there is no public name for it
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.exc import SQLAlchemyError

from packetids.core import atomic
from packetids.core.errors import PacketidsError

WAIT_S = 30.0  # for another process that uses the store; MLflow itself then waits 20 s
SQLITE = "sqlite:///"
AGAIN = "run python -m stages.track"

# Where MLflow 3 keeps paths of artifacts: table, column, and which of its rows.
LOCATIONS = (
    ("experiments", "artifact_location", ""),
    ("runs", "artifact_uri", ""),
    ("logged_models", "artifact_location", ""),
    ("model_versions", "source", ""),
    ("model_versions", "storage_location", ""),
    ("trace_tags", "value", "AND key = 'mlflow.artifactLocation'"),
)
DEFAULT_EXPERIMENT = "0"  # MLflow's own; its folder has its number for a name

# MLflow logs the traceback of a database error before it raises it; `in_words` says what it means.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Keep other processes of this project out; the system frees the lock of a killed process."""
    try:
        acquired = FileLock(lock).acquire(timeout=WAIT_S)
    except Timeout:
        raise PacketidsError(
            f"{lock} has been held for {WAIT_S:.0f} s by {_holders(lock)}, which uses the MLflow "
            f"store. Wait until that ends, or end it, and {AGAIN}."
        ) from None
    with acquired:
        yield


def prepare(uri: str, artifacts: Path, experiments: tuple[str, ...]) -> None:
    """Make the SQLite store at `uri`, or anchor it: its artifacts lie below `artifacts`.

    `experiments` names those that this project makes, each with its artifacts in the folder of its
    name below `artifacts`. Call it within `locked` and `in_words`.

    Raises
    ------
    PacketidsError
        If the store, or its artifacts, would lie outside the folder that holds them.
    """
    database = file_of(uri)
    if database is None:
        return
    _refuse_outside(database, artifacts)
    if not database.exists() or not database.stat().st_size:
        _create(database, artifacts)
        return
    if (
        database.is_file() and database.stat().st_nlink > 1
    ):  # copied by `cp -l`: SQLite would write into both
        with atomic.replacing(database) as part:
            shutil.copyfile(database, part)
    _anchor(database, artifacts, experiments)


def file_of(uri: str) -> Path | None:
    """Return the SQLite file at `uri`; None for a store kept elsewhere."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def local_path(location: str) -> Path | None:
    """Return the folder of an artifact location; None if it is on no disk of this machine."""
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(location) if location.startswith("/") else None


@contextmanager
def in_words(uri: str) -> Iterator[None]:
    """Turn what MLflow, SQLite and the disk raise into a `PacketidsError` that says what to do."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        raise PacketidsError(_words(uri, str(error).strip().splitlines()[0])) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:  # `command` says so of any file
            raise
        raise PacketidsError(
            f"{error.filename or 'a file'}: {error.strerror}: the MLflow store and its artifacts "
            f"need to be written. Correct that, and {AGAIN}."
        ) from None


def _refuse_outside(database: Path, artifacts: Path) -> None:
    folder = database.absolute().parent.resolve()
    for path in (database, artifacts, *artifacts.glob("*")):
        if not path.resolve().is_relative_to(folder):
            raise PacketidsError(
                f"{path} is a link to {path.resolve()}, outside {folder}: a copy of this folder "
                f"would write there, too. Move what it leads to in its place, and {AGAIN}."
            )
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise PacketidsError(
            f"{os.fsencode(folder)!r}: MLflow needs a path in UTF-8. Rename the folder, and "
            f"{AGAIN}."
        ) from None


def _create(database: Path, artifacts: Path) -> None:
    """Make the database under another name first: MLflow cannot go on with one half made."""
    for suffix in (
        "-journal",
        "-wal",
        "-shm",
    ):  # of a deleted database: SQLite would play them back
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    with atomic.replacing(database) as part:
        made = SqlAlchemyStore(f"{SQLITE}{part}", artifacts.resolve().as_uri())
        made.engine.dispose()


def _anchor(database: Path, artifacts: Path, experiments: tuple[str, ...]) -> None:
    """Move every path from the folder of the store's origin to `artifacts`.

    Begins a write in any case. So a store that is locked, damaged or not writable is found here,
    where MLflow would try for minutes.
    """
    present = artifacts.resolve().as_uri()
    with closing(sqlite3.connect(database, timeout=WAIT_S, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        _check_schema(connection, database)
        for old in _recorded(connection, experiments) - {present}:
            for table, column, rows in LOCATIONS:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE substr({column}, 1, ?) = ? {rows}",
                    (present, len(old) + 1, len(old) + 1, f"{old}/"),
                )
        connection.execute("COMMIT")


def _recorded(connection: sqlite3.Connection, experiments: tuple[str, ...]) -> set[str]:
    """Return the folders that hold the artifacts by the record, each as a URI and as a path.

    MLflow writes a path for experiments that were created without a location.
    """
    folders: set[str] = set()
    for number, name, location in connection.execute(
        "SELECT experiment_id, name, artifact_location FROM experiments"
    ):
        own = DEFAULT_EXPERIMENT if str(number) == DEFAULT_EXPERIMENT else name
        path = local_path(location or "")
        if path and path.name == own and own in (DEFAULT_EXPERIMENT, *experiments):
            folders |= {path.parent.as_uri(), str(path.parent)}
    return folders


def _check_schema(connection: sqlite3.Connection, database: Path) -> None:
    """Refuse tables of another version, which MLflow would now and then upgrade without a copy."""
    found = [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
    needed = _get_latest_schema_revision()
    if found != [needed]:
        there = ", ".join(found) or "none"
        raise PacketidsError(
            _words(f"{SQLITE}{database}", f"database schema {there}, not {needed}")
        )


def _words(uri: str, error: str) -> str:
    """Explain what an error of the store at `uri` means and what to do about it."""
    database = file_of(uri)
    if database is None:
        return f"{uri}: {error}. Correct that, and {AGAIN}."
    anew = (
        f"Move it away and {AGAIN}: every run whose results are here is logged again, and runs of "
        "earlier settings stay in the file that you moved."
    )
    if "locked" in error:
        return (
            f"{database} stayed locked by {_holders(database)}. Wait until that ends, or end it, "
            f"and {AGAIN}."
        )
    if "readonly" in error and not database.exists():
        return f"{database} was moved or deleted while it was used. To create it again, {AGAIN}."
    if "readonly" in error or "unable to open" in error:
        return (
            f"{database} cannot be written ({error}). Make the file and its folder writable, and "
            f"{AGAIN}."
        )
    if "is full" in error:
        free_mb = shutil.disk_usage(database.absolute().parent).free / 1e6
        return f"{database}: the disk is full, {free_mb:.0f} MB are free. Free some, and {AGAIN}."
    if "malformed" in error or "not a database" in error:
        return f"{database} is damaged ({error}). {anew}"
    if "database schema" in error or "no such" in error or "locate revision" in error:
        return (
            f"{database} is no store of the installed MLflow {mlflow.__version__} ({error[:160]}). "
            f"If an older version made it, copy it and run mlflow db upgrade {uri}. Else: {anew}"
        )
    return f"{database}: {error}. {anew}"


def _holders(path: Path) -> str:
    """Name the processes that hold a lock on `path`, if the system reports them (Linux)."""
    try:
        inode = f":{path.stat().st_ino}"
        locks = [row.split() for row in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return "another process"
    numbers = {row[4] for row in locks if len(row) > 5 and row[5].endswith(inode)}
    named = []
    for number in sorted(numbers - {str(os.getpid())}):
        try:
            program = Path(f"/proc/{number}/comm").read_text().strip()
        except OSError:
            continue
        named.append(f"process {number} ({program})")
    return " and ".join(named) or "another process"
