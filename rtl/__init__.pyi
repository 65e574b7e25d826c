"""Every public name of ``rtl`` and its module; ``docs/api.md`` has a line for each."""

from .array.pe_array import PEArray as PEArray
from .axi.top import accelerator_verilog as accelerator_verilog
from .config import ArrayConfig as ArrayConfig
from .formats.bitmap import Bitmap as Bitmap
from .formats.decompress import Decompress as Decompress
from .formats.dense import Dense as Dense
from .formats.dense_zeros import DenseZeros as DenseZeros
from .formats.fixed import Fixed as Fixed
from .formats.index_format import IndexFormat as IndexFormat
from .formats.nm import NM as NM
from .formats.registry import parse_index as parse_index
from .formats.rice import Rice as Rice
from .generate import generate as generate
from .generate import load_config as load_config
from .presets import PRESETS as PRESETS
from .presets import Preset as Preset
from .presets import preset as preset
