"""Torch's own record of what a network's ``forward`` does in evaluation."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

from compress.base.errors import CodesignError
from compress.networks.capture.fx_trace import fx_trace
from compress.networks.checks import check_plain
from compress.networks.evaluation_mode import evaluation_mode

__all__ = ["BATCH", "Exported", "export"]

BATCH = 7
"""Images that the network is exported with: a prime, so that a reshape that mixes samples cannot keep it by chance."""


@dataclass(frozen=True)
class Exported:
    """Operations at the level of aten, in order.

    Members
    -------
    graph : torch.fx.Graph
        Its placeholders are the constants below and the images.
    constants : mapping of placeholder name to tensor
        Parameters, buffers and tensors written in ``forward``, as they are now.
    parameters : mapping of placeholder name to the parameter's or buffer's name in the network
    images : str
        The placeholder of the images.
    """

    graph: fx.Graph
    constants: Mapping[str, Tensor]
    parameters: Mapping[str, str]
    images: str


def export(network: nn.Module, input_shape: tuple[int, ...]) -> Exported:
    """Export a network; where torch.export cannot, what torch.fx traces of it.

    Raises
    ------
    CodesignError
        The network is not plain, cannot run on such images, or neither of the two can follow its ``forward``.
    """
    check_plain(network, meta=True)
    device = next(network.parameters(), torch.empty(0)).device
    images = torch.zeros(BATCH, *input_shape, device=device)
    with evaluation_mode(network), _without_gradients(network), torch.no_grad():
        _check_runs(network, images)
        return _read(network, _exported(network, images))


def _check_runs(network: nn.Module, images: Tensor) -> None:
    """Errors of the network's own, told as such."""
    try:
        answer = network(images[:2])
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise CodesignError(
            f"the network cannot run on images of shape {tuple(images.shape[1:])}: {_first_line(error)}",
            "check the sizes of images and layers, and that the batch stays axis 0: torch.flatten(x, 1)",
        ) from error
    if not isinstance(answer, Tensor):
        raise CodesignError("forward() returns more than a tensor", "return the last layer's output alone")


def _exported(network: nn.Module, images: Tensor) -> ExportedProgram:
    with _quietly():
        try:
            return torch.export.export(network, (images,), strict=False)
        except Exception as error:  # whatever the user's forward raises on tensors without values
            first = _first_line(error)
        try:
            return torch.export.export(fx_trace(network), (images,), strict=False)
        except Exception as error:
            raise CodesignError(
                f"the network cannot be traced: {first}",
                "keep Python control flow on tensors out of forward(), and the batch as axis 0: torch.flatten(x, 1)",
            ) from error


@contextmanager
def _without_gradients(network: nn.Module) -> Iterator[None]:
    """Torch copies gradients beside tensors, and fails where a training left one of another shape."""
    gradients = {parameter: parameter.grad for parameter in network.parameters()}
    for parameter in gradients:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in gradients.items():
            if gradient is not None and gradient.shape == parameter.shape:
                parameter.grad = gradient


@contextmanager
def _quietly() -> Iterator[None]:
    """Without torch's deprecations, logs and listings of graphs: what is wrong is told once, by an error."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _read(network: nn.Module, program: ExportedProgram) -> Exported:
    signature = program.graph_signature
    changed = [*signature.buffers_to_mutate.values(), *signature.user_inputs_to_mutate.values()]
    if changed:
        raise CodesignError(
            f"forward() changes {changed[0]!r} in evaluation", "compute without changing buffers or the images"
        )
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    written = {name: program.constants[target] for name, target in signature.inputs_to_lifted_tensor_constants.items()}
    tensors = {**dict(network.named_parameters(remove_duplicate=False)), **dict(network.named_buffers())}
    constants = {name: tensors[target].detach() for name, target in names.items()}
    (images,) = signature.user_inputs
    return Exported(program.graph, {**constants, **written}, names, str(images))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
