"""The accelerator: registers, loader, array and sender, with counters of what each waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, Mux, ResetInserter, ResetSignal, Signal, Value
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from rtl.array.pe_array import PEArray, array_signature
from rtl.axi.lite import LiteSlave
from rtl.axi.load_tracker import LoadTracker
from rtl.axi.loader import Loader
from rtl.axi.ports import axi_lite, axi_stream
from rtl.axi.register_file import RegisterFile
from rtl.axi.registers import ADDRESS_BITS, register_table
from rtl.axi.run_control import RunControl
from rtl.axi.sender import Sender, result_bytes
from rtl.config import ArrayConfig
from rtl.names import ModuleNames

__all__ = ["SeparateArray", "Shell"]


@dataclass(frozen=True)
class SeparateArray:
    """Platform that leaves the array out as an instance of ``pe_array``, which has a file of its own."""

    names: ModuleNames


@dataclass(frozen=True)
class _Blocks:
    """The parts of the accelerator; ``array`` has the members of ``array_signature``."""

    lite: LiteSlave
    file: RegisterFile
    loader: Loader
    sender: Sender
    tracker: LoadTracker
    run: RunControl
    array: Any


class Shell(Component):
    """A PE array that a host reaches over AXI.

    Members
    -------
    registers : In
        AXI4-Lite; see ``rtl.axi.registers``.
    load : In
        AXI4-Stream; see ``rtl.axi.loader``.
    send : Out
        AXI4-Stream; see ``rtl.axi.sender``.
    irq : Out
        Level: high while an event is set and enabled.
    """

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config
        super().__init__(
            {
                "registers": In(axi_lite(ADDRESS_BITS)),
                "load": In(axi_stream(config.stream_bits)),
                "send": Out(axi_stream(8 * result_bytes(config))),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Elaboratable:
        """Instantiate and connect, then commands, events and counters."""
        m = Module()
        m.submodules.lite = lite = LiteSlave()
        m.submodules.registers = file = RegisterFile(register_table(self.config))
        m.submodules.loader = loader = Loader(self.config)
        m.submodules.sender = sender = Sender(self.config)
        m.submodules.tracker = tracker = LoadTracker(self.config)
        m.submodules.run = run = RunControl(queues=self.config.buffers == 2)
        array = self._array(m, platform, run.reset)
        blocks = _Blocks(lite, file, loader, sender, tracker, run, array)
        connect(m, flipped(self.registers), lite.bus)
        connect(m, flipped(self.load), loader.load)
        connect(m, loader.write, array.write)
        connect(m, array.results, sender.results)
        connect(m, sender.send, flipped(self.send))
        _serve_registers(m, blocks)
        _control_runs(m, blocks)
        _report_status(m, blocks)
        m.d.comb += self.irq.eq((file.irq_status.as_value() & file.irq_enable.as_value()).any())
        self._count_cycles(m, blocks)
        return m

    def _count_cycles(self, m: Module, blocks: _Blocks) -> None:
        """Registers of the latest layer's cycles, of its results, and of the loads."""
        file, loader, run, array = blocks.file, blocks.loader, blocks.run, blocks.array
        m.d.comb += file.cycles.value.eq(array.cycles)
        begins = array.busy & ~_late(m, array.busy, "was_busy")
        waits = array.results.valid & ~array.results.ready
        m.d.comb += file.result_wait.value.eq(_count(m, "result_wait", waits, begins | run.reset))
        m.d.comb += file.result_beats.value.eq(_count_in_packet(m, blocks.sender, run.reset))
        since_clear = {
            "load_beats": self.load.tvalid & self.load.tready,
            "load_wait": loader.in_packet & ~self.load.tvalid,
            "load_blocked": self.load.tvalid & ~self.load.tready,
            "busy_cycles": array.busy,
            "runs": blocks.sender.finished,
        }
        clear = file.control.clear_counters | run.reset
        for name, event in since_clear.items():
            m.d.comb += getattr(file, name).value.eq(_count(m, name, event, clear))
        m.d.comb += file.total_cycles.value.eq(_makespan(m, since_clear["load_beats"], blocks.sender.finished, clear))

    def _array(self, m: Module, platform: Any, reset: Signal) -> Any:
        if isinstance(platform, SeparateArray):
            m.submodules.array = separate = _ArrayInstance(self.config, platform.names.array)
            m.d.comb += separate.reset.eq(reset)
            return separate.array
        array = PEArray(self.config)
        m.submodules.array = ResetInserter(reset)(array)
        return array


