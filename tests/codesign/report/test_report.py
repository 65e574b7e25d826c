from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codesign.report.report import SCHEMA, SCHEMA_VERSION
from tests.codesign.reports import small_report, typed


@pytest.fixture
def report() -> dict[str, Any]:
    return small_report()


def test_a_report_survives_json(report: dict[str, Any]) -> None:
    assert typed(typed(report).to_json()) == typed(report)
    assert typed(report).to_json()["schema"] == {"name": SCHEMA, "version": SCHEMA_VERSION}


def test_keys_that_a_later_toolkit_adds_are_passed_over(report: dict[str, Any]) -> None:
    report["more"], report["layers"][0]["more"] = 1, 2
    assert typed(report).to_json().keys() == small_report().keys()


def test_every_key_of_a_report_is_documented(report: dict[str, Any]) -> None:
    text = (Path(__file__).parents[3] / "docs" / "report.md").read_text()
    keys = {
        *report,
        *report["layers"][0],
        *report["break_even"][0],
        *report["break_even"][0]["curve"][0],
        *report["accuracy"],
    }
    assert [key for key in sorted(keys) if f"`{key}`" not in text and f"`{key}[]`" not in text] == []
