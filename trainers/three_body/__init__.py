"""Three-body networks: recurrent networks whose units multiply pairs of inputs, and their additive relatives."""

from ..family import Family
from ..imitation import Imitation
from .config import ThreeBodyConfig
from .context import ContextIntegration
from .defaults import defaults
from .full import HORNN, RNN, TBRNN
from .gru import LowRankGRU
from .lowrank import LowRankHORNN, LowRankRNN, LowRankTBRNN
from .multifate import MultiFate
from .reduced import ReducedDynamics
from .tasks import FlipFlop, Sine

__all__ = [
    "FAMILY",
    "HORNN",
    "RNN",
    "TBRNN",
    "ContextIntegration",
    "FlipFlop",
    "LowRankGRU",
    "LowRankHORNN",
    "LowRankRNN",
    "LowRankTBRNN",
    "MultiFate",
    "ReducedDynamics",
    "Sine",
    "ThreeBodyConfig",
]

_MODELS = (RNN, TBRNN, HORNN, LowRankRNN, LowRankTBRNN, LowRankHORNN, LowRankGRU)

FAMILY = Family(
    name="three_body",
    title="Three-body networks and their additive and gated relatives",
    model_config=ThreeBodyConfig,
    models={model.kind: model for model in _MODELS},
    tasks={task.name: task for task in (FlipFlop, Sine, MultiFate, ContextIntegration, Imitation)},
    defaults=defaults,
)
