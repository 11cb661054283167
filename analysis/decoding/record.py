"""The result of cross-temporal decoding: scores, their significance, summary and pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...results import Result, axes
from ..validation import Array
from .stability import stability_index

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ALPHA = 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class CrossTemporalDecoding(Result):
    """How well the label of a trial is decoded at every time by decoders trained at every time.

    Attributes
    ----------
    scores : ndarray, shape (fold, train time, test time)
        Share of the tested trials of a fold whose label was predicted.
    accuracy : ndarray, shape (train time, test time)
        Mean of the scores over folds.
    p_values, familywise_p_values : ndarray, shape (train time, test time), or None
        How often permuted labels reach the accuracy of a cell, in that cell and in the best cell of the matrix.
        None without permutations; so are the following.
    cluster_labels : ndarray of int, shape (train time, test time), or None
        0, or the number k = 1, 2, … of a cluster of cells above the 95 % quantile of their own null distribution.
    cluster_p_values : ndarray, shape (cluster,), or None
        p-value of cluster k at k − 1: by the mass above threshold, against the heaviest cluster of each permutation.
    null_accuracy : ndarray, shape (permutation, train time, test time), or None
        Accuracies under permuted labels, when asked for.
    hits : ndarray, shape (trial, time), or None
        Share of the tests of a trial, by decoders trained at the time of the test, that found its label, when asked
        for; NaN for trials that no fold tests.
    n_tested : ndarray of int, shape (fold,)
    time : ndarray, shape (time,)
        Centres of the windows, in ``time_unit``: "s", or "sample" when no times were given.
    window, stride : int
        Samples.
    labels : tuple of str
        The classes.
    folds : tuple of str
        Names of the folds: numbers, or the condition that a fold tests.
    classifier, scheme : str
        In words.
    chance : float
        What always answering the most frequent label would score.
    n_trials, n_units, n_permutations : int
    epochs : mapping of name → (start, stop)
        Marked in pictures.
    notes : tuple of str
        What a reader should know.
    """

    scores: Array = axes("fold", "train_time", "test_time")
    p_values: Array | None = axes("train_time", "test_time", optional=True)
    familywise_p_values: Array | None = axes("train_time", "test_time", optional=True)
    cluster_labels: Array | None = axes("train_time", "test_time", optional=True)
    cluster_p_values: Array | None = axes("cluster", optional=True)
    null_accuracy: Array | None = axes("permutation", "train_time", "test_time", optional=True)
    hits: Array | None = axes("trial", "time", optional=True)
    n_tested: Array = axes("fold")
    time: Array = axes("time")
    time_unit: str
    window: int
    stride: int
    labels: tuple[str, ...]
    folds: tuple[str, ...]
    classifier: str
    scheme: str
    chance: float
    n_trials: int
    n_units: int
    n_permutations: int = 0
    epochs: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    kind: ClassVar[str] = "cross_temporal_decoding"

    @property
    def accuracy(self) -> Array:
        """Mean of the scores over folds (train time, test time)."""
        mean: Array = self.scores.mean(axis=0)
        return mean

    @property
    def diagonal(self) -> Array:
        """Accuracy of decoders tested at the time they were trained at (time,)."""
        return np.diagonal(self.accuracy).copy()

    @property
    def significant(self) -> Array | None:
        """Which cells belong to a cluster with p ≤ 0.05 (train time, test time); None without permutations."""
        if self.cluster_labels is None or self.cluster_p_values is None:
            return None
        found: Array = np.concatenate([[False], np.asarray(self.cluster_p_values) <= ALPHA])[self.cluster_labels]
        return found

    @property
    def stability(self) -> float | None:
        """Share of the accuracy above chance that survives a change of time, see :func:`stability_index`.

        Over pairs of times whose windows share no sample and at whose own time accuracy is above chance: by the
        familywise p-value, or, without permutations, by the lower bound of :meth:`diagonal_interval`. None if there
        are fewer than two such times.
        """
        if self.familywise_p_values is not None:
            own = np.diagonal(self.familywise_p_values) <= ALPHA
        else:
            own = self.diagonal_interval()[0] > self.chance
        return stability_index(self.accuracy, self.chance, separation=-(-self.window // self.stride), use=own)

    def diagonal_interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Return the bounds (time,) of Wilson's interval of the diagonal, for a new draw of test trials.

        Test trials count as independent and decoders as given: the interval does not tell how accuracy would differ
        with other training trials. Source: Wilson (1927), J. Am. Stat. Assoc. 22:209.
        """
        from scipy.special import ndtri

        z = float(ndtri(0.5 + level / 2))
        # The mean over folds of shares of n_k trials varies as one share of n trials; repeats add no trials.
        n = min(len(self.n_tested) ** 2 / (1 / self.n_tested).sum(), self.n_trials)
        p = self.diagonal
        centre, half = (p + z**2 / (2 * n)), z * np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
        return (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)

    def summary(self) -> str:
        """Return what was decoded and how, the best cell, the diagonal, significance, stability and notes."""
        count = len(self.time)
        accuracy = self.accuracy
        train, test = np.unravel_index(int(np.argmax(accuracy)), accuracy.shape)
        lines = [
            f"{self.classifier}, {len(self.labels)} labels, {self.n_trials} trials, {self.n_units} units, "
            f"{count} windows of {self.window} {'sample' if self.window == 1 else 'samples'}; {self.scheme}",
            f"accuracy {accuracy[train, test]:.3f} at best (trained at {self._when(int(train))}, tested at "
            f"{self._when(int(test))}), diagonal {self.diagonal.mean():.3f} on average, chance {self.chance:.3f}",
        ]
        lines += self._significance()
        if self.stability is not None:
            lines.append(f"stability {self.stability:.2f} (1: as accurate at other times, 0: at chance there)")
        return "\n".join([*lines, *self.notes])

    def _significance(self) -> list[str]:
        if self.familywise_p_values is None or self.cluster_p_values is None or self.significant is None:
            return []
        cells = self.familywise_p_values <= ALPHA
        kept = int((np.asarray(self.cluster_p_values) <= ALPHA).sum())
        return [
            f"{self.n_permutations} permutations: {cells.sum()} of {cells.size} cells at familywise p ≤ {ALPHA:g}, "
            f"smallest {self.familywise_p_values.min():.2g}; {kept} of {len(self.cluster_p_values)} clusters at "
            f"p ≤ {ALPHA:g}, {self.significant.sum()} cells"
        ]

    def _when(self, index: int) -> str:
        return f"{self.time[index]:.4g} s" if self.time_unit == "s" else f"sample {self.time[index]:g}"

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the accuracy of every train and test time, significant clusters outlined, epochs marked."""
        from .drawing import draw_matrix

        return draw_matrix(self, ax)

    def plot_diagonal(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the accuracy at the training time with its interval, chance, and where it is significant."""
        from .drawing import draw_diagonal

        return draw_diagonal(self, ax)

    def figure(self) -> "Figure":
        """Draw the matrix and the diagonal side by side."""
        from .drawing import draw_both

        return draw_both(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, with the accuracy, its diagonal and the stability beside them."""
        from ...results import plain

        derived = {"accuracy": self.accuracy, "diagonal": self.diagonal, "stability": self.stability}
        return {**super().to_dict(), **plain(derived)}
