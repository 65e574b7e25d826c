"""Every trial of the compression benchmark: settings chosen on validation images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.compression.recipes import HALF
from benchmarks.compression.starts import Published, Start
from benchmarks.compression.trials import MAGNITUDE, Quantized, Trial
from compress.admm.iteration import AdmmConfig
from compress.methods.registry import Target
from compress.train.training import TrainingConfig

__all__ = ["FASHION", "FEW_EPOCHS", "ONE_SHOT", "OPTIONS", "POWERS", "TRIALS", "quick_trial"]

ONE_SHOT, FEW_EPOCHS, OPTIONS, POWERS, FASHION = "one-shot", "few-epochs", "options", "powers", "fashion"
SEEDS = (0, 1)

RESNET20 = Start(
    "resnet20-published",
    "resnet20",
    "cifar10",
    Published("resnet20-12fca82f.npz", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
)
UNTRAINED = AdmmConfig(
    iterations=60,
    rho_first=1e-2,
    rho_last=10.0,
    tolerance=0,
    retrain_epochs=0,
    calibration_images=512,
    batch_size=128,
    augment_shift=4,
    augment_flip=True,
)
RECALIBRATED = replace(UNTRAINED, recalibrate_images=2048)

MOBILENET = Start(
    "mobilenet-v3-small-20000",
    "mobilenet-v3-small",
    "cifar10",
    TrainingConfig(epochs=8, batch_size=32, learning_rate=1e-3, weight_decay=0.0, augment_shift=2),
    images=20_000,
)
CLOSER = replace(HALF, rho_last=10.0, rho_ramp="cosine", z_steps=20)

MNIST: dict[str, Any] = {"learning_rate": 2e-3, "weight_decay": 1e-5, "augment_shift": 2}
MLP = Start("lenet-300-100", "lenet-300-100", "mnist", TrainingConfig(epochs=20, batch_size=128, **MNIST))
CNN = Start("lenet5-8000", "lenet5", "mnist", TrainingConfig(epochs=16, batch_size=64, **MNIST), images=8000)
CLOTHES = Start(
    "lenet5-fashion", "lenet5", "mnist", TrainingConfig(epochs=16, batch_size=64, **MNIST), folder="fashion-mnist"
)
PRUNE = AdmmConfig(  # as examples/lenet5-305x.toml
    iterations=16,
    retrain_epochs=14,
    rho_first=1e-3,
    rho_last=5e-3,
    tolerance=0,
    batch_size=64,
    learning_rate=2e-3,
    augment_shift=1,
    sparsity_rise=0.6,
)
SHORT = replace(PRUNE, iterations=6, retrain_epochs=6)
LEVELS = AdmmConfig(
    iterations=5, retrain_epochs=2, rho_first=1e-3, rho_last=1e-1, tolerance=0, batch_size=128, learning_rate=1e-3
)
CHANGES: dict[str, dict[str, Any]] = {
    "as it was": {},
    "cosine ramp": {"rho_ramp": "cosine"},
    "10 Z-steps": {"z_steps": 10},
    "sharpness 0.05": {"sharpness": 0.05},
    "saliency 0.5": {"saliency": 0.5},
}


def _falling(ratio: float) -> Target:
    return Target(ratio=ratio, scope="network", schedule="falling")


def _one_shot(kept: float) -> list[Trial]:
    trials = []
    for scope in ("layer", "network"):
        target = Target(ratio=1 / kept, scope=scope)
        for method in (MAGNITUDE, "layer-wise"):
            for config in (UNTRAINED, RECALIBRATED) if scope == "layer" else (UNTRAINED,):
                told = "recalibrated" if config.recalibrate_images else "as they were"
                trials.append(Trial(ONE_SHOT, f"{method}, {scope}, {told}", RESNET20, method, target, config))
    return trials


def _options(start: Start, ratio: float, seeds: tuple[int, ...], batch_size: int) -> list[Trial]:
    config = replace(SHORT, batch_size=batch_size)
    return [
        Trial(OPTIONS, label, start, "admm", _falling(ratio), replace(config, seed=seed, **changes))
        for label, changes in CHANGES.items()
        for seed in seeds
    ]


def _powers(bits: int, value_set: str) -> Trial:
    config, quantized = replace(SHORT, batch_size=128), Quantized(value_set, bits, LEVELS)
    return Trial(POWERS, f"{value_set}, {bits} bits", MLP, "admm", _falling(25), config, quantized)


_HALVES = Target(ratio=2.0)

TRIALS: tuple[Trial, ...] = (
    *_one_shot(0.5),
    *_one_shot(0.3),
    Trial(FEW_EPOCHS, "projected gradient", MOBILENET, "projected", _HALVES, HALF),
    Trial(FEW_EPOCHS, "ADMM, cosine, 20 Z-steps", MOBILENET, "admm", _HALVES, CLOSER),
    Trial(FEW_EPOCHS, "ADMM as 001", MOBILENET, "admm", _HALVES, HALF),
    Trial(FASHION, "ADMM", CLOTHES, "admm", _falling(50), PRUNE),
    *_options(MLP, 100, SEEDS, 128),
    *_options(CNN, 100, (0,), 64),
    *(_powers(bits, value_set) for bits in (2, 3, 4) for value_set in ("levels", "powers")),
)
"""In the order in which they run."""


def quick_trial(trial: Trial) -> Trial:
    """One epoch each, on few images: for trying the benchmark itself."""
    start = replace(trial.start, name=f"{trial.start.name}-quick", images=300)
    if isinstance(start.training, TrainingConfig):
        start = replace(start, training=replace(start.training, epochs=1))
    config = replace(trial.config, iterations=1, retrain_epochs=0, calibration_images=64)
    quantized = trial.quantized and replace(trial.quantized, config=replace(LEVELS, iterations=1, retrain_epochs=1))
    return replace(trial, start=start, config=config, quantized=quantized)
