"""Map a function over items: with processes of this machine, or with the workers of a Dask cluster.

Processes go through joblib. A cluster does not, although joblib has a Dask backend: when a task
has killed its workers, that backend waits for ever instead of raising (joblib 1.6.0, seen with
``allowed-failures: 1``: its collector sets the error and never calls back), and it batches tasks,
so that a lost worker costs more than one. ``Client.submit`` with ``as_completed`` gives each item
its own task: a task whose worker is lost runs again elsewhere, up to the cluster's
``distributed.scheduler.allowed-failures`` (3), and then says which item it was.

A function may therefore run twice at the same time for one item (a worker that the scheduler gave
up may still be at it), and must write its output whole or not at all.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from packetids.core.errors import PacketidsError

if TYPE_CHECKING:
    from packetids.core import settings

T = TypeVar("T")
R = TypeVar("R")

DASK = "dask"
WAIT_S = 30.0  # for the scheduler, and for its first worker
THREADS = "NUMBA_NUM_THREADS"
FEW_OCTETS = 16 << 20  # of captures: below, workers would take longer to start than the work


def completed(
    function: Callable[[T], R],
    items: Sequence[T],
    p: "settings.Compute",
    advice: str = "run again; what is finished is kept",
) -> Iterator[tuple[int, R]]:
    """Yield ``(i, function(items[i]))`` for every item, each as soon as it is done.

    Items are begun in their order: put those first that take longest. A worker uses one thread
    for a task.

    Parameters
    ----------
    function : callable
        Of a module that the workers can import.
    items : sequence
        ``str(item)`` names one in errors.
    advice : str
        What to do after a worker was killed.

    Raises
    ------
    PacketidsError
        If there is no such scheduler or worker, or an item's worker was killed (with
        Dask: again and again). What `function` raises is raised as it is.
    """
    if not items:
        return iter(())
    if p.backend == DASK:
        return _dask(function, items, p.scheduler, advice)
    return _processes(function, items, p.workers, advice)


def enough(octets: int, p: "settings.Compute") -> "settings.Compute":
    """Return what serves captures of `octets` in all: no processes for few, unless told a number.

    Not for TShark, which takes longer for a capture than a worker takes to start.
    """
    if p.backend != DASK and p.workers < 0 and octets < FEW_OCTETS:
        return replace(p, workers=1)
    return p


def _processes(
    function: Callable[[T], R], items: Sequence[T], workers: int, advice: str
) -> Iterator[tuple[int, R]]:
    if workers == 1 or len(items) == 1:
        yield from (_numbered(function, i, item) for i, item in enumerate(items))
        return
    # Here, because it takes longer to import than few captures take to read.
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    if workers > len(items):
        workers = len(items)
    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
        try:
            yield from parallel(
                delayed(_numbered)(function, i, item) for i, item in enumerate(items)
            )
        except TerminatedWorkerError as error:
            raise PacketidsError(
                "A worker process was killed, perhaps because memory ran out: set compute.workers "
                f"lower and {advice}. ({str(error).splitlines()[0]})"
            ) from None


def _numbered(function: Callable[[T], R], i: int, item: T) -> tuple[int, R]:
    return i, function(item)


def _dask(
    function: Callable[[T], R], items: Sequence[T], scheduler: str, advice: str
) -> Iterator[tuple[int, R]]:
    try:
        from distributed import Client, KilledWorker, as_completed
        from distributed.comm.addressing import get_address_host_port
    except ImportError:
        raise PacketidsError(
            "compute.backend: dask needs the package distributed: pip install dask distributed."
        ) from None
    try:
        # At such an address a client fails too, and then hangs when it is collected.
        get_address_host_port(scheduler, strict=True)
        client = Client(scheduler, timeout=WAIT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise PacketidsError(
            f"compute.scheduler: no Dask scheduler answers at {scheduler!r} ({error}). Start one "
            "(dask scheduler), or correct the address."
        ) from None
    with client:
        _check_workers(client, scheduler)
        numbers = {
            client.submit(_alone, function, item, pure=False): i for i, item in enumerate(items)
        }
        try:
            for future in as_completed(list(numbers), loop=client.loop):
                i = numbers[future]
                try:
                    result = future.result()
                except KilledWorker as error:
                    raise PacketidsError(
                        f"{items[i]}: {error.allowed_failures + 1} workers were killed while they "
                        "were at it, perhaps because memory ran out. Give the workers more, and "
                        f"{advice}."
                    ) from None
                if future.cancelled():
                    raise PacketidsError(
                        f"{items[i]}: the scheduler at {scheduler} lost it. Start workers, and "
                        f"{advice}."
                    )
                yield i, result
        finally:
            client.cancel(list(numbers))


def _check_workers(client: Any, scheduler: str) -> None:
    """See that there is a worker, that all can import this module, and that paths mean the same."""
    try:
        client.wait_for_workers(1, timeout=WAIT_S)
    except TimeoutError:
        raise PacketidsError(
            f"The Dask scheduler at {scheduler} has no worker after {WAIT_S:.0f} s. Start some in "
            f"{os.getcwd()}: PYTHONPATH=. dask worker {scheduler} --nthreads 1."
        ) from None
    for worker, folder in client.run(os.getcwd).items():
        if folder != os.getcwd():
            raise PacketidsError(
                f"The Dask worker {worker} runs in {folder} and this in {os.getcwd()}. Start the "
                "workers in the top folder of the repository, on a file system that all share."
            )
    try:
        client.run(_limit_threads)
    except ImportError as error:
        raise PacketidsError(
            f"A Dask worker at {scheduler} cannot import packetids ({error}). Start it with "
            "PYTHONPATH=. in the top folder of the repository, with the same Python packages."
        ) from None


def _alone(function: Callable[[T], R], item: T) -> R:
    _limit_threads()
    return function(item)


def _limit_threads() -> None:
    """Let numba use one thread; it reads the variable once, so later is too late."""
    if "numba" not in sys.modules:
        os.environ[THREADS] = "1"
