"""The split variables of ADMM: for each constraint a copy Z of the weights that obeys it, and its dual U."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from compress.admm.schedules import Schedule
from compress.base.errors import CodesignError
from compress.sets.constraints import ConstraintSet

__all__ = [
    "Constraint",
    "Residual",
    "Sensitivity",
    "SplitVariable",
    "joined",
    "parameter_groups",
    "penalty_factors",
    "project_weights",
]

Sensitivity = Mapping[nn.Parameter, Tensor]
"""By parameter, in its shape: how strongly the loss reacts to a weight, 0 or more (``compress.admm.sensitivity``)."""


@dataclass(frozen=True)
class Constraint:
    """These layers' weights shall end in this set.

    One layer's weights are projected in their own shape; those of several are laid out flat, one after the other,
    so that one set can span a network (002 footnote 1). A layer may stand in several constraints (000 eq. (4)).

    Members
    -------
    target : ConstraintSet or Schedule
        A schedule gives each iteration its own set.
    penalty : float
        The constraint's rho_i as a multiple of the common rho.
    saliency : float
        The power of a weight's sensitivity in the metric of the projection: with s_i = g_i^saliency it is the member
        Z of the set with the least sum_i (s_i (W_i - Z_i))^2. 0 is the papers' Euclidean projection. Only for sets
        that say no more than which weights are zero.
    """

    layers: tuple[str, ...]
    target: ConstraintSet | Schedule
    penalty: float = 1.0
    saliency: float = 0.0

    def __post_init__(self) -> None:
        if not self.layers or not 0 < self.penalty < float("inf") or not 0 <= self.saliency < float("inf"):
            raise CodesignError(
                f"constraint on {self.name or 'no layer'} with penalty {self.penalty} and saliency {self.saliency}",
                "name at least one layer, give a positive penalty and a saliency of 0 or more",
            )

    @property
    def name(self) -> str:
        """The layers' names, joined by plus signs."""
        return "+".join(self.layers)

    def weights(self, network: nn.Module) -> list[nn.Parameter]:
        """The layers' weights; a CodesignError for a layer that the network lacks."""
        try:
            return [network.get_parameter(f"{layer}.weight") for layer in self.layers]
        except AttributeError as error:
            raise CodesignError(f"the network has no layer with weights: {error}", "check the layer names") from error

    def target_at(self, portion: float) -> ConstraintSet:
        """The set after a portion 0..1 of the iterations."""
        return self.target.at(portion) if isinstance(self.target, Schedule) else self.target


@dataclass(frozen=True)
class Residual:
    """How far a constraint is from convergence: the two sides of 000 eq. (12), and what they are relative to.

    ``primal`` is ||W - Z||_F^2, ``dual`` is ||Z_new - Z_old||_F^2, ``size`` is ||Z_new||_F^2.
    """

    constraint: str
    primal: float
    dual: float
    size: float

    @property
    def relative_primal(self) -> float:
        """||W - Z||^2 / ||Z_new||^2."""
        return self.primal / max(self.size, 1e-30)

    @property
    def relative_dual(self) -> float:
        """||Z_new - Z_old||^2 / ||Z_new||^2."""
        return self.dual / max(self.size, 1e-30)

    @property
    def relative(self) -> float:
        """The larger of both."""
        return max(self.relative_primal, self.relative_dual)


class SplitVariable:
    """Z and U of one constraint, starting at Z = projection of W and U = 0 (002 section 6.1)."""

    def __init__(self, network: nn.Module, constraint: Constraint) -> None:
        self.constraint = constraint
        self.parameters = constraint.weights(network)
        self.z = constraint.target_at(0.0).project(joined(self.parameters))
        self.u = torch.zeros_like(self.z)

    @torch.no_grad()
    def update(self, portion: float, sensitivity: Sensitivity | None = None) -> Residual:
        """Z-step (003 eq. (7)), then U-step (000 eq. (10)); a constraint with saliency needs the sensitivity."""
        weights, old = joined(self.parameters), self.z
        self.z = _projected(weights + self.u, self.constraint, portion, self.parameters, sensitivity)
        self.u += weights - self.z
        primal, dual, size = (float(part.square().sum()) for part in (weights - self.z, self.z - old, self.z))
        return Residual(self.constraint.name, primal, dual, size)

    def targets(self) -> Iterable[tuple[nn.Parameter, Tensor]]:
        """Each weight tensor with its part of Z - U, to which the penalty pulls it."""
        return zip(self.parameters, _cut(self.z - self.u, self.parameters), strict=True)

    def load(self, z: Tensor, u: Tensor) -> None:
        """Take Z and U from a checkpoint."""
        self.z, self.u = z.clone().to(self.z.device), u.clone().to(self.u.device)


def penalty_factors(variables: Iterable[SplitVariable]) -> dict[nn.Parameter, float]:
    """Of each constrained weight the sum of its constraints' factors."""
    factors: dict[nn.Parameter, float] = {}
    for variable in variables:
        for parameter in variable.parameters:
            factors[parameter] = factors.get(parameter, 0.0) + variable.constraint.penalty
    return factors


def parameter_groups(network: nn.Module, variables: Sequence[SplitVariable]) -> list[dict[str, Any]]:
    """The trained parameters for an optimizer, grouped by ``penalty``, the sum of their constraints' factors."""
    factors = penalty_factors(variables)
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            groups.setdefault(factors.get(parameter, 0.0), []).append(parameter)
    return [{"params": parameters, "penalty": factor} for factor, parameters in groups.items()]


@torch.no_grad()
def project_weights(
    network: nn.Module, constraints: Iterable[Constraint], sensitivity: Sensitivity | None = None
) -> None:
    """Put the weights on their final sets, in place, one after the other; any with saliency needs the sensitivity."""
    for constraint in constraints:
        parameters = constraint.weights(network)
        projected = _projected(joined(parameters), constraint, 1.0, parameters, sensitivity)
        for parameter, part in zip(parameters, _cut(projected, parameters), strict=True):
            parameter.copy_(part)


def _projected(
    values: Tensor,
    constraint: Constraint,
    portion: float,
    parameters: Sequence[nn.Parameter],
    sensitivity: Sensitivity | None,
) -> Tensor:
    """In a diagonal metric those weights stay nonzero that stay so in the Euclidean projection of the scaled ones."""
    target = constraint.target_at(portion)
    if not constraint.saliency:
        return target.project(values)
    if sensitivity is None or any(parameter not in sensitivity for parameter in parameters):
        raise CodesignError(
            f"the loss gradient of {constraint.name} was not measured: its weights may be frozen",
            "train these layers, or prune them by magnitude: saliency 0",
        )
    scales = joined([sensitivity[parameter] for parameter in parameters]).pow(constraint.saliency)
    return torch.where(target.project(values * scales) != 0, values, 0)


def joined(parts: Sequence[Tensor]) -> Tensor:
    """What a constraint's set projects: one layer's weights in their shape, those of several laid out flat."""
    if len(parts) == 1:
        return parts[0].detach()
    return torch.cat([part.detach().reshape(-1) for part in parts])


def _cut(values: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    parts = values.reshape(-1).split([parameter.numel() for parameter in parameters])
    return [part.reshape(parameter.shape) for part, parameter in zip(parts, parameters, strict=True)]
