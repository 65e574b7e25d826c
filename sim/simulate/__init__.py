"""Simulators, cocotb test benches, hosts."""
