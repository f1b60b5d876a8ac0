"""The MLflow store goes where its folder goes, and its troubles cost the view, never the work."""

import json
import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from mlflow.store.db import utils as mlflow_db

from packetids.core.errors import PacketidsError
from packetids.runs import mlflow_runs, mlflow_store
from tests import tracked
from tests.conftest import ROOT
from tests.test_tracking import result, runs

RUN = {"env": os.environ | {"PYTHONPATH": str(ROOT)}, "stdout": subprocess.PIPE}


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """A tracked repository, not to be changed."""
    folder = tracked.repository(tmp_path_factory.mktemp("original") / "repo")
    tracked.track(folder)
    return folder


@pytest.fixture(scope="module")
def addresses(original) -> list[str]:
    return tracked.load_all(original)


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """An empty folder for a store."""
    monkeypatch.chdir(tmp_path)
    # MLflow keeps one open store a process and address, so each test needs an address of its own.
    monkeypatch.setattr(mlflow_runs, "STORE", f"sqlite:///{tmp_path}/mlflow.db")
    return tmp_path


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(mlflow_store, "WAIT_S", 1.0)


def holding(command: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process in `folder` that runs `command` and then holds what it took for a minute."""
    code = f"{command}\nprint('held', flush=True)\nimport time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=folder, **RUN)
    assert process.stdout.readline() == b"held\n"
    return process


LOCK_DATABASE = """
import sqlite3
connection = sqlite3.connect("mlflow.db", isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
"""
LOCK_FILE = "from filelock import FileLock; lock = FileLock('.mlflow.lock'); lock.acquire()"


@pytest.mark.parametrize("name", ["moved", "with a space, # and ? é"])
def test_a_moved_repository_loads_its_models(original, addresses, tmp_path, name):
    folder = tmp_path / name
    shutil.copytree(original, tmp_path / "before")
    tracked.track(tmp_path / "before")
    (tmp_path / "before").rename(folder)

    tracked.track(folder)

    assert tracked.load_all(folder) == addresses
    assert tracked.values_with(folder, str(tmp_path / "before")) == []
    if name == "moved":  # from anywhere else, too; SQLAlchemy's addresses cannot hold ? and #
        assert tracked.load_all(tmp_path, f"sqlite:///{folder}/mlflow.db") == addresses


LIVE = """
import mlflow
from packetids.runs import mlflow_runs
with mlflow_runs.live("train", "multiclass", "another", {"fnn": {"l1": 0.0}}) as on_epoch:
    on_epoch(1, {"loss": 0.9})
mlflow.set_tracking_uri(mlflow_runs.STORE)
mlflow.set_experiment("train")
with mlflow.start_run():
    mlflow.log_text("made by hand", "note.txt")
mlflow.set_experiment("Default")
with mlflow.start_run():
    mlflow.log_text("made by hand", "note.txt")
mlflow.set_experiment("of the user")
with mlflow.start_run():
    mlflow.log_text("made by hand", "note.txt")
"""


REGISTER = """
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("train")
(model,) = mlflow.search_logged_models(output_format="list")
mlflow.register_model(f"models:/{model.model_id}", "by its number")
mlflow.MlflowClient().create_registered_model("by its place")
mlflow.MlflowClient().create_model_version("by its place", model.artifact_location)
with mlflow.start_span("asked"):
    pass
mlflow.flush_trace_async_logging()
"""
LOAD_REGISTERED = """
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.pyfunc.load_model("models:/by its number/1")
mlflow.pyfunc.load_model("models:/by its place/1")
(trace,) = mlflow.search_traces(locations=["1"], return_type="list")
print([span.name for span in trace.data.spans])
"""


def test_registered_models_and_traces_move_too(original, tmp_path):
    folder = tmp_path / "repo"
    shutil.copytree(original, folder)
    tracked.track(folder)
    assert (done := tracked.python(folder, "-c", REGISTER)).returncode == 0, done.stderr
    folder = folder.rename(tmp_path / "moved")

    tracked.track(folder)
    done = tracked.python(folder, "-c", LOAD_REGISTERED)

    assert done.returncode == 0 and done.stdout == "['asked']\n", done.stderr
    assert tracked.values_with(folder, str(tmp_path / "repo")) == []


@pytest.mark.parametrize("first", ["track", "live"])
def test_a_copy_never_writes_into_the_original(original, tmp_path, first):
    """Neither what the project logs nor what a user logs by hand into the same store."""
    by_hand = tmp_path / "by hand"
    shutil.copytree(original, by_hand)
    assert tracked.python(by_hand, "-c", LIVE).returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(by_hand, copy)
    before = tracked.snapshot(by_hand)

    if first == "track":
        tracked.track(copy)
    done = tracked.python(copy, "-c", LIVE)

    assert done.returncode == 0, done.stderr
    assert len(list(copy.rglob("note.txt"))) == 6
    assert tracked.snapshot(by_hand) == before
    assert tracked.values_with(copy, str(by_hand)) == []


def test_a_copy_by_hard_links_has_a_store_of_its_own(original, tmp_path):
    kept, copy = tmp_path / "kept", tmp_path / "copy"
    shutil.copytree(original, kept)
    shutil.copytree(kept, copy, copy_function=os.link)
    before = tracked.snapshot(kept)

    tracked.track(copy)

    assert tracked.snapshot(kept) == before
    assert tracked.values_with(copy, str(copy))


@pytest.mark.parametrize("name", ["mlflow.db", "mlruns", "mlruns/train"])
def test_a_link_that_leads_outside_is_refused(original, tmp_path, name):
    folder = tmp_path / "repo"
    shutil.copytree(original, folder)
    shutil.move(folder / name, tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    before = tracked.snapshot(tmp_path / "elsewhere") or (tmp_path / "elsewhere").read_bytes()

    done = tracked.python(folder, "-m", "stages.track")

    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"{name} is a link to" in done.stderr and "outside" in done.stderr
    after = tracked.snapshot(tmp_path / "elsewhere") or (tmp_path / "elsewhere").read_bytes()
    assert after == before


def test_a_repository_reached_through_a_link_is_the_same(original, addresses, tmp_path):
    folder, link = tmp_path / "repo", tmp_path / "link"
    shutil.copytree(original, folder)
    link.symlink_to(folder)

    tracked.track(link)

    assert tracked.values_with(folder, str(link)) == []
    assert tracked.load_all(folder) == tracked.load_all(link) == addresses


@pytest.mark.parametrize("lost", ["mlruns", "data/multiclass/model.skops", "MLmodel", "half"])
def test_files_of_a_model_that_are_gone_or_damaged_are_logged_again(
    original, addresses, tmp_path, lost
):
    """Under the same run and model, to which people refer."""
    folder = tmp_path / "repo"
    shutil.copytree(original, folder)
    if lost == "mlruns":
        shutil.rmtree(folder / "mlruns")
    elif lost == "half":  # damage that changes no size
        (model,) = (folder / "mlruns").rglob("model.skops")
        model.write_bytes(model.read_bytes()[:-10] + b"0123456789")
    else:
        (path,) = (
            p for p in (folder / "mlruns").rglob("*") if str(p).endswith(f"artifacts/{lost}")
        )
        path.unlink()

    said = tracked.track(folder)

    assert "missing files of its model in MLflow are restored" in said
    assert tracked.load_all(folder) == addresses
    assert "again" not in tracked.track(folder)


def test_a_deleted_database_is_made_anew_beside_its_old_artifacts(original, addresses, tmp_path):
    folder = tmp_path / "repo"
    shutil.copytree(original, folder)
    (folder / "mlflow.db").unlink()
    (folder / "mlflow.db-journal").write_bytes(b"of the one that was deleted")

    tracked.track(folder)

    assert len(tracked.load_all(folder)) == len(addresses)
    assert len(list((folder / "mlruns").rglob("MLmodel"))) == 2


def test_a_backup_of_the_database_is_brought_in_line(original, addresses, tmp_path):
    folder = tmp_path / "repo"
    shutil.copytree(original, folder)
    shutil.copy(folder / "mlflow.db", tmp_path / "backup")
    scores = folder / "results/evaluate/scores.csv"
    scores.write_text(scores.read_text().replace("0.5", "0.75"))
    tracked.track(folder)
    assert tracked.load_all(folder) != addresses
    shutil.copy(tmp_path / "backup", folder / "mlflow.db")
    shutil.rmtree(folder / "mlruns")

    tracked.track(folder)

    (run,) = {uri for uri in tracked.load_all(folder) if uri.startswith("runs:")}
    assert run not in addresses  # the backup's has another score


def test_a_model_that_cannot_be_made_again_is_named(place, caplog):
    mlflow_runs.sync([result(place, "k1")])
    shutil.move(place / "mlruns", place / "aside")
    mlflow_runs.sync([result(place, "k2")])

    def status() -> dict[str, str]:
        return {
            run.data.tags[mlflow_runs.KEY]: str(
                mlflow_runs._model(mlflow_runs.client(), run).status
            )
            for run in runs()
        }

    assert status() == {"k1": "FAILED", "k2": "READY"}
    assert "(multiclass) is of earlier settings, and the files of its model are gone" in caplog.text
    shutil.copytree(place / "aside", place / "mlruns", dirs_exist_ok=True)
    mlflow_runs.sync([result(place, "k2")])
    assert status() == {"k1": "READY", "k2": "READY"}


def test_what_was_deleted_in_mlflows_page_is_there_again(place):
    mlflow_runs.sync([result(place)])
    client = mlflow_runs.client()
    (run,) = runs()
    client.delete_logged_model(run.outputs.model_outputs[0].model_id)
    mlflow_runs.sync([result(place)])
    (run,) = runs()
    assert mlflow_runs._model(client, run) is not None

    client.delete_experiment(run.info.experiment_id)
    mlflow_runs.sync([result(place)])
    assert [run.info.status for run in runs()] == ["FINISHED"]


@pytest.mark.parametrize("command", ["ui", "server"])
def test_mlflows_page_shows_the_artifacts_of_a_moved_repository(original, tmp_path, command):
    """And tracking goes on while the page is open."""
    folder = tmp_path / "moved"
    shutil.copytree(original, folder)
    tracked.track(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    program = Path(sys.executable).parent / "mlflow"
    server = subprocess.Popen(
        [program, command, "--backend-store-uri", "sqlite:///mlflow.db", "--port", str(port),
         "--workers", "1"],
        cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{base}/health")
                break
            except OSError:
                time.sleep(0.5)
        shutil.rmtree(folder / "mlruns")
        tracked.track(folder)
        (model,) = [uri for uri in tracked.load_all(folder) if uri.startswith("models:")]
        number = model.removeprefix("models:/")
        place = f"{base}/api/2.0/mlflow/logged-models/{number}/artifacts/directories"
        listed = json.load(urllib.request.urlopen(place))
        assert "MLmodel" in {file["path"] for file in listed["files"]}
        place = f"{base}/ajax-api/2.0/mlflow/logged-models/{number}/artifacts/files"
        text = urllib.request.urlopen(f"{place}?artifact_file_path=MLmodel").read().decode()
        assert number in text
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def test_a_locked_store_stops_track_in_one_sentence_that_names_the_process(place, hurried):
    mlflow_runs.sync([result(place)])
    holder = holding(LOCK_DATABASE, place)
    try:
        with pytest.raises(PacketidsError, match=rf"mlflow.db stayed locked by .*{holder.pid}"):
            mlflow_runs.sync([result(place)])
    finally:
        holder.kill()
        holder.wait()
    mlflow_runs.sync([result(place)])


def test_a_store_locked_for_ever_costs_the_view_and_not_the_training(place, hurried, caplog):
    mlflow_runs.client()
    holder = holding(LOCK_DATABASE, place)
    try:
        with mlflow_runs.live("train", "multiclass", "k1", {}) as on_epoch:
            for epoch in range(1, 4):
                on_epoch(epoch, {"loss": 1.0})
    finally:
        holder.kill()
        holder.wait()

    (warning,) = [row for row in caplog.records if row.levelno == logging.WARNING]
    assert "continues" in warning.message and "locked" in warning.message
    mlflow_runs.sync([result(place)])
    assert [run.info.status for run in runs()] == ["FINISHED"]


def test_a_store_locked_in_the_middle_of_a_training_costs_the_view_only(place, caplog, capfd):
    """MLflow's own twenty seconds pass once, not for each epoch, and its traceback is kept back."""
    with mlflow_runs.live("train", "multiclass", "k1", {}) as on_epoch:
        on_epoch(1, {"loss": 1.0})
        holder = holding(LOCK_DATABASE, place)
        began = time.monotonic()
        try:
            for epoch in range(2, 6):
                on_epoch(epoch, {"loss": 1.0})
            took_s = time.monotonic() - began
        finally:
            holder.kill()
            holder.wait()

    assert took_s < 35
    (warning,) = [row for row in caplog.records if row.levelno == logging.WARNING]
    assert "continues" in warning.message and "locked" in warning.message
    assert "Traceback" not in capfd.readouterr().err
    mlflow_runs.sync([result(place)])
    assert [run.info.status for run in runs()] == ["FINISHED"]


def test_the_lock_file_is_waited_for_and_freed_by_a_kill(place, hurried):
    holder = holding(LOCK_FILE, place)
    try:
        with pytest.raises(PacketidsError, match=rf"\.mlflow\.lock has been held .*{holder.pid}"):
            mlflow_runs.client()
    finally:
        holder.kill()
        holder.wait()

    assert mlflow_runs.client().search_experiments()


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.0])
def test_a_process_killed_while_it_makes_the_store_leaves_none(place, after_s):
    code = "from packetids.runs import mlflow_runs; print('go', flush=True); mlflow_runs.client()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=place, **RUN)
    assert process.stdout.readline() == b"go\n"
    deadline = time.monotonic() + 60
    while not list(place.glob(".mlflow.db.*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(after_s)
    process.kill()
    process.wait()

    # MLflow's own, "Default", and ours.
    assert len(mlflow_runs.client().search_experiments()) == 1 + len(mlflow_runs.EXPERIMENTS)


def test_a_store_deleted_during_a_training_costs_the_view_only(place):
    with mlflow_runs.live("train", "multiclass", "k1", {}) as on_epoch:
        on_epoch(1, {"loss": 1.0})
        (place / "mlflow.db").unlink()
        on_epoch(2, {"loss": 1.0})
    code = "from tests.test_tracking import result; from packetids.runs import mlflow_runs; "
    code += "from pathlib import Path; mlflow_runs.sync([result(Path('.'))])"
    done = tracked.python(place, "-c", code)  # a process of its own: this one has the file open

    assert done.returncode == 0, done.stderr
    with sqlite3.connect(place / "mlflow.db") as connection:
        assert connection.execute("SELECT status FROM runs").fetchall() == [("FINISHED",)]


def of_revision(database: Path, back: int) -> None:
    """Make a database as MLflow made them some schema changes ago, by its own migrations."""
    from alembic import command
    from alembic.script import ScriptDirectory

    uri = f"sqlite:///{database}"
    engine = mlflow_db.create_sqlalchemy_engine(uri)
    config = mlflow_db._get_alembic_config(uri)
    revisions = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    mlflow_db.InitialBase.metadata.create_all(engine)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revisions[back])
    engine.dispose()


@pytest.mark.parametrize("back", [1, 30])
def test_a_database_of_an_older_mlflow_is_refused_with_the_command_that_helps(place, back):
    of_revision(place / "mlflow.db", back)
    before = (place / "mlflow.db").read_bytes()

    with pytest.raises(PacketidsError, match="run mlflow db upgrade sqlite:///") as caught:
        mlflow_runs.client()

    assert (place / "mlflow.db").read_bytes() == before
    uri = str(caught.value).split("mlflow db upgrade ")[1].split(". Else")[0]
    program = Path(sys.executable).parent / "mlflow"
    subprocess.run([program, "db", "upgrade", uri], cwd=place, check=True, capture_output=True)
    # MLflow's own, "Default", and ours.
    assert len(mlflow_runs.client().search_experiments()) == 1 + len(mlflow_runs.EXPERIMENTS)


def spoil(how: str, path: Path) -> None:
    if how == "later version":
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE alembic_version SET version_num = 'of 2031'")
    elif how == "text":
        path.write_text("no database at all\n" * 200)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:50_000])
    elif how == "overwritten":
        whole = path.read_bytes()
        path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    elif how == "another database":
        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE birds (name TEXT)")
    else:
        path.unlink()
        path.mkdir()
        (path / "file").touch()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("later version", "no store of the installed MLflow"),
        ("text", "is damaged"),
        ("cut", "is damaged"),
        ("overwritten", "is damaged"),
        ("another database", "no store of the installed MLflow"),
        ("folder", "cannot be written"),
    ],
)
def test_a_database_that_is_none_is_told_in_words(original, tmp_path, how, said):
    folder = tmp_path / "repo"
    shutil.copytree(original, folder)
    spoil(how, folder / "mlflow.db")

    done = tracked.python(folder, "-m", "stages.track")

    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "mlflow.db" in done.stderr and said in done.stderr, done.stderr
    assert "run python -m stages.track" in done.stderr


