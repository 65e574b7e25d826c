"""The interface of all index formats: how a bank's words encode the positions of their levels.

docs/hardware.md gives each format bit by bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, ClassVar

from compress.base.errors import CodesignError
from rtl.widths import address_bits, position_bits

if TYPE_CHECKING:
    from rtl.config import ArrayConfig
    from rtl.formats.decoder import Decoder

__all__ = ["IndexFormat", "RowRegister", "check_range", "first_bit_register", "tap_registers"]


@dataclass(frozen=True)
class RowRegister:
    """A register of each row: its width, and its legal values."""

    bits: int
    legal: range


class IndexFormat(ABC):
    """What the array needs to know about a format: a frozen dataclass whose members are the format's numbers.

    Members
    -------
    pattern : str
        What ``str`` prints, with a place ``{}`` for each member.
    example : str
    counts_positions : bool
        Every position is executed, also where its weight is zero: positions are counted, not stored.
    leading_positions : int
        Positions before a filter's first that have no weight.
    """

    pattern: ClassVar[str]
    example: ClassVar[str]
    counts_positions: ClassVar[bool] = False
    leading_positions: ClassVar[int] = 0

    @property
    @abstractmethod
    def decoder(self) -> type[Decoder]:
        """The component that reads the words back."""

    @abstractmethod
    def word_bits(self, weight_bits: int) -> int:
        """Bits of a weight bank word."""

    def least_bits(self, weight_bits: int) -> int:
        """The fewest bits a nonzero can take in the bank."""
        return self.word_bits(weight_bits)

    def row_registers(self, config: ArrayConfig) -> dict[str, RowRegister]:
        """Registers of a row beside ``last_word``, in the order of their addresses.

        Unless a format says otherwise: ``positions``, of a filter in this row.
        """
        return {"positions": RowRegister(position_bits(config), range(1, config.table_depth + 1))}

    def __str__(self) -> str:
        return self.pattern.format(*astuple(self))  # type: ignore[call-overload]


def first_bit_register(config: ArrayConfig) -> dict[str, RowRegister]:
    """``first_bit``: where a pass begins in its first word."""
    return {"first_bit": RowRegister(max(1, (config.word_bits - 1).bit_length()), range(config.word_bits))}


def tap_registers(config: ArrayConfig) -> dict[str, RowRegister]:
    """What ``TapCounter`` counts with: taps minus one, channels minus one, activation words per channel."""
    word = RowRegister(address_bits(config.activation_depth), range(config.activation_depth))
    tap = RowRegister(address_bits(config.table_depth), range(config.table_depth))
    return {"last_tap": tap, "last_channel": word, "plane": word}


def check_range(name: str, value: int, low: int, high: int, advice: str) -> None:
    """CodesignError unless ``value`` is an integer ``low..high``."""
    if not isinstance(value, int) or not low <= value <= high:
        raise CodesignError(f"{name} must be {low}..{high}, not {value}", advice)
