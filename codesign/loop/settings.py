"""What a run file may say: every key of every section, with its type, range and default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from codesign.loop.hardware import HardwareSection
from compress.admm.iteration import AdmmConfig
from compress.base.settings import Count, CountOrZero, Fraction, Seed
from compress.methods.presets import PRESETS
from compress.train.training import TrainingConfig

__all__ = [
    "BreakEvenSection",
    "CompressSection",
    "DataSection",
    "NetworkSection",
    "RunConfig",
    "SimulateSection",
    "TechnologySection",
]

Bits = Annotated[int, Field(ge=1, le=8)]


def _path(text: str) -> str:
    if not text or "\0" in text:
        raise PydanticCustomError("path", "it is no path")
    try:
        return str(Path(text).expanduser())
    except RuntimeError:
        raise PydanticCustomError("path", "its ~ is nobody's home folder") from None


PathText = Annotated[str, AfterValidator(_path)]
Portions = Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1, max_length=1_000)]
Title = Annotated[str, Field(min_length=1, max_length=80)]
DataName = Annotated[
    str,
    Field(
        pattern="^(digits|mnist|cifar10|imagefolder(:[1-9][0-9]{0,3})?)$",
        json_schema_extra={"enum": ["digits", "mnist", "cifar10", "imagefolder", "imagefolder:SIZE"]},
    ),
]


def _known_preset(name: str) -> str:
    if name not in PRESETS:
        raise PydanticCustomError("preset", "there is no such preset")
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
PresetName = Annotated[str, AfterValidator(_known_preset), WithJsonSchema({"enum": list(PRESETS)})]


class _Section(BaseModel):
    """Exact types, no unknown keys, finite numbers, no changes later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class NetworkSection(_Section):
    """Which network: one of ours, or your own factory as ``package.module:function``.

    The module is searched in ``folder``, by default that of the run file, and then on the Python path. Where it was
    found changes no result, and no stage runs again for it.
    """

    name: str
    folder: Annotated[str | None, Field(exclude=True)] = None

    @property
    def module_folder(self) -> Path | None:
        """``folder`` as a path."""
        return None if self.folder is None else Path(self.folder)


class DataSection(_Section):
    """Which data, and where its files are: by default in CODESIGN_DATA, else MNIST is downloaded.

    ``imagefolder:SIZE`` cuts the images to SIZE x SIZE instead of 224 x 224. ``title`` is what reports call the data,
    since ``name`` only says how its files are read: Fashion-MNIST's are read as those of ``mnist``.
    """

    name: DataName
    folder: PathText | None = None
    title: Title | None = None


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
        A paper's settings, a key of ``compress.methods.presets.PRESETS``, instead of the search: its alphas, and its
        bits where it has them. ``alpha`` and ``layer_bits`` change single layers of it.
    trial_epochs, trial_images
        Masked retraining of each alpha the search tries, and the training images it uses.
    """

    weight_bits: Bits = 4
    layer_bits: Annotated[dict[str, Bits], LayerNames] = {}
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.01
    minimum_alpha: Fraction = 0.05
    alpha: Annotated[dict[str, Fraction] | None, LayerNames] = None
    preset: PresetName | None = None
    trial_epochs: CountOrZero = 2
    trial_images: Count = 2000
    prune: AdmmConfig = AdmmConfig()
    quantize: AdmmConfig = AdmmConfig()


class TechnologySection(_Section):
    """A Liberty file (``.lib`` or ``.lib.gz``), relative to the run file; without one our generic technology."""

    liberty: PathText | None = None


class BreakEvenSection(_Section):
    """Pruned portions of the break-even curves."""

    portions: Portions = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


class SimulateSection(_Section):
    """Test images that each layer runs on the Verilog, and the simulator (default: the first that works)."""

    images: Count = 8
    simulator: Literal["verilator", "icarus"] | None = None


class RunConfig(_Section):
    """A whole run.

    ``seed`` is also that of each training (``TrainingConfig``) and ADMM run (``AdmmConfig``) that has none of its own.
    """

    seed: Seed = 0
    network: NetworkSection
    data: DataSection
    train: TrainingConfig = TrainingConfig()
    compress: CompressSection = CompressSection()
    hardware: HardwareSection = HardwareSection()
    technology: TechnologySection = TechnologySection()
    breakeven: BreakEvenSection = BreakEvenSection()
    simulate: SimulateSection = SimulateSection()

    @model_validator(mode="before")
    @classmethod
    def _pass_the_seed_on(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        seeds = {"seed": given["seed"]} if "seed" in given else {}
        return _with_defaults(given, {"train": seeds, "compress": {"prune": seeds, "quantize": seeds}})


def _with_defaults(given: Any, defaults: dict[str, Any]) -> Any:
    """``given``, with what it lacks of nested ``defaults``; what is no table stays for the checks to refuse."""
    if not isinstance(given, dict):
        return given
    nested = {
        key: _with_defaults(given.get(key, {}), value) if isinstance(value, dict) else given.get(key, value)
        for key, value in defaults.items()
    }
    return {**given, **nested}
