from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codesign.cli.app import main
from codesign.report.contents import read_report
from codesign.report.report import SCHEMA, SCHEMA_VERSION
from compress.base.errors import CodesignError
from tests.codesign.reports import small_report, typed


@pytest.fixture
def report() -> dict[str, Any]:
    return small_report()


def test_the_report_command_draws_the_page_again(
    report: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report))
    with pytest.raises(SystemExit) as stopped:
        main(["report", str(tmp_path), "--json"])
    assert stopped.value.code == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert str(tmp_path / "report.html") in files
    assert all(Path(file).is_file() for file in files)


def test_a_report_reads_back(report: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert read_report(tmp_path) == read_report(tmp_path / "report.json") == typed(report)


def test_a_foreign_or_damaged_report_is_refused(report: dict[str, Any], tmp_path: Path) -> None:
    for spoiled, told in (
        ({**report, "schema": {"name": "another", "version": SCHEMA_VERSION}}, "is not a codesign-report of version"),
        ({**report, "schema": {"name": SCHEMA, "version": 1}}, "is not a codesign-report of version"),
        ({**report, "seed": "0"}, "is damaged: seed"),
        ({key: value for key, value in report.items() if key != "schema"}, "is not a codesign-report"),
        ({**report, "layers": [{"name": "conv"}]}, r"is damaged: layers\.0\.kind"),
        ([], "is damaged"),
    ):
        (tmp_path / "report.json").write_text(json.dumps(spoiled))
        with pytest.raises(CodesignError, match=told):
            read_report(tmp_path)
