"""Cell libraries, SRAM models, units."""
