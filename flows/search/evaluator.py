"""What a shape costs in one technology and area budget, the cheapest refusals first."""

from __future__ import annotations

from compress.base.errors import CodesignError
from flows.search.array_choice import ArrayChoice
from flows.search.network_plans import NetworkPlans
from flows.search.shapes import Shape
from flows.synthesis.area import ModuleCost, least_logic_area, measure_within, module_cost, sram_area
from flows.technology.technology import Technology

__all__ = ["Evaluator"]


class Evaluator:
    """Time of the layers on arrays of one format within ``budget``.

    Times are those of ``plans.samples`` samples.
    """

    def __init__(self, plans: NetworkPlans, technology: Technology, budget: float) -> None:
        self.plans, self._technology, self._budget = plans, technology, budget
        self._requantizer = module_cost(plans.template, "requantizer", technology)
        self._pes: dict[int, ModuleCost] = {}

    def may_fit(self, shape: Shape) -> bool:
        """Whether the datapath and the bare cells of the weight words are within the budget."""
        model, template = self._technology.sram, self.plans.template
        bits = self.plans.most_weights * template.index.least_bits(template.weight_bits)
        weights = bits * min(model.bit, 8 / 3) * model.nand2_area
        return self._datapath_area(shape) + weights <= self._budget

    def least_time(self, shape: Shape) -> float:
        """A lower bound, from the cycles of ``NetworkPlans.least_cycles``."""
        return self.plans.least_cycles(shape) * self._shortest_clock(shape)

    def evaluate(self, shape: Shape, limit: float) -> tuple[float, ArrayChoice] | None:
        """Exact time and array, or None where it does not fit or takes ``limit`` or more."""
        try:
            least_memories = sram_area(self.plans.least_config(shape), self._technology)
            if self._datapath_area(shape) + least_memories > self._budget:
                return None
            if self.plans.fewest_cycles(shape) * self._shortest_clock(shape) >= limit:
                return None
            config = self.plans.config(shape)
        except CodesignError:  # a mask the format cannot store, or banks deeper than any array has
            return None
        memories = sram_area(config, self._technology)
        if self._datapath_area(shape) + memories > self._budget:
            return None
        cycles = self.plans.cycles(shape)
        if cycles * self._shortest_clock(shape) >= limit:  # before the syntheses, which cost most
            return None
        if least_logic_area(config, self._technology) + memories > self._budget:
            return None
        measured = measure_within(config, self._technology, self._budget)
        if measured is None:
            return None
        choice = ArrayChoice.of(config, measured, self.plans.layer_cycles(shape), cycles / self.plans.samples)
        return cycles * measured.clock_period, choice

    def evened(self, shape: Shape, time: float) -> ArrayChoice | None:
        """The same shape with even rows, if that takes less than ``time`` and fits."""
        found = Evaluator(self.plans.evened(shape), self._technology, self._budget).evaluate(shape, time)
        return None if found is None or found[0] >= time else found[1]

    def _shortest_clock(self, shape: Shape) -> float:
        return max(self._pe(shape).period, self._requantizer.period)

    def _pe(self, shape: Shape) -> ModuleCost:
        """A deeper chain has other PEs, which may be a little faster."""
        if (depth := shape.chain_depth) not in self._pes:
            template = self.plans.template.replace(chain_depth=depth)
            self._pes[depth] = module_cost(template, "lockstep_pe" if template.lockstep else "pe", self._technology)
        return self._pes[depth]

    def _datapath_area(self, shape: Shape) -> float:
        return shape.pes * self._pe(shape).area + shape.requant_lanes * self._requantizer.area
