"""How well and how fast networks learn, compared between kinds of network that were trained on one grid."""

import csv
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plotting
from ..errors import InputError
from ..results import Result, axes, digest_arrays, plain
from . import validation
from .learning_speed import QUANTITIES, learning_speed
from .selectivity import rank_test
from .validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, kw_only=True)
class LearningComparison(Result):
    """Speed and outcome of learning of several kinds of network, run by run, with rank-sum tests between the kinds.

    Attributes
    ----------
    minimum, minimum_epoch, settled_epoch, final : ndarray, shape (label, combo, iteration)
        As :class:`LearningSpeed`, of validation losses.
    final_accuracy : ndarray, shape (label, combo, iteration), or None
        In percent, NaN where it was not recorded.
    p_values, adjusted_p_values, effect_sizes : ndarray, shape (quantity, pair, combo)
        Two-sided rank-sum tests between two labels on the iterations of one combination, for ``QUANTITIES``; p adjusted
        over combinations (Benjamini and Hochberg). The rank-biserial correlation, −1 to 1, is positive where the
        second label has the larger values: it learns worse, or later. Runs without a value count as worst.
    pooled_p_values, pooled_effect_sizes : ndarray, shape (quantity, pair)
        The same with the runs of all combinations together. Differences between combinations can hide those between
        labels.
    labels : tuple of str
    combos : tuple of tuple
        Values of each combination.
    columns : tuple of str
        Their names.
    """

    minimum: Array = axes("label", "combo", "iteration")
    minimum_epoch: Array = axes("label", "combo", "iteration")
    settled_epoch: Array = axes("label", "combo", "iteration")
    final: Array = axes("label", "combo", "iteration")
    final_accuracy: Array | None = axes("label", "combo", "iteration", units="percent", optional=True)
    p_values: Array = axes("quantity", "pair", "combo")
    adjusted_p_values: Array = axes("quantity", "pair", "combo")
    effect_sizes: Array = axes("quantity", "pair", "combo")
    pooled_p_values: Array = axes("quantity", "pair")
    pooled_effect_sizes: Array = axes("quantity", "pair")
    labels: tuple[str, ...]
    combos: tuple[tuple[Any, ...], ...]
    columns: tuple[str, ...]

    kind: ClassVar[str] = "learning_comparison"

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The labels of each pair."""
        return list(itertools.combinations(self.labels, 2))

    def summary(self) -> str:
        """Return what was compared, medians of each label, and the tests of every pair, pooled and by combination."""
        _, n_combos, n_iterations = self.minimum.shape
        lines = [f"{len(self.labels)} labels, {n_combos} combinations of {n_iterations} runs"]
        for index, label in enumerate(self.labels):
            low, epoch, settled = (_median(getattr(self, name)[index]) for name in QUANTITIES)
            lines.append(
                f"{label}: median minimum {low:.4g} at epoch {epoch:.0f}, settled at epoch {settled:.0f}"
                + _counted("not settled", self.settled_epoch[index])
                + _counted("without a finite loss", self.minimum[index])
            )
        for pair, (first, second) in enumerate(self.pairs):
            lines.append(f"{second} against {first} (rank sums, effect above 0: {second} larger)")
            for row, quantity in enumerate(QUANTITIES):
                significant = int((self.adjusted_p_values[row, pair] <= 0.05).sum())
                p = self.pooled_p_values[row, pair]
                stated = "all runs tie" if np.isnan(p) else f"p {p:.3g}"
                lines.append(
                    f"  {quantity.replace('_', ' ')}: pooled effect {self.pooled_effect_sizes[row, pair]:+.3f}, "
                    f"{stated}; adjusted p ≤ 0.05 in {significant} of {n_combos} "
                    "combinations"
                )
        return "\n".join(lines)

    def table(self) -> str:
        """Return the runs as CSV: label, combination, iteration, and what was found; empty where there is nothing."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = [*QUANTITIES, "final"] + ([] if self.final_accuracy is None else ["final_accuracy"])
        writer.writerow(["label", "combo", *self.columns, "iteration", *names])
        arrays = [getattr(self, name) for name in names]
        for at in np.ndindex(self.minimum.shape):
            values = [("" if np.isnan(array[at]) else f"{array[at]:.10g}") for array in arrays]
            writer.writerow([self.labels[at[0]], at[1], *self.combos[at[1]], at[2], *values])
        return text.getvalue()

    def plot(self, ax: "Axes | None" = None, *, quantity: str = "minimum") -> "Axes":
        """Draw the runs of all combinations as one box per label, for one of ``QUANTITIES``."""
        from .learning_drawing import pooled_boxes

        validation.choice("quantity", quantity, QUANTITIES)
        return pooled_boxes(self, plotting.axes_or_new(ax), quantity)

    def plot_combos(self, *, quantity: str = "minimum") -> "Figure":
        """Draw one box per label for each combination, for one of ``QUANTITIES``."""
        from .learning_drawing import combo_boxes

        validation.choice("quantity", quantity, QUANTITIES)
        return combo_boxes(self, quantity)


