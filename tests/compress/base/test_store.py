from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compress.base.errors import CodesignError
from compress.base.store import Store

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@given(JSON, JSON)
def test_a_value_comes_back_under_an_equal_key(tmp_path_factory: pytest.TempPathFactory, key: Any, value: Any) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    assert store.put(key, value) == value
    assert store.get(key) == value
    assert store.get([key]) is None


@pytest.mark.parametrize("damage", ["", "{", '{"value": {"x": 2.5}, "checksum": "0"}', "[]", "\x00", "[" * 200_000])
def test_a_broken_entry_counts_as_absent(store: Store, damage: str) -> None:
    store.put("key", {"x": 1.5})
    store.path("key").write_text(damage)
    assert store.get("key") is None


def test_an_altered_value_counts_as_absent(store: Store) -> None:
    store.put("key", {"x": 1.5})
    path = store.path("key")
    path.write_text(path.read_text().replace("1.5", "9.5"))
    assert store.get("key") is None


def test_a_required_result_that_cannot_be_kept_is_an_error_and_a_cached_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "store"
    with pytest.raises(CodesignError, match="cannot write"):
        Store(folder).put("key", {"x": 1})
    cache = Store(folder, required=False)
    assert cache.put("key", {"x": 1}) == {"x": 1}
    assert cache.get("key") is None


def test_no_partial_file_is_left(store: Store) -> None:
    store.put("key", {"x": 1})
    assert [path.suffix for path in store.folder.iterdir()] == [".json"]


def test_the_shared_store_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path))
    assert Store.shared("synthesis").folder == tmp_path / "synthesis"
    monkeypatch.delenv("CODESIGN_CACHE")
    assert Store.shared("synthesis").folder.parts[-3:] == (".cache", "codesign", "synthesis")


class Maker:
    """Makes a folder of two files and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "inner").mkdir()
        (folder / "inner" / "program").write_text("whole")
        (folder / "log").write_text("done")


def test_a_folder_is_made_once_for_a_key(store: Store) -> None:
    make = Maker()
    folder = store.files("key", make)
    assert store.files("key", make) == folder
    assert store.files("other", make) != folder
    assert make.calls == 2
    assert (folder / "inner" / "program").read_text() == "whole"


def test_a_folder_with_a_changed_or_lost_file_is_made_again(store: Store) -> None:
    make = Maker()
    program = store.files("key", make) / "inner" / "program"
    program.write_text("part")
    assert store.files("key", make) / "inner" / "program" == program
    assert program.read_text() == "whole"
    program.unlink()
    store.files("key", make)
    assert program.read_text() == "whole"
    assert make.calls == 3


@pytest.mark.parametrize("damage", ["", "[]", '{"log": [1]}', '{"log": "0"}', '{"\\u0000": "0"}', "[" * 200_000])
def test_a_folder_whose_list_of_files_is_damaged_is_made_again(store: Store, damage: str) -> None:
    make = Maker()
    (store.files("key", make) / ".manifest.json").write_text(damage)
    store.files("key", make)
    store.files("key", make)
    assert make.calls == 2


def test_files_that_a_tool_adds_later_do_no_harm(store: Store) -> None:
    make = Maker()
    (store.files("key", make) / "results.xml").touch()
    store.files("key", make)
    assert make.calls == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, CodesignError("the compiler failed", "look"), RuntimeError])
def test_a_folder_whose_making_was_stopped_is_not_there(store: Store, stop: BaseException) -> None:
    def fail(folder: Path) -> None:
        Maker()(folder)
        raise stop

    with pytest.raises(type(stop) if isinstance(stop, BaseException) else stop):
        store.files("key", fail)
    assert list(store.folder.iterdir()) == []


def test_of_two_that_make_the_same_folder_one_stays(store: Store) -> None:
    inner = Maker()

    def slower(folder: Path) -> None:
        store.files("key", inner)  # another process is done before
        Maker()(folder)

    assert (store.files("key", slower) / "log").read_text() == "done"
    assert [path.suffix for path in store.folder.iterdir()] == [""]


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CodesignError, match="cannot write"):
        Store(tmp_path / "file" / "store").files("key", Maker())


def test_a_file_elsewhere_that_stops_the_making_is_not_told_as_the_stores_fault(store: Store) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device", "/elsewhere/work")

    with pytest.raises(CodesignError, match=r"cannot make the files .*No space left.*/elsewhere/work") as told:
        store.files("key", full)
    assert "TMPDIR" in told.value.next_step
    assert list(store.folder.iterdir()) == []


def test_many_processes_may_use_one_store(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from compress.base.store import Store
store = Store(Path({str(tmp_path)!r}))
for n in range(40):
    store.put(n, [n] * 50)
    assert store.get(n) == [n] * 50
    folder = store.files(n % 5, lambda made: (made / "x").write_text("y" * 1000))
    assert (folder / "x").read_text() == "y" * 1000
"""
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert not list(tmp_path.glob("*.part*"))
