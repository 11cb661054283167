"""How many components: the error on hidden entries, over a grid of ranks."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import Result, axes, digest_arrays
from .. import validation
from ..validation import Array
from . import checks
from .held_out import held_out_folds
from .record import describe
from .unfolding import scaled
from .warm_starts import GRID_METHODS, Ranks, fit_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class RankCrossValidation(Result):
    """Errors on shown and on hidden entries for each model of a grid of ranks.

    ``ranks`` (model, rank) are the models in the order given; ``train_errors`` and ``test_errors`` (fold, model) are
    mean squared errors over the shown and the hidden entries, in units of the tensor's mean square; ``n_parameters``
    (model,) counts free parameters; ``converged`` (fold, model) says which fits settled. ``best`` is the model with the
    least mean test error, ``chosen`` the one with the fewest parameters whose mean test error is within one standard
    error (over folds, of the best) of it.
    """

    method: str
    ranks: Array = axes("model", "rank")
    n_parameters: Array = axes("model")
    train_errors: Array = axes("fold", "model")
    test_errors: Array = axes("fold", "model")
    converged: Array = axes("fold", "model")
    best: int
    chosen: int

    kind: ClassVar[str] = "rank_cross_validation"

    @property
    def chosen_ranks(self) -> Ranks:
        """The ranks chosen by the one-standard-error rule."""
        return self._ranks(self.chosen)

    @property
    def best_ranks(self) -> Ranks:
        """The ranks with the least mean test error."""
        return self._ranks(self.best)

    @property
    def standard_errors(self) -> Array:
        """Standard error of the mean test error over folds (model,); 0 with a single fold."""
        return standard_errors(self.test_errors)

    @property
    def test_surface(self) -> Array:
        """Mean test error indexed by the ranks themselves, NaN where the grid has no model."""
        surface = np.full(self.ranks.max(axis=0) + 1, np.nan)
        surface[tuple(self.ranks.T)] = self.test_errors.mean(axis=0)
        return surface

    def summary(self) -> str:
        """Return the chosen and the best ranks, their errors, and how many fits did not settle."""
        lines = [f"{self.method}, {len(self.ranks)} models, {self._folds()}"]
        for label, model in (("chosen", self.chosen), ("best  ", self.best)):
            lines.append(
                f"{label} {_label(self._ranks(model))}: test error {self.test_errors[:, model].mean():.4f} "
                f"± {self.standard_errors[model]:.4f}, train {self.train_errors[:, model].mean():.4f}, "
                f"{self.n_parameters[model]} parameters"
            )
        unsettled = int((~self.converged).sum())
        if unsettled:
            lines.append(f"{unsettled} of {self.converged.size} fits stopped before they settled: raise max_sweeps")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw errors on hidden and shown entries by rank, or by number of parameters where ranks are triples."""
        ax = plotting.axes_or_new(ax, width=4.8)
        single = self.ranks.shape[1] == 1
        x = self.ranks[:, 0] if single else self.n_parameters
        order, line = np.argsort(x, kind="stable"), "-" if single else ""
        test, train = self.test_errors.mean(axis=0), self.train_errors.mean(axis=0)
        ax.errorbar(
            x[order], test[order], self.standard_errors[order],
            fmt=".", ls=line, color=plotting.INK, elinewidth=0.8, label="hidden entries",
        )  # fmt: skip
        ax.plot(x[order], train[order], ".", ls=line, color=plotting.GREY, label="shown entries")
        self._mark(ax, self.chosen, x, "chosen", "o")
        if self.best != self.chosen:
            self._mark(ax, self.best, x, "least error", "s")
        if single:
            ax.set_xticks(x)
        ax.set(
            xlabel="rank" if single else "free parameters",
            ylabel="squared error / mean square",
            title=f"{self.method}, {self._folds()}",
        )
        handles, labels = ax.get_legend_handles_labels()
        first = [labels.index("hidden entries"), labels.index("shown entries")]
        shown = [*first, *(index for index in range(len(labels)) if index not in first)]
        ax.legend([handles[index] for index in shown], [labels[index] for index in shown], frameon=False)
        return ax

    def _mark(self, ax: "Axes", model: int, x: Array, label: str, marker: str) -> None:
        y = self.test_errors[:, model].mean()
        name = f"{label}: {_label(self._ranks(model))}"
        ax.plot(x[model], y, marker, mec=plotting.BLUE, mfc="none", ms=9, label=name)

    def _folds(self) -> str:
        count = len(self.test_errors)
        return f"{count} {'fold' if count == 1 else 'folds'}"

    def _ranks(self, model: int) -> Ranks:
        return tuple(int(rank) for rank in self.ranks[model])


def rank_grid(largest: Any) -> list[Ranks]:
    """Return every triple of ranks up to ``largest`` but (0, 0, 0), in order of their sum.

    Examples
    --------
    >>> rank_grid((1, 0, 1))
    [(0, 0, 1), (1, 0, 0), (1, 0, 1)]
    """
    limits = [validation.whole_number("largest", rank, least=0) for rank in checks.three_ranks("largest", largest)]
    triples = itertools.product(*(range(limit + 1) for limit in limits))
    return sorted((ranks for ranks in triples if any(ranks)), key=lambda ranks: (sum(ranks), ranks))


