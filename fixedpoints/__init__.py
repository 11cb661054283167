"""Fixed points of any differentiable map x' = F(x, u): found, told apart, certified, linearised."""

from .certify import Certificate
from .curvature import LOGISTIC_CURVATURE, TANH_CURVATURE, lipschitz_from_curvature
from .find import find_fixed_points
from .portrait import Plane, flow_field, phase_portrait
from .record import FixedPoints
from .starts import sample_starts

__all__ = [
    "LOGISTIC_CURVATURE",
    "TANH_CURVATURE",
    "Certificate",
    "FixedPoints",
    "Plane",
    "find_fixed_points",
    "flow_field",
    "lipschitz_from_curvature",
    "phase_portrait",
    "sample_starts",
]
