"""docs/presets.md lists every preset, with the figures of the code."""

from pathlib import Path

from compress.methods.presets import PRESETS

PAGE = Path(__file__).parents[1] / "docs" / "presets.md"


def test_the_table_is_the_codes() -> None:
    table = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert table == [
        [
            f"| `{name}`",
            preset.network,
            preset.source,
            ", ".join(f"{layer} {100 * alpha:.3g} %" for layer, alpha in preset.alphas.items()),
            (", ".join(f"{layer} {bits}" for layer, bits in preset.weight_bits.items()) or "–") + " |",
        ]
        for name, preset in PRESETS.items()
    ]
