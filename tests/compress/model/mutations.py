"""JSON values with something changed, for files that must be refused or read, never misread."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 3, 2**31, 10**30, 0.0, 0.5, -1e300, float("nan"), float("inf"), "", "xxxx", "relu",
    "conv", "linear", "\0", "é", [], [1], [1, 1], [1, 1, 1], [[]], ["1", "1"], [1, 1.0], {}, {"kind": "max"},
)  # fmt: skip


def mutate(value: Any, random: Random) -> Any:
    """A JSON value with one place in it replaced, removed, added to or repeated."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.1:
        return random.choice(ODD_VALUES)
    places = list(value) if isinstance(value, dict) else range(len(value))
    place = random.choice(places)
    changed: Any = copy.deepcopy(value)
    match random.choice(["deeper"] * 6 + ["remove", "add", "swap"]):
        case "remove":
            del changed[place]
        case "add" if isinstance(changed, list):
            changed.append(random.choice(ODD_VALUES))
        case "add":
            changed["more"] = random.choice(ODD_VALUES)
        case "swap":
            other = random.choice(places)
            changed[place], changed[other] = changed[other], changed[place]
        case _:
            changed[place] = mutate(changed[place], random)
    return changed
