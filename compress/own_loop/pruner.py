"""ADMM inside the user's own training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from compress.admm.iteration import AdmmConfig, penalty_at
from compress.admm.penalty import Penalty
from compress.admm.split_variables import Constraint, Residual, Sensitivity, SplitVariable
from compress.base.errors import CodesignError
from compress.methods.quantize import QuantizeResult
from compress.methods.target import Target
from compress.own_loop.holding import HeldWeights
from compress.own_loop.levels import quantized_layers
from compress.own_loop.networks import check_trained, network_inside, optimizers_of
from compress.own_loop.projection import project_portion, pruned_from_the_start
from compress.own_loop.sensitivity import GradientMeter
from compress.own_loop.steps import StepHooks
from compress.own_loop.targets import checked_constraints, constraints_of, intervals_of, with_intervals
from compress.sets.masks import nonzero_masks

__all__ = ["Pruner"]

GIVE_ITS_OWN = "give the state that state_dict() of a Pruner with the same target returned"


class Pruner:
    """Prunes or quantizes a network while a loop of your own trains it.

    From the first step on, the gradient of ADMM's penalty rho/2 ||W - Z + U||^2 is added to yours in every step of
    the optimizer. ``end_epoch`` takes the Z- and the U-step. ``project`` puts the weights on their sets; afterwards the
    loop retrains, and pruned weights, their gradients and their momentum stay zero.

    All optimizers of torch work, also with closures, gradient accumulation, clipping and a GradScaler, fused or not.
    The penalty is added when ``step`` is called, so clipping limits your gradient alone. In several processes each has
    a Pruner; all are equal where weights and gradients are, as DistributedDataParallel keeps them.

    Parameters
    ----------
    model : nn.Module
        The network, or what DistributedDataParallel, DataParallel or torch.compile made of it. Branches are no matter.
    optimizer : Optimizer, or a sequence of them
        Those whose ``step`` moves the constrained weights. Their settings are left alone.
    target : Target, or a sequence of Constraint
        ``Target(ratio=10, scope="network")``, ``Target(alphas={"conv*": 0.2})``, ``Target(weight_bits={"*": 4})`` for
        levels of the weights that are not zero. Constraints may have sets of your own.
    iterations : int
        How often ``end_epoch`` is called before ``project``; afterwards the penalty stays.
    rho_first, rho_last, sparsity_rise, saliency
        As in ``AdmmConfig``. The step is stable for rho below about 2 / learning rate. Saliency is measured on your
        gradients.

    Raises
    ------
    CodesignError
        A network, a target or an optimizer that does not fit; what is wrong and what to do.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer | Sequence[Optimizer],
        target: Target | Sequence[Constraint],
        *,
        iterations: int = 60,
        rho_first: float = 1e-2,
        rho_last: float = 1.0,
        sparsity_rise: float = 0.0,
        saliency: float = 0.0,
    ) -> None:
        self._network = network_inside(model)
        self._optimizers = optimizers_of(optimizer)
        self._target = target
        self._config = AdmmConfig(
            iterations=iterations,
            rho_first=rho_first,
            rho_last=rho_last,
            sparsity_rise=sparsity_rise,
            saliency=saliency,
        )
        self._iteration = self._steps = 0
        self._started = self._projected = False
        self._sensitivity: Sensitivity | None = None
        self._variables: list[SplitVariable]
        self._held: HeldWeights
        self._meter: GradientMeter
        self._begin(self._constraints())
        self._hooks = StepHooks(self._optimizers, self._before_step, self._after_step, self._penalty_value)

    @property
    def rho(self) -> float:
        """The penalty of this epoch, 0 after the projection."""
        if self._projected:
            return 0.0
        return penalty_at(self._config, min(self._iteration, self._config.iterations - 1))

    def end_epoch(self) -> tuple[Residual, ...]:
        """Z- and U-step; returns how far each constraint is from convergence, nothing after the projection.

        Raises
        ------
        CodesignError
            No optimizer given to the Pruner has made a step since the last call.
        """
        if self._projected:
            return ()
        if not self._steps:
            raise CodesignError(
                "the epoch ended without a step of the pruner's optimizer", "give the optimizer whose step() you call"
            )
        before, portion = self.rho, min(1.0, (self._iteration + 1) / self._config.iterations)
        self._sensitivity = self._meter.sensitivity()
        residuals = tuple(variable.update(portion, self._sensitivity) for variable in self._variables)
        self._iteration, self._steps = self._iteration + 1, 0
        for variable in self._variables:
            variable.u *= before / self.rho  # keeps the multiplier rho U
        self._meter = GradientMeter(self._variables)
        self._add = self._gradients()
        return residuals

    def project(self, portion: float = 1.0) -> dict[str, Tensor]:
        """Put the weights on their sets, in place, and hold them from now on; returns masks of the kept weights.

        Parameters
        ----------
        portion : fraction
            Of levels and clusters, not of sparse sets: the closest weights of each layer take their values, the others
            train on. Call again with a larger portion, at last with 1 (000 Alg. 2: 0.5, 0.8, 0.95, 1).

        Returns
        -------
        dict of bool tensors on the CPU
            For every Conv2d and Linear, all True where nothing constrains it.
        """
        if not 0 < portion <= 1:
            raise CodesignError(f"portion must be above 0 and at most 1, not {portion}", "use for example 0.5, 0.8, 1")
        self._begin_once()
        constraints = [variable.constraint for variable in self._variables]
        held = self._held.positions
        positions = project_portion(self._network, constraints, self._sensitivity, portion, held)
        self._held = HeldWeights(self._network, {**held, **positions})
        self._held.forget_momentum(self._optimizers)
        self._projected = True
        return nonzero_masks(self._network, [layer for constraint in constraints for layer in constraint.layers])

    def quantized(self) -> QuantizeResult:
        """Levels and intervals for ``integerize``, once every Conv2d and Linear is on levels."""
        return quantized_layers(self._network, [variable.constraint for variable in self._variables])

    def remove(self) -> None:
        """Let go of the optimizers: from now on nothing is added and nothing held."""
        self._hooks.remove()

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs beside the states of the model and the optimizer, at any step."""
        names = self._names()
        sensitivity = None if self._sensitivity is None else self._sensitivity.items()
        return {
            "iteration": self._iteration,
            "steps": self._steps,
            "started": self._started,
            "projected": self._projected,
            "constraints": [variable.constraint.name for variable in self._variables],
            "intervals": intervals_of([variable.constraint for variable in self._variables]),
            "z": [variable.z for variable in self._variables],
            "u": [variable.u for variable in self._variables],
            "held": self._held.state(),
            "meter": self._meter.state(names),
            "sensitivity": None if sensitivity is None else {names[each]: value for each, value in sensitivity},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was called, bit for bit, with model and optimizer loaded too.

        Raises
        ------
        CodesignError
            The state is none of a Pruner with this target.
        """
        try:
            self._load(state)
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CodesignError(f"the state does not fit this Pruner: {error!r}", GIVE_ITS_OWN) from error

    def _load(self, state: Mapping[str, Any]) -> None:
        shapes = [variable.z.shape for variable in self._variables]
        if state["constraints"] != [variable.constraint.name for variable in self._variables] or shapes != [
            z.shape for z in state["z"]
        ]:
            raise ValueError(f"it constrains {', '.join(state['constraints'])}")
        constraints = [variable.constraint for variable in self._variables]
        self._held = HeldWeights.from_state(self._network, state["held"])
        self._start(with_intervals(constraints, state["intervals"]))
        for variable, z, u in zip(self._variables, state["z"], state["u"], strict=True):
            variable.load(z, u)
        names = self._names()
        self._meter.load(state["meter"], names)
        by_name = {name: parameter for parameter, name in names.items()}
        if state["sensitivity"] is not None:
            self._sensitivity = {
                by_name[name]: value.clone().to(by_name[name].device) for name, value in state["sensitivity"].items()
            }
        self._iteration, self._steps = int(state["iteration"]), int(state["steps"])
        self._started, self._projected = bool(state["started"]), bool(state["projected"])
        self._add = self._gradients()

    def _constraints(self) -> list[Constraint]:
        if isinstance(self._target, Target):
            return constraints_of(self._network, self._target, self._config)
        return checked_constraints(self._target)

    def _begin(self, constraints: Sequence[Constraint]) -> None:
        """Z and U of the weights as they are: once for the errors, again at the first step."""
        check_trained(self._network, constraints, self._optimizers)
        self._start(constraints)
        self._held = HeldWeights(self._network, pruned_from_the_start(self._variables))

    def _begin_once(self) -> None:
        """The weights may have been loaded, or shared between processes, since the Pruner was made."""
        if not self._started:
            self._begin(self._constraints())
            self._started = True

    def _start(self, constraints: Sequence[Constraint]) -> None:
        self._variables = [SplitVariable(self._network, constraint) for constraint in constraints]
        self._meter = GradientMeter(self._variables)
        self._penalties = {each: Penalty(self._variables, each, may_decay=False) for each in self._optimizers}
        self._add = self._gradients()

    def _gradients(self) -> dict[Optimizer, Callable[[Tensor | None], None]]:
        return {optimizer: penalty.scaled_gradient(self.rho) for optimizer, penalty in self._penalties.items()}

    def _before_step(self, optimizer: Optimizer, scale: Tensor | None) -> None:
        if not self._projected:
            self._begin_once()
            self._steps += 1
            self._meter.add(optimizer, scale)
            self._add[optimizer](scale)
        self._held.zero_gradients()

    def _after_step(self) -> None:
        self._held.restore()

    def _penalty_value(self) -> float:
        return 0.0 if self._projected else next(iter(self._penalties.values())).value(self.rho)

    def _names(self) -> dict[nn.Parameter, str]:
        return {parameter: name for name, parameter in self._network.named_parameters()}
