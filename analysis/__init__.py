"""Analyses of activity: arrays in, numbers and result objects out. Knows no network library."""

from . import statistics
from .canonical_correlation import CanonicalCorrelations, cca
from .decompositions import (
    TRUNCATIONS,
    ComponentMatching,
    CPDecomposition,
    Decomposition,
    RankCrossValidation,
    SliceDecomposition,
    TensorComparison,
    TrainDecomposition,
    TuckerDecomposition,
    compare_tensors,
    cp,
    held_out_folds,
    match_components,
    rank_cross_validation,
    rank_grid,
    slice_tca,
    tensor_train,
    truncate_tensor,
    tucker,
)
from .discrimination import Discrimination, discrimination
from .kernel_alignment import CKATerms, cka, cka_matrix, cka_terms
from .low_rank import (
    canonical_factors,
    canonical_matrix_factors,
    effective_tensor,
    full_tensor,
    reachable_basis,
    symmetrized,
)
from .r_squared import R2_MODES, trajectory_r2
from .recovery_report import RecoveryReport, recovery
from .samples import flatten_samples
from .shape_distance import procrustes_distance
from .similarity import SimilarityMatrix, similarity_matrix
from .spikes import FiringRates, firing_rates
from .subspaces import participation_ratio, principal_angles, variance_captured
from .sufficient_rank import SufficientRank, smallest_sufficient_rank
from .value_decoding import ValueDecoding, decode_values

__all__ = [
    "R2_MODES",
    "TRUNCATIONS",
    "CKATerms",
    "CPDecomposition",
    "CanonicalCorrelations",
    "ComponentMatching",
    "Decomposition",
    "Discrimination",
    "FiringRates",
    "RankCrossValidation",
    "RecoveryReport",
    "SimilarityMatrix",
    "SliceDecomposition",
    "SufficientRank",
    "TensorComparison",
    "TrainDecomposition",
    "TuckerDecomposition",
    "ValueDecoding",
    "canonical_factors",
    "canonical_matrix_factors",
    "cca",
    "cka",
    "cka_matrix",
    "cka_terms",
    "compare_tensors",
    "cp",
    "decode_values",
    "discrimination",
    "effective_tensor",
    "firing_rates",
    "flatten_samples",
    "full_tensor",
    "held_out_folds",
    "match_components",
    "participation_ratio",
    "principal_angles",
    "procrustes_distance",
    "rank_cross_validation",
    "rank_grid",
    "reachable_basis",
    "recovery",
    "similarity_matrix",
    "slice_tca",
    "smallest_sufficient_rank",
    "statistics",
    "symmetrized",
    "tensor_train",
    "trajectory_r2",
    "truncate_tensor",
    "tucker",
    "variance_captured",
]
