"""The one failure that is not the user's mistake: hardware and golden model disagree."""

__all__ = ["MismatchError"]


class MismatchError(Exception):
    """The simulated Verilog gave another output or took other cycles than the models say; exit code 1."""
