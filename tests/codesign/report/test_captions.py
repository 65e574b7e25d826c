from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codesign.report import page
from codesign.report.captions import Captions
from codesign.report.page import write_page
from compress.methods.registry import METHODS, VALUE_SETS
from tests.codesign.reports import small_report, typed

ADMM = "ADMM"
HISTORY = small_report()["admm"]["prune"]


def report_of(iterations: dict[str, bool], **compress: str) -> dict[str, Any]:
    """A report with such settings, and ADMM iterations in these runs."""
    history = {run: HISTORY if iterated else [] for run, iterated in iterations.items()}
    return {**small_report(), "settings": {"compress": compress}, "admm": history}


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for pages without pictures."""
    monkeypatch.setattr(page, "_png", lambda *_: b"")
    return tmp_path


def page_of(report: dict[str, Any], folder: Path) -> str:
    write_page(typed(report), folder)
    return (folder / "report.html").read_text()


@pytest.mark.parametrize("method", [name for name in METHODS if ADMM not in METHODS[name].summary])
def test_a_page_of_a_run_without_admm_does_not_name_it(method: str, written: Path) -> None:
    text = page_of(report_of({"prune": False, "quantize": False}, method=method, set="rounded"), written)
    assert ADMM not in text
    assert "<h2>Retraining</h2>" in text
    assert METHODS[method].summary in text
    assert VALUE_SETS["rounded"].summary in text


def test_a_page_of_admm_names_it_in_both_parts(written: Path) -> None:
    text = page_of(report_of({"prune": True, "quantize": True}, method="admm", set="levels"), written)
    for told in ("Convergence of ADMM", "ADMM separates the weights", "ADMM gathers the kept weights"):
        assert told in text


def test_a_page_names_admm_only_in_the_part_that_it_did(written: Path) -> None:
    text = page_of(report_of({"prune": False, "quantize": True}, method="one-shot", set="clusters"), written)
    assert "ADMM separates" not in text
    assert "ADMM gathers" in text
    assert "Convergence of ADMM" in text


def test_a_joint_run_has_no_quantization_of_its_own(written: Path) -> None:
    text = page_of(report_of({"prune": True, "quantize": False}, method="joint", set="levels"), written)
    assert "before and after pruning" in text
    assert "before and after quantization" not in text


def test_what_was_not_trained_has_no_section(written: Path) -> None:
    report = {**report_of({"prune": False, "quantize": False}, method="one-shot"), "training": {"train": []}}
    text = page_of(report, written)
    assert "<h2>Retraining" not in text
    assert "Training loss" not in text


def test_a_method_of_another_version_is_told_by_its_name() -> None:
    told = Captions.of(typed(report_of({"prune": False, "quantize": False}, method="later", set="other")))
    assert told.prune == "Pruning by method later."
    assert told.quantize == "Quantization of the pruned network, to set other."
