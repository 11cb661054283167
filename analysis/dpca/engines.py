"""Axes by either engine: the regularizer given or chosen, then the exact solution or the package's."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..validation import Array
from .averages import CellAverages
from .axes import solve
from .cross_validation import CrossValidation, choose_regularizer
from .design import Design
from .marginalizations import Marginals, Terms
from .options import Options
from .package import package_axes


@dataclass(frozen=True, eq=False)
class Fit:
    """Axes (unit, component) and ranks by marginalization, the regularizer, and how it was chosen."""

    encoders: Mapping[str, Array]
    decoders: Mapping[str, Array]
    ranks: Mapping[str, int]
    regularizer: float
    search: CrossValidation | None = None


def fit_axes(
    activity: Array,
    design: Design,
    averages: CellAverages,
    marginals: Marginals,
    terms: Terms,
    sizes: Mapping[str, int],
    options: Options,
) -> Fit:
    """Fit the axes as the options say; raises what the engines and the choice of a regularizer raise."""
    if options.engine == "package":
        axes, regularizer = package_axes(
            activity, design, averages, terms, sizes, options.strength, n_splits=options.n_splits, seed=options.seed
        )
        return Fit(axes.encoders, axes.decoders, axes.ranks, regularizer)
    search = None
    if options.strength is None:
        search = choose_regularizer(activity, design, averages, terms, sizes, options)
    regularizer = search.best if search else float(options.strength or 0)
    axes = solve(marginals, sizes, regularizer, options.encoder)
    return Fit(axes.encoders, axes.decoders, axes.ranks, regularizer, search)
