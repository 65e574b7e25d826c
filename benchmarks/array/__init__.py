"""What the array reaches: cycles, Verilog, area, stored bits."""
