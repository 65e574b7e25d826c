"""From a layer to SRAM images and exact cycles."""
