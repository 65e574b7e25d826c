"""From a captured floating-point network to the graph of integer operations that computes nearly the same."""
