"""Measurements of speed, size and accuracy that take too long for a test; `make bench-*` runs them."""
