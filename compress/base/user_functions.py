"""Functions of the user's own, ``module:function``: imported from a folder or the Python path, and called."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from compress.base.errors import CodesignError

__all__ = ["UserFunction", "is_function_name", "searched_first"]

OUR_PACKAGES = ("compress", "rtl", "sim", "flows", "codesign")


def is_function_name(name: str) -> bool:
    """Whether a name is one of a module and a function in it."""
    return all(name.partition(":"))


@dataclass(frozen=True)
class UserFunction:
    """A function by its name; pickled as that, and found again in another process.

    Members
    -------
    role : str
        What messages call it: "network", "data".
    name : str
        ``module:function``.
    folder : Path, optional
        Searched before the Python path, which is as before afterwards; so are the loaded modules, and two folders may
        each have a module of one name.
    """

    role: str
    name: str
    folder: Path | None = field(default=None, compare=False)

    def found(self) -> Callable[..., Any]:
        """The function itself; to be asked for and called within ``searched_first(folder)``.

        Raises
        ------
        CodesignError
            The module is not found, named like one that Python or codesign needs, or fails; the function is missing.
        """
        module_name, _, function_name = self.name.partition(":")
        module = self._module(module_name)
        function: Callable[..., Any] | None = getattr(module, function_name, None)
        if function is None:
            raise CodesignError(
                f"{self.role} {self.name!r} cannot be imported: {module.__name__} has no {function_name!r}",
                f"name a function of {getattr(module, '__file__', None) or module.__name__}",
            )
        if not callable(function):
            raise CodesignError(
                f"{self.role} {self.name!r} is not a function, but of type {type(function).__name__}",
                "name a function that returns it",
            )
        return function

    def called(self, options: Mapping[str, Any] | None = None) -> Any:
        """What it returns; a CodesignError of ``found``, or for whatever it raises."""
        with searched_first(self.folder):
            function = self.found()
            with self.failures("it is called without arguments" if not options else "it is called with data.options"):
                return function(**(options or {}))

    def __call__(self, *arguments: Any) -> Any:
        """Call it, found once, with arguments of ours."""
        function = _found_once(self, self.folder)
        with self.failures("its arguments are described in docs/own-network.md"):
            return function(*arguments)

    @contextmanager
    def failures(self, how: str) -> Iterator[None]:
        """What the user's function raises is a CodesignError with the place in its source; ``how`` it is called."""
        try:
            yield
        except CodesignError:
            raise
        except (Exception, SystemExit) as error:
            raise CodesignError(
                f"{self.role} {self.name!r} failed: {_told(error)}", f"correct the function; {how}"
            ) from error

    def _module(self, module_name: str) -> ModuleType:
        own = _file_of(module_name, self.folder)
        top = module_name.partition(".")[0]
        if own is not None and (top in sys.stdlib_module_names or top in OUR_PACKAGES):
            owner = "codesign" if top in OUR_PACKAGES else "Python"
            raise CodesignError(f"{own} has the name of {owner}'s own module {top!r}", "rename it")
        try:
            module = importlib.import_module(module_name)
        except (Exception, SystemExit) as error:  # whatever the user's module does
            missing = isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}.")
            beside = "" if self.folder is None else f"put it into {self.folder}, "
            step = f"{beside}install its package or add its folder to PYTHONPATH" if missing else "correct the module"
            told = str(error) if isinstance(error, ImportError) else _told(error)
            raise CodesignError(f"{self.role} {self.name!r} cannot be imported: {told}", step) from error
        loaded = getattr(module, "__file__", None)
        if own is not None and (loaded is None or not own.samefile(loaded)):
            raise CodesignError(
                f"{own} is hidden by {loaded or 'a module'} of the same name, loaded before", "rename it"
            )
        return module


@lru_cache(maxsize=64)
def _found_once(function: UserFunction, folder: Path | None) -> Callable[..., Any]:
    with searched_first(folder):
        return function.found()


def _file_of(module_name: str, folder: Path | None) -> Path | None:
    """The module's file in the folder, if there is one."""
    if folder is None:
        return None
    stem = folder.joinpath(*module_name.split("."))
    return next((path for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")) if path.is_file()), None)


def _told(error: BaseException) -> str:
    """The user's exception in one line, with the place that raised it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno})"


@contextmanager
def searched_first(folder: Path | None) -> Iterator[None]:
    """Modules are found in the folder first, and are forgotten afterwards if they were found there."""
    if folder is None:
        yield
        return
    place, known = str(folder.resolve()), set(sys.modules)
    importlib.invalidate_caches()  # the file may have just been written
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)
        found = [name for name in set(sys.modules) - known if _lies_in(Path(place), name.partition(".")[0])]
        for name in found:
            del sys.modules[name]


def _lies_in(folder: Path, top: str) -> bool:
    """Whether a module or package stands in the folder itself; not in a virtual environment below."""
    module = sys.modules.get(top)
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(Path(place).parent in (folder, folder / top) for place in places if place is not None)
