"""Loading and computing together: cycles of a sequence of runs, from the first beat of loads to the last result."""
