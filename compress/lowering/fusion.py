"""Which calls become one integer operation: a ReLU is the saturation of what is before it, and layers pool."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from compress.model.compressed_model import INPUT
from compress.model.ops.op import Call
from compress.model.ops.registry import op_of_target
from compress.model.pool import Pool, PoolKind
from compress.networks.capture.captured import LAYER, CapturedNetwork
from compress.networks.capture.plain_calls import PLAIN_RELUS, plain_pool

__all__ = ["Step", "fuse", "keeps_scale", "layer_pools"]

RELU6 = frozenset({"aten.relu6.default", "aten.relu6_.default"})
BOUNDED = frozenset(
    f"aten.{name}.default" for name in ("hardtanh", "hardtanh_", "clamp", "clamp_", "clamp_min", "clamp_min_")
)


@dataclass(frozen=True)
class Step:
    """One integer operation to be.

    Members
    -------
    call : Call
        What it computes; the operation has its name.
    inputs : tuple of str
        The steps that it reads, or ``INPUT``.
    relu : Call, optional
        A ReLU or the like behind it, which is the saturation of its codes at a real 0.
    pool : Pool, optional
        Behind a layer and its ReLU.
    seen : str
        The call whose result is what the operation rounds and saturates, before pooling. Where a ReLU comes only after
        the pooling, it is the layer's, and the numbers below 0 do not count.
    """

    call: Call
    inputs: tuple[str, ...]
    seen: str
    relu: Call | None = None
    pool: Pool | None = None

    @property
    def name(self) -> str:
        """The operation's."""
        return self.call.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the operation's result, pooled where it pools."""
        if self.pool is None:
            return self.call.shape
        channels, height, width = self.call.shape
        return (channels, *self.pool.output_size(height, width))

    @property
    def ceiling(self) -> float:
        """What the ReLU behind it cuts off above; infinite where nothing does."""
        return math.inf if self.relu is None else _limits(self.relu)[1]


def keeps_scale(call: Call) -> bool:
    """Whether the result has the scale and zero point of what it reads."""
    op = None if call.target == LAYER else op_of_target(call.target)
    return op is not None and op.KEEPS_SCALE


def _is_relu(call: Call) -> bool:
    """Whether a call cuts off what is below 0, and above some larger number at most."""
    lowest, highest = _limits(call)
    return lowest == 0 and highest > 0


def _limits(call: Call) -> tuple[float, float]:
    """What a ReLU, a Hardtanh or a clamp keeps results within, infinite where that is no limit; else (-inf, inf)."""
    if call.target in PLAIN_RELUS:
        return 0.0, math.inf
    if call.target in RELU6:
        return 0.0, 6.0
    if call.target not in BOUNDED:
        return -math.inf, math.inf
    names = ("min_val", "max_val") if "hardtanh" in call.target else ("min", "max")
    lowest, highest = (call.arguments.get(name) for name in names)
    return -math.inf if lowest is None else float(lowest), math.inf if highest is None else float(highest)


def fuse(captured: CapturedNetwork, apart: frozenset[str] = frozenset()) -> tuple[tuple[Step, ...], str]:
    """The steps in order, and the one that gives the network's answer.

    ``apart`` are calls that must stay operations of their own.
    """
    steps: dict[str, Step] = {}
    giver = {INPUT: INPUT}
    for call in captured.calls:
        before = steps.get(giver[call.inputs[0]]) if len(call.inputs) == 1 else None
        joined = None
        if before is not None and call.name not in apart and len(captured.readers(call.inputs[0])) == 1:
            joined = _joined(before, call, is_answer=call.inputs[0] == captured.answer)
        if joined is not None:
            steps[joined.name] = joined
            giver[call.name] = joined.name
        else:
            steps[call.name] = Step(call, tuple(giver[name] for name in call.inputs), call.name)
            giver[call.name] = call.name
    return tuple(steps.values()), giver[captured.answer]


def layer_pools(captured: CapturedNetwork) -> dict[str, Pool | None]:
    """The pooling that each layer does itself, unless its ReLU must stand apart (``relus_apart``)."""
    steps, _ = fuse(captured)
    return {step.name: step.pool for step in steps if step.call.target == LAYER}


def _joined(before: Step, call: Call, is_answer: bool) -> Step | None:
    """The step with ``call`` in it, or None."""
    if is_answer or keeps_scale(before.call):
        return None
    if before.relu is None and _is_relu(call) and _saturates(before.call):
        if before.pool is None:
            return replace(before, relu=call, seen=call.name)
        if before.pool.kind is PoolKind.MAX and call.target in PLAIN_RELUS:  # which may as well come before it
            return replace(before, relu=call)
    if before.call.target == LAYER and before.pool is None and (pool := plain_pool(call)) is not None:
        return replace(before, pool=pool)
    return None


def _saturates(call: Call) -> bool:
    """Whether the call rounds a sum to codes, whose limits a ReLU may as well set."""
    op = op_of_target(call.target)
    return call.target == LAYER or (op is not None and op.SATURATES)
