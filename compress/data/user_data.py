"""Data of the user's own: what a function ``module:function`` returns, checked and read into memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data import Dataset as TorchDataset

from compress.base.errors import CodesignError
from compress.base.user_functions import UserFunction

__all__ = ["UserData", "UserPart", "call_data_function"]

CONTRACT = "return compress.UserData(train=(images, targets), test=(images, targets)), or a mapping of these names"
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
MOST_VALUES = 1 << 33
"""Of all images of a part: 32 GiB of float32."""


@dataclass(frozen=True, eq=False)
class UserPart:
    """Images in [0, 1], float32 (N, C, H, W), and their targets: int64 or float32, (N, ...)."""

    images: Tensor
    targets: Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class UserData:
    """What a data function returns.

    A part is a pair (images, targets) of tensors or NumPy arrays, or a torch ``Dataset`` of such samples, which is read
    into memory once. Images are (N, C, H, W): uint8 in 0..255, or floats in ``range``.

    Members
    -------
    train, test : part
    validation : part, optional
        Choices are made on it; by default a twelfth of the training images.
    range : pair of float
        Smallest and largest value that an image may have. What lies there is stored by the integer model's codes.
    mean, std : sequence of float, optional
        The network reads (image - mean) / std, in the units of ``range``; a number for each channel, or one for all.
    """

    train: Any
    test: Any
    validation: Any = None
    range: tuple[float, float] = (0.0, 1.0)
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None


def call_data_function(
    name: str, folder: Path | None, options: Mapping[str, Any] | None = None
) -> tuple[UserData, dict[str, UserPart]]:
    """What the function returns, and its parts "train", "test" and perhaps "validation" in memory.

    The mean and std of the result are those of pixels in [0, 1], as the parts' images are.

    Raises
    ------
    CodesignError
        What ``UserFunction`` raises; or the function returns something else than ``UserData`` promises.
    """
    function = UserFunction("data", name, folder)
    given = _user_data(name, function.called(options))
    low, high = _range(name, given)
    parts = {}
    for part in ("train", "validation", "test"):
        if part != "validation" or given.validation is not None:
            with function.failures("its datasets are read one sample after the other"):
                images, targets = _pair(f"{name}: {part}", getattr(given, part))
            parts[part] = UserPart(_pixels(f"{name}: {part}", images, low, high), _targets(f"{name}: {part}", targets))
            _check_count(f"{name}: {part}", parts[part])
    _check_shapes(name, parts)
    return _of_pixels(name, given, low, high), parts


def _user_data(name: str, returned: object) -> UserData:
    if isinstance(returned, UserData):
        return returned
    if isinstance(returned, Mapping):
        known = [member.name for member in fields(UserData)]
        unknown = [str(key) for key in returned if key not in known]
        missing = [key for key in ("train", "test") if key not in returned]
        if unknown or missing:
            told = f"has the unknown key {unknown[0]!r}" if unknown else f"lacks {missing[0]!r}"
            raise CodesignError(f"the mapping that {name} returned {told}", f"its keys are: {', '.join(known)}")
        return UserData(**returned)
    kind = "nothing" if returned is None else f"a {type(returned).__name__}"
    raise CodesignError(f"{name} returned {kind}, not data", CONTRACT)


def _range(name: str, given: UserData) -> tuple[float, float]:
    try:
        low, high = map(float, given.range)
    except (TypeError, ValueError) as error:
        raise CodesignError(
            f"{name}: the range is {given.range!r}", "give a pair of numbers, such as (0, 1)"
        ) from error
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise CodesignError(f"{name}: the range is {low} to {high}", "give finite numbers, the smaller one first")
    return low, high


def _pair(place: str, part: Any) -> tuple[Tensor, Tensor]:
    if isinstance(part, DataLoader):
        raise CodesignError(f"{place} is a DataLoader", "return its dataset; batches are made here")
    if isinstance(part, IterableDataset):
        raise CodesignError(f"{place} is an IterableDataset, which has no order", "return a map-style Dataset")
    if isinstance(part, TorchDataset):
        return _read(place, part)
    if isinstance(part, tuple | list) and len(part) == 2:
        images, targets = part
        return _tensor(f"{place}: the images are", images), _tensor(f"{place}: the targets are", targets)
    raise CodesignError(
        f"{place} is a {type(part).__name__}, not a pair of images and targets", "return (images, targets) or a Dataset"
    )


def _read(place: str, dataset: TorchDataset[Any]) -> tuple[Tensor, Tensor]:
    """All samples, stacked; their shapes must be equal."""
    count = len(dataset)  # type: ignore[arg-type]
    images: list[Tensor] = []
    targets: list[Tensor] = []
    for index in range(count):
        sample = dataset[index]
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            raise CodesignError(f"{place}: sample {index} is a {type(sample).__name__}", "return (image, target)")
        for kind, made, value in (("image", images, sample[0]), ("target", targets, sample[1])):
            tensor = _tensor(f"{place}: the {kind} {index} is", value)
            if made and tensor.shape != made[0].shape:
                raise CodesignError(
                    f"{place}: {kind} {index} has the shape {tuple(tensor.shape)}, the first one "
                    f"{tuple(made[0].shape)}",
                    "bring all to one size: the array's layers have fixed sizes",
                )
            made.append(tensor)
    if not count:
        return torch.empty(0), torch.empty(0)
    return torch.stack(images), torch.stack(targets)


def _tensor(what: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        if value.layout is not torch.strided or value.is_quantized:
            raise CodesignError(f"{what} sparse or quantized tensors", "give dense ones: tensor.to_dense()")
        return value.detach().cpu()
    if isinstance(value, np.ndarray | np.generic | int | float) and not isinstance(value, bool):
        array = np.array(value)
        try:
            return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
        except TypeError as error:
            raise CodesignError(f"{what} of NumPy's type {array.dtype}", "give numbers") from error
    raise CodesignError(
        f"{what} a {type(value).__name__}", "give torch tensors or NumPy arrays, for example by ToTensor()"
    )


def _pixels(place: str, images: Tensor, low: float, high: float) -> Tensor:
    """Images of any allowed type and range, in [0, 1]."""
    if images.ndim != 4 or images.numel() == 0:
        raise CodesignError(
            f"{place}: the images have the shape {tuple(images.shape)}, not (N, C, H, W)",
            "give at least one image; one channel is (N, 1, H, W)",
        )
    if images.numel() > MOST_VALUES:
        raise CodesignError(f"{place}: {images.numel()} values do not fit into memory", "give fewer or smaller images")
    if images.dtype == torch.uint8:
        if (low, high) not in ((0.0, 1.0), (0.0, 255.0)):
            raise CodesignError(
                f"{place}: the images are uint8, and the range is {low:g}..{high:g}", "leave the range out for uint8"
            )
        return images.to(torch.float32) / 255
    if images.dtype not in FLOATS:
        kind = str(images.dtype).removeprefix("torch.")
        raise CodesignError(f"{place}: the images are {kind}", "give uint8 in 0..255, or floats")
    least, largest = map(float, torch.aminmax(images))
    if not (low <= least and largest <= high):  # of NaN too
        raise CodesignError(
            f"{place}: the images lie in {least:.4g}..{largest:.4g}, not in the range {low:g}..{high:g}",
            "give them before normalization, with mean and std beside them, or state their range",
        )
    images = images.to(torch.float32)
    return images.contiguous() if (low, high) == (0.0, 1.0) else ((images - low) / (high - low)).clamp(0, 1)


def _targets(place: str, targets: Tensor) -> Tensor:
    if targets.dtype in WHOLE:
        return targets.to(torch.int64)
    if targets.dtype not in FLOATS:
        kind = str(targets.dtype).removeprefix("torch.")
        raise CodesignError(f"{place}: the targets are {kind}", "give integers for labels, floats for other targets")
    targets = targets.to(torch.float32)
    if not bool(targets.isfinite().all()):
        raise CodesignError(f"{place}: the targets hold NaN or infinite values", "correct or leave out these samples")
    return targets


def _check_count(place: str, part: UserPart) -> None:
    if part.targets.ndim < 1 or len(part.targets) != len(part.images):
        raise CodesignError(
            f"{place}: there are {len(part.images)} images and targets of the shape {tuple(part.targets.shape)}",
            "give one target for each image",
        )


def _check_shapes(name: str, parts: Mapping[str, UserPart]) -> None:
    first = parts["train"]
    for part, given in parts.items():
        for kind, one, other in (("images", given.images, first.images), ("targets", given.targets, first.targets)):
            if one.shape[1:] != other.shape[1:] or one.dtype != other.dtype:
                raise CodesignError(
                    f"{name}: {part} has {kind} {one.dtype} {tuple(one.shape[1:])}, train {other.dtype} "
                    f"{tuple(other.shape[1:])}".replace("torch.", ""),
                    "give all parts alike",
                )


def _of_pixels(name: str, given: UserData, low: float, high: float) -> UserData:
    """Mean and std in units of [0, 1]; without them the network reads the images as they are given."""
    try:
        mean = None if given.mean is None else [float(number) for number in given.mean]
        std = None if given.std is None else [float(number) for number in given.std]
    except (TypeError, ValueError) as error:
        raise CodesignError(f"{name}: mean or std is not a list of numbers", "give one for each channel") from error
    if (low, high) != (0.0, 1.0):
        mean = [(number - low) / (high - low) for number in mean or [0.0]]
        std = [number / (high - low) for number in std or [1.0]]
    return replace(given, mean=mean, std=std)