def compare_learning(
    losses: Mapping[str, Any],
    combos: Sequence[Sequence[Any]] | None = None,
    columns: Sequence[str] | None = None,
    *,
    final_accuracy: Mapping[str, Any] | None = None,
    first_epoch: int = 1,
    percent: float = 1.0,
) -> LearningComparison:
    """Return how well and how fast several kinds of network learn, and tests of whether they differ.

    Parameters
    ----------
    losses : label → (combo, iteration, epoch)
        Validation losses, of the same shape for each label; iterations are independent runs.
    combos : sequence of sequences, optional
        Values of each combination, such as learning rate and optimiser; by default its number.
    columns : sequence of str, optional
        Their names.
    final_accuracy : label → (combo, iteration), optional
        In percent.
    first_epoch, percent : as in :func:`learning_speed`

    Raises
    ------
    InputError
        If shapes do not match or losses are not numbers.

    Notes
    -----
    Tests are :func:`rank_test` (Mann and Whitney's U, exact where runs are few and nothing ties). Runs are independent;
    those of one combination are alike but for their seeds.

    Examples
    --------
    >>> curves = 1 / np.arange(1, 7) + np.array([0.0, 0.1, 0.2])[:, np.newaxis]
    >>> found = compare_learning({"bio": [curves], "rand": [curves + 0.5]})
    >>> found.effect_sizes[:, 0, 0].tolist(), round(float(found.p_values[0, 0, 0]), 3)
    ([1.0, 0.0, 0.0], 0.1)
    """
    curves = {str(label): np.asarray(validation.sliceable(str(label), given)) for label, given in losses.items()}
    if not curves:
        raise InputError("losses: expected at least one label, found none")
    shape = next(iter(curves.values())).shape
    if len(shape) != 3 or 0 in shape or any(array.shape != shape for array in curves.values()):
        found = ", ".join(f"{label} {array.shape}" for label, array in curves.items())
        raise InputError(f"losses: expected (combo, iteration, epoch), the same for each label, found {found}")
    speeds = learning_speed(np.stack(list(curves.values())), first_epoch=first_epoch, percent=percent)
    values = [tuple(plain(list(each))) for each in (combos if combos is not None else np.ndindex(shape[0]))]
    names = tuple(columns) if columns is not None else tuple(f"value_{place + 1}" for place in range(len(values[0])))
    if len(values) != shape[0] or any(len(value) != len(names) for value in values):
        raise InputError(f"combos: expected {shape[0]} combinations of {len(names)} values, found {values[:3]}")
    tests = [_tests(getattr(speeds, quantity)) for quantity in QUANTITIES]
    return LearningComparison(
        **speeds._asdict(),
        final_accuracy=_accuracy(final_accuracy, list(curves), shape[:2]),
        **{name: np.stack([test[name] for test in tests]) for name in tests[0]},
        labels=tuple(curves),
        combos=tuple(values),
        columns=names,
        parameters={"first_epoch": first_epoch, "percent": percent},
        input_digest=digest_arrays(curves.values()),
    )


def _accuracy(given: Mapping[str, Any] | None, labels: list[str], shape: tuple[int, ...]) -> Array | None:
    if given is None:
        return None
    found = [np.asarray(given.get(label, np.full(shape, np.nan)), dtype=float) for label in labels]
    if any(array.shape != shape for array in found):
        shapes = ", ".join(str(array.shape) for array in found)
        raise InputError(f"final_accuracy: expected (combo, iteration) {shape} for each label, found {shapes}")
    return np.stack(found)


def _tests(values: Array) -> dict[str, Array]:
    """Return rank-sum tests between every two labels of ``values`` (label, combo, iteration), by combo and pooled."""
    # What a run never reached is worse than what any run reached; only ranks matter.
    reached = values[np.isfinite(values)]
    values = np.where(np.isfinite(values), values, reached.max(initial=0) + 1)
    n_labels, n_combos, n_iterations = values.shape
    pairs = list(itertools.combinations(range(n_labels), 2))
    names = ("p_values", "adjusted_p_values", "effect_sizes")
    found: dict[str, Array] = {name: np.full((len(pairs), n_combos), np.nan) for name in names}
    found["pooled_p_values"], found["pooled_effect_sizes"] = (np.full(len(pairs), np.nan) for _ in range(2))
    for row, pair in enumerate(pairs):
        compared = values[list(pair)]
        by_combo = rank_test(
            compared.transpose(0, 2, 1).reshape(-1, n_combos), np.repeat([0, 1], n_iterations), test="mann_whitney"
        )
        pooled = rank_test(compared.reshape(-1), np.repeat([0, 1], n_combos * n_iterations), test="mann_whitney")
        for name in names:
            found[name][row] = getattr(by_combo, name)
        found["pooled_p_values"][row] = pooled.p_values
        found["pooled_effect_sizes"][row] = pooled.effect_sizes
    return found


def _median(values: Array) -> float:
    reached = values[np.isfinite(values)]
    return float(np.median(reached)) if reached.size else float("nan")


def _counted(words: str, values: Array) -> str:
    missing = int(np.isnan(values).sum())
    return f", {missing} {words}" if missing else ""