class _ArrayInstance(Component):
    """``pe_array`` by its name and the ports that its own file has."""

    def __init__(self, config: ArrayConfig, name: str) -> None:
        self._name = name
        super().__init__({"array": Out(array_signature(config)), "reset": In(1)})

    def elaborate(self, platform: Any) -> Elaboratable:
        m = Module()
        ports = {
            f"{'i' if member.flow is In else 'o'}_{'__'.join(map(str, path))}": Value.cast(value)
            for path, member, value in self.array.signature.flatten(self.array)
        }
        m.submodules.pe_array = Instance(self._name, i_clk=ClockSignal(), i_rst=ResetSignal() | self.reset, **ports)
        return m


def _serve_registers(m: Module, blocks: _Blocks) -> None:
    """The register port reads and writes the register file."""
    lite, file = blocks.lite, blocks.file
    for name in ("write_en", "write_offset", "write_data", "write_strobe", "read_offset"):
        m.d.comb += getattr(file, name).eq(getattr(lite, name))
    for name in ("write_fails", "read_data", "read_fails"):
        m.d.comb += getattr(lite, name).eq(getattr(file, name))


def _control_runs(m: Module, blocks: _Blocks) -> None:
    """When a layer starts and what stops it; what was loaded counts for both."""
    file, loader, sender = blocks.file, blocks.loader, blocks.sender
    tracker, run, array = blocks.tracker, blocks.run, blocks.array
    m.d.comb += [
        tracker.write_en.eq(loader.write.valid & loader.write.ready),
        tracker.write.eq(loader.write.payload),
        tracker.start.eq(run.start),
        tracker.clear.eq(run.reset),
        run.start_command.eq(file.control.start),
        run.reset_command.eq(file.control.soft_reset),
        run.stream_start.eq(loader.start),
        loader.start_ready.eq(run.stream_ready),
        run.stream_barred.eq(file.irq_status.load_error),
        run.array_busy.eq(array.busy),
        run.array_queued.eq(array.queued),
        run.cycles.eq(array.cycles),
        run.watchdog.eq(file.watchdog.log2_cycles),
        run.sending.eq(sender.pending),
        run.loading.eq(loader.loading),
        run.loaded.eq(tracker.complete),
        array.start.eq(run.start),
        loader.abort.eq(run.reset),
        sender.abort.eq(run.reset),
    ]


def _report_status(m: Module, blocks: _Blocks) -> None:
    """STATUS and the events of IRQ_STATUS."""
    status, events = blocks.file.status, blocks.file.irq_status_set
    loader, sender, run = blocks.loader, blocks.sender, blocks.run
    m.d.comb += [
        status.busy.eq(blocks.array.busy | blocks.array.queued | sender.pending),
        status.queued.eq(blocks.array.queued),
        status.loading.eq(loader.loading),
        status.discarding.eq(loader.discarding),
        status.aborting.eq(sender.aborting),
        events.done.eq(sender.finished),
        events.loaded.eq(loader.loaded),
        events.load_error.eq(loader.failed),
        events.start_refused.eq(run.refused),
        events.not_loaded.eq(run.not_loaded),
        events.timeout.eq(run.expired),
    ]


def _late(m: Module, value: Any, name: str) -> Signal:
    """``value`` a cycle ago."""
    late = Signal(name=name)
    m.d.sync += late.eq(value)
    return late


def _count_in_packet(m: Module, sender: Sender, clear: Any) -> Signal:
    """Beats of the latest packet of results that were taken."""
    count, fresh = Signal(32, name="result_beats"), Signal(init=1)
    with m.If(sender.taken):
        m.d.sync += [count.eq(Mux(fresh, 1, count + 1)), fresh.eq(sender.finished)]
    with m.If(clear):
        m.d.sync += [count.eq(0), fresh.eq(1)]
    return count


def _makespan(m: Module, begins: Any, ends: Any, clear: Any) -> Signal:
    """Cycles from the first ``begins`` after ``clear`` to the latest ``ends``, both included."""
    since, total, running = Signal(32), Signal(32, name="total_cycles"), Signal()
    with m.If(running | begins):
        m.d.sync += [since.eq(since + 1), running.eq(1)]
    with m.If(ends):
        m.d.sync += total.eq(since + 1)
    with m.If(clear):
        m.d.sync += [since.eq(0), total.eq(0), running.eq(0)]
    return total


def _count(m: Module, name: str, event: Any, clear: Any) -> Signal:
    """Cycles with ``event`` since ``clear``."""
    count = Signal(32, name=name)
    with m.If(clear):
        m.d.sync += count.eq(0)
    with m.Elif(event):
        m.d.sync += count.eq(count + 1)
    return count
