"""The array behind standard ports: AXI4-Lite registers, AXI4-Stream in and out, one interrupt."""
