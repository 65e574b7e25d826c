"""The co-design loop (003 Fig. 5) as a list of stages: what each takes of a run file, reads and writes."""

from __future__ import annotations

from typing import Any

from codesign.loop.chosen_alphas import AlphasResult
from codesign.loop.figures import BreakEvenResult
from codesign.loop.file_names import ARCHIVE, ARRAY, MODEL, NETWORK, PRUNED, PRUNED_MODEL, QUANTIZED
from codesign.loop.stage import Stage
from codesign.loop.stages import alphas, array, break_even, evaluation, pruning, quantization, simulation, training
from codesign.loop.trials import TrialSettings
from codesign.settings.data import Data
from codesign.settings.network_file import NetworkSource
from codesign.settings.run_checks import array_bits_of, bits_of, check_run, given_alphas_of
from codesign.settings.run_config import RunConfig
from codesign.settings.weights import Weights
from compress.base.errors import CodesignError
from compress.methods.registry import METHODS
from flows.technology.technology import Technology, generic_technology, technology_from_liberty
from rtl.generate import FILES
from sim.simulate.simulator import find_simulator

__all__ = ["COMPRESSION", "STAGES"]

ARRAY_FILES = tuple(f"{ARRAY}/{name}" for name in FILES)


def _network(config: RunConfig) -> NetworkSource:
    return NetworkSource.of(config.network.name, config.network.module_folder)


def _data(config: RunConfig) -> Data:
    return Data.of_run(config)


def _technology(config: RunConfig) -> Technology:
    liberty = config.technology.liberty
    return generic_technology() if liberty is None else technology_from_liberty(liberty)


def _train(config: RunConfig) -> training.TrainSettings:
    return training.TrainSettings(
        network=_network(config),
        data=_data(config),
        seed=config.seed,
        training=config.train,
        processes=config.processes,
        weights=Weights.of(config.network.weights),
    )


def _break_even(config: RunConfig) -> break_even.BreakEvenSettings:
    return break_even.BreakEvenSettings(
        network=_network(config),
        data=_data(config),
        hardware=config.hardware,
        technology=_technology(config),
        bits=array_bits_of(config),
        portions=tuple(sorted(config.breakeven.portions)),
    )


def _alphas(config: RunConfig) -> alphas.AlphaSettings:
    compress = config.compress
    retraining = compress.prune.training(compress.trial_epochs, config.seed) if compress.trial_epochs else None
    return alphas.AlphaSettings(
        network=_network(config),
        data=_data(config),
        given=given_alphas_of(config),
        tolerance=compress.tolerance,
        minimum_alpha=compress.minimum_alpha,
        trials=TrialSettings(retraining, compress.trial_images, compress.prune.device),
    )


def _prune(config: RunConfig) -> pruning.PruneSettings:
    section = config.compress
    return pruning.PruneSettings(
        network=_network(config),
        data=_data(config),
        method=section.method,
        target=section.target(config.hardware.rows),
        admm=section.prune,
        bits=bits_of(config) if METHODS[section.method].quantizes else None,
        processes=config.processes,
    )


def _quantize(config: RunConfig) -> quantization.QuantizeSettings:
    return quantization.QuantizeSettings(
        network=_network(config),
        data=_data(config),
        seed=config.split_seed,
        bits=bits_of(config),
        act_bits=config.hardware.act_bits,
        values=config.compress.values,
        processes=config.processes,
    )


def _array(config: RunConfig) -> array.ArraySettings:
    return array.ArraySettings(config.hardware, _technology(config))


def _simulate(config: RunConfig) -> simulation.SimulateSettings:
    wanted = config.simulate
    return simulation.SimulateSettings(
        data=_data(config),
        images=wanted.images,
        linear_batch=config.hardware.linear_batch,
        simulator=wanted.simulator,
        version=_simulator_version(wanted.simulator),
    )


def _simulator_version(name: str | None) -> str:
    """Empty where there is none: the stage itself says what to install."""
    try:
        return find_simulator(name).version
    except CodesignError:
        return ""


def _evaluate(config: RunConfig) -> evaluation.EvaluateSettings:
    return evaluation.EvaluateSettings(_network(config), _data(config))


TRAIN = Stage(
    name="train",
    title="train the dense network",
    run=training.run,
    settings=_train,
    result=training.TrainingResult,
    files=(NETWORK,),
    check=check_run,
)
BREAK_EVEN = Stage(
    name="break_even",
    title="measure the break-even curve of each layer",
    run=break_even.run,
    settings=_break_even,
    result=BreakEvenResult,
    inputs=(NETWORK,),
    after=(TRAIN,),
)
ALPHAS = Stage(
    name="alphas",
    title="choose alpha of each layer",
    run=alphas.run,
    settings=_alphas,
    result=AlphasResult,
    inputs=(NETWORK, BreakEvenResult.FILE),
    after=(TRAIN, BREAK_EVEN),
    check=check_run,
)
PRUNE = Stage(
    name="prune",
    title="prune and retrain",
    run=pruning.run,
    settings=_prune,
    result=pruning.PruningResult,
    files=(PRUNED,),
    inputs=(NETWORK, AlphasResult.FILE),
    after=(TRAIN, ALPHAS),
)
QUANTIZE = Stage(
    name="quantize",
    title="quantize and write the integer model",
    run=quantization.run,
    settings=_quantize,
    result=quantization.QuantizationResult,
    files=(MODEL, ARCHIVE, PRUNED_MODEL, QUANTIZED),
    inputs=(PRUNED, pruning.PruningResult.FILE),
    after=(PRUNE,),
)
ARRAY_CHOICE = Stage(
    name="array",
    title="choose the array and emit its Verilog",
    run=array.run,
    settings=_array,
    result=array.ArrayResult,
    files=ARRAY_FILES,
    inputs=(MODEL,),
    after=(QUANTIZE,),
)
SIMULATE = Stage(
    name="simulate",
    title="simulate the Verilog and compare with the golden model",
    run=simulation.run,
    settings=_simulate,
    result=simulation.SimulationResult,
    inputs=(MODEL, *ARRAY_FILES),
    after=(QUANTIZE, ARRAY_CHOICE),
)
EVALUATE = Stage(
    name="evaluate",
    title="measure accuracies on the test split",
    run=evaluation.run,
    settings=_evaluate,
    result=evaluation.AccuracyResult,
    inputs=(NETWORK, PRUNED, PRUNED_MODEL, QUANTIZED, MODEL),
    after=(TRAIN, PRUNE, QUANTIZE),
)

COMPRESSION: tuple[Stage[Any], ...] = (ALPHAS, PRUNE, QUANTIZE)
STAGES: tuple[Stage[Any], ...] = (TRAIN, BREAK_EVEN, *COMPRESSION, ARRAY_CHOICE, SIMULATE, EVALUATE)
