"""The similarity matrix of several networks or recordings, as a result to print, draw and save."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .. import plotting
from ..results import Result, axes, digest_arrays
from . import validation
from .kernel_alignment import cka_matrix
from .validation import Array, Samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Beyond this many arrays the numbers in the cells are too small to read.
_ANNOTATED = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class SimilarityMatrix(Result):
    """Pairwise similarities of named arrays.

    ``values`` (array, array_other) is symmetric with a unit diagonal, in the order of ``names``; ``measure``
    says in words which similarity it is, and ``n_samples`` how many samples were compared.
    """

    names: tuple[str, ...]
    values: Array = axes("array", "array_other")
    measure: str
    n_samples: int

    kind: ClassVar[str] = "similarity_matrix"

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))

    def summary(self) -> str:
        """Return what was compared, the most and the least similar pair, and the mean over pairs."""
        head = f"{self.measure}, {len(self.names)} arrays, {self.n_samples} samples"
        if len(self.names) < 2:
            return head
        rows, columns = np.triu_indices(len(self.names), k=1)
        pairs = self.values[rows, columns]
        lines = [head]
        for label, at in (("most similar ", int(np.argmax(pairs))), ("least similar", int(np.argmin(pairs)))):
            lines.append(f"{label}  {self.names[rows[at]]} and {self.names[columns[at]]}: {pairs[at]:.4f}")
        lines.append(f"mean over {len(pairs)} pairs  {pairs.mean():.4f}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the matrix as a heat map from 0 to 1, with the values in the cells when they fit."""
        k = len(self.names)
        side = 2.6 + 0.42 * min(k, 24)
        ax = plotting.axes_or_new(ax, width=side + 0.8, height=side)
        image = ax.imshow(self.values, cmap=plotting.SEQUENTIAL, vmin=0, vmax=1)
        ax.set_xticks(range(k), self.names, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(k), self.names)
        for side_name in ("left", "bottom"):
            ax.spines[side_name].set_visible(False)
        ax.tick_params(length=0)
        ax.set_title(self.measure)
        plotting.figure_of(ax).colorbar(image, ax=ax, label="similarity", shrink=0.8)
        if k <= _ANNOTATED:
            self._annotate(ax)
        return ax

    def _annotate(self, ax: "Axes") -> None:
        for (row, column), value in np.ndenumerate(self.values):
            # Viridis turns bright at about three fifths: white numbers below, dark ones above.
            colour = plotting.INK if value > 0.6 else "white"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize="small")


def similarity_matrix(
    arrays: Sequence[Samples],
    names: Sequence[str] | None = None,
    *,
    kernel: str = "linear",
    centered: bool = True,
    debiased: bool = False,
    bandwidth: float | None = None,
) -> SimilarityMatrix:
    """Return the pairwise CKA of ``arrays`` as a result with names, summary and picture.

    Parameters
    ----------
    arrays : sequence of (samples, features)
        As for :func:`cka_matrix`: row i of each is the same sample.
    names : sequence of str, optional
        One distinct name per array; "1", "2", … when None.
    kernel, centered, debiased, bandwidth
        As for :func:`cka`.

    Raises
    ------
    InputError
        As :func:`cka`, or names that are repeated or of the wrong number.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((60, 4))
    >>> print(similarity_matrix([x, 2 * x, x[:, :1]], ["a", "b", "c"]).summary().splitlines()[0])
    linear CKA, centred, 3 arrays, 60 samples
    """
    arrays = list(arrays)
    named = validation.distinct_names(names, len(arrays))
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


def _describe(kernel: str, *, centered: bool, debiased: bool) -> str:
    words = ["RBF CKA" if kernel == "rbf" else "linear CKA", "centred" if centered else "uncentred"]
    return ", ".join([*words, "debiased"] if debiased else words)