def rank_cross_validation(
    tensor: Any,
    method: str,
    ranks: Sequence[Any],
    *,
    mask: Any = None,
    share: float = 0.1,
    block: Sequence[int] = (1, 1, 1),
    folds: int = 5,
    max_sweeps: int = 300,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> RankCrossValidation:
    """Return the errors of a grid of ranks on entries that the fits did not see, and the ranks to choose.

    In each fold a share of the entries is hidden, every model of the grid is fitted to the others (EM), starting from
    the best smaller model inside it, and scored on the hidden ones. The chosen model is the one with the fewest
    parameters within one standard error of the least test error (Hastie, Tibshirani and Friedman 2009, section 7.10).

    Cost: 63 slice-TCA models on 64 × 50 × 32 take about 2 s per fold.

    Parameters
    ----------
    tensor : (axis_0, axis_1, axis_2)
    method : "slice", "cp" or "tucker"
        Tensor trains and SVDs of the first unfolding are "slice" with whole numbers as ranks.
    ranks : sequence
        The models: whole numbers, or triples for "slice" and "tucker"; see :func:`rank_grid`.
    mask : (axis_0, axis_1, axis_2) of bool, optional
        True where an entry is observed; the others are neither fitted nor scored.
    share : float, in (0, ½]
        Share of the entries that each fold hides.
    block : three whole numbers
        Entries are hidden in boxes of this size: use boxes longer than the correlation time of the data.
    folds : int
        Disjoint sets of hidden entries.
    max_sweeps, tolerance
        Each fit stops when its relative error changes by at most ``tolerance`` per sweep.
    seed : int
        For the choice of the hidden entries.

    Raises
    ------
    InputError
        If the method is unknown, a rank is not possible or the grid is empty, or the hidden entries leave a whole fibre
        or slice of the tensor with no data.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> tensor = np.einsum("i,jk->ijk", rng.normal(size=9), rng.normal(size=(10, 8))) + rng.normal(size=(9, 10, 8)) / 4
    >>> rank_cross_validation(tensor, "slice", [1, 2, 3], folds=3).chosen_ranks
    (1, 0, 0)
    """
    values, observed = checks.tensor_and_mask(tensor, mask)
    validation.choice("decomposition", method, GRID_METHODS)
    engine = GRID_METHODS[method]
    grid = [engine.ranks(entry, values.shape) for entry in ranks]
    if not grid:
        raise InputError("ranks: expected at least one model")
    max_sweeps = validation.whole_number("max_sweeps", max_sweeps, least=1)
    tolerance = checks.tolerance(tolerance)
    seen = np.ones(values.shape, bool) if observed is None else observed
    hidden = held_out_folds(values.shape, share=share, block=block, folds=folds, seed=seed)
    for fold, hides in enumerate(hidden):
        _enough_left(fold, seen & ~hides, method, grid)
    small, _ = scaled(values)
    unit = float((small[seen] ** 2).mean()) or 1.0
    train, test, converged = [], [], []
    for hides in hidden:
        shown = seen & ~hides
        fits = fit_grid(engine, np.where(shown, small, 0.0), shown, grid, max_sweeps=max_sweeps, tolerance=tolerance)
        train.append([float(((small - fit.tensor)[shown] ** 2).mean()) / unit for fit in fits])
        test.append([float(((small - fit.tensor)[seen & hides] ** 2).mean()) / unit for fit in fits])
        converged.append([fit.converged for fit in fits])
    n_parameters = np.array([engine.parameters(values.shape, entry) for entry in grid])
    best, chosen = one_standard_error(np.array(test), n_parameters)
    options = {"share": share, "block": list(block), "seed": seed, "max_sweeps": max_sweeps, "tolerance": tolerance}
    return RankCrossValidation(
        method=method,
        ranks=np.array(grid),
        n_parameters=n_parameters,
        train_errors=np.array(train),
        test_errors=np.array(test),
        converged=np.array(converged),
        best=best,
        chosen=chosen,
        parameters=options,
        input_digest=digest_arrays([values] if observed is None else [values, observed]),
    )


def one_standard_error(errors: Array, n_parameters: Array) -> tuple[int, int]:
    """Return the model of least mean error and the smallest model within one standard error of it.

    ``errors`` is (fold, model); among models of equal size the one of lesser error counts as smaller.
    """
    means = errors.mean(axis=0)
    best = int(np.argmin(means))
    limit = means[best] + standard_errors(errors)[best]
    candidates = np.flatnonzero(means <= limit)
    return best, int(min(candidates, key=lambda model: (n_parameters[model], means[model])))


def standard_errors(errors: Array) -> Array:
    """Return the standard error of the mean over folds (model,), 0 for a single fold."""
    folds = len(errors)
    return errors.std(axis=0, ddof=1) / math.sqrt(folds) if folds > 1 else np.zeros(errors.shape[1])


def _enough_left(fold: int, shown: Array, method: str, grid: Sequence[Ranks]) -> None:
    """Refuse a fold that leaves a fibre or slice, which some model of the grid needs, with no data."""
    fibres = [axis for axis in range(3) if method == "slice" and any(entry[axis] for entry in grid)]
    try:
        checks.no_hidden_slice(shown)
        checks.no_hidden_fibre(shown, fibres)
    except InputError as error:
        raise InputError(f"fold {fold}: {error}; hide a smaller share or smaller blocks") from error


def _label(ranks: Ranks) -> str:
    return f"rank {ranks[0]}" if len(ranks) == 1 else describe(ranks)
