"""Analyses of activity: arrays in, numbers and result objects out. Knows no network library."""

from .canonical_correlation import CanonicalCorrelations, cca
from .kernel_alignment import CKATerms, cka, cka_matrix, cka_terms
from .low_rank import canonical_factors, effective_tensor, full_tensor, symmetrized
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
    "canonical_factors",
    "cca",
    "cka",
    "cka_matrix",
    "cka_terms",
    "effective_tensor",
    "flatten_samples",
    "full_tensor",
    "participation_ratio",
    "principal_angles",
    "procrustes_distance",
    "recovery",
    "similarity_matrix",
    "symmetrized",
    "trajectory_r2",
    "variance_captured",
]
