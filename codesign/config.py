"""One TOML file describes a run; every key, type and range in it is checked before anything starts."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from compress.errors import CodesignError
from compress.presets import PRESETS
from rtl.indexformats import parse_index

__all__ = [
    "AdmmSection",
    "BreakEvenSection",
    "CompressSection",
    "DataSection",
    "HardwareSection",
    "NetworkSection",
    "RunConfig",
    "SimulateSection",
    "TechnologySection",
    "TrainSection",
    "load_config",
]

Alpha = Annotated[float, Field(gt=0, le=1)]
Bits = Annotated[int, Field(ge=1, le=8)]


def _index_name(text: str) -> str:
    try:
        return str(parse_index(text))
    except CodesignError as error:
        raise PydanticCustomError("index_format", "{cause}", {"cause": f"{error.cause}; {error.next_step}"}) from None


IndexName = Annotated[str, AfterValidator(_index_name)]
Count = Annotated[int, Field(ge=1)]
Portion = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
DataName = Annotated[
    str,
    Field(
        pattern="^(digits|mnist|cifar10|imagefolder(:[1-9][0-9]*)?)$",
        json_schema_extra={"enum": ["digits", "mnist", "cifar10", "imagefolder", "imagefolder:SIZE"]},
    ),
]
NotNegative = Annotated[int, Field(ge=0)]


def _known_preset(name: str) -> str:
    if name not in PRESETS:
        raise PydanticCustomError("preset", "there is no such preset")
    return name


PresetName = Annotated[str, AfterValidator(_known_preset), WithJsonSchema({"enum": list(PRESETS)})]


class _Section(BaseModel):
    """Exact types, no unknown keys, no changes later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NetworkSection(_Section):
    """Which network: one of ours, or your own factory as ``package.module:function``."""

    name: str


class DataSection(_Section):
    """Which data, and where its files are: by default in CODESIGN_DATA, else MNIST is downloaded.

    ``imagefolder:SIZE`` cuts the images to SIZE x SIZE instead of 224 x 224.
    """

    name: DataName
    folder: str | None = None


class TrainSection(_Section):
    """Training of the dense network; see ``compress.training.TrainingConfig``."""

    epochs: Count = 40
    batch_size: Count = 32
    learning_rate: Rate = 2e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    augment_shift: NotNegative = 1
    device: str = "cpu"


class AdmmSection(_Section):
    """One ADMM run with its retraining; see ``compress.admm.AdmmConfig``."""

    iterations: Count = 60
    epochs_per_iteration: Count = 1
    rho_first: Rate = 1e-2
    rho_last: Rate = 1.0
    tolerance: Annotated[float, Field(ge=0)] = 1e-3
    retrain_epochs: NotNegative = 40
    batch_size: Count = 32
    learning_rate: Rate = 2e-3
    augment_shift: NotNegative = 1
    sparsity_rise: Annotated[float, Field(ge=0, lt=1)] = 0.0
    device: str = "cpu"


class CompressSection(_Section):
    """What to prune and to how many bits.

    Members
    -------
    weight_bits, layer_bits
        Bits of every layer's levels, and exceptions by layer name.
    tolerance
        Validation accuracy that compression may cost, as a fraction.
    minimum_alpha
        No layer keeps less.
    alpha
        Fractions kept by layer name, instead of the search; layers left out keep all their weights.
    preset
        A paper's settings, a key of ``compress.presets.PRESETS``, instead of the search: its alphas, and its bits where
        it has them. ``alpha`` and ``layer_bits`` change single layers of it.
    trial_epochs, trial_images
        Masked retraining of each alpha the search tries, and the training images it uses.
    """

    weight_bits: Bits = 4
    layer_bits: dict[str, Bits] = {}
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.01
    minimum_alpha: Alpha = 0.05
    alpha: dict[str, Alpha] | None = None
    preset: PresetName | None = None
    trial_epochs: NotNegative = 2
    trial_images: Count = 2000
    prune: AdmmSection = AdmmSection()
    quantize: AdmmSection = AdmmSection()


class HardwareSection(_Section):
    """The dense reference array whose area is the budget, and what all arrays share.

    Members
    -------
    rows, lanes
        Of the dense reference array.
    act_bits
        Of an activation.
    indices
        Index formats of the sparse array that are searched, as ``codesign generate --index`` takes them.
    requant_lanes
        Pixels requantized a cycle in the reference array; divides ``lanes``.
    linear_batch
        Samples that a Linear layer runs at a time, one a lane.
    """

    rows: Annotated[int, Field(ge=1, le=64)] = 4
    lanes: Annotated[int, Field(ge=1, le=256)] = 8
    act_bits: Annotated[int, Field(ge=4, le=8)] = 8
    indices: Annotated[list[IndexName], Field(min_length=1)] = ["fixed2", "fixed3", "fixed4", "fixed5", "fixed6"]
    requant_lanes: Annotated[int, Field(ge=1, le=256)] = 1
    linear_batch: Annotated[int, Field(ge=1, le=256)] = 8

    @model_validator(mode="after")
    def _requantizers_divide_lanes(self) -> HardwareSection:
        if self.lanes % self.requant_lanes:
            raise ValueError(f"requant_lanes {self.requant_lanes} does not divide lanes {self.lanes}")
        return self


class TechnologySection(_Section):
    """A Liberty file (``.lib`` or ``.lib.gz``), relative to the run file; without one our generic technology."""

    liberty: str | None = None


