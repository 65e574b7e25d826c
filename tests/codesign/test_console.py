from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from codesign.console import RunConsole, in_words
from compress.base.progress import Update

FIGURES = {"loss": 0.25, "validation accuracy": 0.985, "rho": 0.01}
IN_WORDS = "loss 0.25, validation accuracy 0.985, rho 0.01"


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plain(output: io.StringIO, clock: Clock) -> RunConsole:
    return RunConsole(console=Console(file=output, width=40, highlight=False), clock=clock)


@pytest.fixture
def terminal(output: io.StringIO) -> RunConsole:
    return RunConsole(console=Console(file=output, width=100, force_terminal=True, highlight=False, color_system=None))


def test_without_a_terminal_the_last_step_is_a_line_with_its_figures(plain: RunConsole, output: io.StringIO) -> None:
    with plain.stage("prune"):
        for done in (1, 2, 3):
            plain.progress(Update("ADMM", done, 3, {**FIGURES, "step": done}))
    assert output.getvalue().splitlines() == [
        "prune ...",
        f"  ADMM 3/3: {IN_WORDS}, step 3",
        "prune: done in 0.0 s",
    ]


def test_without_a_terminal_a_line_comes_every_ten_seconds(
    plain: RunConsole, output: io.StringIO, clock: Clock
) -> None:
    with plain.stage("prune"):
        for done in range(1, 30):
            clock.now = float(done)
            plain.progress(Update("[ADMM]", done, 30))
    assert output.getvalue().splitlines()[1:-1] == ["  [ADMM] 10/30", "  [ADMM] 20/30"]


def test_a_terminal_shows_the_latest_figures_under_the_bar(terminal: RunConsole, output: io.StringIO) -> None:
    with terminal.stage("prune"):
        terminal.progress(Update("ADMM", 1, 3, {"loss": 0.5}))
        terminal.progress(Update("ADMM", 2, 3, FIGURES))
        terminal.progress(Update("nothing to tell", 1, 2))
        assert terminal._bars is not None
        terminal._bars.refresh()
        shown = output.getvalue()
    assert IN_WORDS in shown
    assert "2/3" in shown
    assert shown.rindex(IN_WORDS) > shown.rindex("2/3")
    ended = output.getvalue()[len(shown) :]
    assert IN_WORDS not in ended
    assert "prune: done in" in ended


def test_a_finished_bar_makes_room_for_the_next(terminal: RunConsole, output: io.StringIO) -> None:
    with terminal.stage("prune"):
        terminal.progress(Update("ADMM", 3, 3, FIGURES))
        terminal.progress(Update("retrain", 1, 3, {"loss": 0.125}))
        assert terminal._bars is not None
        assert [task.description.strip() for task in terminal._bars.tasks] == ["prune", "retrain"]
        assert terminal._bars.figures == "loss 0.125"


def test_nothing_is_shown_outside_of_a_stage_or_when_quiet(
    plain: RunConsole, output: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    plain.progress(Update("ADMM", 3, 3, FIGURES))
    assert output.getvalue() == ""
    quiet = RunConsole(quiet=True)
    with quiet.stage("prune"):
        quiet.progress(Update("ADMM", 3, 3, FIGURES))
    assert capsys.readouterr() == ("", "")


@given(st.dictionaries(st.sampled_from(["loss", "rho", "dual residual"]), st.floats(-1e300, 1e300)))
def test_figures_are_told_in_order_to_four_digits(figures: dict[str, float]) -> None:
    told = [part.rpartition(" ") for part in in_words(figures).split(", ") if part]
    assert [name for name, _, __ in told] == list(figures)
    assert [float(value) for _, __, value in told] == pytest.approx(list(figures.values()), rel=1e-3)
