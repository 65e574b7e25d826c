"""The ``codesign`` command: thin commands over importable functions.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done, 1 the hardware disagrees with its model,
2 something for the user to change, 3 a fault of the toolkit, 130 interrupted, 141 stdout was closed by its reader.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from codesign.cli.failures import FOR_THE_USER, INTERRUPTED, flush_results, take_any_text, tell
from codesign.versions import version_of
from compress.base.errors import CodesignError
from rtl.formats.registry import format_examples
from rtl.presets import PRESETS

__all__ = ["app", "main"]

app = typer.Typer(
    name="codesign",
    help="Co-design a pruned, quantized neural network and the accelerator that runs it.",
    epilog="Start with: codesign run examples/digits.toml --out build/demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigFile = Annotated[Path, typer.Argument(metavar="RUN.toml", help="The run file, for example examples/digits.toml.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; finished stages in it are reused.")]
ArrayOut = Annotated[Path, typer.Option("--out", "-o", help="Folder for the Verilog and the files that go with it.")]
ExportOut = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
ImportFile = Annotated[Path, typer.Argument(metavar="FILE", help="An ONNX or QONNX file.")]
ImportOut = Annotated[Path, typer.Option("--out", "-o", help="The model to write, for example model.safetensors.")]
ExportFormat = Annotated[
    str | None,
    typer.Option(
        help="state-dict (.safetensors, .pt: floats for the PyTorch network, batch norms folded), npz (integers), "
        "onnx (integers, for onnxruntime) or qonnx (real numbers with quantizers); default: by the file's suffix."
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="Let the run file's \\[quick] table replace other settings.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Run every stage again, finished ones too.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for scripts.")]
Liberty = Annotated[
    Path | None, typer.Option("--liberty", help="A .lib or .lib.gz; without it the generic technology (GE, FO4).")
]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="model.safetensors of `codesign compress`.")]
Data = Annotated[str | None, typer.Option(help="Data set; default: the one the model was made with.")]
DataFolder = Annotated[Path | None, typer.Option(help="Folder of the data set's files; default: CODESIGN_DATA.")]
ArrayFolder = Annotated[Path, typer.Argument(metavar="ARRAY", help="Folder of `codesign generate`.")]
PRESET_HELP = "An array without a model. " + " ".join(f"{name}: {each.purpose}." for name, each in PRESETS.items())
INDEX_HELP = f"Index format: {format_examples()}; other numbers work too; default: fixed4, or the run's choice."
OptionalModelFile = Annotated[
    Path | None,
    typer.Argument(metavar="MODEL", help="model.safetensors of `codesign compress`; optional with --preset."),
]
Preset = Annotated[str | None, typer.Option(help=PRESET_HELP)]
Rows = Annotated[int | None, typer.Option(help="Slices of a filter's positions; default: 4, or the run's choice.")]
Lanes = Annotated[int | None, typer.Option(help="Output pixels at a time; default: 8, or the run's choice.")]
Index = Annotated[str | None, typer.Option(help=INDEX_HELP)]
RequantLanes = Annotated[
    int | None,
    typer.Option(help="Pixels requantized per cycle, a divisor of the lanes; default: as many as the model needs."),
]
Multipliers = Annotated[
    str | None,
    typer.Option(
        help="How PEs and requantizers multiply: gates, or dsp, each with one hardware multiplier of an FPGA; default: "
        "the preset's, the run's choice, or gates."
    ),
]
AlignerStages = Annotated[
    int | None,
    typer.Option(
        help="1, or 2: a register more behind the activation banks, whose words come late on FPGAs, for a cycle more "
        "a run; default: the preset's, or 1."
    ),
]
StreamBits = Annotated[
    int | None,
    typer.Option(help="Bits of a beat of the load stream: 32, 64, 128, 256 or 512; default: 64, or the preset's."),
]
Buffers = Annotated[
    int | None,
    typer.Option(help="2: a layer is loaded while another one runs, with twice the memory; 1, the default: it waits."),
]
ChainDepth = Annotated[
    int | None,
    typer.Option(
        help="Filters whose sums a row can hold for the next row, 1..8; 0: dense rows in lock-step, the default where "
        "--index is dense; else the default is as many as the model needs."
    ),
]
Subarrays = Annotated[
    int | None,
    typer.Option(
        help="Stacks that narrow layers may divide the rows into, a power of two; default: 1, or the run's choice."
    ),
]
Levels = Annotated[
    str | None,
    typer.Option(
        help="linear, or powers of two, by which PEs shift; default: powers where a model has no others and they are "
        "shorter."
    ),
]
LinearBatch = Annotated[int, typer.Option(help="Samples a Linear layer runs at a time.", min=1)]
WeightDepth = Annotated[
    int | None, typer.Option(help="Maximum weight words per row; larger layers take several runs.", min=2)
]
ActivationDepth = Annotated[int | None, typer.Option(help="Maximum activation words per row, an even number.", min=4)]
Prefix = Annotated[
    str, typer.Option(help="Prefix of all module names, so that one design can hold several arrays; default: none.")
]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code; each error is printed as one message."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    take_any_text()
    try:
        code = app(given, prog_name="codesign", standalone_mode=False)
        if code == INTERRUPTED:  # typer turns Ctrl-C into this code
            tell(KeyboardInterrupt())
    except TyperException as error:
        code = _tell_usage(error, given)
    except BaseException as error:
        code = tell(error)
    sys.exit(flush_results(code if isinstance(code, int) else 0))


def _tell_usage(error: TyperException, given: list[str]) -> int:
    """A wrong option or argument; a bare command has shown its help already."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if not message:
        return FOR_THE_USER
    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    command = next((word for word in given if word in known), "")
    help_command = " ".join(filter(None, ["codesign", command, "--help"]))
    return tell(CodesignError(message.rstrip("."), f"see `{help_command}`"))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"codesign {version_of('codesign')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Co-design a pruned, quantized neural network and the accelerator that runs it."""


