"""The parameters and buffers of a plain network: present, float32, on one device, finite, each in one place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from compress.base.errors import CodesignError
from compress.networks.wrappers import called

__all__ = ["check_initialized", "check_tensors"]


def check_tensors(network: nn.Module, meta: bool) -> None:
    """Raise a CodesignError that names the first parameter or buffer at fault; all must have a size.

    ``meta`` allows tensors without values.
    """
    for name, tensor in _named_tensors(network):
        if tensor.is_meta and not meta:
            raise CodesignError(f"{name!r} is on the meta device and has no values", "build the network on the CPU")
        _check_kind(name, tensor)
        _check_numbers_stand_alone(name, tensor)
    _check_modules_stand_once(network)
    _check_memory_is_not_shared(network)
    _check_device(network)
    for name, tensor in _named_tensors(network):
        if tensor.is_floating_point() and tensor.numel() and not (tensor.is_meta or _finite(tensor)):
            raise CodesignError(f"{name!r} holds NaN or infinite values", "train the network again, or correct them")


def check_initialized(network: nn.Module) -> None:
    """Raise a CodesignError for the first parameter or buffer of a lazy module that never ran."""
    for name, tensor in _named_tensors(network):
        if is_lazy(tensor):
            raise CodesignError(f"{name!r} has no size yet: its module is lazy", "run the network once on some images")


def _named_tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()


def _check_kind(name: str, tensor: Tensor) -> None:
    if type(tensor.data) is not Tensor or tensor.layout is not torch.strided:
        kind = type(tensor.data).__name__ if tensor.layout is torch.strided else str(tensor.layout)
        raise CodesignError(f"{name!r} is not stored as a plain tensor ({kind})", "use a dense torch.Tensor")
    if tensor.is_inference():
        raise CodesignError(f"{name!r} was made in inference mode", "build the network outside torch.inference_mode()")
    integer_buffer = not isinstance(tensor, nn.Parameter) and not (tensor.is_floating_point() or tensor.is_complex())
    if tensor.is_quantized or (tensor.dtype is not torch.float32 and not integer_buffer):
        raise CodesignError(
            f"{name!r} is {str(tensor.dtype).removeprefix('torch.')}, not float32",
            "convert the network first: network.float()",
        )


def _check_numbers_stand_alone(name: str, tensor: Tensor) -> None:
    """Every number has memory of its own; an expanded tensor cannot be trained or loaded in place."""
    end = 0  # of what the smaller strides reach
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1 and tensor.numel() and stride <= end:
            raise CodesignError(f"numbers of {name!r} share their memory", "store it in full, for example with clone()")
        end += (size - 1) * stride


def _finite(tensor: Tensor) -> bool:
    least, largest = torch.aminmax(tensor.detach())  # one pass, and NaN wins
    return bool(least.isfinite() & largest.isfinite())


def _check_modules_stand_once(network: nn.Module) -> None:
    """A module with parameters or buffers has one name, under which it is pruned, folded and saved."""
    names: dict[nn.Module, str] = {}
    for name, module in network.named_modules(remove_duplicate=False):
        first = names.setdefault(module, name)
        if first != name and any(True for _ in _named_tensors(module)):
            raise CodesignError(
                f"{called(first)} and {called(name)} are one {type(module).__name__}",
                "give each place a module of its own, for example with copy.deepcopy",
            )


def _check_memory_is_not_shared(network: nn.Module) -> None:
    """Also views of one another: what training moves in one place would move in the other."""
    spans = []
    tensors = [
        *network.named_parameters(remove_duplicate=False),
        *network.named_buffers(remove_duplicate=False),
    ]
    for name, tensor in tensors:
        last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
        if tensor.numel() and not tensor.is_meta:
            spans.append((tensor.data_ptr(), tensor.data_ptr() + (last + 1) * tensor.element_size(), name))
    spans.sort()
    for (_, end, name), (start, _, other) in pairwise(spans):
        if start < end:
            raise CodesignError(
                f"{name!r} and {other!r} share their values", "give each a tensor of its own, for example with clone()"
            )


def _check_device(network: nn.Module) -> None:
    devices = {tensor.device: name for name, tensor in _named_tensors(network)}
    if len(devices) > 1:
        places = ", ".join(f"{name!r} on {device}" for device, name in devices.items())
        raise CodesignError(f"the network is on several devices: {places}", "move it to one: network.to('cpu')")