def test_an_empty_database_is_filled(original, addresses, tmp_path):
    folder = tmp_path / "repo"
    shutil.copytree(original, folder)
    (folder / "mlflow.db").write_bytes(b"")

    tracked.track(folder)

    assert len(tracked.load_all(folder)) == len(addresses)


READ_ONLY = """
import os, subprocess, sys
subprocess.run(["mount", "--bind", "-o", "ro", ".", "/mnt"], check=True)
os.chdir("/mnt")
sys.exit(subprocess.run([sys.executable, *sys.argv[1:]]).returncode)
"""
FULL = """
import os, pathlib, shutil, subprocess, sys
files = [path for path in pathlib.Path().rglob("*") if path.is_file()]
held = sum(-(-path.stat().st_size // 4096) * 4096 for path in files)  # in whole pages
size = f"size={held + 200_000}"
subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", "/mnt"], check=True)
shutil.copytree(".", "/mnt/repo")
os.chdir("/mnt/repo")
try:
    with open("filler", "wb") as filler:
        while True:
            filler.write(bytes(4096))
            filler.flush()
except OSError:
    pass
sys.exit(subprocess.run([sys.executable, *sys.argv[1:]]).returncode)
"""
LIVE_ONLY = """
import logging
logging.basicConfig()
from packetids.runs import mlflow_runs
with mlflow_runs.live("train", "multiclass", "another", {}) as on_epoch:
    for epoch in range(1, 4000):
        on_epoch(epoch, {"loss": 0.9, "val_loss": 0.1})
print("trained")
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts a disk")


def mounted(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run in a mount namespace of its own, so that the mount goes with the process."""
    return subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", script, *arguments],
        cwd=folder, env=RUN["env"], capture_output=True, text=True, check=False,
    )  # fmt: skip


