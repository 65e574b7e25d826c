"""A factory is found beside the run file, called once, and what it returns is a network of its own or told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from compress.base.errors import CodesignError
from compress.networks.registry import build_network

SOURCE = """
import copy, sys
from functools import cache
from torch import nn
import user_sizes

def net():
    return nn.Sequential(nn.Linear(user_sizes.inputs, 3))

class Subclass(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, 4))

@cache
def cached():
    return net()

instance = net()
number = 7

def nothing(): net()
def a_class(): return Subclass
def weights(): return net().state_dict()
def with_argument(classes): return net()
def fails(): raise KeyError("layers")
def leaves(): sys.exit("no GPU")
def hooked():
    made = net()
    made.register_forward_hook(lambda *_: None)
    return made
def uncopied():
    made = net()
    made.rows = (row for row in ())
    return made
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "user_nets.py").write_text(SOURCE)
    (tmp_path / "user_sizes.py").write_text("inputs = 2\n")
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    assert sys.path == path
    assert not {name for name in set(sys.modules) - modules if name.startswith("user_")}


def test_a_module_in_the_folder_is_found_without_the_python_path(folder: Path) -> None:
    assert build_network("user_nets:net", 0, folder)[0].in_features == 2  # type: ignore[index]
    assert build_network("user_nets:Subclass", 0, folder)[0].out_features == 4  # type: ignore[index]
    with pytest.raises(CodesignError, match="No module named 'user_nets'"):
        build_network("user_nets:net", 0)


def test_a_package_and_its_relative_imports_are_found(folder: Path) -> None:
    (folder / "user_package").mkdir()
    (folder / "user_package" / "__init__.py").write_text("")
    (folder / "user_package" / "net.py").write_text("from .parts import net\n")
    (folder / "user_package" / "parts.py").write_text("from user_nets import net\n")
    assert isinstance(build_network("user_package.net:net", 0, folder), nn.Sequential)


def test_each_folder_has_its_own_module_of_one_name(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "user_nets.py").write_text(SOURCE)
    (other / "user_sizes.py").write_text("inputs = 5\n")
    sizes = [build_network("user_nets:net", 0, place)[0].in_features for place in (folder, other, folder)]  # type: ignore[index]
    assert sizes == [2, 5, 2]


def test_a_changed_module_is_read_again(folder: Path) -> None:
    build_network("user_nets:net", 0, folder)
    (folder / "user_sizes.py").write_text("inputs = 2 + 40\n")
    assert build_network("user_nets:net", 0, folder)[0].in_features == 42  # type: ignore[index]


def test_a_factory_that_keeps_its_network_gives_copies(folder: Path) -> None:
    first, again = build_network("user_nets:cached", 0, folder), build_network("user_nets:cached", 0, folder)
    assert first is not again
    with torch.no_grad():
        first.get_parameter("0.weight").zero_()
    assert bool(again.get_parameter("0.weight").any())


@pytest.mark.parametrize(
    ("function", "cause", "step"),
    [
        ("nothing", "returned nothing, not a torch.nn.Module", "return network"),
        ("a_class", "returned the class Subclass", r"return Subclass()"),
        ("weights", "returned OrderedDict, not a torch.nn.Module", "return network"),
        ("number", "not a function, but of type int", "name a function"),
        ("instance", "not a function, but a network", "name a function"),
        ("missing", "user_nets has no 'missing'", "name a function of"),
        ("with_argument", r"TypeError: .*missing 1 required", "called without arguments"),
        ("fails", r"KeyError: 'layers' \(.*user_nets.py, line \d+\)", "correct the function"),
        ("leaves", "SystemExit: no GPU", "correct the function"),
        ("hooked", "the network has a forward hook", "remove"),
        ("uncopied", "cannot be copied", "generators"),
    ],
)
def test_a_factory_that_gives_no_network_is_told(folder: Path, function: str, cause: str, step: str) -> None:
    with pytest.raises(CodesignError, match=cause) as error:
        build_network(f"user_nets:{function}", 0, folder)
    assert step in error.value.next_step


@pytest.mark.parametrize(
    ("source", "cause", "step"),
    [
        ("import no_such_library\n", "No module named 'no_such_library'", "correct the module"),
        ("def net(:\n", "SyntaxError", "correct the module"),
        ("raise OSError('no data')\n", r"OSError: no data \(.*user_broken.py, line 1\)", "correct the module"),
        ("import sys; sys.exit(3)\n", "SystemExit: 3", "correct the module"),
        ("from torch import no_such_name\n", "cannot import name 'no_such_name'", "correct the module"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told(folder: Path, source: str, cause: str, step: str) -> None:
    (folder / "user_broken.py").write_text(source)
    with pytest.raises(CodesignError, match=cause) as error:
        build_network("user_broken:net", 0, folder)
    assert step in error.value.next_step


def test_a_module_that_is_nowhere_is_told_with_the_folder(folder: Path) -> None:
    for name in ("user_missing", "user_missing.part", "user_nets.part"):
        with pytest.raises(CodesignError, match=r"No module named|is not a package") as error:
            build_network(f"{name}:net", 0, folder)
        assert f"put it into {folder}" in error.value.next_step or "correct" in error.value.next_step


@pytest.mark.parametrize(
    ("module", "owner"), [("wave", "Python"), ("random", "Python"), ("sim", "codesign"), ("compress", "codesign")]
)
def test_a_module_named_like_pythons_or_ours_is_told(folder: Path, module: str, owner: str) -> None:
    (folder / f"{module}.py").write_text(SOURCE)
    with pytest.raises(CodesignError, match=rf"{module}.py has the name of {owner}'s own module") as error:
        build_network(f"{module}:net", 0, folder)
    assert error.value.next_step == "rename it"


def test_a_module_hidden_by_a_loaded_one_is_told(folder: Path) -> None:
    (folder / "numpy.py").write_text(SOURCE)
    with pytest.raises(CodesignError, match=r"numpy.py is hidden by .*__init__.py of the same name, loaded before"):
        build_network("numpy:net", 0, folder)
