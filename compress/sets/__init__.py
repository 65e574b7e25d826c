"""Constraint sets and their projections."""
