"""Float networks in a file: a safetensors state dict that says which network it is of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from compress.base.errors import CodesignError
from compress.base.files import write_bytes
from compress.base.sources import source_digest
from compress.base.tensor_file import with_sorted_header
from compress.base.user_functions import searched_first
from compress.networks.registry import build_network
from compress.train.settings import TORCH_THREADS

__all__ = ["NetworkSource", "load_network", "save_network"]

FORMAT = "codesign-network-1"
FOLDED = "batch_norms"


@dataclass(frozen=True)
class NetworkSource:
    """Which network a run is about.

    Members
    -------
    name : str
        As ``compress.networks.registry.build_network`` takes it.
    source : str
        Digest of the module of the user's own factory and of what it imports; empty for our networks. What
        ``compress.base.sources`` cannot see does not count: imports by a name made at run time, and data files that
        do not lie in a package.
    folder : Path, optional
        Where that module is searched first. The same source in another place is the same network.
    """

    name: str
    source: str = ""
    folder: Path | None = field(default=None, compare=False)

    @classmethod
    def of(cls, name: str, folder: Path | None = None) -> NetworkSource:
        """The network called ``name`` as its source is now."""
        module, colon, _ = name.partition(":")
        try:
            with searched_first(folder):
                return cls(name, source_digest(module) if colon else "", folder)
        except (ImportError, SyntaxError, ValueError):
            return cls(name, folder=folder)  # building it says what is wrong

    def build(self, seed: int) -> nn.Module:
        """The network with random weights drawn from ``seed``."""
        return build_network(self.name, seed, self.folder)

    def read(self, path: Path) -> nn.Module:
        """Its weights from a file, on one thread from now on."""
        torch.set_num_threads(TORCH_THREADS)
        return load_network(path, self.name, self.folder)


def save_network(network: nn.Module, name: str, path: Path, folded: bool = False) -> None:
    """Write the weights of the network called ``name``; ``folded`` says that ``fold_batch_norms`` changed it."""
    tensors = {key: value.detach().contiguous() for key, value in network.state_dict().items()}
    metadata = {"format": FORMAT, "network": name, **({FOLDED: "folded"} if folded else {})}
    write_bytes(path, with_sorted_header(save(tensors, metadata)))


def load_network(path: Path, name: str, folder: Path | None = None) -> nn.Module:
    """Read the weights of the network called ``name``, folded if it was when it was written.

    ``folder`` is where the module of a network of the user's own is, as in ``build_network``.

    Raises
    ------
    CodesignError
        The file is missing, damaged, foreign, or of another network.

    """
    again = "run `codesign train` again"
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CodesignError(f"cannot read the network in {path}: {error}", again) from error
    if metadata.get("format") != FORMAT:
        raise CodesignError(f"{path} holds no network of codesign", again)
    if metadata.get("network") != name:
        raise CodesignError(f"{path} holds network {json.dumps(metadata.get('network'))}, not {name!r}", again)
    network = build_network(name, 0, folder)
    if FOLDED in metadata:
        _leave_out_batch_norms(network, tensors)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise CodesignError(f"the weights in {path} do not fit network {name!r}: {error}", again) from error
    return network.eval()


def _leave_out_batch_norms(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Make room for a network in which those batch norms that have no tensors are part of the layers before them."""
    for name, module in list(network.named_modules()):
        parent, _, child = name.rpartition(".")
        if (
            isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.SyncBatchNorm)
            and f"{name}.running_mean" not in tensors
        ):
            setattr(network.get_submodule(parent), child, nn.Identity())
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is None and f"{name}.bias" in tensors:
            module.bias = nn.Parameter(torch.zeros(len(module.weight)))