@app.command(epilog="Example: codesign train examples/digits.toml --out build/demo")
def train(config: ConfigFile, out: Out, quick: Quick = False, fresh: Fresh = False, json: Json = False) -> None:
    """Train the dense network: writes network.safetensors."""
    from codesign.cli import commands

    commands.train(config, out, quick, fresh, json)


@app.command(epilog="Example: codesign breakeven examples/digits.toml --out build/demo")
def breakeven(config: ConfigFile, out: Out, quick: Quick = False, fresh: Fresh = False, json: Json = False) -> None:
    """Measure each layer's break-even curve; reads network.safetensors in --out, writes break_even.json."""
    from codesign.cli import commands

    commands.breakeven(config, out, quick, fresh, json)


@app.command(epilog="Example: codesign compress examples/digits.toml --out build/demo")
def compress(config: ConfigFile, out: Out, quick: Quick = False, fresh: Fresh = False, json: Json = False) -> None:
    """Choose alphas, prune and quantize: reads the files of train and breakeven, writes model.safetensors."""
    from codesign.cli import commands

    commands.compress(config, out, quick, fresh, json)


@app.command(epilog="Example: codesign evaluate build/demo/model.safetensors")
def evaluate(model: ModelFile, data: Data = None, folder: DataFolder = None, json: Json = False) -> None:
    """Print a model's test accuracy in integers, its kept weights and its size; reads only its file and the data."""
    from codesign.cli import commands

    commands.evaluate(model, data, folder, json)


@app.command(epilog="Example: codesign export build/demo/model.safetensors --out weights.npz")
def export(model: ModelFile, out: ExportOut, format: ExportFormat = None, json: Json = False) -> None:
    """Write a model for other programs: as a PyTorch state dict, numpy arrays, ONNX or QONNX."""
    from codesign.cli import commands

    commands.export(model, out, format, json)


