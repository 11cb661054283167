"""How alike two populations move: linear operators fitted to delayed activity, compared whatever the coordinates.

``operators`` fits them (dynamic mode decomposition of delay embeddings), ``eigenvalues`` compares their eigenvalues by
optimal assignment, ``conjugation`` compares whole operators after the best rotation, ``distance`` does so from
activity.
"""

from .distance import dynamical_distance
from .operators import DynamicModes, dynamic_modes

__all__ = ["DynamicModes", "dynamic_modes", "dynamical_distance"]
