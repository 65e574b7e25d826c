"""Networks that are not plain, each with the cause that must be told and a part of the next step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, skip_init

from tests.compress.networks.odd_networks import (
    Delegating,
    Doubled,
    HalfInput,
    Halved,
    InDict,
    InList,
    InListsOfDict,
    KeywordOnly,
    NoArgument,
    Parallel,
    Scaled,
    Standardized,
    Subclass,
    WithMask,
    changed,
    compiled_in_place,
    distributed,
    expanded_weight,
    in_inference_mode,
    observe,
    overlapping_weight,
    plain,
    plain_tensor,
    quantized,
    same_module,
    same_norm,
    same_running_mean,
    same_weight,
    transposed_weight,
    with_value,
)

__all__ = ["COMPUTED", "HOOKED", "NOT_PLAIN", "ODD_TENSORS", "WRAPPED"]

Cases = dict[str, tuple[Callable[[], Any], str, str]]
"""By name: what makes the network, the cause, and a part of the next step."""

WRAPPED: Cases = {
    "DataParallel": (lambda: nn.DataParallel(plain()), "DataParallel", "network.module"),
    "DataParallel within": (Parallel, "'features'", "network.features.module"),
    "compile": (lambda: torch.compile(plain()), "OptimizedModule", "network._orig_mod"),
    "compile in place": (changed(compiled_in_place), "'conv' was compiled", "after it is compressed"),
    "DistributedDataParallel": (distributed, "DistributedDataParallel", "network.module"),
    "script": (lambda: torch.jit.script(plain()), "TorchScript", "from before torch.jit.script"),
    "traced": (lambda: torch.jit.trace(plain().eval(), torch.zeros(1, 1, 8, 8)), "TorchScript", "torch.jit.trace"),
    "averaged": (lambda: torch.optim.swa_utils.AveragedModel(plain()), "AveragedModel", "network.module"),
    "fake quantization": (quantized, "'stub' is torch's FakeQuantize", "float network"),
    "patched forward": (
        changed(lambda network: setattr(network.fc, "forward", torch.relu)),
        r"'fc' \(Linear\) has its own forward and may not run forward",
        "do not replace it",
    ),
    "patched _conv_forward": (
        changed(lambda network: setattr(network.conv, "_conv_forward", nn.functional.conv2d)),
        r"'conv' \(Conv2d\) has its own _conv_forward",
        "do not replace it",
    ),
    "patched _call_impl": (
        changed(lambda network: setattr(network.relu, "_call_impl", torch.tanh)),
        r"'relu' \(ReLU\) has its own _call_impl",
        "do not replace it",
    ),
    "own _call_impl": (lambda: nn.Sequential(Halved()), r"'0' \(Halved\) has its own _call_impl", "do not replace it"),
    "own attributes": (
        lambda: nn.Sequential(Scaled(1, 1, 1)),
        r"'0' \(Scaled\) has its own __getattribute__",
        "do not replace",
    ),
    "own call": (lambda: nn.Sequential(HalfInput(4, 4)), r"'0' \(HalfInput\)", "__call__"),
}

COMPUTED: Cases = {
    "own parameters": (lambda: nn.Sequential(Delegating(1, 1)), r"'0' is a Linear with a __getattr__\(\)", "as torch"),
    "prune": (
        changed(lambda network: prune.l1_unstructured(network.fc, "weight", 0.5)),
        "weight of 'fc' is computed by torch.nn.utils.prune",
        r"torch.nn.utils.prune.remove(network.get_submodule('fc'), 'weight')",
    ),
    "prune of a bias": (
        changed(lambda network: prune.random_unstructured(network.fc, "bias", 0.5)),
        "bias of 'fc'",
        "prune.remove(network.get_submodule('fc'), 'bias')",
    ),
    "prune twice": (
        changed(lambda network: [prune.l1_unstructured(network.fc, "weight", 0.5) for _ in range(2)]),
        "weight of 'fc'",
        "prune.remove",
    ),
    "weight_norm": (
        changed(lambda network: parametrizations.weight_norm(network.fc)),
        "weight of 'fc' is computed by a parametrization",
        "remove_parametrizations(network.get_submodule('fc'), 'weight')",
    ),
    "old weight_norm": (
        changed(lambda network: nn.utils.weight_norm(network.fc)),
        "weight of 'fc' is computed by torch.nn.utils.weight_norm",
        "remove_weight_norm(network.get_submodule('fc'), 'weight')",
    ),
    "spectral_norm": (
        changed(lambda network: parametrizations.spectral_norm(network.conv)),
        "weight of 'conv'",
        "remove_parametrizations",
    ),
    "old spectral_norm": (
        changed(lambda network: nn.utils.spectral_norm(network.conv)),
        "weight of 'conv' is computed by torch.nn.utils.spectral_norm",
        "remove_spectral_norm(network.get_submodule('conv'), 'weight')",
    ),
    "own parametrization": (
        changed(lambda network: parametrize.register_parametrization(network.last, "bias", Doubled())),
        "bias of 'last'",
        "remove_parametrizations",
    ),
    "weight standardization": (
        lambda: nn.Sequential(Standardized(1, 2, 3)),
        r"'0' is a Conv2d with a forward\(\) of its own in Standardized",
        "use Conv2d as torch has it",
    ),
    "weight without a parameter": (
        changed(plain_tensor),
        "weight of 'fc' is computed by its module",
        "nn.Parameter",
    ),
}

HOOKED: Cases = {
    "forward hook": (
        changed(lambda network: network.fc.register_forward_hook(observe)),
        "'fc' has a forward hook",
        "remove()",
    ),
    "forward hook of the network": (
        changed(lambda network: network.register_forward_hook(observe)),
        "the network has a forward hook",
        "remove()",
    ),
    "forward hook with kwargs": (
        changed(lambda network: network.fc.register_forward_hook(observe, with_kwargs=True)),
        "'fc' has a forward hook",
        "remove()",
    ),
    "forward pre-hook": (
        changed(lambda network: network.register_forward_pre_hook(observe)),
        "the network has a forward pre-hook",
        "remove()",
    ),
    "forward pre-hook with kwargs": (
        changed(lambda network: network.relu.register_forward_pre_hook(observe, with_kwargs=True)),
        "'relu' has a forward pre-hook",
        "remove()",
    ),
    "backward hook": (
        changed(lambda network: network.fc.register_full_backward_hook(observe)),
        "'fc' has a backward hook",
        "remove()",
    ),
    "backward pre-hook": (
        changed(lambda network: network.register_full_backward_pre_hook(observe)),
        "the network has a backward pre-hook",
        "remove()",
    ),
    "hook on a gradient": (
        changed(lambda network: network.fc.weight.register_hook(observe)),
        "parameter 'fc.weight' has a hook",
        "remove()",
    ),
    "hook after a gradient": (
        changed(lambda network: network.fc.weight.register_post_accumulate_grad_hook(observe)),
        "parameter 'fc.weight' has a hook after its gradient",
        "remove()",
    ),
    "state_dict hook": (
        changed(lambda network: network.register_state_dict_post_hook(observe)),
        "the network has a state_dict hook",
        "remove()",
    ),
    "load_state_dict hook": (
        changed(lambda network: network.register_load_state_dict_post_hook(observe)),
        "the network has a load_state_dict post-hook",
        "remove()",
    ),
}

ODD_TENSORS: Cases = {
    "expanded weight": (changed(expanded_weight), "numbers of 'fc.weight' share their memory", "clone()"),
    "overlapping weight": (changed(overlapping_weight), "numbers of 'fc.weight' share their memory", "clone()"),
    "shared weight": (changed(same_weight), "'fc.weight' and 'last.weight' share", "of its own"),
    "shared memory": (changed(transposed_weight), "'fc.weight' and 'last.weight' share", "of its own"),
    "shared buffer": (changed(same_running_mean), "'norm.running_mean' and 'norm.running_var' share", "of its own"),
    "module at two names": (changed(same_module), "'fc' and 'last' are one Linear", "copy.deepcopy"),
    "norm at two names": (changed(same_norm), "'norm' and 'again' are one BatchNorm2d", "copy.deepcopy"),
    "lazy": (lambda: nn.Sequential(nn.LazyConv2d(4, 3)), "'0.weight' has no size yet", "run the network once"),
    "lazy norm": (lambda: nn.Sequential(nn.LazyBatchNorm2d()), "lazy", "run the network once"),
    "meta": (lambda: plain().to("meta"), "meta device", "on the CPU"),
    "empty on meta": (lambda: nn.Sequential(skip_init(nn.Linear, 2, 2, device="meta")), "meta device", "on the CPU"),
    "float64": (lambda: plain().double(), "'conv.weight' is float64", "network.float()"),
    "float16": (lambda: plain().half(), "float16", "network.float()"),
    "bfloat16": (lambda: plain().bfloat16(), "bfloat16", "network.float()"),
    "mixed": (changed(lambda network: network.fc.double()), "'fc.weight' is float64", "network.float()"),
    "complex": (changed(lambda network: network.last.to(torch.complex64)), "'last.weight' is complex64", "float()"),
    "integers": (
        lambda: nn.Sequential(nn.ParameterList([nn.Parameter(torch.ones(2, dtype=torch.int8), requires_grad=False)])),
        "'0.0' is int8",
        "network.float()",
    ),
    "sparse": (
        changed(lambda network: setattr(network.fc, "weight", nn.Parameter(network.fc.weight.detach().to_sparse()))),
        "'fc.weight' is not stored as a plain tensor",
        "dense",
    ),
    "tensor subclass": (
        changed(lambda network: setattr(network.fc, "bias", nn.Parameter(torch.ones(144).as_subclass(Subclass)))),
        r"'fc.bias' is not stored as a plain tensor \(Subclass\)",
        "torch.Tensor",
    ),
    "inference mode": (in_inference_mode, "inference mode", "outside torch.inference_mode"),
    "NaN": (with_value("fc.weight", float("nan")), "'fc.weight' holds NaN or infinite", "correct"),
    "infinite bias": (with_value("last.bias", float("inf")), "'last.bias' holds NaN or infinite", "correct"),
    "infinite statistics": (with_value("norm.running_var", -float("inf")), "'norm.running_var' holds", "correct"),
}

NOT_PLAIN: Cases = {
    "nothing": (lambda: None, "of type NoneType", "Network()"),
    "class": (lambda: WithMask, "the class WithMask", "Network()"),
    "function": (lambda: plain, "of type function", "Network()"),
    "bare layer": (lambda: nn.Linear(4, 4), "single Linear", "nn.Sequential"),
    "list of modules": (InList, "'layers' is a plain list of modules", "nn.ModuleList"),
    "dict of modules": (lambda: nn.Sequential(InDict()), "'0.layers' is a plain dict", "nn.ModuleDict"),
    "modules deep inside": (InListsOfDict, "'layers' is a plain dict", "nn.ModuleDict"),
    "second input": (WithMask, r"forward\(\) needs the argument 'mask' beside 'images'", "default"),
    "keyword input": (KeywordOnly, r"forward\(\) needs the argument 'mask'", "default"),
    "no input": (NoArgument, "takes no argument", r"forward(self, images)"),
    **WRAPPED,
    **COMPUTED,
    **HOOKED,
    **ODD_TENSORS,
}
