"""Networks that others trained or pruned, as files in one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from compress.base.errors import CodesignError
from compress.data.places import data_folder

__all__ = ["published_file"]


def published_file(names: Sequence[str], advice: str = "set CODESIGN_MODELS to its folder") -> Path:
    """The first of ``names`` that is in the folder CODESIGN_MODELS, by default ``models`` beside CODESIGN_DATA."""
    data = data_folder(None)
    folder = Path(os.environ["CODESIGN_MODELS"]) if "CODESIGN_MODELS" in os.environ else data and data.parent / "models"
    for name in names:
        if folder is not None and (folder / name).is_file():
            return folder / name
    raise CodesignError(f"no {' or '.join(names)} in {folder or 'CODESIGN_MODELS'}", advice)
