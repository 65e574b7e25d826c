"""Statistics of batch norms for weights that have changed: means and variances measured anew."""

from __future__ import annotations

import torch
from torch import nn

from compress.data.datasets import Split
from compress.networks.evaluation_mode import evaluation_mode
from compress.train.augmentation import augmented

__all__ = ["recalibrate_batch_norms"]

LEAST_BATCH = 2  # one image has no statistics


@torch.no_grad()
def recalibrate_batch_norms(
    network: nn.Module,
    split: Split,
    images: int,
    batch_size: int,
    augment_shift: int = 0,
    augment_flip: bool = False,
) -> None:
    """Replace the running statistics, in place, by the mean over batches of the first images of a split.

    Only batch norms run as in training, so nothing is dropped out. Images are augmented as training augments them:
    the statistics of a network that learned from moved images are those of moved images. A batch norm's own momentum
    stays; one that averages over all batches (momentum None) starts to count anew. A network without running statistics
    stays as it is.

    Parameters
    ----------
    images : int
        At least one batch of them is used, and whole batches alone.
    """
    norms = [
        module
        for module in network.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None
    ]
    if not split.task.classes:  # which training does not augment
        augment_shift, augment_flip = 0, False
    batch_size = max(LEAST_BATCH, batch_size)
    device = next(network.parameters()).device
    momenta = [norm.momentum for norm in norms]
    with evaluation_mode(network):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        for start in range(0, max(batch_size, min(images, len(split)) - batch_size + 1) if norms else 0, batch_size):
            batch = split.images[start : start + batch_size]
            network(augmented(batch, augment_shift, augment_flip).to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
