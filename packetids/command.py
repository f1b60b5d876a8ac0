"""How every stage starts: settings in, log lines out, and errors said in one paragraph."""

import errno
import inspect
import logging
import os
import shutil
import sys
from collections.abc import Callable
from typing import Any

from packetids import settings
from packetids.errors import PacketidsError

# What the system may say of a path that the settings name, or of a disk; no bug of ours.
REFUSED = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST,
    errno.EIO,
}  # fmt: skip


def run(main: Callable[[Any], None], schema: type) -> None:
    """Run `main` with the settings that `schema` names; exit 1 with a message on bad input.

    The command line takes Hydra overrides (``fnn.learning_rate=0.01``) and ``--help``.
    """
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    module = inspect.getmodule(main)
    name = module.__spec__.name if module and module.__spec__ else "stage"
    arguments = sys.argv[1:]
    try:
        if "-h" in arguments or "--help" in arguments:
            print(_help(name, inspect.getdoc(module) or "", schema))
            return
        main(settings.load(schema, arguments))
    except PacketidsError as error:
        sys.exit(f"{name}: error: {error}")
    except OSError as error:
        if error.errno in REFUSED and error.filename:
            sys.exit(f"{name}: error: {error.filename}: {os.strerror(error.errno)}")
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free_mb = shutil.disk_usage(".").free / 1e6
        where = error.filename or "an output"
        sys.exit(
            f"{name}: error: the disk is full: {where} could not be written and is not there; "
            f"{free_mb:.0f} MB are free. Free some space and run dvc repro again: finished stages "
            "are kept."
        )


def _help(name: str, doc: str, schema: type) -> str:
    return (
        f"usage: python -m {name} [--help] [SETTING=VALUE ...]\n\n{doc}\n\n"
        f"settings, with their present values (params.yaml and conf/):\n\n"
        f"{settings.describe(schema)}"
    )
