"""Data sets and folders of images."""
