"""The AXI interfaces as Amaranth signatures, with the names the specification gives their signals."""

from __future__ import annotations

from enum import IntEnum

from amaranth.lib.wiring import In, Out, Signature

__all__ = ["Response", "axi_lite", "axi_stream"]


class Response(IntEnum):
    """Those of AXI's four responses that a register port gives."""

    OKAY = 0
    SLVERR = 2


def axi_lite(address_bits: int) -> Signature:
    """AXI4-Lite with 32-bit data, seen from the master (AMBA IHI 0022, part B)."""
    return Signature(
        {
            "awaddr": Out(address_bits),
            "awprot": Out(3),
            "awvalid": Out(1),
            "awready": In(1),
            "wdata": Out(32),
            "wstrb": Out(4),
            "wvalid": Out(1),
            "wready": In(1),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            "araddr": Out(address_bits),
            "arprot": Out(3),
            "arvalid": Out(1),
            "arready": In(1),
            "rdata": In(32),
            "rresp": In(2),
            "rvalid": In(1),
            "rready": Out(1),
        }
    )


def axi_stream(data_bits: int) -> Signature:
    """AXI4-Stream with TLAST, every byte valid, seen from the sender (AMBA IHI 0051)."""
    return Signature({"tdata": Out(data_bits), "tlast": Out(1), "tvalid": Out(1), "tready": In(1)})
