"""The fastest array in a given area, for one layer or for all layers of a network (003 section 5.1).

SRAMs are sized for the packed words of the layers; rows, lanes and requantizers share what is left of the budget.
Dense and sparse arrays are searched in the same way, over the same shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flows.search.array_choice import ArrayChoice
from flows.search.best_first import search
from flows.search.evaluator import Evaluator
from flows.search.layer_load import LayerLoad
from flows.search.network_plans import NetworkPlans
from flows.search.shapes import Shape, candidate_shapes, pooling_shapes, shape_for, shape_of, without_idle_lanes
from flows.synthesis.area import measure
from flows.technology.technology import Technology
from rtl.config import ArrayConfig
from sim.mapping.cycles import Chain
from sim.mapping.schedule import make_schedule

__all__ = ["best_array", "holding_array", "scheduled"]


def best_array(
    loads: Sequence[LayerLoad],
    templates: Sequence[ArrayConfig],
    technology: Technology,
    budget: float,
    shapes: Sequence[Shape] | None = None,
) -> ArrayChoice | None:
    """The array within ``budget`` that runs all layers fastest, or None where none fits.

    Exact with rows assigned in the quick way: a shape is skipped only where a bound excludes it. The winner's rows
    are then made as even as a layer's schedule makes them, if that is faster and fits.

    Parameters
    ----------
    templates : sequence of ArrayConfig
        Index formats and bit widths; the first wins where two are equally fast. Dense rows are in lock-step.
    shapes : sequence of Shape
        Candidates for the rest, ``candidate_shapes`` unless given; without those that leave to the host what the first
        template pools. Every bank is as deep as the layer that needs most.
    """
    space = candidate_shapes() if shapes is None else shapes
    arrays = [template.with_index(template.index) for template in templates]
    evaluators = [Evaluator(NetworkPlans(loads, array), technology, budget) for array in arrays]
    worth_trying = _worth_trying(evaluators[0].plans, arrays[0], space)
    each_once = dict.fromkeys(
        (evaluator, shape_for(shape, evaluator.plans.template)) for shape in worth_trying for evaluator in evaluators
    )
    candidates = [(evaluator, shape) for evaluator, shape in each_once if evaluator.may_fit(shape)]
    found = search(
        candidates,
        lambda candidate: candidate[0].least_time(candidate[1]),
        lambda candidate, limit: candidate[0].evaluate(candidate[1], limit),
    )
    if found is None:
        return None
    evaluator, shape = found.candidate
    return evaluator.evened(shape, found.cost) or found.outcome


def _worth_trying(plans: NetworkPlans, reference: ArrayConfig, shapes: Sequence[Shape]) -> tuple[Shape, ...]:
    geometries = [load.geometry for load in plans.loads]
    return without_idle_lanes(geometries, plans.most_lanes, pooling_shapes(geometries, reference, shapes))


def holding_array(loads: Sequence[LayerLoad], template: ArrayConfig, technology: Technology) -> ArrayChoice:
    """The template's rows and lanes with banks that just hold every layer."""
    shape = shape_of(template)
    plans = NetworkPlans(loads, template, even=True)
    config = plans.config(shape)
    per_sample = plans.cycles(shape) / plans.samples
    return ArrayChoice.of(config, measure(config, technology), plans.layer_cycles(shape), per_sample)


def scheduled(choice: ArrayChoice, loads: Sequence[LayerLoad]) -> ArrayChoice:
    """The same array with the cycles of each layer's fastest form.

    Banks as deep as the largest layer's leave the others a choice of forms that a search does not try.
    """
    config, cycles = choice.config, {}
    for load in loads:
        schedule = make_schedule(load.name, load.mask, load.geometry, config, load.batch)
        cycles[load.name] = schedule.cycles(Chain.of(config))
    return replace(choice, cycles=cycles, cycles_per_sample=sum(cycles[load.name] / load.batch for load in loads))
