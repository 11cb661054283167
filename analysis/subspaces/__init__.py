"""Subspaces of activity: principal components, their number, angles and overlap, rotation, and axes of task variables.

``trials`` reads activity and averages conditions, ``bases`` finds orthonormal axes. ``principal_components``
(``spectra``: noise floors; ``condition_pca``: of z-scored condition means), ``cross_validated_rank`` and
``participation`` say how many dimensions activity fills; ``angles``, ``random_subspaces``, ``captured``, ``alignment``
and ``comparison`` (``moments``) how two subspaces lie to each other; ``rotational_dynamics`` (``rotations``) is jPCA;
``targeted_axes`` (``targeted``, ``regressors``) finds an axis for each task variable; ``drawing`` has the pictures.
"""

from .alignment import alignment_index
from .angles import principal_angles
from .captured import variance_captured
from .comparison import SubspaceComparison, compare_subspaces
from .condition_pca import ConditionPCA, condition_pca
from .cross_validated_rank import Dimensionality, dimensionality
from .participation import participation_ratio
from .principal_components import PrincipalComponents, pca
from .random_subspaces import RandomOverlap, random_overlap
from .rotational_dynamics import RotationalDynamics, jpca
from .targeted_axes import TargetedAxes, targeted_dimensionality_reduction

__all__ = [
    "ConditionPCA",
    "Dimensionality",
    "PrincipalComponents",
    "RandomOverlap",
    "RotationalDynamics",
    "SubspaceComparison",
    "TargetedAxes",
    "alignment_index",
    "compare_subspaces",
    "condition_pca",
    "dimensionality",
    "jpca",
    "participation_ratio",
    "pca",
    "principal_angles",
    "random_overlap",
    "targeted_dimensionality_reduction",
    "variance_captured",
]
