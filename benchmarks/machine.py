"""What the benchmarks run on."""

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def processor() -> str:
    """Name the processor."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    named = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()
