"""Yosys: area and clock."""
