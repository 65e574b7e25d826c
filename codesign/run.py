"""The co-design loop (003 Fig. 5) as a list of stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codesign.console import RunConsole
from codesign.loop.settings import RunConfig
from codesign.loop.stage import run_stages
from codesign.loop.stages import alphas, array, break_even, evaluation, pruning, quantization, simulation, training
from codesign.loop.workspace import Workspace
from codesign.report.contents import write_report

__all__ = ["COMPRESSION", "STAGES", "run_loop"]

COMPRESSION = (alphas.STAGE, pruning.STAGE, quantization.STAGE)
STAGES = (
    training.STAGE,
    break_even.STAGE,
    *COMPRESSION,
    array.STAGE,
    simulation.STAGE,
    evaluation.STAGE,
)


def run_loop(
    config: RunConfig, folder: Path, console: RunConsole | None = None, command: str = "", fresh: bool = False
) -> dict[str, Any]:
    """Run every stage that is not finished, write the report into ``folder`` and return it.

    Interrupted at any time, a second call goes on where the first was.
    """
    workspace = Workspace(config, folder, console)
    run_stages(STAGES, workspace, fresh)
    return write_report(workspace, command)
