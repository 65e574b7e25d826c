"""ADMM for one layer by least squares: which of its weights, and which values, keep what it answers (ALPS)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from compress.admm.settings import AdmmConfig, penalty_at

__all__ = ["LeastSquares", "sparse_least_squares"]

DAMPING = 1e-4
"""Of the mean diagonal: holds weights whose inputs are always zero where they are."""
REFINEMENTS, PRECISION = 100, 1e-12
"""Steps of conjugate gradients, and the squared residual, relative to the right side, that ends them."""


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Find W close to min ||X W - Y||_F^2, for G groups of d inputs and n outputs each.

    Members
    -------
    gram : float64 (G, d, d)
        X^T X.
    cross : float64 (G, d, n)
        X^T Y.
    start : float64 (G, d, n)
        The dense weights, towards which a damping of 1e-4 of the mean of the gram's diagonal pulls.
    """

    gram: Tensor
    cross: Tensor
    start: Tensor

    def damped(self) -> LeastSquares:
        """The same problem with the damping in its matrices."""
        diagonal = self.gram.diagonal(dim1=1, dim2=2)
        damping = DAMPING * float(diagonal.mean()) or DAMPING
        identity = torch.eye(self.gram.shape[1], dtype=self.gram.dtype, device=self.gram.device)
        return LeastSquares(self.gram + damping * identity, self.cross + damping * self.start, self.start)


def sparse_least_squares(problem: LeastSquares, project: Callable[[Tensor], Tensor], config: AdmmConfig) -> Tensor:
    """The weights (G, d, n) of a sparse set that answer best: ADMM finds which, conjugate gradients their values.

    As ALPS (Meng et al., NeurIPS 2024, eq. (4) and algorithms 1 and 2): inputs are scaled to a gram with a diagonal of
    ones; from one eigendecomposition every W-step is exact, W := (H + rho I)^-1 (B + rho (Z - U)); the Z-step is the
    projection of W + U, the U-step adds W - Z. Then the zeros stay, and the other weights solve their normal equations.

    Parameters
    ----------
    project : callable
        Zeroes weights, so that the largest (in the sense of a set) are left.
    config : AdmmConfig
        Its iterations, penalties and tolerance.
    """
    damped = problem.damped()
    scale = damped.gram.diagonal(dim1=1, dim2=2).sqrt().unsqueeze(2)
    gram, cross = damped.gram / (scale * scale.mT), damped.cross / scale
    z = _admm(gram, cross, problem.start * scale, project, config)
    return _refined(gram, cross, z) / scale


def _admm(
    gram: Tensor, cross: Tensor, start: Tensor, project: Callable[[Tensor], Tensor], config: AdmmConfig
) -> Tensor:
    """Z after the last iteration, or once W hardly differs from it and it no longer changes."""
    values, vectors = torch.linalg.eigh(gram)
    z, u, before = project(start), torch.zeros_like(start), penalty_at(config, 0)
    for step in range(config.iterations * config.z_steps):
        rho = penalty_at(config, step)
        u *= before / rho
        before = rho
        right = vectors.mT @ (cross + rho * (z - u))
        w = vectors @ (right / (values.unsqueeze(2) + rho))
        old, z = z, project(w + u)
        u += w - z
        least = config.tolerance * float(z.square().sum())
        if max(float((w - z).square().sum()), float((z - old).square().sum())) <= least:
            break
    return z


def _refined(gram: Tensor, cross: Tensor, z: Tensor) -> Tensor:
    """The least squares over the weights that are not zero, by conjugate gradients from ``z``, column by column."""
    kept = z != 0
    weights, residual = z, torch.where(kept, cross - gram @ z, 0)
    direction, size = residual, _squares(residual)
    enough = PRECISION * float(_squares(cross).max())
    for _ in range(REFINEMENTS):
        if float(size.max()) <= enough:
            break
        product = torch.where(kept, gram @ direction, 0)
        step = size / (direction * product).sum(dim=1, keepdim=True).clamp_min(torch.finfo(size.dtype).tiny)
        weights, residual = weights + step * direction, residual - step * product
        old, size = size, _squares(residual)
        direction = residual + size / old.clamp_min(torch.finfo(size.dtype).tiny) * direction
    return weights


def _squares(columns: Tensor) -> Tensor:
    return columns.square().sum(dim=1, keepdim=True)
