"""MobileNets on CIFAR-10, half of each layer pruned, after 001: ADMM against magnitude pruning, a short run."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from typing import Any

import torch

from benchmarks.store import Stopwatch, Store
from compress.admm import AdmmConfig, admm
from compress.checkpoint import Checkpoint, describe_run
from compress.data import Dataset, Split, load_dataset
from compress.networks import build_network
from compress.presets import preset
from compress.prune import cardinality_constraints
from compress.split import project_weights
from compress.training import TrainingConfig, accuracy, train

__all__ = ["MOBILENETS", "prune_mobilenet"]

TRAIN_IMAGES, VALIDATION_IMAGES = 2000, 500
PRETRAINING = TrainingConfig(epochs=6, batch_size=64, learning_rate=1e-3, weight_decay=0.0, augment_shift=2)
ADMM = AdmmConfig(
    iterations=3,
    retrain_epochs=0,
    rho_first=1e-2,
    rho_last=1e-2,
    tolerance=0,
    batch_size=64,
    learning_rate=1e-3,
    augment_shift=2,
)
MOBILENETS = (("mobilenet-v3-small", "base"), ("mobilenet-v3-small", "admm"))


def prune_mobilenet(name: str, method: str, short: bool, store: Store) -> dict[str, Any]:
    """Accuracy before and after pruning half of each layer (uniform s = 0.5, rho 0.01, Adam 1e-3), not retrained.

    ``base`` trains on as many epochs as ADMM has, then keeps the larger half of each layer's magnitudes; ``admm``
    trains those epochs as ADMM. Both start from the same network; accuracies are of the whole test split.
    """
    torch.set_num_threads(1)
    key = f"{name}-{method}"
    images = 200 if short else TRAIN_IMAGES
    pretraining = replace(PRETRAINING, epochs=1) if short else PRETRAINING
    settings = {"images": images, "pretraining": asdict(pretraining), "admm": asdict(ADMM)}
    if (finished := store.get(key, settings)) is not None:
        return finished
    dataset = _part(load_dataset("cifar10", seed=0), images)
    network = build_network(name, seed=0)
    stopwatch = Stopwatch(store.path("work", f"{key}.seconds"))
    run = describe_run(key, network, dataset, pretraining, images=images)
    checkpoint = Checkpoint(store.path("work", f"{key}.pt"), run)
    train(network, dataset, pretraining, stopwatch.note, checkpoint=checkpoint, stage="pretrain")
    constraints = cardinality_constraints(network, preset(f"{name}-half").alphas)
    if method == "admm":
        history = admm(network, dataset, constraints, ADMM, checkpoint=checkpoint, progress=stopwatch.note)
        losses = [step.training_loss for step in history]
    else:
        more = replace(pretraining, epochs=ADMM.iterations, seed=ADMM.seed)
        records = train(network, dataset, more, stopwatch.note, checkpoint=checkpoint, stage="more")
        losses = [record.training_loss for record in records]
    pruned = copy.deepcopy(network)
    project_weights(pruned, constraints)
    result = {
        "network": name,
        "method": method,
        "train_images": images,
        "pruning_ratio": 2.0,
        "accuracy_before": accuracy(network, dataset.test),
        "accuracy_after": accuracy(pruned, dataset.test),
        "training_losses": losses,
        "seconds": stopwatch.seconds,
    }
    store.put(key, settings, result)
    return result


def _part(dataset: Dataset, images: int) -> Dataset:
    """A part of the training images; the splits are shuffled already."""
    test = dataset.test if images == TRAIN_IMAGES else Split(dataset.test.images[:images], dataset.test.labels[:images])
    return Dataset(dataset.name, dataset.train.take(images), dataset.validation.take(VALIDATION_IMAGES), test)
