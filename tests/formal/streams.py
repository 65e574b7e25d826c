"""Properties that many blocks share: a stream's rules, and that a queue gives back what it was given."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, Value

from tests.formal.engine import Harness


def check_stream(
    harness: Harness, m: Module, name: str, valid: Any, ready: Any, payload: Any, excused: Any = 0
) -> None:
    """What is offered stays offered and unchanged until it is taken, but for ``excused`` and the cycle after it."""
    waits, kept = stream_memory(harness, m, name, valid, ready, payload, excused)
    waits = waits & ~Value.cast(excused)
    harness.check(m, f"{name}: valid holds until ready", ~waits | valid)
    harness.check(m, f"{name}: payload is stable until ready", ~waits | (Value.cast(payload) == kept))


def assume_stream(harness: Harness, m: Module, name: str, valid: Any, ready: Any, payload: Any) -> None:
    """The same of a sender outside."""
    waits, kept = stream_memory(harness, m, name, valid, ready, payload, 0)
    harness.assume(m, ~waits | (valid & (Value.cast(payload) == kept)))


def stream_memory(
    harness: Harness, m: Module, name: str, valid: Any, ready: Any, payload: Any, excused: Any
) -> tuple[Signal, Signal]:
    """Whether something waited in the cycle before, and what it was."""
    prefix = name.replace(" ", "_")
    waits = harness.before(m, Value.cast(valid) & ~Value.cast(ready) & ~Value.cast(excused), f"{prefix}_waited")
    return waits, harness.before(m, Value.cast(payload), f"{prefix}_payload")


def check_queue(
    harness: Harness,
    m: Module,
    name: str,
    entering: Any,
    entered: Any,
    leaving: Any,
    left: Any,
    offered: Any,
    capacity: int,
    delay: int,
    pick: Signal,
    clear: Any = 0,
) -> None:
    """Follow one freely chosen item from entry to exit: nothing is lost, doubled, overtaken or made up.

    ``pick`` (a free input) says which item is followed. ``delay``: cycles within which a queue that holds something
    offers it.
    """
    inside, ahead, late = Signal(range(capacity + 2)), Signal(range(capacity + 2)), Signal(range(delay + 2))
    following, item = Signal(), Signal(len(Value.cast(entered)))
    leaves_now = following & leaving & (ahead == 0)
    m.d.sync += inside.eq(inside + Value.cast(entering) - Value.cast(leaving))
    with m.If(following & leaving):
        m.d.sync += [ahead.eq(ahead - 1), following.eq(ahead != 0)]
    with m.If(~following & entering & pick):
        m.d.sync += [following.eq(1), item.eq(entered), ahead.eq(inside - Value.cast(leaving))]
    m.d.sync += late.eq(0)
    with m.If((inside != 0) & ~Value.cast(offered)):
        m.d.sync += late.eq(late + 1)
    with m.If(clear):
        m.d.sync += [inside.eq(0), following.eq(0), late.eq(0)]
    harness.check(m, f"{name}: order and content are kept", ~leaves_now | (Value.cast(left) == item))
    harness.check(m, f"{name}: nothing comes from an empty queue", ~(Value.cast(leaving) & (inside == 0)))
    harness.check(m, f"{name}: no more than its capacity is taken", inside <= capacity)
    harness.check(m, f"{name}: what is inside is offered in time", late <= delay)
