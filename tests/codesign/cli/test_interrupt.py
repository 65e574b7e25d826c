"""Ctrl-C: exit code 130, one message, and the next run goes on from the checkpoint."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

RUN = '[network]\nname = "digits-net"\n[data]\nname = "digits"\n[train]\nepochs = {epochs}\n'


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "codesign.cli", "train", "run.toml", "--out", "out"]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        preexec_fn=_hear_ctrl_c,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _hear_ctrl_c() -> None:
    """A shell that runs the tests in the background lets its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_run_resumes(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(RUN.format(epochs=12))
    process = start(tmp_path)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/.checkpoints/*/train.pt")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert output == ""
    assert errors.endswith("error: interrupted\nnext: run the same command again to resume\n")
    assert "Traceback" not in errors
    assert not (tmp_path / "out" / "network.safetensors").exists()
    checkpoint = next(tmp_path.glob("out/.checkpoints/*/train.pt"))
    again = start(tmp_path)
    again.communicate(timeout=120)
    assert again.returncode == 0
    assert not checkpoint.exists()
    history = json.loads((tmp_path / "out" / "training.json").read_text())["history"]
    assert [record["epoch"] for record in history] == list(range(12))
