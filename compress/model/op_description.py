"""What a model's file says of one operation: its members, with exact types taken from the operation's dataclass."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from compress.model.layer import CompressedLayer, LayerKind
from compress.model.layer_description import Integer, LayerDescription, Part
from compress.model.ops.op import Op
from compress.model.ops.registry import OPS

__all__ = ["AnyKind", "OpDescription", "members_of"]


class OpDescription(Part):
    """An ``Op``: its ``KIND`` as ``kind``, and its members. Each operation of the registry has a class of its own."""

    kind: str

    def op(self) -> Op:
        """The operation; CodesignError if a range is exceeded or members do not fit each other."""
        return OPS[self.kind](**{name: value for name, value in self if name != "kind"})


class AnyKind:
    """Marks a member that is described by the class of its ``kind``."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The choice among layers and every operation of the registry."""
        layer = handler.generate_schema(LayerDescription)
        choices: dict[Any, CoreSchema] = {kind.value: layer for kind in LayerKind}
        choices |= {kind: handler.generate_schema(_description_of(op)) for kind, op in OPS.items()}
        return core_schema.tagged_union_schema(choices, discriminator=_kind)


def members_of(op: CompressedLayer | Op) -> dict[str, Any]:
    """What describes it, as Python values."""
    if isinstance(op, CompressedLayer):
        return {name: getattr(op, name) for name in LayerDescription.model_fields}
    return {"kind": op.KIND, **{member.name: getattr(op, member.name) for member in fields(op)}}  # type: ignore[arg-type]


def _kind(members: Any) -> Any:
    kind = members.get("kind") if isinstance(members, dict) else getattr(members, "kind", None)
    return kind.value if isinstance(kind, LayerKind) else kind


def _description_of(op: type[Op]) -> type[OpDescription]:
    hints = get_type_hints(op)
    members: dict[str, Any] = {"kind": (Literal[op.KIND], ...)}
    members |= {member.name: (_bounded(hints[member.name]), ...) for member in fields(op)}  # type: ignore[arg-type]
    return create_model(op.__name__, __base__=OpDescription, **members)


def _bounded(hint: Any) -> Any:
    """The same type with its integers in 64 bits."""
    if hint is int:
        return Integer
    if get_origin(hint) is tuple:
        return tuple[tuple(part if part is ... else _bounded(part) for part in get_args(hint))]  # type: ignore[misc]
    return hint
