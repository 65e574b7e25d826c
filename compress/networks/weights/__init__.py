"""Weights that a network was trained to elsewhere: read from a file, compared with the network, loaded."""
