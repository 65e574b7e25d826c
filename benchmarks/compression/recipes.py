"""The settings of the compression benchmark: chosen on validation images with seeds 0 and 1, never on test images."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from compress.admm.iteration import AdmmConfig
from compress.train.training import TrainingConfig

__all__ = ["COMPARISONS", "RECIPES", "Comparison", "Recipe", "quick", "quick_comparison"]

SEEDS = (0, 1, 2)
QUICK_IMAGES = 200


_ADMM = AdmmConfig(
    iterations=15,
    retrain_epochs=15,
    rho_first=1e-3,
    rho_last=5e-3,
    tolerance=0,
    batch_size=128,
    learning_rate=2e-3,
    augment_shift=1,
    sparsity_rise=0.6,
)


@dataclass(frozen=True)
class Recipe:
    """Dense training, then ADMM to one pruning ratio after the other; some of the pruned networks are quantized too.

    Members
    -------
    steps : tuple of (pruning ratio, AdmmConfig)
        Rising ratios, one cardinality over the whole network each.
    quantized_ratios : tuple of float
        Pruning ratios of the steps whose networks are quantized.
    weight_bits : dict
        Of the quantization; empty for pruning only.
    quantize : AdmmConfig
    train_images : int, optional
        Train on so many images and validate on a quarter as many; by default on all.
    """

    name: str
    network: str
    data: str
    seeds: tuple[int, ...]
    dense: TrainingConfig
    steps: tuple[tuple[float, AdmmConfig], ...] = ()
    quantized_ratios: tuple[float, ...] = ()
    weight_bits: dict[str, int] = field(default_factory=dict)
    quantize: AdmmConfig = _ADMM
    train_images: int | None = None


@dataclass(frozen=True)
class Comparison:
    """Pruning methods at equal weights kept and equal epochs, from the dense networks of a recipe.

    Members
    -------
    name : str
        Of its results, no other comparison's; the network is its recipe's.
    methods : tuple of str
        Names in ``benchmarks.compression.jobs.METHODS``.
    uniform : bool
        Every layer keeps the same portion; otherwise one cardinality holds for the whole network.
    """

    name: str
    recipe: str
    seeds: tuple[int, ...]
    ratios: tuple[float, ...]
    config: AdmmConfig
    methods: tuple[str, ...] = ("admm", "one-shot", "iterative", "projected")
    uniform: bool = False


def _steps(
    *steps: tuple[float, int, int], config: AdmmConfig, saliency: float = 0.0
) -> tuple[tuple[float, AdmmConfig], ...]:
    """(ratio, iterations, retraining epochs) each."""
    return tuple(
        (ratio, replace(config, iterations=iterations, retrain_epochs=epochs, saliency=saliency))
        for ratio, iterations, epochs in steps
    )


_MLP = Recipe(
    name="lenet-300-100",
    network="lenet-300-100",
    data="mnist",
    seeds=SEEDS,
    dense=TrainingConfig(epochs=20, batch_size=128, learning_rate=2e-3, weight_decay=1e-5, augment_shift=2),
    steps=_steps((23, 12, 8), (41, 18, 18), (70, 25, 35), config=_ADMM),
)

_CONV = replace(_ADMM, batch_size=64)

_LENET5 = Recipe(
    name="lenet5",
    network="lenet5",
    data="mnist",
    seeds=SEEDS,
    dense=TrainingConfig(epochs=8, batch_size=64, learning_rate=2e-3, weight_decay=1e-5, augment_shift=2),
    steps=(
        *_steps((170, 16, 14), config=_CONV),
        *_steps((255, 10, 8), (305, 12, 12), (350, 10, 10), (400, 16, 24), config=_CONV, saliency=0.5),
    ),
    quantized_ratios=(255, 305),
    weight_bits={"conv1": 4, "conv2": 2, "fc1": 2, "fc2": 3},
    quantize=replace(_CONV, iterations=10, retrain_epochs=5, rho_last=1e-1, learning_rate=1e-3, sparsity_rise=0.0),
)


def _without_augmentation(recipe: Recipe, seeds: tuple[int, ...], last: int) -> Recipe:
    return replace(
        recipe,
        name=f"{recipe.name}-plain",
        seeds=seeds,
        dense=replace(recipe.dense, augment_shift=0),
        steps=tuple((ratio, replace(config, augment_shift=0)) for ratio, config in recipe.steps[:last]),
        quantized_ratios=(),
    )


_MOBILENETS = tuple(
    Recipe(
        name=name,
        network=name,
        data="cifar10",
        seeds=(0,),
        dense=TrainingConfig(epochs=8, batch_size=32, learning_rate=1e-3, weight_decay=0.0, augment_shift=2),
        train_images=4000,
    )
    for name in ("mobilenet-v3-large", "mobilenet-v2", "mobilenet-v3-small")
)
_HALF = AdmmConfig(  # as the presets "mobilenet-...-half", 001
    iterations=4,
    retrain_epochs=0,
    rho_first=1e-2,
    rho_last=1e-2,
    tolerance=0,
    batch_size=32,
    learning_rate=1e-3,
    augment_shift=2,
)
_STRONG = replace(_HALF, rho_first=1.0, rho_last=1.0)  # a penalty that gets W close to Z in so few iterations

# The longest jobs first, so that no process waits for one at the end.
RECIPES = (
    *_MOBILENETS,
    _LENET5,
    _without_augmentation(_LENET5, (0,), 2),
    _MLP,
    _without_augmentation(_MLP, (0,), 3),
)

COMPARISONS = (
    *(
        comparison
        for recipe in _MOBILENETS
        for comparison in (
            Comparison(recipe.name, recipe.name, recipe.seeds, (2,), _HALF, ("admm", "projected"), uniform=True),
            Comparison(f"{recipe.name}-rho-1", recipe.name, recipe.seeds, (2,), _STRONG, ("admm",), uniform=True),
        )
    ),
    Comparison("lenet-300-100", "lenet-300-100", SEEDS, (25, 50, 100), replace(_ADMM, iterations=6, retrain_epochs=6)),
)


def quick(recipe: Recipe) -> Recipe:
    """The same steps with an epoch each: for trying the benchmark itself."""
    short = tuple((ratio, replace(config, iterations=1, retrain_epochs=1)) for ratio, config in recipe.steps)
    one = replace(recipe.quantize, iterations=1, retrain_epochs=1)
    images = None if recipe.train_images is None else QUICK_IMAGES
    return replace(recipe, dense=replace(recipe.dense, epochs=1), steps=short, quantize=one, train_images=images)


def quick_comparison(comparison: Comparison) -> Comparison:
    """The same methods with the fewest epochs that the iterative one can do with."""
    config = comparison.config
    short = replace(config, iterations=min(5, config.iterations), retrain_epochs=min(5, config.retrain_epochs))
    return replace(comparison, config=short)
