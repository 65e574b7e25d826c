"""Array configuration -> Amaranth components -> Verilog: one generator for the dense and the sparse array."""
