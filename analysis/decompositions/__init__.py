"""Low-rank forms of tensors: CP, slice-TCA, Tucker, tensor train; how many components; which is which."""

from .comparison import TensorComparison, compare_tensors
from .cross_validation import RankCrossValidation, rank_cross_validation, rank_grid
from .held_out import held_out_folds
from .matching import ComponentMatching, match_components
from .multilinear import TrainDecomposition, TuckerDecomposition, tensor_train, tucker
from .polyadic import CPDecomposition, cp
from .record import Decomposition
from .slices import SliceDecomposition, slice_tca
from .truncate import TRUNCATIONS, truncate_tensor

__all__ = [
    "TRUNCATIONS",
    "CPDecomposition",
    "ComponentMatching",
    "Decomposition",
    "RankCrossValidation",
    "SliceDecomposition",
    "TensorComparison",
    "TrainDecomposition",
    "TuckerDecomposition",
    "compare_tensors",
    "cp",
    "held_out_folds",
    "match_components",
    "rank_cross_validation",
    "rank_grid",
    "slice_tca",
    "tensor_train",
    "truncate_tensor",
    "tucker",
]
