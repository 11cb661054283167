"""Analyses of activity: arrays in, numbers and result objects out. Knows no network library."""

from .canonical_correlation import CanonicalCorrelations, cca
from .kernel_alignment import CKATerms, cka, cka_matrix, cka_terms
from .r_squared import R2_MODES, trajectory_r2
from .recovery_report import RecoveryReport, recovery
from .samples import flatten_samples
from .shape_distance import procrustes_distance
from .similarity import SimilarityMatrix, similarity_matrix
from .subspaces import participation_ratio, principal_angles, variance_captured

__all__ = [
    "R2_MODES",
    "CKATerms",
    "CanonicalCorrelations",
    "RecoveryReport",
    "SimilarityMatrix",
    "cca",
    "cka",
    "cka_matrix",
    "cka_terms",
    "flatten_samples",
    "participation_ratio",
    "principal_angles",
    "procrustes_distance",
    "recovery",
    "similarity_matrix",
    "trajectory_r2",
    "variance_captured",
]
