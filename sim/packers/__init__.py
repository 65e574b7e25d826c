"""Packers: levels of one row to weight words of one index format, the other half of ``rtl.decoders``."""
