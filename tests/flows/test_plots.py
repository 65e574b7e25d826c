import pytest

from compress.errors import CodesignError
from flows.breakeven import BreakEvenCurve, BreakEvenPoint
from flows.plots import break_even_figure, save_figure


def point(portion, speedup):
    return BreakEvenPoint(portion, speedup, 4, 16, 1, 1e5, 40.0, 1000, "fixed4", "pe", {})


def curve(ratio):
    points = tuple(point(portion, 2 * portion) for portion in (0.1, 0.5, 0.9))
    return BreakEvenCurve("conv1", "fixed4", 1e5, "GE", "FO4", point(0.0, 1.0), points, ratio)


@pytest.mark.parametrize(("ratio", "told"), [(2.0, "breaks even at 2.00x"), (None, "never breaks even")])
def test_the_legend_names_layer_format_and_ratio(ratio, told):
    axes = break_even_figure([curve(ratio)]).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [f"conv1, fixed4: {told}"]


def test_the_line_goes_through_the_measured_points_and_the_star_through_break_even():
    lines = break_even_figure([curve(2.0)]).axes[0].lines
    assert list(lines[0].get_xdata()) == [0.1, 0.5, 0.9]
    assert list(lines[0].get_ydata()) == [0.2, 1.0, 1.8]
    star = next(line for line in lines if line.get_marker() == "*")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (0.5, 1.0)


def test_without_a_ratio_there_is_no_star():
    assert not any(line.get_marker() == "*" for line in break_even_figure([curve(None)]).axes[0].lines)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_figure_is_written_whole(tmp_path, suffix):
    path = save_figure(break_even_figure([curve(2.0), curve(None)], "two layers"), tmp_path / "new" / f"curve.{suffix}")
    assert path.stat().st_size > 1000
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CodesignError, match="cannot write"):
        save_figure(break_even_figure([]), tmp_path / "file" / "curve.png")
