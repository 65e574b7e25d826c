"""No bank is read at the word that is written in the same cycle: what ``rtl.array.sram`` tells synthesis tools."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from amaranth.hdl import Elaboratable, Fragment, Module

from rtl.array.pe_array import PEArray
from rtl.array.sram import SRAM
from rtl.array.write_bus import write_bus_layout
from rtl.config import ArrayConfig
from rtl.formats.dense_zeros import DenseZeros
from tests.formal.arrays import SMALL
from tests.formal.engine import Harness, In, Proof

__all__ = ["PROOFS"]


class Elaborated(Elaboratable):
    """A component that is elaborated at once, so that the parts inside are known."""

    def __init__(self, component: Elaboratable) -> None:
        self._fragment = Fragment.get(component, None)

    def elaborate(self, platform: object) -> Fragment:
        return self._fragment

    def memories(self) -> Iterator[tuple[str, SRAM]]:
        """Every SRAM, by the names of the parts that hold it."""
        return _memories(self._fragment, ())


def _memories(fragment: Fragment, path: tuple[str, ...]) -> Iterator[tuple[str, SRAM]]:
    for made in fragment.origins or ():
        if isinstance(made, SRAM):
            yield " ".join(path), made
    for inner, name, _ in fragment.subfragments:
        yield from _memories(inner, (*path, str(name)))


class ArrayMemories(Harness):
    """The whole array, whatever is written, started and taken: each of its ``banks``, by a part of their names."""

    def __init__(self, config: ArrayConfig, banks: tuple[str, ...] = ("",)) -> None:
        self.config, self.banks = config, banks
        super().__init__(
            {"write_valid": In(1), "write": In(write_bus_layout(config).size), "start": In(1), "ready": In(1)}
        )

    def build(self, m: Module) -> None:
        _, dut = self.array(m)
        for name, memory in dut.memories():
            if not any(bank in name for bank in self.banks):
                continue
            collides = memory.write_en & memory.read_en & (memory.write_word == memory.read_word)
            self.check(m, f"{name}: never read where it is written", ~collides)
            if self.config.buffers == 2:
                other = memory.write_word[0] != memory.read_word[0]
                self.check(m, f"{name}: loads go to the half that does not run", ~memory.write_en | other)

    def array(self, m: Module) -> tuple[PEArray, Elaborated]:
        array = PEArray(self.config)
        m.submodules.dut = dut = Elaborated(array)
        m.d.comb += [
            array.write.valid.eq(self.write_valid),
            array.write.payload.eq(self.write),
            array.start.eq(self.start),
            array.results.ready.eq(self.ready),
        ]
        return array, dut


class LayerHalves(ArrayMemories):
    """The same array: what a layer reads does not change under it."""

    def build(self, m: Module) -> None:
        array, dut = self.array(m)
        for name, memory in dut.memories():
            half = memory.read_word[0]
            same = half == self.before(m, half, f"{name}_half".replace(" ", "_"))
            self.check(m, f"{name}: one half from a layer's first cycle to its last", same | ~array.busy)


_SPARSE, _LOCKSTEP = SMALL.replace(buffers=2), SMALL.with_index(DenseZeros()).replace(buffers=2)

PROOFS = (
    Proof("ArrayMemories", partial(ArrayMemories, SMALL), "proof.dut proof.dut.control"),
    Proof(
        "ArrayMemories, rows in lock-step",
        partial(ArrayMemories, SMALL.with_index(DenseZeros())),
        "proof.dut proof.dut.control",
    ),
    *(
        Proof(
            f"ArrayMemories, {rows}, two {banks[0]} banks",
            partial(ArrayMemories, config, banks),
            " ".join(f"proof.dut.*{bank}*" for bank in banks),
        )
        for rows, config in (("chain", _SPARSE), ("rows in lock-step", _LOCKSTEP))
        for banks in (("bias", "weights", "table"), ("activations",))
    ),
    Proof("LayerHalves", partial(LayerHalves, _SPARSE), "proof.dut.control"),
    Proof("LayerHalves, rows in lock-step", partial(LayerHalves, _LOCKSTEP), "proof.dut.control"),
)