class BreakEvenSection(_Section):
    """Pruned portions of the break-even curves."""

    portions: Annotated[list[Portion], Field(min_length=1)] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


class SimulateSection(_Section):
    """Test images that each layer runs on the Verilog, and the simulator (default: the first that works)."""

    images: Count = 8
    simulator: Literal["verilator", "icarus"] | None = None


class RunConfig(_Section):
    """A whole run."""

    seed: NotNegative = 0
    network: NetworkSection
    data: DataSection
    train: TrainSection = TrainSection()
    compress: CompressSection = CompressSection()
    hardware: HardwareSection = HardwareSection()
    technology: TechnologySection = TechnologySection()
    breakeven: BreakEvenSection = BreakEvenSection()
    simulate: SimulateSection = SimulateSection()


def load_config(path: Path, quick: bool = False) -> RunConfig:
    """Read and check a run file.

    ``quick`` lays the file's ``[quick]`` table over the rest. That table is checked in any case, so that a mistake
    in it does not wait for the first quick run.

    Raises
    ------
    CodesignError
        The file is missing or no TOML, or a key, type or value is wrong; the first mistake is told, with the closest
        valid key.

    """
    document = _read_toml(path)
    overrides = document.pop("quick", {})
    full = _checked(document, path, "")
    if not isinstance(overrides, dict):
        raise CodesignError(f"{path}: quick must be a table", "write it as [quick.train], [quick.compress] and so on")
    reduced = _checked(_merged(document, overrides), path, "quick.")
    if quick and not overrides:
        raise CodesignError(f"{path} has no [quick] table", "add one, or run without --quick")
    return _with_paths_from(path.parent, reduced if quick else full)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise CodesignError(
            f"cannot read run file {path}: {error.strerror}", "check the path, or start from examples/digits.toml"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CodesignError(f"{path} is not valid TOML: {error}", "correct that line") from error


def _merged(document: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """``document`` with the leaves of ``overrides`` in their places."""
    result = dict(document)
    for key, value in overrides.items():
        nested = isinstance(value, dict) and isinstance(result.get(key, {}), dict)
        result[key] = _merged(result.get(key, {}), value) if nested else value
    return result


def _with_paths_from(folder: Path, config: RunConfig) -> RunConfig:
    """Paths in the file are relative to the file."""
    changes: dict[str, Any] = {}
    if config.technology.liberty is not None:
        changes["technology"] = TechnologySection(liberty=str(folder / Path(config.technology.liberty).expanduser()))
    if config.data.folder is not None:
        place = str(folder / Path(config.data.folder).expanduser())
        changes["data"] = config.data.model_copy(update={"folder": place})
    return config.model_copy(update=changes)


def _checked(document: dict[str, Any], path: Path, prefix: str) -> RunConfig:
    try:
        return RunConfig.model_validate(document)
    except ValidationError as error:
        raise _as_codesign_error(error.errors()[0], path, prefix) from None


def _as_codesign_error(detail: ErrorDetails, path: Path, prefix: str) -> CodesignError:
    location = [str(part) for part in detail["loc"]]
    name = prefix + ".".join(location)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(location, path, name)
    if detail["type"] == "missing":
        return CodesignError(f"{path}: {name} is missing", f"add it; {_allowed(location)}")
    if detail["type"] == "value_error":
        return CodesignError(f"{path}: {name}: {detail['ctx']['error']}", "correct one of the two")
    message = detail["msg"][0].lower() + detail["msg"][1:]
    if detail["type"] == "string_pattern_mismatch":
        message = "it is none of those known"
    return CodesignError(f"{path}: {name} = {detail['input']!r} is wrong: {message}", _allowed(location))


def _unknown_key(location: list[str], path: Path, name: str) -> CodesignError:
    keys = list(_section_at(location[:-1]).model_fields)
    close = difflib.get_close_matches(location[-1], keys, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    place = f"[{'.'.join(location[:-1])}]" if len(location) > 1 else "the top level"
    return CodesignError(f"{path}: unknown key {name!r}", f"{hint}{place} has: {', '.join(keys)}")


def _section_at(location: list[str]) -> type[BaseModel]:
    section: type[BaseModel] = RunConfig
    for part in location:
        annotation = section.model_fields[part].annotation if part in section.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        section = annotation
    return section


def _allowed(location: list[str]) -> str:
    """What the field at ``location`` may be, in words."""
    section = _section_at(location)
    name = next((part for part in reversed(location) if part in section.model_fields), None)
    if name is None:
        return f"the table has: {', '.join(section.model_fields)}"
    return f"{name} must be {_in_words(section.model_json_schema()['properties'][name])}"


def _in_words(schema: dict[str, Any]) -> str:
    """A field's JSON schema as English.

    >>> _in_words({"type": "integer", "minimum": 1, "maximum": 8})
    'an integer >= 1 and <= 8'
    """
    if "anyOf" in schema:
        return next(_in_words(choice) for choice in schema["anyOf"] if choice.get("type") != "null")
    if "enum" in schema:
        return f"one of: {', '.join(repr(choice) for choice in schema['enum'])}"
    if schema.get("type") == "array":
        return f"a list, each item {_in_words(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"a table of layer names, each {_in_words(schema['additionalProperties'])}"
    kind = {"integer": "an integer", "number": "a number", "string": "a text in quotes"}.get(
        schema.get("type", ""), "a table"
    )
    limits = [f"{sign} {schema[key]}" for key, sign in _LIMITS.items() if key in schema]
    return " ".join([kind, " and ".join(limits)]).strip()


_LIMITS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
