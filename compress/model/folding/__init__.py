"""Constant folding: what no image changes, and what nothing reads, leaves the integer graph."""
