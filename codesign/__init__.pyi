"""Every public name of ``codesign`` and its module; ``docs/api.md`` has a line for each."""

from .errors import MismatchError as MismatchError
from .loop.evaluate import Evaluation as Evaluation
from .loop.evaluate import evaluate_model as evaluate_model
from .loop.verify import simulate_model as simulate_model
from .report.contents import read_report as read_report
from .report.report import Report as Report
from .run import run_loop as run_loop
from .settings.network_file import load_network as load_network
from .settings.network_file import save_network as save_network
from .settings.run_config import RunConfig as RunConfig
from .settings.run_file import load_config as load_config
