"""Networks that took hours to train, kept by the settings that made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import Tensor, nn

from benchmarks.commits import commit_of_source
from compress.base.digests import digest_of, digest_of_file
from compress.base.errors import CodesignError
from compress.base.files import write_bytes
from compress.base.store import Store

__all__ = ["TrainedNetworks"]


@dataclass(frozen=True)
class TrainedNetworks:
    """Weights and facts of networks in a folder.

    A network counts by its settings alone, not by the source that trained it: most changes of the source do not touch
    training, and hours of it would be repeated for them. So each says which commit made it, and removing the folder
    trains anew.
    """

    folder: Path

    def get(self, name: str, settings: Any) -> dict[str, Any] | None:
        """Facts of the network called ``name``, and a digest of its weights, if it was trained with ``settings``."""
        found = Store(self.folder / "facts").get([name, settings])
        path = self._weights(name, settings)
        return {**found, "weights_digest": digest_of_file(path)} if isinstance(found, dict) and path.exists() else None

    def put(self, name: str, settings: Any, network: nn.Module, facts: dict[str, Any]) -> None:
        """Keep a network."""
        weights = {key: value.detach().contiguous() for key, value in network.state_dict().items()}
        write_bytes(self._weights(name, settings), save(weights))
        Store(self.folder / "facts").put([name, settings], {**facts, "commit": commit_of_source()})

    def weights(self, name: str, settings: Any) -> dict[str, Tensor]:
        """The state dict of a network that is there."""
        path = self._weights(name, settings)
        try:
            tensors: dict[str, Tensor] = load_file(path)
        except OSError as error:
            raise CodesignError(f"network {name!r} is not trained: {error}", "run the whole benchmark") from error
        return tensors

    def work(self, name: str, settings: Any) -> Path:
        """A folder for the checkpoints of a network in the making."""
        path = self.folder / "work" / f"{name}-{digest_of(settings)[:16]}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _weights(self, name: str, settings: Any) -> Path:
        path = self.folder / f"{name}-{digest_of(settings)[:16]}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
