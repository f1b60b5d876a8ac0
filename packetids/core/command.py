"""How every stage starts: settings in, log lines out, and errors said in one paragraph."""

import errno
import inspect
import logging
import os
import shutil
import sys
from collections.abc import Callable
from typing import Any

from packetids.core import settings
from packetids.core.errors import PacketidsError

HELP = ("-h", "--help")
# Errors of the system for a path in the settings, or for a disk; not a bug.
REFUSED = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EIO}


def run(main: Callable[[Any], None], schema: type) -> None:
    """Run `main` with the settings that `schema` names; exit 1 with a message on bad input.

    The command line takes Hydra overrides (``fnn.learning_rate=0.01``) and ``--help``.
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    module = inspect.getmodule(main)
    name = module.__spec__.name if module and module.__spec__ else "stage"
    arguments = sys.argv[1:]
    try:
        if set(HELP) & set(arguments):
            asked = [word for word in arguments if word not in HELP]
            print(_help(name, inspect.getdoc(module) or "", schema, asked))
            return
        main(settings.load(schema, arguments))
    except PacketidsError as error:
        sys.exit(f"{name}: error: {error}")
    except OSError as error:
        if words := _of_the_disk(error):
            sys.exit(f"{name}: error: {words}")
        raise


def _of_the_disk(error: OSError) -> str | None:
    """Explain what is wrong with a file; return None if only a traceback can."""
    where = error.filename or "an output"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free_mb = shutil.disk_usage(".").free / 1e6
        return (
            f"the disk is full: {where} could not be written; {free_mb:.0f} MB "
            "are free. Free some space and run dvc repro again: finished stages are kept."
        )
    if error.errno == errno.ENOENT and error.filename:
        return f"{where} is missing. Run dvc repro, which makes what is missing."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{where}: {error.strerror}. Make it and its folder writable, and run again."
    if error.errno in REFUSED and error.filename:
        return f"{where}: {os.strerror(error.errno)}"
    return None


def _help(name: str, doc: str, schema: type, overrides: list[str]) -> str:
    return (
        f"usage: python -m {name} [--help] [SETTING=VALUE ...]\n\n{doc}\n\n"
        f"settings, with their present values and what each may be:\n\n"
        f"{settings.describe(schema, overrides)}\n\n"
        "For one call, SETTING=VALUE on the command line wins over the files, as in fnn=quick or "
        "seed=1."
    )
