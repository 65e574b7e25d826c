"""A file of weights, whichever of three formats it has; told by its content, not by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile, is_zipfile

from safetensors.torch import load_file

from compress.base.errors import CodesignError
from compress.networks.weights.npz import SUFFIX, read_npz
from compress.networks.weights.stored import StoredTensor, stored
from compress.networks.weights.torch_file import read_torch_file

__all__ = ["FORMATS", "read_weights"]

FORMATS = "safetensors, a PyTorch state dict (.pt, .pth) or NumPy arrays (.npz)"
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

Reader = Callable[[Path], dict[str, StoredTensor]]


def read_weights(path: Path) -> dict[str, StoredTensor]:
    """The tensors in a file by name.

    Raises
    ------
    CodesignError
        The file is missing, damaged or none of ``FORMATS``, or holds other objects than tensors, or no tensor.
    """
    try:
        found = _reader(path)(path)
    except CodesignError:
        raise
    except OSError as error:
        raise CodesignError(
            f"cannot read the weights in {path}: {error.strerror or error}", "check the path and its permissions"
        ) from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise CodesignError(
            f"cannot read the weights in {path}: {_first_line(error)}", f"save them again as {FORMATS}"
        ) from error
    if not found:
        raise CodesignError(f"{path} holds no tensors", f"give {FORMATS}")
    return found


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _reader(path: Path) -> Reader:
    with path.open("rb") as file:
        start = file.read(9)
    if is_zipfile(path):
        return _archive_reader(path)
    if start[:2] in PICKLES:
        return read_torch_file
    if start[8:9] == b"{":  # behind the length of the header
        return _read_safetensors
    raise CodesignError(f"{path} is not a file of weights", f"give {FORMATS}")


def _archive_reader(path: Path) -> Reader:
    with ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        raise CodesignError(
            f"{path} is TorchScript, code and weights in one", "save network.state_dict() from before torch.jit.script"
        )
    if any(name.endswith("/data.pkl") for name in names):
        return read_torch_file
    if any(name.endswith(SUFFIX) for name in names):
        return read_npz
    raise CodesignError(f"{path} is a zip archive without weights", f"give {FORMATS}")


def _read_safetensors(path: Path) -> dict[str, StoredTensor]:
    return {name: stored(tensor) for name, tensor in load_file(path).items()}
