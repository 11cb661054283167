"""The dynamics of any differentiable map or flow: fixed points, their branches, basins, cycles and chaos."""

from .adapters import TorchMap, as_map
from .certificates.curvature import LOGISTIC_CURVATURE, TANH_CURVATURE, lipschitz_from_curvature
from .certificates.kantorovich import Certificate
from .drawing.portrait import Plane, flow_field, phase_portrait
from .find import find_fixed_points
from .record import FixedPoints
from .starts import sample_starts

__all__ = [
    "LOGISTIC_CURVATURE",
    "TANH_CURVATURE",
    "Certificate",
    "FixedPoints",
    "Plane",
    "TorchMap",
    "as_map",
    "find_fixed_points",
    "flow_field",
    "lipschitz_from_curvature",
    "phase_portrait",
    "sample_starts",
]
