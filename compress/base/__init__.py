"""Shared foundations: errors, files, progress."""
