"""Every operation of the registry is described in files by its dataclass alone."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from compress.base.errors import CodesignError
from compress.model.layer_description import LayerDescription
from compress.model.op_description import AnyKind, OpDescription, members_of
from compress.model.ops.registry import OPS

READER: TypeAdapter[Any] = TypeAdapter(Annotated[LayerDescription | OpDescription, AnyKind()])
NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 8, -1, 255, 2**31, -(2**62)])


def _values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a member's type, as hostile as the type allows."""
    if hint is int:
        return NUMBERS
    if hint is float:
        return st.sampled_from([0.0, -1.0, 0.5, 1e300])
    if get_origin(hint) is tuple:
        kinds = [part for part in get_args(hint) if part is not ...]
        return (
            st.lists(_values(kinds[0]), max_size=4).map(tuple)
            if ... in get_args(hint)
            else st.tuples(*map(_values, kinds))
        )
    return st.from_type(hint)


@pytest.mark.parametrize("kind", sorted(OPS))
@given(data=st.data())
@settings(max_examples=60)
def test_members_come_back_from_json_or_are_refused(kind: str, data: st.DataObject) -> None:
    hints = get_type_hints(OPS[kind])
    members = {member.name: data.draw(_values(hints[member.name])) for member in fields(OPS[kind])}  # type: ignore[arg-type]
    try:
        op = OPS[kind](**members)
    except CodesignError:
        return
    described = READER.validate_python(members_of(op))
    again = READER.validate_json(READER.dump_json(described))
    assert again.op() == op


@pytest.mark.parametrize("kind", sorted(OPS))
def test_a_member_too_few_or_too_many_is_refused(kind: str) -> None:
    names = [member.name for member in fields(OPS[kind])]  # type: ignore[arg-type]
    for members in ({}, dict.fromkeys([*names, "colour"], 1)):
        with pytest.raises(ValidationError):
            READER.validate_python({"kind": kind, **members})


def test_an_unknown_kind_is_refused() -> None:
    kinds: tuple[Any, ...] = ("conv3d", 1, None, [], {})
    for kind in kinds:
        with pytest.raises(ValidationError):
            READER.validate_python({"kind": kind, "shape": (1,)})
