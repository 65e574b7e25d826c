from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from codesign.report import page
from codesign.report.page import formats_told, gain, notes, write_page
from codesign.report.plots import PLOTS
from codesign.report.theme import THEMES
from tests.codesign.reports import small_report, typed


@pytest.fixture
def report() -> dict[str, Any]:
    return small_report()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page and pictures of a report whose command tries to be markup."""
    path = tmp_path_factory.mktemp("report")
    write_page(typed({**small_report(), "command": "codesign run x.toml <script>alert(1)</script>"}), path)
    return path


def test_the_page_is_self_contained(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    sources = re.findall(r'(?:src|srcset|href)="([^"]{1,40})', text)
    assert len(sources) == len(THEMES) * len(PLOTS)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"https?://|<script|@import|url\(", text)


@pytest.mark.parametrize(
    "text", ["conv", "linear", "98.00 %", "bit-exact", "1,234 outputs", "never", "x.toml &lt;script&gt;alert(1)"]
)
def test_the_page_tells_layers_figures_and_command(folder: Path, text: str) -> None:
    assert text in (folder / "report.html").read_text()


def test_a_picture_lies_beside_the_page_for_each_plot(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"report.html", *(f"{name}.png" for name in PLOTS)}
    for name in PLOTS:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_portion_without_an_array_has_its_line_in_the_table(folder: Path) -> None:
    assert '10 %</td><td data-label="speedup" colspan="9">does not fit' in (folder / "report.html").read_text()


def test_the_page_says_which_format_wins_where_and_which_nowhere(folder: Path, report: dict[str, Any]) -> None:
    assert formats_told(typed(report).array) == "fixed4 for linear; rice6 for conv. No layer would take bitmap8."
    assert "No layer would take bitmap8." in (folder / "report.html").read_text()
    dense = typed(report).array.model_copy(update={"formats": {}})
    assert not formats_told(dense)


def test_the_page_says_who_runs_what(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert "the host runs the other operations, 16.67 % of them (10.00 % before pruning)" in text
    assert (
        '<tr><td>add</td><td data-label="number">2</td><td data-label="by">host</td>'
        '<td data-label="operations">250</td>' in text
    )
    assert '<tr><td>flatten</td><td data-label="operation">reshape</td><td data-label="by">nobody (addresses)' in text


def test_work_of_the_host_is_told_where_there_is_some(report: dict[str, Any]) -> None:
    told = "The host's operations, 16.67 % of all after pruning, are counted but not timed."
    assert any(told in note for note in notes(typed(report)))
    report["work"]["host_share"] = 0.0
    assert not any("host" in note for note in notes(typed(report)))


def test_a_report_that_does_not_say_who_runs_what_has_a_page(report: dict[str, Any], tmp_path: Path) -> None:
    write_page(typed({key: value for key, value in report.items() if key != "work"}), tmp_path)
    assert "Who runs what" not in (tmp_path / "report.html").read_text()


def test_the_metric_of_another_task_has_its_name_and_unit(report: dict[str, Any], tmp_path: Path) -> None:
    report["accuracy"] |= {"metric": {"name": "RMSE", "unit": "m", "higher_is_better": False}}
    report["accuracy"] |= {"dense": 0.25, "integer": 0.5}
    write_page(typed(report), tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert "test RMSE of the integer network on the array; dense float 0.25 m" in text
    assert "<b>0.5 m</b>" in text
    assert "test accuracy" not in text
    assert "The RMSE of the integer network is worse than the dense one's by 0.25 m." in notes(typed(report))
    report["accuracy"]["integer"] = 0.1
    assert not any("RMSE" in note for note in notes(typed(report)))


def test_losses_are_told_first(report: dict[str, Any]) -> None:
    told = notes(typed(report))
    assert told[0].startswith("Slower on the chosen array than on the dense one: linear (0.80×)")
    assert any("conv: pruning loses in equal area at 1 of 3" in note for note in told)
    assert "conv: no sparse array fits the area with 10% pruned." in told
    assert any("Restored to dense" in note and "linear" in note for note in told)


def test_the_factors_of_the_speedup_multiply_to_it(report: dict[str, Any]) -> None:
    chosen = report["array"]["chosen"]
    chosen["config"]["rows"] *= 3
    chosen["clock_period"] = 20.0
    chosen["cycles_per_sample"] = 6000 / 2.5 / chosen["clock_period"]
    factors = gain(typed(report).array)
    assert factors["pes"] == 3
    assert factors["clock"] == 1.5
    assert factors["pes"] * factors["work"] * factors["clock"] == pytest.approx(2.5)


def test_what_the_speedup_is_made_of_stands_above_the_layers(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert (
        0
        < text.index("Where the 2.00× comes from")
        < text.index("40% of the dense array is memory")
        < text.index("<h2>Layers")
    )


def test_every_figure_of_a_table_carries_its_label_for_narrow_screens(folder: Path) -> None:
    body = (folder / "report.html").read_text().split("</head>")[1]
    rows = re.findall(r"<tr>(<td.*?)</tr>", body)
    assert len(rows) > 10
    for row in rows:
        cells = re.findall(r"<td( data-label=\"[^\"]+\")?>", row)
        assert all(cells[1:]), row


def test_the_data_set_is_called_by_its_title(
    report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "_png", lambda *_: b"")
    report["data"]["title"] = "Fashion-MNIST"
    write_page(typed(report), tmp_path)
    assert "<title>small on Fashion-MNIST" in (tmp_path / "report.html").read_text()


def test_curves_beside_a_pattern_are_told_to_be_of_other_masks() -> None:
    def is_told(scope: str) -> bool:
        found = notes(typed({**small_report(), "settings": {"compress": {"scope": scope}}}))
        return any("not on the N:M pattern" in note for note in found)

    assert [is_told(scope) for scope in ("n:m", "layer")] == [True, False]