@app.command("import", epilog="Example: codesign import network.onnx --out model.safetensors")
def import_(file: ImportFile, out: ImportOut, json: Json = False) -> None:
    """Read an ONNX or QONNX file, quantized elsewhere or exported from here, and write its model."""
    from codesign.cli import commands

    commands.import_(file, out, json)


@app.command(epilog="Example: codesign generate build/demo/model.safetensors --out build/array")
def generate(
    out: ArrayOut,
    model: OptionalModelFile = None,
    preset: Preset = None,
    rows: Rows = None,
    lanes: Lanes = None,
    index: Index = None,
    requant_lanes: RequantLanes = None,
    chain_depth: ChainDepth = None,
    subarrays: Subarrays = None,
    multipliers: Multipliers = None,
    aligner_stages: AlignerStages = None,
    stream_bits: StreamBits = None,
    levels: Levels = None,
    buffers: Buffers = None,
    linear_batch: LinearBatch = 8,
    weight_depth: WeightDepth = None,
    activation_depth: ActivationDepth = None,
    prefix: Prefix = "",
    json: Json = False,
) -> None:
    """Emit the Verilog of an array, alone and behind AXI ports, and print a model's cycles on it.

    Without options, a model of `codesign run` gets the array that the run chose, another model one that just holds it.

    Writes pe_array.v, srams.v, codesign_accelerator.v, file lists, constraints, register map and headers.
    """
    from codesign.cli import commands
    from codesign.loop.generation import ArrayOptions

    options = ArrayOptions(
        rows=rows,
        lanes=lanes,
        index=index,
        requant_lanes=requant_lanes,
        chain_depth=chain_depth,
        subarrays=subarrays,
        weight_depth=weight_depth,
        activation_depth=activation_depth,
        multipliers=multipliers,
        aligner_stages=aligner_stages,
        stream_bits=stream_bits,
        levels=levels,
        buffers=buffers,
    )
    commands.generate(model, out, preset, options, linear_batch, prefix, json)


@app.command(epilog="Example: codesign simulate build/demo/model.safetensors build/demo/array --images 16")
def simulate(
    model: ModelFile,
    array: ArrayFolder,
    images: Annotated[int, typer.Option(help="Test images to run.", min=1)] = 8,
    data: Data = None,
    folder: DataFolder = None,
    linear_batch: LinearBatch = 8,
    simulator: Annotated[str | None, typer.Option(help="verilator or icarus; default: the first that works.")] = None,
    through: Annotated[
        str, typer.Option(help="array: its own ports; axi: the accelerator's, with loads and results as streams.")
    ] = "array",
    json: Json = False,
) -> None:
    """Run every layer on the Verilog with real test images, and compare each output with the golden model."""
    from codesign.cli import commands

    commands.simulate(model, array, images, data, folder, linear_batch, simulator, through, json)


@app.command(epilog="Example: codesign synthesize build/demo/array")
def synthesize(array: ArrayFolder, liberty: Liberty = None, json: Json = False) -> None:
    """Measure area and clock of a generated array, module by module, with Yosys and ABC."""
    from codesign.cli import commands

    commands.synthesize(array, liberty, json)


@app.command(epilog="Example: codesign run examples/digits.toml --out build/demo")
def run(config: ConfigFile, out: Out, quick: Quick = False, fresh: Fresh = False, json: Json = False) -> None:
    """Run the whole loop: train, break-even, alphas, ADMM, Verilog, simulation, report. Resumes where it stopped."""
    from codesign.cli import commands

    commands.run(config, out, quick, fresh, json)


@app.command(epilog="Example: codesign report build/demo")
def report(
    source: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run, or its report.json.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where to write; default: beside report.json.")
    ] = None,
    json: Json = False,
) -> None:
    """Draw report.html and its pictures again from report.json."""
    from codesign.cli import commands

    commands.report(source, out, json)
