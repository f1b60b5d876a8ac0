"""A program `python` for ``dvc repro`` in tests, whose stages fork from one loaded process.

DVC starts ``python -m stages.NAME`` through the shell, once a stage, and most of a stage's time on
the tiny captures goes to importing TensorFlow and scikit-learn. `folder` makes a folder with a
program of that name for the front of PATH: it hands its arguments, environment, folder and standard
streams to a server, which forks, runs what was asked and answers with the exit code. Signals to
the program do not reach what it started, so tests of interrupted stages use the real one.
"""

import atexit
import json
import os
import signal
import socket
import stat
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests import started

PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"."], [0, 1, 2])
    asked = [os.getcwd(), sys.argv[1:], dict(os.environ)]
    server.sendall(json.dumps(asked).encode("ascii"))
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(16) or 1))
"""


@lru_cache(maxsize=1)
def folder() -> Path:
    """Start the server, once, and return the folder of the program; both go with this process."""
    place = Path(tempfile.mkdtemp(prefix="forked"))
    address = str(place / "socket")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    server = started.process(_serve, listening)
    listening.close()
    program = place / "python"
    program.write_text(PROGRAM.format(python=os.path.realpath(sys.executable), address=address))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    atexit.register(_end, server, place)
    return place


def _end(server: Any, place: Path) -> None:
    server.terminate()
    for file in place.iterdir():
        file.unlink()
    place.rmdir()


def _serve(listening: socket.socket) -> None:
    """Fork for each connection; the child of the child runs what was asked."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that ended need no wait
    while True:
        connection, _ = listening.accept()
        if os.fork():
            connection.close()
            continue
        listening.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _, streams, _, _ = socket.recv_fds(connection, 1, 3)
        with connection.makefile("rb") as file:
            asked = json.load(file)
        child = os.fork()
        if not child:
            connection.close()
            started.run(*asked, streams)
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(str(code if code >= 0 else 128 - code).encode())
        os._exit(0)
