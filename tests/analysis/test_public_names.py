"""Nothing becomes public by accident, and importing stays cheap."""

import subprocess
import sys

from dynascope import analysis

PUBLIC = [
    "SufficientRank",
    "smallest_sufficient_rank",
    "CKATerms",
    "CPDecomposition",
    "CanonicalCorrelations",
    "ComponentMatching",
    "Decomposition",
    "Discrimination",
    "FiringRates",
    "R2_MODES",
    "RankCrossValidation",
    "RecoveryReport",
    "SimilarityMatrix",
    "SliceDecomposition",
    "TRUNCATIONS",
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
    "statistics",
    "symmetrized",
    "tensor_train",
    "trajectory_r2",
    "truncate_tensor",
    "tucker",
    "variance_captured",
]
CONSTANTS = {"R2_MODES", "TRUNCATIONS"}


def test_public_names_are_the_written_list():
    assert sorted(analysis.__all__) == sorted(PUBLIC)
    assert all(getattr(analysis, name).__doc__ for name in PUBLIC if name not in CONSTANTS)


def test_import_loads_no_heavy_library():
    heavy = "{'torch', 'sklearn', 'scipy', 'matplotlib'}"
    code = f"import sys, dynascope.analysis; print(*{heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split() == []
