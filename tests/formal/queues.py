"""The queues on a sum's way through the array: biases, sums between rows, results."""

from __future__ import annotations

from functools import partial

from amaranth.hdl import Cat, Module, Mux, Signal, signed

from rtl.array.bias_source import BiasSource
from rtl.array.drain import DRAIN_LATENCY, Drain, DrainControl, layer_registers
from rtl.array.lockstep_control import LockstepControl
from rtl.array.pool import Pool
from rtl.array.row import Row
from rtl.array.subarrays import BiasFork
from rtl.array.sum_register import SumRegister
from rtl.array.write_bus import write_bus_layout
from rtl.formats.dense_zeros import DenseZeros
from tests.formal.arrays import SMALL
from tests.formal.engine import Harness, In, Proof
from tests.formal.streams import assume_stream, check_queue, check_stream


class BiasQueue(Harness):
    """The circle of biases, from a bank whose words are their addresses."""

    def __init__(self) -> None:
        super().__init__({"start": In(1), "ready": In(1), "last": In(2)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = BiasSource(SMALL)
        last = self.constant(m, self.last, "last_filter")
        word, expected, running = Signal(2), Signal(2), Signal()
        with m.If(dut.bank_en):
            m.d.sync += word.eq(dut.bank_address)
        m.d.comb += [
            dut.start.eq(self.start),
            dut.running.eq(running),
            dut.last_filter.eq(last),
            dut.biases.ready.eq(self.ready),
            dut.bank_data.eq(word),
        ]
        taken = dut.biases.valid & dut.biases.ready
        with m.If(taken):
            m.d.sync += expected.eq(expected + 1)
            with m.If(expected == last):
                m.d.sync += expected.eq(0)
        with m.If(self.start):
            m.d.sync += [expected.eq(0), running.eq(1)]
        self.check(m, "biases: each filter's in turn", ~taken | (dut.biases.payload == expected))
        self.check(m, "biases: none before the start", running | ~dut.biases.valid)
        late = Signal(3)
        m.d.sync += late.eq(late + 1)
        with m.If(dut.biases.valid | self.start | ~running):
            m.d.sync += late.eq(0)
        self.check(m, "biases: offered within three cycles", late <= 3)
        biases = dut.biases
        check_stream(self, m, "biases", biases.valid, biases.ready, biases.payload, excused=self.start)


class BiasesOfSubarrays(Harness):
    """Biases given to two subarrays of two stacks, or to one, or to four: no head loses or repeats one.

    Another layer, with other subarrays, may begin when no head has taken the bias that waits.
    """

    CONFIG = SMALL.replace(rows=4, subarrays=4)

    def __init__(self) -> None:
        super().__init__({"valid": In(1), "bias": In(12), "ready": In(4), "inner": In(2), "anew": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = BiasFork(self.CONFIG)
        inner, anew, taking, had = Signal(2), Signal(), Signal(4), Signal(4)
        self.assume(m, self.inner != 2)
        m.d.comb += [
            anew.eq(self.anew & ~(taking | had).any()),
            dut.inner.eq(inner),
            dut.biases.valid.eq(self.valid),
            dut.biases.payload.eq(self.bias),
        ]
        assume_stream(self, m, "biases", dut.biases.valid, dut.biases.ready, dut.biases.payload)
        with m.If(anew):
            m.d.sync += inner.eq(self.inner)
        taken = dut.biases.valid & dut.biases.ready
        m.d.sync += had.eq(Mux(taken, 0, had | taking))
        for number, head in enumerate(dut.heads):
            begins, got, gives = (inner & number) == 0, had[number], taking[number]
            m.d.comb += [head.ready.eq(self.ready[number]), gives.eq(head.valid & head.ready)]
            self.check(m, f"head {number}: never twice", ~(gives & got))
            self.check(m, f"head {number}: every bias, if it begins a subarray", ~(taken & begins) | got | gives)
            if number:
                self.check(m, f"head {number}: none, if it does not", begins | ~head.valid)
            check_stream(self, m, f"head {number}", head.valid, head.ready, head.payload, excused=anew)


class RowSums(Harness):
    """The hand-over registers between rows: one whole row, its banks with any content."""

    def __init__(self, chain_depth: int) -> None:
        self.config = SMALL.replace(chain_depth=chain_depth)
        ports = {"start": In(1), "initial_valid": In(1), "total_ready": In(1), "initial": In(12)}
        ports |= {"running": In(1), "write_en": In(1), "write": In(write_bus_layout(SMALL).size)}
        super().__init__(ports)

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Row(self.config)
        m.d.comb += [
            dut.write_en.eq(self.write_en),
            dut.write.eq(self.write),
            dut.start.eq(self.start),
            dut.running.eq(self.running),
            dut.initial.valid.eq(self.initial_valid),
            dut.initial.payload.eq(self.initial),
            dut.total.ready.eq(self.total_ready),
        ]
        total = dut.total
        check_stream(self, m, "sums", total.valid, total.ready, total.payload.as_value())


class LastSums(Harness):
    """The register between rows in lock-step and the drain: no sum is lost, doubled or changed."""

    def __init__(self) -> None:
        super().__init__({"valid": In(1), "closed": In(12), "ready": In(1), "pick": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = SumRegister(SMALL)
        closed, sums = dut.closed, dut.sums
        m.d.comb += [closed.valid.eq(self.valid), closed.payload.eq(self.closed), sums.ready.eq(self.ready)]
        content = sums.payload.as_value()
        check_stream(self, m, "sums", sums.valid, sums.ready, content)
        entering, leaving = closed.valid & closed.ready, sums.valid & sums.ready
        check_queue(self, m, "sums", entering, self.closed, leaving, content, sums.valid, 1, 0, self.pick)


class LockstepWait(Harness):
    """Rows in lock-step whose last sums are not taken: these stay on offer, and nothing moves."""

    CONFIG = SMALL.with_index(DenseZeros())

    def __init__(self) -> None:
        ports = {"register_en": In(1), "register_index": In(3), "register_data": In(32), "start": In(1)}
        super().__init__(ports | {"last_tile": In(2), "working": In(1), "table_word": In(2), "ready": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = LockstepControl(self.CONFIG)
        m.d.comb += [
            dut.register_en.eq(self.register_en),
            dut.register_index.eq(self.register_index),
            dut.register_data.eq(self.register_data),
            dut.start.eq(self.start),
            dut.running.eq(1),
            dut.last_tile.eq(self.last_tile),
            dut.table_word.eq(self.table_word),
            dut.last_working.eq(self.working),
            dut.closed_ready.eq(self.ready),
        ]
        waits = dut.closed_valid & ~dut.closed_ready
        moves = dut.advance | dut.table_en | dut.read | dut.next_slot | dut.bias_ready
        self.check(m, "rows in lock-step: nothing moves while sums wait", ~(waits & moves))
        waited = self.before(m, waits, "waited")
        self.check(m, "rows in lock-step: sums stay on offer until they are taken", ~waited | dut.closed_valid)


class DrainResults(Harness):
    """The output path, with two groups of lanes."""

    CONFIG = SMALL.replace(lanes=2)

    def __init__(self) -> None:
        ports = {"start": In(1), "sums_valid": In(1), "ready": In(1), "sums": In(24)}
        super().__init__(ports | {"registers": In(layer_registers(self.CONFIG).size)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Drain(self.CONFIG)
        registers = self.constant(m, self.registers, "registers")
        m.d.comb += [
            dut.start.eq(0),
            dut.registers.eq(registers),
            dut.sums.valid.eq(self.sums_valid),
            dut.sums.payload.eq(self.sums),
            dut.results.ready.eq(self.ready),
        ]
        results = dut.results
        assume_stream(self, m, "sums", dut.sums.valid, dut.sums.ready, dut.sums.payload.as_value())
        check_stream(self, m, "results", results.valid, results.ready, results.payload.as_value())


class DrainQueue(Harness):
    """Groups of lanes on their way through requantizers and pools: each leaves in its turn, and the last says so.

    A window is one group, or the two of a filter.
    """

    CONFIG = SMALL.replace(lanes=2)

    def __init__(self) -> None:
        super().__init__({"sums_valid": In(1), "ready": In(1), "pick": In(1), "sizes": In(2), "pairs": In(1)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = DrainControl(self.CONFIG)
        sizes, pairs = self.constant(m, self.sizes, "layer_size"), self.constant(m, self.pairs, "pooled_pairs")
        started, ended, beat = Signal(), Signal(), Signal(4)
        m.d.sync += started.eq(1)
        m.d.comb += [
            dut.start.eq(~started),
            dut.last_filter.eq(sizes[0]),
            dut.last_tile.eq(sizes[1]),
            dut.last_pixel.eq(pairs),
            dut.sums_valid.eq(self.sums_valid & started & ~ended),  # one layer: the array starts the next one anew
            dut.result_ready.eq(self.ready),
        ]
        entering = dut.sums_valid & dut.advance
        is_last = beat == 2 * (sizes[0] + 1) * (sizes[1] + 1) - 1
        with m.If(entering):
            m.d.sync += [beat.eq(beat + 1), ended.eq(is_last)]
        followed, age = Signal(2), Signal(range(DRAIN_LATENCY + 2))
        entered = Cat(dut.sums_valid & (~pairs | beat[0]), is_last)
        with m.If(dut.advance & (age != 0)):
            m.d.sync += age.eq(age + 1)
        with m.If(dut.advance & self.pick & (age == 0) & started):
            m.d.sync += [age.eq(1), followed.eq(entered)]
        with m.If(age == DRAIN_LATENCY + 1):
            m.d.sync += age.eq(0)
        there = age == DRAIN_LATENCY
        self.check(m, "results: one for each window, none besides", ~there | (dut.result_valid == followed[0]))
        self.check(m, "results: last is the layer's last", ~there | ~followed[0] | (dut.result_last == followed[1]))
        self.check(m, "results: what waits holds the others", dut.advance == (~dut.result_valid | self.ready))
        self.check(m, "sums: taken with their last group", dut.sums_ready == (dut.advance & dut.group))


class PooledWindow(Harness):
    """Windows of one to four pixels, with or without a sign."""

    def __init__(self) -> None:
        super().__init__({"enable": In(1), "activation": In(4), "pick": In(1), "absent": In(4), "mode": In(5)})

    def build(self, m: Module) -> None:
        m.submodules.dut = dut = Pool(SMALL)
        mode, absent = self.constant(m, self.mode, "mode"), self.constant(m, self.absent, "absent")
        relu, shift, last = mode[0], mode[1:3], mode[3:5]
        self.assume(m, (shift == 0) | ((shift == 1) & (last == 1)) | ((shift == 2) & (last == 3)))
        pixel, ended = Signal(2), Signal()
        m.d.comb += [
            dut.enable.eq(self.enable),
            dut.activation.eq(self.activation),
            dut.relu.eq(relu),
            dut.shift.eq(shift),
            dut.first.eq(pixel == 0),
            dut.odd.eq(pixel[0]),
        ]
        total, picked, seen = Signal(signed(8)), Signal(signed(5)), Signal()
        value, pooled = (self._number(m, each, relu) for each in (self.activation, dut.pooled))
        with m.If(self.enable):
            m.d.sync += [
                pixel.eq(Mux(pixel == last, 0, pixel + 1)),
                ended.eq(pixel == last),
                total.eq(Mux(pixel == 0, 0, total) + value),
                seen.eq((self.activation == absent) | ((pixel != 0) & seen)),
            ]
            with m.If((pixel == 0) | self.pick):
                m.d.sync += picked.eq(value)
        count = Signal(3)
        m.d.comb += count.eq(last + 1)
        rest = 2 * total + count - 2 * count * pooled
        maximum, average = ended & (shift == 0), ended & (shift != 0)
        self.check(m, "maximum: no pixel is larger", ~maximum | (pooled >= picked))
        self.check(m, "maximum: one of the pixels", ~maximum | seen | (dut.pooled != absent))
        self.check(m, "average: half rounds up", ~average | ((rest >= 0) & (rest < 2 * count)))

    def _number(self, m: Module, activation: Signal, relu: Signal) -> Signal:
        number = Signal(signed(5), name="number")
        m.d.comb += number.eq(Cat(activation, activation[-1] & ~relu).as_signed())
        return number


PROOFS = (
    Proof("BiasQueue", BiasQueue),
    Proof("BiasesOfSubarrays", BiasesOfSubarrays),
    *(Proof(f"RowSums, chain {n} deep", partial(RowSums, n), "proof.dut.control") for n in (1, 2)),
    Proof("LastSums", LastSums),
    Proof("LockstepWait", LockstepWait),
    Proof("DrainResults", DrainResults, "proof.dut.control"),
    Proof("DrainQueue", DrainQueue),
    Proof("PooledWindow", PooledWindow),
)
