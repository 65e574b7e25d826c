"""Networks of the user's own, ``module:function``: imported from a folder or the Python path, called, and checked."""

from __future__ import annotations

import copy
import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from torch import nn

from compress.base.errors import CodesignError
from compress.networks.checks import check_plain

__all__ = ["call_factory", "searched_first"]

OUR_PACKAGES = ("compress", "rtl", "sim", "flows", "codesign")
RETURN = "end it with `return network`, the network being a torch.nn.Module"


def call_factory(name: str, folder: Path | None) -> nn.Module:
    """The network that the function ``module:function`` returns, copied, so that each call gives one of its own.

    Parameters
    ----------
    folder : Path, optional
        Searched before the Python path, which is as before afterwards; so are the loaded modules, and two folders may
        each have a module of one name.

    Raises
    ------
    CodesignError
        The module is not found, named like one that Python or codesign needs, or fails; the function is missing,
        fails, or returns anything but a plain network (``check_plain``).
    """
    module_name, _, function_name = name.partition(":")
    with searched_first(folder):
        module = _imported(name, module_name, folder)
        network = _called(name, _function(name, module, function_name))
        check_plain(network)
        try:
            return copy.deepcopy(network)
        except Exception as error:  # of an attribute that cannot be copied
            raise CodesignError(
                f"network {name!r} cannot be copied: {error}", "keep locks, files and generators out of its modules"
            ) from error


def _imported(name: str, module_name: str, folder: Path | None) -> ModuleType:
    own = _file_of(module_name, folder)
    top = module_name.partition(".")[0]
    if own is not None and (top in sys.stdlib_module_names or top in OUR_PACKAGES):
        owner = "codesign" if top in OUR_PACKAGES else "Python"
        raise CodesignError(f"{own} has the name of {owner}'s own module {top!r}", "rename it")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever the user's module does
        missing = isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}.")
        beside = "" if folder is None else f"put it into {folder}, "
        step = f"{beside}install its package or add its folder to PYTHONPATH" if missing else "correct the module"
        told = str(error) if isinstance(error, ImportError) else _told(error)
        raise CodesignError(f"network {name!r} cannot be imported: {told}", step) from error
    loaded = getattr(module, "__file__", None)
    if own is not None and (loaded is None or not own.samefile(loaded)):
        raise CodesignError(f"{own} is hidden by {loaded or 'a module'} of the same name, loaded before", "rename it")
    return module


def _file_of(module_name: str, folder: Path | None) -> Path | None:
    """The module's file in the folder, if there is one."""
    if folder is None:
        return None
    stem = folder.joinpath(*module_name.split("."))
    return next((path for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")) if path.is_file()), None)


def _function(name: str, module: ModuleType, function_name: str) -> Callable[[], object]:
    factory: Callable[[], object] | None = getattr(module, function_name, None)
    if factory is None:
        raise CodesignError(
            f"network {name!r} cannot be imported: {module.__name__} has no {function_name!r}",
            f"name a function of {getattr(module, '__file__', None) or module.__name__}",
        )
    if isinstance(factory, nn.Module) or not callable(factory):
        kind = "a network" if isinstance(factory, nn.Module) else f"of type {type(factory).__name__}"
        raise CodesignError(f"network {name!r} is not a function, but {kind}", "name a function that returns it")
    return factory


def _called(name: str, factory: Callable[[], object]) -> nn.Module:
    try:
        made = factory()
    except CodesignError:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's function does
        raise CodesignError(
            f"network {name!r} cannot be built: {_told(error)}", "correct the function; it is called without arguments"
        ) from error
    if isinstance(made, type):
        raise CodesignError(f"{name} returned the class {made.__name__}, not a network", f"return {made.__name__}()")
    if not isinstance(made, nn.Module):
        kind = "nothing" if made is None else type(made).__name__
        raise CodesignError(f"{name} returned {kind}, not a torch.nn.Module", RETURN)
    return made


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
