"""The package as ``pip install .`` gives it, and the command ``packetids``."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from packetids.__main__ import SHELLS, SUBCOMMANDS
from packetids.version import __version__
from tests import golden
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
DATA = {"packetids/py.typed", "packetids/native/payloads/udp_ports.txt"}
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def names(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def of_requirements_in() -> list[str]:
    lines = (ROOT / "requirements.in").read_text().splitlines()
    return [bare for line in lines if (bare := line.partition("#")[0].strip())]


CORE = names(PROJECT["dependencies"])


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built with the environment's own back end and no network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*PIP, *build, "--wheel-dir", str(folder)], check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def packetids(wheel, tmp_path_factory) -> Path:
    """The command in an environment that holds what ``pip install .`` installs and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    install = ["install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*PIP, "--python", str(python), *install], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    for top in tops(needed(CORE)):
        (site / top.name).symlink_to(top)
    return folder / "bin/packetids"


def needed(wanted: set[str]) -> set[str]:
    """`wanted` and all that they require, without extras."""
    found: set[str] = set()
    while unread := wanted - found:
        found |= unread
        for name in unread:
            lines = map(Requirement, importlib.metadata.requires(name) or [])
            wanted = wanted | {
                canonicalize_name(line.name)
                for line in lines
                if not line.marker or line.marker.evaluate({"extra": ""})
            }
    return found


def tops(distributions: set[str]) -> set[Path]:
    """The files and folders right below site-packages that belong to `distributions`."""
    return {
        Path(str(one.locate_file(file.parts[0])))
        for one in map(importlib.metadata.distribution, distributions)
        for file in one.files or []
        if file.parts[0] not in ("..", "__pycache__")
    }


def run(
    command: list[object], cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd, env=kept | (env or {}), capture_output=True, text=True, check=False,
    )  # fmt: skip


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as packed:
        return Parser().parsestr(
            packed.read(f"packetids-{__version__}.dist-info/METADATA").decode()
        )


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as packed:
        inside = set(packed.namelist())
    in_package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "packetids").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    about = f"packetids-{__version__}.dist-info"

    assert {name for name in inside if not name.startswith(about)} == in_package
    assert {name for name in in_package if not name.endswith(".py")} == DATA
    assert {name for name in inside if name.startswith(about)} == {
        f"{about}/{name}"
        for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    }


def test_the_metadata_says_what_pyproject_says(wheel):
    told = metadata(wheel)
    required = [Requirement(line) for line in told.get_all("Requires-Dist", [])]

    assert (told["Name"], told["Version"]) == ("packetids", __version__)
    assert (told["Requires-Python"], told["License-Expression"]) == (">=3.11", "MIT")
    assert told["Summary"] == PROJECT["description"]
    assert told["Description-Content-Type"] == "text/markdown"
    assert told.get_payload() == (ROOT / "README.md").read_text()
    assert {canonicalize_name(one.name) for one in required if not one.marker} == CORE
    assert set(told.get_all("Provides-Extra", [])) == set(EXTRAS)


def test_the_version_is_the_one_that_people_cite():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__
    assert "version" in PROJECT["dynamic"] and "version" not in PROJECT


def test_requirements_in_and_pyproject_list_the_same():
    of_pyproject = [*PROJECT["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]

    def exact(lines: list[str]) -> list[str]:
        parsed = map(Requirement, lines)
        return sorted(f"{canonicalize_name(one.name)}{one.specifier}" for one in parsed)

    assert exact(of_requirements_in()) == exact(of_pyproject)


def test_every_direct_requirement_is_pinned_within_its_bounds():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", line)[0] for line in lines if "==" in line)
    pinned = {canonicalize_name(name): version for name, version in pins.items()}

    for one in map(Requirement, of_requirements_in()):
        assert pinned[canonicalize_name(one.name)] in one.specifier, one


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (["packetids", "stages"], ["train", "dask", "completion"]),
        (["tests", "benchmarks", "testbed"], list(EXTRAS)),
    ],
)
def test_every_import_is_of_a_package_that_is_listed(folders, extras):
    listed = CORE.union(*(names(EXTRAS[extra]) for extra in extras))
    of_module = importlib.metadata.packages_distributions()
    ours = {path.name for path in ROOT.iterdir() if path.is_dir()}
    imported = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    foreign = imported - sys.stdlib_module_names - ours

    unlisted = {name for name in foreign if not names(of_module.get(name, [name])) & listed}

    assert len(foreign) > 5 and unlisted == set()


def test_the_installed_command_reads_a_capture_like_the_module(packetids, tmp_path):
    capture = golden.capture("ipv4")
    by_module = [sys.executable, "-m", "packetids.extract", capture, tmp_path / "module.parquet"]

    installed = run([packetids, "extract", capture, "out.parquet"], tmp_path)
    module = run(by_module, ROOT)

    assert (installed.returncode, module.returncode) == (0, 0), installed.stderr
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "module.parquet").read_bytes()
    rows = pq.read_metadata(tmp_path / "out.parquet").num_rows
    assert installed.stdout.startswith(f"{rows:,} packets in ") and rows > 0


def test_the_installed_command_reads_a_folder_in_processes(packetids, tmp_path):
    for name in ("ipv4", "arp"):
        shutil.copy(golden.capture(name), tmp_path)

    done = run([packetids, "extract", ".", "out", "--jobs", 2, "--reader", "native"], tmp_path)

    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["arp.pcap.gz.parquet", "ipv4.pcap.gz.parquet"]


