"""What a run file may say: every key of every section, with its type, range and default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from codesign.settings.compress_section import CompressSection, pass_seed_on
from codesign.settings.hardware import HardwareSection
from compress.base.errors import CodesignError
from compress.base.settings import Count, Seed
from compress.base.user_functions import is_function_name
from compress.data.datasets import DATASETS, is_dataset_name
from compress.data.task import ACCURACY
from compress.train.training import TrainingConfig

__all__ = [
    "BreakEvenSection",
    "DataSection",
    "NetworkSection",
    "RunConfig",
    "SimulateSection",
    "TaskSection",
    "TechnologySection",
]


def _path(text: str) -> str:
    if not text or "\0" in text:
        raise PydanticCustomError("path", "it is not a path")
    try:
        return str(Path(text).expanduser())
    except RuntimeError:
        raise PydanticCustomError("path", "its ~ names no user's home folder") from None


PathText = Annotated[str, AfterValidator(_path)]
Portions = Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1, max_length=1_000)]
Mean = Annotated[list[Annotated[float, Field(ge=-1e3, le=1e3)]], Field(min_length=1, max_length=1_000)]
Std = Annotated[list[Annotated[float, Field(ge=1e-6, le=1e6)]], Field(min_length=1, max_length=1_000)]
Title = Annotated[str, Field(min_length=1, max_length=80)]
MetricTitle = Annotated[str, Field(min_length=1, max_length=30)]
Unit = Annotated[str, Field(max_length=12)]


def _data_name(name: str) -> str:
    if not is_dataset_name(name):
        raise PydanticCustomError("name", "it is not a known name")
    return name


def _function_name(name: str) -> str:
    if not is_function_name(name):
        raise PydanticCustomError("name", "it does not name a function as 'module:function'")
    return name


DataName = Annotated[
    str,
    AfterValidator(_data_name),
    Field(json_schema_extra={"enum": [*DATASETS, "imagefolder:SIZE", "package.module:function"]}),
]
FunctionName = Annotated[
    str, AfterValidator(_function_name), Field(json_schema_extra={"examples": ["package.module:function"]})
]
MetricName = Annotated[
    str,
    AfterValidator(lambda name: name if name == ACCURACY.name else _function_name(name)),
    Field(json_schema_extra={"examples": ["package.module:function"]}),
]
Option = str | bool | int | float | list[str | bool | int | float]


class _Section(BaseModel):
    """Exact types, no unknown keys, finite numbers, no changes later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class NetworkSection(_Section):
    """Which network: one of ours, or your own factory as ``package.module:function``.

    The module is searched in ``folder``, by default that of the run file, and then on the Python path. Where it was
    found changes no result, and no stage runs again for it. ``weights`` is a file of trained weights, relative to the
    run file: training starts from them, and is left out unless ``train.epochs`` is given.
    """

    name: str
    weights: PathText | None = None
    folder: Annotated[str | None, Field(exclude=True)] = None

    @property
    def module_folder(self) -> Path | None:
        """``folder`` as a path."""
        return None if self.folder is None else Path(self.folder)


class DataSection(_Section):
    """Which data, and where its files are: by default in CODESIGN_DATA, else MNIST is downloaded.

    ``package.module:function`` is a function of your own (``compress.data.user_data.UserData``), called with
    ``options``; its module is searched in ``folder``, by default that of the run file, and then on the Python path.
    ``imagefolder:SIZE`` crops the images to SIZE x SIZE instead of 224 x 224. ``title`` is what reports call the data,
    since ``name`` only says how its files are read: Fashion-MNIST's are read as those of ``mnist``. ``seed`` splits
    the images; it is by default the run's. The network reads (pixel - mean) / std, pixels in [0, 1]: a number for each
    channel, or a single one for all.
    """

    name: DataName
    folder: PathText | None = None
    title: Title | None = None
    seed: Seed | None = None
    mean: Mean | None = None
    std: Std | None = None
    options: dict[str, Option] = {}


