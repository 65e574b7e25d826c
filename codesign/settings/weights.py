"""The trained weights that a run starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from torch import nn

from compress.base.digests import digest_of_file
from compress.networks.weights.fit import load_weights

__all__ = ["Weights"]


@dataclass(frozen=True)
class Weights:
    """A file of weights.

    Members
    -------
    digest : str
        Of its content; empty where it cannot be read, which loading reports.
    path : Path
        The same content in another place is the same weights.
    """

    digest: str
    path: Path = field(compare=False)

    @classmethod
    def of(cls, path: str | None) -> Self | None:
        """The file as it is now; None for None."""
        if path is None:
            return None
        try:
            return cls(digest_of_file(Path(path)), Path(path))
        except OSError:
            return cls("", Path(path))

    def load_into(self, network: nn.Module) -> None:
        """What ``compress.networks.weights.fit.load_weights`` does and raises."""
        load_weights(network, self.path)
