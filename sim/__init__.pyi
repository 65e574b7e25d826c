"""Every public name of ``sim`` and its module; ``docs/api.md`` has a line for each."""

from .golden.golden import layer_inputs as layer_inputs
from .golden.golden import quantize_input as quantize_input
from .golden.golden import run_layer as run_layer
from .golden.golden import run_model as run_model
from .makespan.makespan import LoadedRun as LoadedRun
from .makespan.makespan import Makespan as Makespan
from .makespan.makespan import makespan as makespan
from .makespan.run_loads import run_segments as run_segments
from .mapping.cycles import Chain as Chain
from .mapping.cycles import layer_cycles as layer_cycles
from .mapping.geometry import ArrayGeometry as ArrayGeometry
from .mapping.pack import PackedLayer as PackedLayer
from .mapping.pack import pack as pack
from .mapping.plan import LayerPlan as LayerPlan
from .mapping.plan import plan_layer as plan_layer
from .mapping.tiles import Tiling as Tiling
from .mapping.tiles import tile_layer as tile_layer
from .simulate.build import BuiltArray as BuiltArray
from .simulate.build import build_array as build_array
from .simulate.build import compile_folder as compile_folder
from .simulate.load_packets import load_packet as load_packet
from .simulate.runner import LayerOutcome as LayerOutcome
from .simulate.runner import LayerRun as LayerRun
from .simulate.runner import Stalls as Stalls
from .simulate.runner import run_layers as run_layers
from .simulate.simulator import find_simulator as find_simulator
