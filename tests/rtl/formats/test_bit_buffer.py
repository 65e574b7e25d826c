"""The bit buffer's refusal; what it does is in test_registry.py."""

from __future__ import annotations

import pytest

from compress.base.errors import CodesignError
from rtl.formats.bit_buffer import BitBuffer


def test_a_token_longer_than_a_word_is_refused() -> None:
    with pytest.raises(CodesignError, match="longest token"):
        BitBuffer(word_bits=8, bits_seen=9)
