"""The similarity matrix of several networks or recordings, as a result to print, draw and save."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plotting
from ..errors import ConfigurationError, InputError, unknown_name
from ..results import Result, axes, digest_arrays
from . import validation
from .kernel_alignment import cka_matrix
from .metric_scaling import MetricScaling, metric_mds
from .similarity_measures import MEASURES, measured
from .validation import Array, Samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Beyond this many arrays the numbers in the cells are too small to read.
_ANNOTATED = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class SimilarityMatrix(Result):
    """Pairwise similarities of named arrays.

    ``values`` (array, array_other) are in the order of ``names``; ``measure`` says in words which similarity it is, and
    ``n_samples`` how many samples were compared. Similarities have a unit diagonal; a ``distance`` has a zero one and
    is small for arrays that are alike. Symmetric unless ``directed``: then entry (i, j) goes from array i to array j.
    """

    names: tuple[str, ...]
    values: Array = axes("array", "array_other")
    measure: str
    n_samples: int
    distance: bool = False
    directed: bool = False

    kind: ClassVar[str] = "similarity_matrix"

    def summary(self) -> str:
        """Return what was compared, the most and the least similar pair, and the mean over pairs."""
        head = f"{self.measure}, {len(self.names)} arrays, {self.n_samples} samples"
        if len(self.names) < 2:
            return head
        rows, columns = np.triu_indices(len(self.names), k=1)
        pairs = self._both_ways()[rows, columns]
        alike, unlike = int(np.argmax(pairs)), int(np.argmin(pairs))
        if self.distance:
            alike, unlike = unlike, alike
        lines = [f"{head}; of each pair the mean of both directions" if self.directed else head]
        for label, at in (("most similar ", alike), ("least similar", unlike)):
            lines.append(f"{label}  {self.names[rows[at]]} and {self.names[columns[at]]}: {pairs[at]:.4f}")
        lines.append(f"mean over {len(pairs)} pairs  {pairs.mean():.4f}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the matrix as a heat map, similarities from 0 to 1, with the values in the cells when they fit."""
        k = len(self.names)
        side = 2.6 + 0.42 * min(k, 24)
        ax = plotting.axes_or_new(ax, width=side + 0.8, height=side)
        # Bright is alike: distances run down the same colours.
        colours = f"{plotting.SEQUENTIAL}_r" if self.distance else plotting.SEQUENTIAL
        low, high = (
            (0.0, float(self.values.max()) or 1.0) if self.distance else (min(0.0, float(self.values.min())), 1.0)
        )
        image = ax.imshow(self.values, cmap=colours, vmin=max(low, -1.0), vmax=high)
        ax.set_xticks(range(k), self.names, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(k), self.names)
        for side_name in ("left", "bottom"):
            ax.spines[side_name].set_visible(False)
        ax.tick_params(length=0)
        ax.set_title(self.measure)
        plotting.figure_of(ax).colorbar(image, ax=ax, label="distance" if self.distance else "similarity", shrink=0.8)
        if k <= _ANNOTATED:
            self._annotate(ax, max(low, -1.0), high)
        return ax

    def dissimilarities(self) -> Array:
        """Return distances (array, array_other): these, or √(2(1 − s)) of similarities s, averaged over directions.

        For CKA and for cosines of dissimilarity matrices √(2(1 − s)) is the Euclidean distance between the
        normalised kernels, hence a metric; for other similarities it is a monotone stand-in.
        """
        both = self._both_ways()
        apart: Array = both if self.distance else np.sqrt(2 * np.maximum(1 - both, 0))
        np.fill_diagonal(apart, 0)
        return apart

    def scaling(self, n_dimensions: int = 2) -> MetricScaling:
        """Return points in few dimensions whose distances are as near as can be to :meth:`dissimilarities`."""
        return metric_mds(self.dissimilarities(), self.names, n_dimensions=n_dimensions)

    def plot_dendrogram(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the tree of average linkage: arrays that are alike join near the left."""
        from scipy.cluster.hierarchy import dendrogram, linkage, optimal_leaf_ordering
        from scipy.spatial.distance import squareform

        if len(self.names) < 2:
            raise ConfigurationError("a dendrogram joins at least two arrays, found one")
        ax = plotting.axes_or_new(ax, height=1.2 + 0.24 * len(self.names))
        apart = squareform(self.dissimilarities(), checks=False)
        tree = optimal_leaf_ordering(linkage(apart, "average"), apart)
        colour = {"color_threshold": 0, "above_threshold_color": plotting.INK}
        dendrogram(tree, labels=list(self.names), orientation="right", ax=ax, leaf_font_size=8, **colour)
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("distance" if self.distance else "distance √(2 (1 − similarity))")
        ax.set_title("Average linkage")
        return ax

    def _both_ways(self) -> Array:
        """Return the values averaged over both directions, as a new array."""
        return np.asarray((self.values + self.values.T) / 2)

    def _annotate(self, ax: "Axes", low: float, high: float) -> None:
        for (row, column), value in np.ndenumerate(self.values):
            share = (value - low) / (high - low)
            # Viridis turns bright at about three fifths: white numbers below, dark ones above.
            colour = plotting.INK if (1 - share if self.distance else share) > 0.6 else "white"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize="small")


def similarity_matrix(
    arrays: Sequence[Samples],
    names: Sequence[str] | None = None,
    *,
    measure: str = "cka",
    kernel: str = "linear",
    centered: bool = True,
    debiased: bool = False,
    bandwidth: float | None = None,
    **options: Any,
) -> SimilarityMatrix:
    """Return a measure of similarity or distance between every two of ``arrays``, with summary and pictures.

    Parameters
    ----------
    arrays : sequence of (samples, features)
        As for :func:`cka_matrix`: row i of each is the same sample (for "rsa" the same condition). For "dsa" activity
        (trial, time, unit).
    names : sequence of str, optional
        One distinct name per array; "1", "2", … when None.
    measure : {"cka", "cca", "svcca", "pwcca", "procrustes", "rsa", "predictivity", "dsa"}
        Centred kernel alignment (:func:`cka`); mean of :func:`cca`; :func:`svcca`; :func:`pwcca` weighted by the row's
        array; :func:`procrustes_distance`; Euclidean dissimilarities of rows compared as in
        :func:`compare_dissimilarities`; :func:`linear_predictivity` of the column's array from the row's;
        :func:`dynamical_distance`.
    kernel, centered, debiased, bandwidth
        As for :func:`cka`; only for that measure, but for ``centered``, which Procrustes takes too.
    **options
        svcca: ``variance``; procrustes: ``metric``; rsa: ``dissimilarity`` ("euclidean", "correlation") and
        ``comparison``; predictivity: ``groups``, ``folds``, ``penalties``, ``seed``; dsa: ``rank``, ``n_delays``,
        ``metric``.

    Raises
    ------
    InputError
        As the measure, or names that are repeated or of the wrong number.
    ConfigurationError
        An unknown measure, or options that are not its own.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((60, 4))
    >>> print(similarity_matrix([x, 2 * x, x[:, :1]], ["a", "b", "c"]).summary().splitlines()[0])
    linear CKA, centred, 3 arrays, 60 samples
    """
    arrays = list(arrays)
    named = validation.distinct_names(names, len(arrays))
    if measure != "cka":
        own: dict[str, Any] = {"kernel": kernel, "centered": centered, "debiased": debiased, "bandwidth": bandwidth}
        changed = {name: value for name, value in own.items() if value != _CKA_OPTIONS[name]}
        return _of_other_measure(arrays, named, measure, {**changed, **options})
    if options:
        raise ConfigurationError(unknown_name("option of measure 'cka'", next(iter(options)), _CKA_OPTIONS))
    values = cka_matrix(arrays, kernel=kernel, centered=centered, debiased=debiased, bandwidth=bandwidth)
    parameters = {"kernel": kernel, "centered": centered, "debiased": debiased, "bandwidth": bandwidth}
    return SimilarityMatrix(
        names=named,
        values=values,
        measure=_describe(kernel, centered=centered, debiased=debiased),
        n_samples=int(np.shape(arrays[0])[0]),
        parameters=parameters,
        input_digest=digest_arrays(arrays),
    )


_CKA_OPTIONS = {"kernel": "linear", "centered": True, "debiased": False, "bandwidth": None}


def _of_other_measure(
    arrays: Sequence[Samples], names: tuple[str, ...], measure: str, options: dict[str, Any]
) -> SimilarityMatrix:
    if not arrays:
        raise InputError("arrays: expected at least one array, found none")
    values = measured(measure, arrays, [f"arrays[{index}]" for index in range(len(arrays))], options)
    chosen = MEASURES[measure]
    kept = {name: value for name, value in options.items() if name != "groups"}
    words = [chosen.title, *(f"{name} {value}" for name, value in kept.items())]
    return SimilarityMatrix(
        names=names,
        values=values,
        measure=", ".join(words),
        n_samples=int(np.prod(np.shape(arrays[0])[:-1])),
        distance=chosen.distance,
        directed=chosen.directed,
        parameters={"measure": measure, **kept, "grouped": "groups" in options},
        input_digest=digest_arrays(arrays),
    )


def _describe(kernel: str, *, centered: bool, debiased: bool) -> str:
    words = ["RBF CKA" if kernel == "rbf" else "linear CKA", "centred" if centered else "uncentred"]
    return ", ".join([*words, "debiased"] if debiased else words)
