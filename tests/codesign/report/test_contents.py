from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codesign.cli.app import main
from codesign.report.contents import read_report
from codesign.report.page import gain, notes, write_page
from codesign.report.plots import PLOTS, draw
from codesign.report.report import SCHEMA, SCHEMA_VERSION
from codesign.report.theme import LIGHT, THEMES
from compress.base.errors import CodesignError
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
    page = (folder / "report.html").read_text()
    sources = re.findall(r'(?:src|srcset|href)="([^"]{1,40})', page)
    assert len(sources) == len(THEMES) * len(PLOTS)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"https?://|<script|@import|url\(", page)


@pytest.mark.parametrize(
    "text", ["conv", "linear", "98.00 %", "bit-exact", "1,234 outputs", "never", "x.toml &lt;script&gt;alert(1)"]
)
def test_the_page_tells_layers_figures_and_command(folder: Path, text: str) -> None:
    assert text in (folder / "report.html").read_text()


def test_a_picture_lies_beside_the_page_for_each_plot(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"report.html", *(f"{name}.png" for name in PLOTS)}
    for name in PLOTS:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_picture_is_drawn_on_its_themes_ground(report: dict[str, Any], name: str, theme: Any) -> None:
    from matplotlib.colors import to_hex

    assert to_hex(draw(name, typed(report), theme).get_facecolor()) == theme.background


def test_a_report_of_before_the_pictures_of_training_is_still_drawn(report: dict[str, Any]) -> None:
    for key in ("training", "admm_histograms"):
        del report[key]
    for name in PLOTS:
        draw(name, typed(report), LIGHT)


def test_the_tolerance_of_each_run_is_in_the_picture(report: dict[str, Any]) -> None:
    settings = {"prune": {"tolerance": 0.25}, "quantize": {"tolerance": 0.5}}
    figure = draw("convergence", typed({**report, "settings": {"compress": settings}}), LIGHT)
    drawn = [line for axes in figure.axes[:2] for line in axes.get_lines() if line.get_label() == "tolerance"]
    assert [np.array(line.get_ydata()).tolist() for line in drawn] == [[0.25, 0.25], [0.5, 0.5]]


def test_a_portion_without_an_array_is_a_cross_on_the_edge_and_no_point_of_the_line(report: dict[str, Any]) -> None:
    axes = draw("break_even", typed(report), LIGHT).axes[0]
    lines = {str(line.get_label()): np.array(line.get_xdata()).tolist() for line in axes.get_lines()}
    assert lines["conv  (break-even: 1.50×)"] == [30, 90]
    assert lines["linear  (break-even: never)"] == [30, 90]
    assert lines["_unfit"] == [10]


def test_a_portion_without_an_array_has_its_line_in_the_table(folder: Path) -> None:
    assert '10 %</td><td data-label="speedup" colspan="9">does not fit' in (folder / "report.html").read_text()


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
    page = (folder / "report.html").read_text()
    assert (
        0
        < page.index("Where the 2.00× comes from")
        < page.index("40% of the dense array is memory")
        < page.index("<h2>Layers")
    )


def test_every_figure_of_a_table_carries_its_label_for_narrow_screens(folder: Path) -> None:
    body = (folder / "report.html").read_text().split("</head>")[1]
    rows = re.findall(r"<tr>(<td.*?)</tr>", body)
    assert len(rows) > 10
    for row in rows:
        cells = re.findall(r"<td( data-label=\"[^\"]+\")?>", row)
        assert all(cells[1:]), row


def test_the_data_set_is_called_by_its_title(report: dict[str, Any], tmp_path: Path) -> None:
    report["data"]["title"] = "Fashion-MNIST"
    write_page(typed(report), tmp_path)
    assert "<title>small on Fashion-MNIST" in (tmp_path / "report.html").read_text()


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
    assert typed(typed(report).to_json()) == typed(report)
    assert typed(report).to_json()["schema"] == {"name": SCHEMA, "version": SCHEMA_VERSION}


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
