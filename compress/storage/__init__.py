"""Stored size: index codes, live channels, the packed file."""
