"""``make fuzz`` counts what differs, and says so by its exit code."""

from __future__ import annotations

from typing import Any

import pytest

from sim.mapping.cycles import Chain, layer_cycles
from tests.fuzz import main as fuzz_main
from tests.sequences import Step, predicted


def perfect_sequence(steps: list[Step]) -> tuple[list[Any], int]:
    """An accelerator without faults, by the models alone."""
    return [step.packed.answer(step.activations) for step in steps], predicted(steps).total


def late_sequence(steps: list[Step]) -> tuple[list[Any], int]:
    results, total = perfect_sequence(steps)
    return results, total + 1


def main(arguments: list[str], run: Any) -> int:
    """With sequences that agree."""
    return fuzz_main(arguments, run, perfect_sequence)


def perfect(packed: Any, activations: Any) -> tuple[Any, int]:
    """An array without faults, by the models alone."""
    return packed.answer(activations), layer_cycles(packed.plan, Chain.of(packed.config))


def wrong_pixel(packed: Any, activations: Any) -> tuple[Any, int]:
    results, cycles = perfect(packed, activations)
    results[-1, -1, -1, -1] += 1
    return results, cycles


def lost_cycle(packed: Any, activations: Any) -> tuple[Any, int]:
    results, cycles = perfect(packed, activations)
    return results, cycles + 1


def test_cases_that_agree_end_with_0_and_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases", "25", "--seed", "8"], perfect) == 0
    told = capsys.readouterr().out
    assert "seed 8: 25 cases, 0 mismatches" in told
    assert "groups" in told
    assert "several runs" in told
    assert "pooled by the array" in told
    assert "pooled by the host" in told


@pytest.mark.parametrize("faulty", [wrong_pixel, lost_cycle])
def test_a_planted_fault_ends_with_1_and_every_case_is_told(faulty: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases", "12", "--seed", "3"], faulty) == 1
    assert "12 cases, 12 mismatches" in capsys.readouterr().out


def test_a_sequence_that_differs_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz_main(["--cases", "5", "--seed", "1"], perfect, late_sequence) == 1
    told = capsys.readouterr().out
    assert "0 wrong outputs in a sequence of" in told
    assert "queued sequence" in told


def test_a_seed_gives_the_same_cases_whatever_the_number_of_processes(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for jobs in (1, 2):
        main(["--cases", "10", "--seed", "5", "--jobs", str(jobs)], wrong_pixel)
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert "10 mismatches" in told[0]


def test_another_seed_gives_other_cases(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for seed in ("5", "6"):
        main(["--cases", "5", "--seed", seed], wrong_pixel)
        told.append(capsys.readouterr().out.replace(f"seed {seed}", "seed"))
    assert told[0] != told[1]


def test_a_mismatch_tells_the_command_that_repeats_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--cases", "28", "--seed", "4"], wrong_pixel)
    *_, difference, again, _ = capsys.readouterr().out.splitlines()
    command = again.split("python -m tests.fuzz ")[1]
    assert command == "--seed 4 --first 27 --cases 1"
    main(command.split(), wrong_pixel)
    assert capsys.readouterr().out.splitlines()[1] == difference


def test_ctrl_c_tells_what_was_counted_so_far(capsys: pytest.CaptureFixture[str]) -> None:
    runs = iter([wrong_pixel, lost_cycle, perfect])

    def interrupted(packed: Any, activations: Any) -> tuple[Any, int]:
        run = next(runs, None)
        if run is None:
            raise KeyboardInterrupt
        return run(packed, activations)

    assert main(["--cases", "10", "--seed", "14"], interrupted) == 130
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.endswith("stopped")
    assert 0 < int(told.split(": ")[1].split()[0]) <= 3


def test_the_generated_array_itself_agrees() -> None:
    assert fuzz_main(["--cases", "5", "--seed", "1"]) == 0