@needs_root
@pytest.mark.parametrize(
    ("script", "said"), [(READ_ONLY, ("Read-only", "writ")), (FULL, ("disk is full",))]
)
def test_a_disk_that_takes_nothing_stops_track_in_words_and_no_training(
    original, tmp_path, script, said
):
    folder = tmp_path / "repo"
    shutil.copytree(original, folder)

    done = mounted(folder, script, "-m", "stages.track")
    live = mounted(folder, script, "-c", LIVE_ONLY)

    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert any(word in done.stderr for word in said), done.stderr
    assert live.returncode == 0 and live.stdout == "trained\n", live.stderr
    assert live.stderr.count("which continues") == 1 and "Traceback" not in live.stderr, live.stderr


def test_track_before_any_result_says_what_to_run(tmp_path):
    folder = tracked.repository(tmp_path / "repo")
    shutil.rmtree(folder / "results")

    done = tracked.python(folder, "-m", "stages.track")

    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "results/evaluate/scores.csv is missing. Run dvc repro" in done.stderr


def test_a_store_of_a_server_is_left_as_it_is(tmp_path, monkeypatch):
    """Whoever keeps it decides where artifacts lie."""
    monkeypatch.chdir(tmp_path)
    mlflow_store.prepare("http://127.0.0.1:1", tmp_path / "mlruns", mlflow_runs.EXPERIMENTS)

    assert list(tmp_path.iterdir()) == []
    assert mlflow_store.local_path("s3://bucket/mlruns/train") is None
    assert mlflow_store.local_path("mlflow-artifacts:/1") is None
