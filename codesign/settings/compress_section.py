"""The ``[compress]`` section of a run file: which method, to what, into which values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from codesign.settings.compression import Values
from compress.admm.iteration import AdmmConfig
from compress.base.errors import CodesignError
from compress.base.settings import Count, CountOrZero, Fraction
from compress.methods.presets import PRESETS
from compress.methods.registry import METHODS, SCHEDULES, SCOPES, VALUE_SETS, Step, Target, check_target
from compress.methods.scopes import N_OF_M, ROW_BALANCED
from compress.methods.target import Pattern, Ratio

__all__ = ["CompressSection", "pass_seed_on"]

Bits = Annotated[int, Field(ge=1, le=8)]


@dataclass(frozen=True)
class _OneOf:
    """Restricts a string to names."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"enum": list(self.names)}

    def _check(self, name: str) -> str:
        if name not in self.names:
            raise PydanticCustomError("name", "it is not a known name")
        return name


def _layer_names(table: Any) -> Any:
    """The unquoted keys of layers within modules, which TOML reads as tables, joined again: ``features.0 = 0.5``."""
    if not isinstance(table, dict):
        return table
    joined: dict[str, Any] = {}
    for key, value in table.items():
        inner = _layer_names(value)
        named = {f"{key}.{name}": part for name, part in inner.items()} if isinstance(inner, dict) else {key: inner}
        if twice := joined.keys() & named.keys():
            raise PydanticCustomError("layer_twice", "layer {layer} is named twice", {"layer": repr(min(twice))})
        joined |= named
    return joined


LayerNames = BeforeValidator(_layer_names)


class CompressSection(BaseModel):
    """What to prune and to how many bits; docs/methods.md lists the choices.

    Members
    -------
    method, scope, schedule, set
        Names in ``compress.methods.registry``.
    ratio
        Weights over kept weights, instead of alphas: of the network for scope "network", else of every layer.
    pattern
        "N:M" of scope "n:m", where it is 2:4 unless given.
    steps
        Rising ratios of method "progressive"; what a step's ``prune`` leaves out is as in ``prune``.
    weight_bits, layer_bits
        Bits of every layer's levels, and exceptions by layer name.
    calibrate
        Images that the ranges of activations are measured on.
    tolerance
        Validation accuracy that compression may cost, as a fraction; of another task its figure, in the figure's unit.
    minimum_alpha
        No layer keeps less.
    alpha
        Fractions kept by layer name, instead of the search; layers left out keep all their weights. In scope "n:m" it
        is N / M, or 1.
    preset
        A paper's settings, a key of ``compress.methods.presets.PRESETS``, instead of the search: its alphas, and its
        bits where it has them. ``alpha`` and ``layer_bits`` change single layers of it.
    trial_epochs, trial_images
        Masked retraining of each alpha the search tries, and the training images it uses.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    method: Annotated[str, _OneOf(tuple(METHODS))] = "admm"
    scope: Annotated[str, _OneOf(tuple(SCOPES))] = "layer"
    schedule: Annotated[str, _OneOf(tuple(SCHEDULES))] = "constant"
    set: Annotated[str, _OneOf(tuple(VALUE_SETS))] = "levels"
    ratio: Ratio | None = None
    pattern: Pattern | None = None
    steps: Annotated[tuple[Step, ...], Field(strict=False)] = ()
    weight_bits: Bits = 4
    layer_bits: Annotated[dict[str, Bits], LayerNames] = {}
    calibrate: Literal["train", "validation"] = "train"
    tolerance: Annotated[float, Field(ge=0, le=1e6)] = 0.01
    minimum_alpha: Fraction = 0.05
    alpha: Annotated[dict[str, Fraction] | None, LayerNames] = None
    preset: Annotated[str, _OneOf(tuple(PRESETS))] | None = None
    trial_epochs: CountOrZero = 2
    trial_images: Count = 2000
    prune: AdmmConfig = AdmmConfig()
    quantize: AdmmConfig = AdmmConfig()

    @property
    def fixed_target(self) -> str | None:
        """The section's target in words, where no layer's alpha is given or searched."""
        if self.steps:
            return f"{self.steps[-1].ratio:g}x over the whole network, step by step"
        if self.ratio is not None:
            return f"{self.ratio:g}x {'over the whole network' if self.scope == 'network' else 'in every layer'}"
        return (
            "{}:{} along the input channels".format(*self.target().pattern_counts())
            if self.scope == N_OF_M.name
            else None
        )

    def target(self, rows: int = 1) -> Target:
        """The pruning target on an array of ``rows`` rows, still without alphas and bits of single layers."""
        return Target(
            ratio=self.ratio,
            scope=self.scope,
            schedule=self.schedule,
            pattern=self.pattern,
            rows=rows if self.scope == ROW_BALANCED.name else 1,
            steps=self.steps,
        )

    @property
    def values(self) -> Values:
        """What the kept weights end in."""
        return Values(self.set, self.quantize, METHODS[self.method].compacts, self.calibrate)

    @model_validator(mode="before")
    @classmethod
    def _steps_start_from_prune(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("steps"), list):
            return given
        common = given.get("prune", {})
        return {**given, "steps": [_over(common, step) for step in given["steps"]]}

    @model_validator(mode="after")
    def _fit_together(self) -> CompressSection:
        check_target(self.method, replace(self.target(), alphas=self.alpha or {}))
        for config in [step.prune for step in self.steps] or [self.prune]:
            SCHEDULES[self.schedule].apply(config)
        if METHODS[self.method].quantizes and self.set != "levels":
            raise CodesignError(
                f"method {self.method!r} ends in levels, not in {self.set}", "choose set 'levels' or another method"
            )
        return self

    @model_validator(mode="after")
    def _say_once_how_many_stay(self) -> CompressSection:
        given = [name for name in ("alpha", "preset", "ratio") if getattr(self, name) is not None]
        if self.scope == "network" and given != ["ratio"] and not self.steps:
            raise CodesignError(
                f"scope 'network' needs one ratio, and {' and '.join(given) or 'nothing'} is given",
                "give compress.ratio instead, or count over scope 'layer'",
            )
        if self.scope == N_OF_M.name and self.preset is not None:
            raise CodesignError(
                f"scope {N_OF_M.name!r} keeps a pattern's part of every layer, and preset {self.preset!r} has alphas",
                "leave preset out, or count over scope 'layer'",
            )
        given += ["steps"] if self.steps else []
        if (self.ratio is not None or self.steps) and len(given) > 1:
            raise CodesignError(f"{' and '.join(given)} say how many weights stay", "leave all but one out")
        return self


def _over(common: Any, step: Any) -> Any:
    """A step with what it leaves out of ``prune``; anything but a table is left for the checks to refuse."""
    if not isinstance(step, dict) or not isinstance(common, dict) or not isinstance(step.get("prune", {}), dict):
        return step
    return {**step, "prune": {**common, **step.get("prune", {})}}


def pass_seed_on(section: Any, seed: Any) -> Any:
    """A run file's section in which ADMM runs without a seed of their own have the run's, step k 100 seed + 10 k."""
    if not isinstance(section, dict) or not isinstance(seed, int):
        return section
    steps = section.get("steps", [])
    if isinstance(steps, list):
        steps = [_over({"seed": 100 * seed + 10 * number}, step) for number, step in enumerate(steps)]
    runs = {name: section.get(name, {}) for name in ("prune", "quantize")}
    seeded = {name: {"seed": seed, **run} if isinstance(run, dict) else run for name, run in runs.items()}
    return {**section, **seeded, **({"steps": steps} if "steps" in section else {})}
