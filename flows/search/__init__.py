"""The best array in an area, and break-even curves."""
