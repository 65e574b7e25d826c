"""Configuration -> area and clock; dense and sparse in one area -> break-even curve."""
