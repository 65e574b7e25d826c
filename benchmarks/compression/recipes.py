"""The settings of the compression benchmark: chosen on validation images with seeds 0 and 1, never on test images.

A recipe is a run file and the operating points on its way; those of LeNet-5 and LeNet-300-100 are files of
``examples/``, so that ``codesign run`` reaches the benchmark's figures.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codesign.settings.run_config import RunConfig
from compress.admm.iteration import AdmmConfig

__all__ = ["COMPARISONS", "HALF", "RECIPES", "Comparison", "Recipe", "quick", "quick_comparison"]

SEEDS = (0, 1, 2)
SPLIT_SEED = 0
QUICK_IMAGES = 200
EXAMPLES = Path(__file__).parents[2] / "examples"

Document = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """Dense training, then pruning step by step; some of the pruned networks are quantized too.

    Members
    -------
    document : dict
        Content of a run file: its ``train`` trains, its ``compress`` has the steps, none where only comparisons start
        from the dense network.
    quantized_ratios : tuple of float
        Ratios of the steps whose networks are quantized.
    train_images : int, optional
        Train on so many images and validate on a quarter as many; by default on all.
    """

    name: str
    document: Document
    seeds: tuple[int, ...]
    quantized_ratios: tuple[float, ...] = ()
    train_images: int | None = None

    def config(self, seed: int) -> RunConfig:
        """The run of a seed; all seeds have the same validation images."""
        data = {**self.document["data"], "seed": SPLIT_SEED}
        return RunConfig.model_validate({**self.document, "data": data, "seed": seed})

    @property
    def network(self) -> str:
        """A name in ``compress.networks.registry``."""
        return str(self.document["network"]["name"])

    @property
    def data(self) -> str:
        """A name for ``load_dataset``."""
        return str(self.document["data"]["name"])

    @property
    def steps(self) -> list[Document]:
        """The run file's steps."""
        return list(self.document.get("compress", {}).get("steps", []))


@dataclass(frozen=True)
class Comparison:
    """Pruning methods at equal weights kept and equal epochs, from the dense networks of a recipe.

    Members
    -------
    name : str
        Of its results, no other comparison's; the network is its recipe's.
    methods : tuple of str
        Names in ``compress.methods.registry.PRUNERS``.
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


def _example(name: str) -> Document:
    document = tomllib.loads((EXAMPLES / f"{name}.toml").read_text(encoding="utf-8"))
    return {table: content for table, content in document.items() if table != "quick"}


def _changed(document: Mapping[str, Any], **changes: Any) -> Document:
    """A copy with members of its tables replaced: ``train={"epochs": 1}``."""
    return {**deepcopy(dict(document)), **{name: {**document[name], **members} for name, members in changes.items()}}


def _step(ratio: float, iterations: int, epochs: int, saliency: float) -> Document:
    return {"ratio": ratio, "prune": {"iterations": iterations, "retrain_epochs": epochs, "saliency": saliency}}


_LENET5_305X = _example("lenet5-305x")
_LENET5 = Recipe(
    name="lenet5",
    document=_changed(
        _LENET5_305X,
        compress={"steps": [*_LENET5_305X["compress"]["steps"], _step(350, 10, 10, 0.5), _step(400, 16, 24, 0.5)]},
    ),
    seeds=SEEDS,
    quantized_ratios=(255, 305),
)
_MLP = Recipe(name="lenet-300-100", document=_example("lenet-300-100-70x"), seeds=SEEDS)


def _without_augmentation(recipe: Recipe, seeds: tuple[int, ...], last: int) -> Recipe:
    prune = {**recipe.document["compress"]["prune"], "augment_shift": 0}
    compress = {"prune": prune, "steps": recipe.steps[:last]}
    document = _changed(recipe.document, train={"augment_shift": 0}, compress=compress)
    return replace(recipe, name=f"{recipe.name}-plain", seeds=seeds, document=document, quantized_ratios=())


_MOBILENETS = tuple(
    Recipe(
        name=name,
        document={
            "network": {"name": name},
            "data": {"name": "cifar10"},
            "train": {
                "epochs": 8,
                "batch_size": 32,
                "learning_rate": 1e-3,
                "weight_decay": 0.0,
                "augment_shift": 2,
            },
        },
        seeds=(0,),
        train_images=4000,
    )
    for name in ("mobilenet-v3-large", "mobilenet-v2", "mobilenet-v3-small")
)
HALF = AdmmConfig(  # as the presets "mobilenet-...-half", 001
    iterations=4,
    retrain_epochs=0,
    rho_first=1e-2,
    rho_last=1e-2,
    tolerance=0,
    batch_size=32,
    learning_rate=1e-3,
    augment_shift=2,
)
_STRONG = replace(HALF, rho_first=1.0, rho_last=1.0)  # a penalty that gets W close to Z in so few iterations

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
            Comparison(recipe.name, recipe.name, recipe.seeds, (2,), HALF, ("admm", "projected"), uniform=True),
            Comparison(f"{recipe.name}-rho-1", recipe.name, recipe.seeds, (2,), _STRONG, ("admm",), uniform=True),
        )
    ),
    Comparison(
        "lenet-300-100",
        "lenet-300-100",
        SEEDS,
        (25, 50, 100),
        AdmmConfig(**{**_MLP.document["compress"]["prune"], "iterations": 6, "retrain_epochs": 6}),
    ),
)


def quick(recipe: Recipe) -> Recipe:
    """The same steps with an epoch each: for trying the benchmark itself."""
    short = {"iterations": 1, "retrain_epochs": 1}
    images = None if recipe.train_images is None else QUICK_IMAGES
    changes: dict[str, Document] = {"train": {"epochs": 1}}
    if recipe.steps:
        steps = [{**step, "prune": {**step.get("prune", {}), **short}} for step in recipe.steps]
        quantize = {**recipe.document["compress"].get("quantize", {}), **short}
        changes["compress"] = {"steps": steps, "quantize": quantize}
    return replace(recipe, document=_changed(recipe.document, **changes), train_images=images)


def quick_comparison(comparison: Comparison) -> Comparison:
    """The same methods with the fewest epochs that the iterative one can do with."""
    config = comparison.config
    short = replace(config, iterations=min(5, config.iterations), retrain_epochs=min(5, config.retrain_epochs))
    return replace(comparison, config=short)
