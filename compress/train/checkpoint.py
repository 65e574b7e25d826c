"""Checkpoints of long training runs: resumed exactly, or refused with the reason."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.base.files import write_bytes
from compress.data.datasets import Dataset
from compress.data.tensor_digest import digest
from compress.train.distributed import rank

__all__ = ["Checkpoint", "describe_run", "digest"]

FORMAT = "codesign-checkpoint-1"


class Checkpoint:
    """States of the stages of one run, in one file.

    Each stage of a run (the ADMM iterations, a retraining) puts its state under its name after every epoch. A run
    started again finds the states and resumes from them.

    Parameters
    ----------
    path : Path
        Read now if it exists; written whole or not at all.
    run : mapping
        What the results depend on, from ``describe_run``. It must equal the file's.

    Raises
    ------
    CodesignError
        The file is damaged, or was written by another run: other settings, network, data or kind.
    """

    def __init__(self, path: Path, run: Mapping[str, Any]) -> None:
        self.path = path
        self._run = dict(run)
        self._stages: dict[str, dict[str, Any]] = self._load() if path.exists() else {}

    def get(self, stage: str) -> dict[str, Any] | None:
        """The state last put for ``stage``, or None."""
        return self._stages.get(stage)

    def put(self, stage: str, state: dict[str, Any]) -> None:
        """Keep the state of ``stage``: tensors, numbers, strings and containers of them."""
        self._stages[stage] = copy.deepcopy(state)  # the tensors go on changing
        if rank() != 0:
            return  # equal in all processes, and one file
        content = io.BytesIO()  # torch reports a full disk as a RuntimeError of its own
        torch.save({"format": FORMAT, "run": self._run, "stages": self._stages}, content)
        write_bytes(self.path, content.getbuffer())

    def _load(self) -> dict[str, dict[str, Any]]:
        remove = f"remove {self.path} to start over"
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            stages: dict[str, dict[str, Any]]
            file_format, run, stages = content["format"], content["run"], content["stages"]
        except (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError) as error:
            raise CodesignError(f"checkpoint {self.path} is damaged or not a checkpoint", remove) from error
        if file_format != FORMAT:
            raise CodesignError(f"checkpoint {self.path} has format {file_format!r}, not {FORMAT!r}", remove)
        changed = sorted(key for key in run.keys() | self._run.keys() if run.get(key) != self._run.get(key))
        if changed:
            raise CodesignError(
                f"checkpoint {self.path} belongs to another run: {', '.join(changed)} differ",
                f"use the same settings and network, or {remove}",
            )
        return stages


def describe_run(kind: str, network: nn.Module, dataset: Dataset, config: Any, **more: Any) -> dict[str, Any]:
    """What decides a run's result: its settings, and digests of the network's start and of the data.

    Settings appear as ``config.<member>``, so a refusal names the one that changed. A run may move to another device.
    """
    settings = {f"config.{name}": value for name, value in asdict(config).items() if name != "device"}
    data = [part for split in (dataset.train, dataset.validation) for part in (split.images, split.labels)]
    data = [part if isinstance(part, Tensor) else part.identity() for part in data]
    return {
        "kind": kind,
        "network": digest(network.state_dict()),
        "data": digest({str(index): tensor for index, tensor in enumerate(data)}),
        **settings,
        **more,
    }
