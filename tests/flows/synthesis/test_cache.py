from pathlib import Path

import pytest

from compress.base.files import cache_folder
from flows.synthesis.cache import ContentCache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ContentCache:
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path))
    return ContentCache("things")


def test_a_value_comes_back_under_an_equal_key_only(cache: ContentCache) -> None:
    cache.put(["a", 1], {"x": 1.5})
    assert cache.get(["a", 1]) == {"x": 1.5}
    assert cache.get(["a", 2]) is None


@pytest.mark.parametrize("damage", ["", "{", '{"value": {"x": 2.5}, "checksum": "0"}', "[]", "\x00"])
def test_a_broken_entry_counts_as_absent(cache: ContentCache, damage: str) -> None:
    cache.put("key", {"x": 1.5})
    cache.path("key").write_text(damage)
    assert cache.get("key") is None


def test_an_altered_value_counts_as_absent(cache: ContentCache) -> None:
    cache.put("key", {"x": 1.5})
    path = cache.path("key")
    path.write_text(path.read_text().replace("1.5", "9.5"))
    assert cache.get("key") is None


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CODESIGN_CACHE", str(tmp_path / "file"))
    assert ContentCache("things").put("key", {"x": 1}) == {"x": 1}
    assert ContentCache("things").get("key") is None


def test_no_partial_file_is_left(cache: ContentCache) -> None:
    cache.put("key", {"x": 1})
    assert [path.suffix for path in cache.folder.iterdir()] == [".json"]


def test_the_folder_is_the_users_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODESIGN_CACHE")
    assert cache_folder("synthesis").parts[-3:] == (".cache", "codesign", "synthesis")
