"""Every public name of ``flows`` and its module; ``docs/api.md`` has a line for each."""

from .search.array_choice import ArrayChoice as ArrayChoice
from .search.array_search import best_array as best_array
from .search.break_even import BreakEvenCurve as BreakEvenCurve
from .search.break_even import break_even_curve as break_even_curve
from .search.break_even_ratio import BreakEvenRatio as BreakEvenRatio
from .search.layer_load import LayerLoad as LayerLoad
from .search.shapes import candidate_shapes as candidate_shapes
from .synthesis.area import ArrayMeasurement as ArrayMeasurement
from .synthesis.area import measure as measure
from .synthesis.whole_array import WholeArray as WholeArray
from .synthesis.whole_array import synthesize_whole as synthesize_whole
from .synthesis.yosys import SynthesisResult as SynthesisResult
from .synthesis.yosys import synthesize as synthesize
from .technology.sram import SramModel as SramModel
from .technology.technology import Technology as Technology
from .technology.technology import generic_technology as generic_technology
from .technology.technology import technology_from_liberty as technology_from_liberty
