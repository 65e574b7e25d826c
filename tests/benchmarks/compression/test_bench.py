from pathlib import Path

import pytest

from benchmarks.compression.bench import main
from compress.base.errors import CodesignError


@pytest.mark.parametrize(
    ("only", "cause"),
    [("lenet6", "no recipe or trial has 'lenet6' in its name"), ("", "no CIFAR-10 file .*; no MNIST file")],
)
def test_where_nothing_can_run_the_page_stays_as_it_was(
    only: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("CODESIGN_DATA", str(tmp_path / "empty"))
    page = tmp_path / "page.md"
    page.write_text("earlier results")
    with pytest.raises(CodesignError, match=cause):
        main(out=tmp_path / "out", page=page, jobs=1, only=only, short=True)
    assert page.read_text() == "earlier results"
    assert not (tmp_path / "out" / "compress.json").exists()
