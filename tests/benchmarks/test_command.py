import sys

import pytest
from joblib import delayed

from benchmarks.command import run_command, run_jobs
from codesign.errors import MismatchError
from compress.base.errors import CodesignError


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CodesignError("no data", "set CODESIGN_DATA"), "error: no data\nnext: set CODESIGN_DATA"),
        (MismatchError("Verilog and models differ"), "error: Verilog and models differ"),
    ],
)
def test_an_error_ends_the_command_without_a_traceback(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def main() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["bench"])
    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == told


def test_results_come_in_the_order_of_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_jobs([(f"square of {n}", delayed(pow)(n, 2)) for n in (3, 1, 2)], processes=1) == [9, 1, 4]
    lines = capsys.readouterr().err.splitlines()
    assert [line.rsplit(":", 1)[0] for line in lines] == [
        "[1/3] square of 3",
        "[2/3] square of 1",
        "[3/3] square of 2",
    ]
