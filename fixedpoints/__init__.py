"""The dynamics of any differentiable map or flow: fixed points, their branches, basins, cycles and chaos."""

from .adapters import TorchMap, as_map
from .certificates.curvature import LOGISTIC_CURVATURE, TANH_CURVATURE, lipschitz_from_curvature
from .certificates.kantorovich import Certificate
from .certificates.regions import ReluFixedPoints, enumerate_relu
from .comparison import PointComparison, compare_fixed_points, flow_agreement
from .completeness import IndexCheck, fixed_point_index
from .continuous import line_scores, ring_score
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
    "Linearization",
    "Manifolds",
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
    "line_scores",
    "linearize",
    "lipschitz_from_curvature",
    "phase_portrait",
    "richness",
    "ring_score",
    "sample_starts",
    "spectrum_plot",
]
