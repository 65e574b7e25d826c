"""The one exception every package raises when the user, not the code, has something to change."""

__all__ = ["CodesignError"]


class CodesignError(Exception):
    """Bad input, as a cause and a next step.

    The command line prints it as one message and exits with code 2, without a traceback.

    Parameters
    ----------
    cause : str
        What is wrong, naming the file, layer, key or tool at fault.
    next_step : str
        What the user can do about it.
    """

    def __init__(self, cause: str, next_step: str) -> None:
        super().__init__(cause, next_step)
        self.cause = cause
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.cause}\n  next: {self.next_step}"