class TaskSection(_Section):
    """Another task than classification, by functions of your own as ``package.module:function``.

    ``step(network, images, targets)`` returns a batch's mean loss. ``metric(outputs, targets)`` returns the figure of a
    whole split that is kept, called ``name`` in reports; it is "accuracy" for a classification that learns by another
    loss, and the mean loss by default. The modules are searched in ``folder``, by default that of the run file, and
    then on the Python path.
    """

    step: FunctionName
    metric: MetricName | None = None
    name: MetricTitle = "loss"
    unit: Unit = ""
    better: Literal["higher", "lower"] = "lower"
    folder: Annotated[str | None, Field(exclude=True)] = None

    @model_validator(mode="after")
    def _say_which_is_better(self) -> TaskSection:
        given = self.model_fields_set & {"name", "unit", "better"}
        if self.metric is not None and self.metric != ACCURACY.name and not {"name", "better"} <= given:
            raise CodesignError(
                "task.metric does not say what it is called, or which figure is better",
                "add task.name, such as 'RMSE', and task.better = 'higher' or 'lower'",
            )
        if given and self.metric in (None, ACCURACY.name):
            raise CodesignError(
                f"task.{min(given)} is of a metric, and task.metric names no function",
                "give a function of your own, or leave it out",
            )
        return self


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


def _in_full(given: dict[str, Any]) -> dict[str, Any]:
    """The run file with short forms as the sections that they stand for."""
    result = dict(given)
    for key in ("network", "data"):
        if isinstance(given.get(key), str):
            result[key] = {"name": given[key]}
    if isinstance(given.get("train"), str) and "task" not in given:
        result["task"] = {"step": result.pop("train")}
    return result


class RunConfig(_Section):
    """A whole run.

    ``network = "NAME"`` and ``data = "NAME"`` are sections with nothing but a name, and ``train = "MODULE:STEP"`` is a
    ``[task]`` with nothing but a step.

    ``seed`` is also that of each training (``TrainingConfig``) and ADMM run (``AdmmConfig``) that has none of its own.
    ``processes`` is how many processes of this machine train, prune and quantize together.
    """

    seed: Seed = 0
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    network: NetworkSection
    data: DataSection
    task: TaskSection | None = None
    train: TrainingConfig = TrainingConfig()
    compress: CompressSection = CompressSection()
    hardware: HardwareSection = HardwareSection()
    technology: TechnologySection = TechnologySection()
    breakeven: BreakEvenSection = BreakEvenSection()
    simulate: SimulateSection = SimulateSection()

    @property
    def split_seed(self) -> int:
        """Of the split into training, validation and, where the data has no test images of its own, test images."""
        return self.seed if self.data.seed is None else self.data.seed

    @model_validator(mode="after")
    def _weights_are_trained_or_given(self) -> RunConfig:
        if self.train.epochs == 0 and self.network.weights is None:
            raise CodesignError(
                "train.epochs = 0 would prune a network of random weights",
                "train for an epoch or more, or give network.weights, a file of trained ones",
            )
        return self

    @model_validator(mode="after")
    def _accuracy_is_a_fraction(self) -> RunConfig:
        if self.task is None and self.compress.tolerance > 1:
            raise CodesignError(
                f"compress.tolerance = {self.compress.tolerance:g} is no fraction of the accuracy",
                "give 0.01 for a hundredth of the images",
            )
        return self

    @model_validator(mode="after")
    def _indices_fit_the_pruning(self) -> RunConfig:
        patterns = [name for name in self.hardware.indices if name.startswith("nm")]
        kept = "nm{}of{}".format(*self.compress.target().pattern_counts())
        if patterns and (self.compress.scope != "n:m" or patterns != [kept]):
            raise CodesignError(
                f"hardware.indices has {patterns[0]!r}, which compress.scope = {self.compress.scope!r} does not yield",
                "prune with scope 'n:m' and the same pattern, or leave that index out",
            )
        if patterns == self.hardware.indices:
            raise CodesignError(
                f"hardware.indices has only {patterns[0]!r}, whose groups are {kept[2:]} positions of a row: a pattern "
                "along input channels fits it only where whole groups of channels lie in a row",
                "add an index that stores any weights, such as 'fixed2'; the search takes the best that fits",
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _pass_the_seed_on(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        given = _in_full(given)
        seed, train, network = given.get("seed", 0), given.get("train", {}), given.get("network")
        trained = {"epochs": 0} if isinstance(network, dict) and network.get("weights") is not None else {}
        return {
            **given,
            "train": {"seed": seed, **trained, **train} if isinstance(train, dict) else train,
            "compress": pass_seed_on(given.get("compress", {}), seed),
        }