def test_the_installed_command_compares_readers(packetids, tmp_path):
    shutil.copy(golden.capture("arp"), tmp_path)
    readers = ["--reader", "native", "--reference", "native", "--jobs", 2]

    done = run([packetids, "compare-readers", ".", *readers, "--report", "r.csv"], tmp_path)

    assert done.returncode == 0, done.stderr
    assert "files compared: 1, equal: 1" in done.stdout
    assert (tmp_path / "r.csv").read_text().startswith("capture,rows,reference_rows,")


def test_the_settings_can_be_imported_without_the_repository(packetids, tmp_path):
    code = "from packetids.core import settings; print(settings.Extract('auto', '', False).reader)"

    done = run([packetids.parent / "python", "-c", code], tmp_path)

    assert (done.returncode, done.stdout) == (0, "auto\n"), done.stderr


def test_version_and_help(packetids, tmp_path):
    told = run([packetids, "--version"], tmp_path)
    shown = run([packetids, "--help"], tmp_path)
    module = run([packetids.parent / "python", "-m", "packetids", "--help"], tmp_path)

    assert (told.returncode, told.stdout) == (0, f"packetids {__version__}\n")
    assert shown.returncode == 0 and shown.stdout == module.stdout
    for name, subcommand in SUBCOMMANDS.items():
        assert re.search(rf"^ +{name} +{re.escape(subcommand.summary)}$", shown.stdout, re.M)


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_help_calls_a_subcommand_as_it_was_called(packetids, tmp_path, name):
    shown = run([packetids, name, "--help"], tmp_path)

    assert shown.returncode == 0 and shown.stdout.startswith(f"usage: packetids {name} ")
    assert "python -m" not in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "packetids: error: COMMAND needs to come first: extract, compare-readers"),
        (["extrakt", "a", "b"], 2, "packetids: error: "),
        (["--jobs", "2", "extract"], 2, "packetids: error: "),
        (["--print-completion", "cmd.exe"], 2, "packetids: error: "),
        (["extract"], 2, "packetids extract: error: "),
        (["extract", "a", "b", "c"], 2, "packetids extract: error: "),
        (["extract", "lost.pcap", "b.parquet"], 1, "packetids extract: error: lost.pcap"),
        (["compare-readers"], 2, "packetids compare-readers: error: "),
        (["compare-readers", "lost"], 1, "packetids compare-readers: error: lost"),
        (["compare-readers", ".", "--reader", "x"], 1, "packetids compare-readers: error: x is no"),
        # shtab is an extra, which is not in this environment
        (["--print-completion", "bash"], 1, "packetids: error: --print-completion needs"),
    ],
)
def test_wrong_usage_ends_with_a_sentence(packetids, tmp_path, arguments, status, words):
    done = run([packetids, *arguments], tmp_path)

    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("argument", "absent"),
    [("--help", {"numpy", "pyarrow"}), ("extract", {"numba", "joblib", "pandas"})],
)
def test_only_the_module_of_the_called_subcommand_is_imported(tmp_path, argument, absent):
    code = (
        "import sys; before = set(sys.modules)\n"
        "from packetids.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*set(sys.modules) - before, file=sys.stderr)"
    )
    done = run([sys.executable, "-c", code, argument, "--help"], ROOT)

    imported = set(done.stderr.split())
    assert "packetids.__main__" in imported and "packetids.compare_readers" not in imported
    assert imported & absent == set()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("packetids ", "extract compare-readers"),
        ("packetids ex", "extract"),
        ("packetids --v", "--version"),
        ("packetids extract --k", "--keep-damaged"),
        ("packetids extract --reader n", "native"),
        ("packetids extract here.p", "here.pcap"),
        ("packetids extract here.pcap here.", "here.parquet here.pcap"),
        ("packetids compare-readers ", "captures"),
        ("packetids compare-readers --re", "--reader --reference --report"),
    ],
)
def test_bash_completes(tmp_path, line, offered):
    (tmp_path / "captures").mkdir()
    for name in ("here.pcap", "here.parquet"):
        (tmp_path / name).touch()
    script = run([sys.executable, "-m", "packetids", "--print-completion", "bash"], ROOT).stdout
    words = line.split(" ")
    press_tab = (
        f"COMP_WORDS=({' '.join(words[:-1])} '{words[-1]}'); COMP_CWORD={len(words) - 1}\n"
        'function=$(complete -p packetids | sed "s/.*-F \\([^ ]*\\).*/\\1/"); COMPREPLY=()\n'
        '"$function" packetids "${COMP_WORDS[COMP_CWORD]}"; echo "${COMPREPLY[@]}"'
    )

    done = run(["bash", "--norc", "-c", f"{script}\n{press_tab}"], tmp_path)

    assert set(offered.split()) <= set(done.stdout.split()), (done.stdout, done.stderr)
    assert all(word.startswith(words[-1]) for word in done.stdout.split())


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_each_shell_knows_every_subcommand(shell):
    done = run([sys.executable, "-m", "packetids", "--print-completion", shell], ROOT)

    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in SUBCOMMANDS)


def test_a_script_that_nobody_reads_to_its_end_is_no_error():
    command = f"{sys.executable} -m packetids --print-completion bash | head -c 1"
    done = run(["bash", "-c", f"set -o pipefail; {command}"], ROOT)

    assert (done.returncode, done.stderr) == (0, "")
