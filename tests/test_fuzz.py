"""``make fuzz`` counts what differs, and says so by its exit code."""

from __future__ import annotations

from typing import Any

import pytest

from sim.cycles import layer_cycles
from tests.fuzz import main


def perfect(packed: Any, activations: Any) -> tuple[Any, int]:
    """An array without faults, by the models alone."""
    return packed.answer(activations), layer_cycles(packed.plan, packed.config.requant_lanes)


def wrong_pixel(packed: Any, activations: Any) -> tuple[Any, int]:
    results, cycles = perfect(packed, activations)
    results[-1, -1, -1, -1] += 1
    return results, cycles


def lost_cycle(packed: Any, activations: Any) -> tuple[Any, int]:
    results, cycles = perfect(packed, activations)
    return results, cycles + 1


def test_cases_that_agree_end_with_0_and_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases", "25", "--seed", "4"], perfect) == 0
    told = capsys.readouterr().out
    assert "seed 4: 25 cases, 0 mismatches" in told
    assert "groups" in told
    assert "several runs" in told
    assert "pooled by the array" in told
    assert "pooled by the host" in told


@pytest.mark.parametrize("faulty", [wrong_pixel, lost_cycle])
def test_a_planted_fault_ends_with_1_and_every_case_is_told(faulty: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases", "12", "--seed", "3"], faulty) == 1
    assert "12 cases, 12 mismatches" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_cases(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for _ in range(2):
        main(["--cases", "10", "--seed", "5"], perfect)
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]


def test_the_generated_array_itself_agrees() -> None:
    assert main(["--cases", "3", "--seed", "1"]) == 0
