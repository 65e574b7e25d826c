"""How ADMM runs, and how its penalty rises."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from compress.base.settings import Count, CountOrZero, Rate, RateOrZero, Seed, Text, settings
from compress.train.settings import TORCH_THREADS, OptimizerName, Precision, Threads, check_device
from compress.train.training import TrainingConfig

__all__ = ["AdmmConfig", "penalty_at"]


@settings
class AdmmConfig:
    """How to run ADMM and the retraining after it.

    Members
    -------
    iterations : int
        Maximum number of W-, Z- and U-steps.
    epochs_per_iteration : int
        Of a W-step.
    rho_first, rho_last : float
        Penalty of the first and last Z-step; equal ones keep it constant as the papers do (003 section 3.4.1).
    rho_ramp : str
        How it rises in between: "geometric", by equal factors; or "cosine", along half a cosine, which is most of the
        time near one of the two (SAFE, ICML 2025).
    z_steps : int
        Z- and U-steps of an iteration, evenly spread over its W-step; 1 as the papers do. Where few epochs must do,
        more of them bring W close to Z.
    sharpness : float
        Radius of sharpness-aware W-steps (``compress.train.sharpness``): the gradient of f is that at
        W + sharpness g / ||g||, which doubles the time of a step; 0 is the gradient at W.
    tolerance : float
        Stop when every residual, relative to ||Z||^2, is at most this. 0 runs all iterations.
    retrain_epochs : int
        Of the masked retraining after pruning, and of each retraining between quantized portions.
    straight_through : int
        Of quantization: epochs after ADMM in which every forward pass has all weights on their levels, and gradients
        move the weights behind them (``compress.methods.straight_through``). Instead of quantizing in portions.
    sparsity_rise : float
        Where pruning is by count, the portion of the iterations in which the count falls from all weights to the
        wanted number (``FallingCardinality``); 0 asks for it at once, as the papers do.
    saliency : float
        Pruning compares weights by ``|w| g^saliency``, g how strongly the loss reacts to them (``Constraint``). 0
        compares magnitudes, as the papers do; 0.5 is the metric of Adam.
    recalibrate_images : int
        Training images on which the statistics of batch norms are measured anew after the hard projection
        (``compress.train.batch_norms``); 0 leaves them as they are.
    calibration_images : int
        Training images, without their labels, that method "layer-wise" looks at.
    batch_size, learning_rate, augment_shift, seed, device, threads, augment_flip, precision, optimizer
        As in ``TrainingConfig``; the rate falls over the iterations, and again in each retraining.
    distillation : float
        Portion of the loss that is the distance to the answers of the network as the method was given it
        (``compress.train.distillation``); 0 is the cross-entropy with the labels alone.
    """

    iterations: Count = 60
    epochs_per_iteration: Count = 1
    rho_first: Rate = 1e-2
    rho_last: Rate = 1.0
    tolerance: RateOrZero = 1e-3
    retrain_epochs: CountOrZero = 40
    batch_size: Count = 32
    learning_rate: Rate = 2e-3
    augment_shift: CountOrZero = 1
    seed: Seed = 0
    sparsity_rise: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.0
    saliency: RateOrZero = 0.0
    device: Text = "cpu"
    threads: Threads = TORCH_THREADS
    calibration_images: Count = 512
    rho_ramp: Literal["geometric", "cosine"] = "geometric"
    z_steps: Count = 1
    sharpness: RateOrZero = 0.0
    recalibrate_images: CountOrZero = 0
    augment_flip: bool = False
    precision: Precision = "float32"
    optimizer: OptimizerName = "adam"
    distillation: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.0
    straight_through: CountOrZero = 0

    def __post_init__(self) -> None:
        check_device(self.device)

    @property
    def epochs(self) -> int:
        """Of the whole run, ADMM and one retraining: the budget that every method of a comparison gets."""
        return self.admm_epochs + self.retrain_epochs

    @property
    def admm_epochs(self) -> int:
        """Of ADMM alone."""
        return self.iterations * self.epochs_per_iteration

    def training(self, epochs: int, seed: int) -> TrainingConfig:
        """The same batches, rate and device without a penalty: how every method of this package retrains."""
        return TrainingConfig(
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=0.0,
            augment_shift=self.augment_shift,
            seed=seed,
            device=self.device,
            threads=self.threads,
            augment_flip=self.augment_flip,
            precision=self.precision,
            optimizer=self.optimizer,
        )


def penalty_at(config: AdmmConfig, z_step: int) -> float:
    """The rho up to a Z-step, counted from 0 over all iterations, on the way from ``rho_first`` to ``rho_last``."""
    portion = z_step / max(1, config.iterations * config.z_steps - 1)
    if config.rho_ramp == "cosine":
        return float(config.rho_first + (config.rho_last - config.rho_first) * (1 - math.cos(math.pi * portion)) / 2)
    return float(config.rho_first * (config.rho_last / config.rho_first) ** portion)
