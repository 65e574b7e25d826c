"""Layers + configuration -> SRAM images, golden answer and cycles; cocotb runs the RTL against them."""
