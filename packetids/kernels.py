"""Compile kernels with numba, and keep the machine code beside a hash of its sources.

numba keeps compiled kernels on disk. It compiles again when the file of a kernel changes, but not
when a function or a constant that the kernel takes from another file does: machine code of both
versions is then mixed without a word. Here the folder of a module's kernels carries the hash of
every source that the module can reach, so that kernels of other sources are never found.

The folder lies in ``NUMBA_CACHE_DIR`` if that is set, else beside this file, else in the user's
cache folder. Where none can be written, kernels are compiled in every process, which is told once.
"""

import inspect
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, overload

import numba
from numba.core import caching, config
from numba.core.registry import CPUDispatcher
from numba.misc.appdirs import AppDirs

from packetids import sources
from packetids.sources import PACKAGE

HASH_DIGITS = 16

F = TypeVar("F", bound=Callable[..., Any])

log = logging.getLogger("kernels")


@overload
def kernel(function: F) -> F: ...
@overload
def kernel(**options: Any) -> Callable[[F], F]: ...
def kernel(function: Any = None, **options: Any) -> Any:
    """Compile a function with `numba.njit` and keep the machine code.

    A decorator, with or without numba's options: ``@kernel``, ``@kernel(nogil=True)``.
    """
    if function is None:
        return lambda function: kernel(function, **options)
    compiled = numba.njit(function, **options)
    if hasattr(compiled, "_cache") and (folder := _folder(Path(inspect.getfile(function)))):
        compiled._cache = _Kept(function, folder)
    return compiled


@overload
def subkernel(function: F) -> F: ...
@overload
def subkernel(**options: Any) -> Callable[[F], F]: ...
def subkernel(function: Any = None, **options: Any) -> Any:
    """Compile a function that only kernels call, without a way in from Python.

    The way in converts every array of every tuple among the arguments, and takes a third of the
    time to compile. A call from Python raises TypeError; `py_func` is the function itself.
    """
    options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    if function is None:
        return lambda function: subkernel(function, **options)
    compiled: Any = kernel(function, **options)
    if isinstance(compiled, CPUDispatcher):
        compiled.__class__ = _Subkernel
    return compiled


class _Subkernel(CPUDispatcher):
    """A kernel without a way in from Python, where numba would follow a null pointer."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        raise TypeError(
            f"{self.py_func.__module__}.{self.py_func.__qualname__} is a subkernel, which only "
            "kernels can call. Decorate it with @kernel, or call its py_func."
        )


@cache
def _folder(module: Path) -> Path | None:
    """Return the folder of a module's kernels; None where no folder can be written."""
    top = _top()
    if top is None:
        return None
    name = ".".join(module.relative_to(PACKAGE).with_suffix("").parts)
    folder = top / f"{name}-{sources.digest(sources.reachable(module))[:HASH_DIGITS]}"
    if top == _beside() and not folder.exists():  # ours only; older ones are useless
        for older in top.glob(f"{name}-{'?' * HASH_DIGITS}"):
            shutil.rmtree(older, ignore_errors=True)
    return folder


@cache
def _top() -> Path | None:
    """Return the first folder for kernels that can be written."""
    given = [Path(config.CACHE_DIR) / "packetids"] if config.CACHE_DIR else []  # type: ignore[attr-defined]
    users = Path(AppDirs(appname="packetids", appauthor=False).user_cache_dir) / "kernels"
    tried = [*given, _beside(), users]
    for place in tried:
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=place).close()
            return place
    log.warning(
        "compiled kernels cannot be kept, so every process compiles them again: none of %s can be "
        "written. Set NUMBA_CACHE_DIR to a folder that can.", ", ".join(map(str, tried)),
    )  # fmt: skip
    return None


def _beside() -> Path:
    return PACKAGE / "__pycache__" / "kernels"


class _Locator(caching._CacheLocator):
    """Where numba finds the kernels of one function: in a folder named by their sources' hash."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._folder = folder
        self._line = function.__code__.co_firstlineno
        # numba names them in a warning.
        self._py_file, self._lineno = inspect.getfile(function), self._line

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._folder.name

    def get_disambiguator(self) -> str:
        return str(self._line)


class _Entry(caching.CompileResultCacheImpl):
    """How numba writes one function's kernels; without its own choice of a place."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._locator = _Locator(function, folder)
        self._lineno = self._locator._lineno
        name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        self._filename_base = self.get_filename_base(name, "")  # type: ignore[no-untyped-call]


class _Kept(caching.FunctionCache):
    """The kept kernels of one function. What cannot be read or written is compiled, and logged."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._name, self._py_func = repr(function), function
        self._impl = _Entry(function, folder)
        self._cache_path = str(folder)
        self._cache_file = caching.IndexDataCacheFile(
            self._cache_path, self._impl.filename_base, folder.name
        )
        self.enable()  # type: ignore[no-untyped-call]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as error:  # a file cut short raises nearly anything while it is unpickled
            _tell_once(self._cache_path, f"could not be read ({error!r})")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception as error:  # such as a full disk, or an index of the kind above
            _tell_once(self._cache_path, f"could not be written ({error!r})")
            with suppress(OSError):
                os.unlink(self._cache_file._index_path)


@cache
def _tell_once(folder: str, what: str) -> None:
    log.warning(
        "kept kernels in %s %s, so they are compiled again. If this recurs, remove the folder "
        "or set NUMBA_CACHE_DIR to another.", folder, what,
    )  # fmt: skip
