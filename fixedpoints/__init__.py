"""The dynamics of any differentiable map or flow: fixed points, their branches, basins, cycles and chaos."""

from .adapters import TorchMap, as_map
from .certificates.curvature import LOGISTIC_CURVATURE, TANH_CURVATURE, lipschitz_from_curvature
from .certificates.kantorovich import Certificate
from .certificates.regions import ReluFixedPoints, enumerate_relu
from .comparison import PointComparison, compare_fixed_points, flow_agreement
from .completeness import IndexCheck, fixed_point_index
from .continuous import line_scores, ring_score
from .cycles.closed import LimitCycle
from .cycles.dimension import kaplan_yorke
from .cycles.limit import limit_cycle
from .cycles.lyapunov import lyapunov_spectrum
from .cycles.orbits import PeriodicOrbits
from .cycles.periodic import periodic_points
from .cycles.spectrum import LyapunovSpectrum
from .drawing.portrait import Plane, flow_field, phase_portrait
from .drawing.spectrum import spectrum_plot
from .find import find_fixed_points
from .linearize import Linearization, linearize
from .manifolds import Manifolds, find_manifolds
from .record import FixedPoints
from .richness import richness
from .search import find_all_fixed_points
from .starts import box_starts, draw_from_box, draw_from_trajectories, sample_starts

__all__ = [
    "LOGISTIC_CURVATURE",
    "TANH_CURVATURE",
    "Certificate",
    "FixedPoints",
    "IndexCheck",
    "LimitCycle",
    "Linearization",
    "LyapunovSpectrum",
    "Manifolds",
    "PeriodicOrbits",
    "Plane",
    "PointComparison",
    "ReluFixedPoints",
    "TorchMap",
    "as_map",
    "box_starts",
    "compare_fixed_points",
    "draw_from_box",
    "draw_from_trajectories",
    "enumerate_relu",
    "find_all_fixed_points",
    "find_fixed_points",
    "find_manifolds",
    "fixed_point_index",
    "flow_agreement",
    "flow_field",
    "kaplan_yorke",
    "limit_cycle",
    "line_scores",
    "linearize",
    "lipschitz_from_curvature",
    "lyapunov_spectrum",
    "periodic_points",
    "phase_portrait",
    "richness",
    "ring_score",
    "sample_starts",
    "spectrum_plot",
]
