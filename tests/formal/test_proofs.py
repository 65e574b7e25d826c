"""The cheapest proofs, and that they turn red; `make formal` does this for all of them."""

from __future__ import annotations

import pytest
from amaranth.hdl import Module, Signal

from tests.formal.__main__ import PROOFS, killers
from tests.formal.engine import Harness, In, Proof, mutations, prove

BY_NAME = {proof.name: proof for proof in PROOFS}


@pytest.mark.parametrize(
    "name",
    [
        "BiasQueue",
        "ArrayMemories",
        "Turns",
        "SenderQueue",
        "LiteTransfers",
        "Words",
        "LayerLoaded, two buffers",
        "Runs, one buffer",
        "Runs, two buffers",
    ],
)
def test_the_block_has_its_properties(name: str) -> None:
    assert set(prove(BY_NAME[name]).values()) == {None}


def test_a_fault_of_the_block_breaks_each_property() -> None:
    assert None not in killers(BY_NAME["BiasQueue"]).values()


class Counter(Harness):
    """Counts to five and stays there: says that it never gets to ``limit``."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__({"step": In(1), "unused": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Module()
        count = Signal(4)
        with dut.If(self.step & (count != 5)):
            dut.d.sync += count.eq(count + 1)
        self.assume(m, self.unused)
        self.check(m, "below the limit", count < self.limit)
        self.check(m, "holds always", 1)
        self.check(m, "holds never", ~self.unused)


def test_the_engine_proves_refutes_and_names_the_cycle() -> None:
    assert prove(Proof("counter", lambda: Counter(6))) == {
        "below the limit": None,
        "holds always": None,
        "holds never": 0,
    }
    assert prove(Proof("counter", lambda: Counter(4)))["below the limit"] == 4


def test_a_mutation_is_put_into_the_block_and_not_into_the_property() -> None:
    proof = Proof("counter", lambda: Counter(6))
    faults = mutations(proof, 12)
    assert faults
    assert all("-module proof.dut" in fault for fault in faults)
    assert any(prove(proof, fault)["below the limit"] is not None for fault in faults)
