"""Debian's GoldenEye, for a bounded count.

``python -m testbed.tools.goldeneye COUNT PAUSE_S URL …``

GoldenEye 2.1 as packaged divides whole numbers as Python 2 did and hands the result to `randint`,
which Python 3 refuses: it swallows that error and sends nothing. And it knows no end. So its two
library calls are wrapped, and the program itself runs as it is.
"""

import http.client
import os
import random
import runpy
import shutil
import sys
import time
from typing import Any


def main(count: int, pause_s: float) -> None:
    """Run GoldenEye until it has sent `count` requests, `pause_s` seconds apart."""
    randint, request = random.randint, http.client.HTTPConnection.request
    sent = 0

    def whole(low: float, high: float) -> int:
        return randint(int(low), int(high))

    def counted(*arguments: Any, **options: Any) -> None:
        nonlocal sent
        if sent == count:
            os._exit(0)  # its worker catches every exception, SystemExit too
        sent += 1
        time.sleep(pause_s)
        request(*arguments, **options)

    random.randint = whole  # type: ignore[assignment]
    http.client.HTTPConnection.request = counted  # type: ignore[method-assign]
    runpy.run_path(str(shutil.which("goldeneye")), run_name="__main__")


if __name__ == "__main__":
    count, pause_s = int(sys.argv[1]), float(sys.argv[2])
    sys.argv = ["goldeneye", *sys.argv[3:]]
    main(count, pause_s)
