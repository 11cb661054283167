"""Nothing becomes public by accident, and importing stays cheap."""

import subprocess
import sys

from dynascope import analysis

PUBLIC = [
    "CKATerms",
    "CanonicalCorrelations",
    "R2_MODES",
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


def test_public_names_are_the_written_list():
    assert sorted(analysis.__all__) == sorted(PUBLIC)
    assert all(getattr(analysis, name).__doc__ for name in PUBLIC if name != "R2_MODES")


def test_import_loads_no_heavy_library():
    heavy = "{'torch', 'sklearn', 'scipy', 'matplotlib'}"
    code = f"import sys, dynascope.analysis; print(*{heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split() == []
