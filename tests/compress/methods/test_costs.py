from torch import nn

from compress.methods.costs import admm_step_ratio, projection_ratio


def test_ratios_are_measured(small_network: nn.Module) -> None:
    assert 0.1 < admm_step_ratio(small_network, (1, 8, 8), batch_size=16, repeats=20) < 10
    assert 0.01 < projection_ratio(20_000, repeats=2) < 1000
