"""The dynamics of any differentiable map or flow: fixed points, their branches, basins, cycles and chaos."""

from .adapters import TorchMap, as_map
from .certificates.curvature import LOGISTIC_CURVATURE, TANH_CURVATURE, lipschitz_from_curvature
from .certificates.kantorovich import Certificate
from .certificates.regions import ReluFixedPoints, enumerate_relu
from .comparison import PointComparison, compare_fixed_points, flow_agreement
from .completeness import IndexCheck, fixed_point_index
from .cycles.closed import LimitCycle
from .cycles.dimension import kaplan_yorke
from .cycles.limit import limit_cycle
from .cycles.lyapunov import lyapunov_spectrum
from .cycles.orbits import PeriodicOrbits
from .cycles.periodic import periodic_points
from .cycles.spectrum import LyapunovSpectrum
from .drawing.basins import basin_portrait
from .drawing.diagram import draw_diagram
from .drawing.nullclines import nullclines
from .drawing.portrait import Plane, flow_field, phase_portrait
from .drawing.space import phase_portrait_3d
from .drawing.spectrum import spectrum_plot
from .find import find_fixed_points
from .following.checkpoints import along_checkpoints, along_family
from .following.follow import bifurcation_diagram, continue_branch
from .following.parameters import along_input, along_scale, along_weights
from .following.record import BifurcationDiagram
from .following.tracking import track_points
from .following.tracking_record import Tracking
from .following.training import training_diagram
from .following.training_record import TrainingDiagram
from .landscape.basins import Basins, basins
from .landscape.connections import Connections, connections
from .linear.continuous import line_scores, ring_score
from .linear.linearize import Linearization, linearize
from .low_rank import LowRankMap, low_rank_map
from .manifolds import Manifolds, find_manifolds
from .record import FixedPoints
from .reduction import ProjectedFlow, projected_flow
from .richness import richness
from .search import find_all_fixed_points
from .starts import box_starts, draw_from_box, draw_from_trajectories, sample_starts

__all__ = [
    "LOGISTIC_CURVATURE",
    "TANH_CURVATURE",
    "Basins",
    "BifurcationDiagram",
    "Certificate",
    "Connections",
    "FixedPoints",
    "IndexCheck",
    "LimitCycle",
    "Linearization",
    "LowRankMap",
    "LyapunovSpectrum",
    "Manifolds",
    "PeriodicOrbits",
    "Plane",
    "PointComparison",
    "ProjectedFlow",
    "ReluFixedPoints",
    "TorchMap",
    "Tracking",
    "TrainingDiagram",
    "along_checkpoints",
    "along_family",
    "along_input",
    "along_scale",
    "along_weights",
    "as_map",
    "basin_portrait",
    "basins",
    "bifurcation_diagram",
    "box_starts",
    "compare_fixed_points",
    "connections",
    "continue_branch",
    "draw_diagram",
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
    "low_rank_map",
    "lyapunov_spectrum",
    "nullclines",
    "periodic_points",
    "phase_portrait",
    "phase_portrait_3d",
    "projected_flow",
    "richness",
    "ring_score",
    "sample_starts",
    "spectrum_plot",
    "track_points",
    "training_diagram",
]
