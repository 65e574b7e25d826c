"""The whole loop, from a run's settings to its report."""

from __future__ import annotations

from pathlib import Path

from codesign.console import RunConsole
from codesign.loop.pipeline import STAGES
from codesign.loop.stage import run_stages
from codesign.loop.workspace import Workspace
from codesign.report.contents import write_report
from codesign.report.report import Report
from codesign.settings.run_config import RunConfig

__all__ = ["run_loop"]


def run_loop(
    config: RunConfig, folder: Path, console: RunConsole | None = None, command: str = "", fresh: bool = False
) -> Report:
    """Run every stage that is not finished, write the report into ``folder`` and return it.

    After an interruption, the same call resumes where it stopped.
    """
    workspace = Workspace(config, folder, console)
    run_stages(STAGES, workspace, fresh)
    return write_report(workspace, command)
