"""How many dimensions predict what was held out: bi-cross-validation, and repeated trials."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...errors import ConfigurationError, InputError
from ...results import Result, axes, digest_arrays
from ..validation import Array, whole_number
from .bases import leading
from .trials import Conditions, Trials, condition_means, conditions_of, read_trials, stratified_folds

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class Dimensionality(Result):
    """How well each number of dimensions predicts activity that it was not fitted to.

    Attributes
    ----------
    errors : ndarray, shape (fold, rank)
        Squared error on the held-out part of each fold, with 0, 1, 2 … dimensions, over that with none.
    rank : int
        The number of dimensions of the smallest mean error.
    method : str
        What was held out, in words.
    """

    errors: Array = axes("fold", "rank")
    rank: int
    method: str

    kind: ClassVar[str] = "dimensionality"

    @property
    def mean_error(self) -> Array:
        """Mean over folds of the errors, (rank,)."""
        found: Array = self.errors.mean(axis=0)
        return found

    def summary(self) -> str:
        """Return the number of dimensions and what it predicts."""
        explained = 1 - self.mean_error[self.rank]
        return (
            f"{self.rank} dimensions predict {self.method} best ({explained:.1%} of their variance; "
            f"{self.errors.shape[1] - 1} tried)"
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the error of each fold and their mean against the number of dimensions."""
        from .drawing import draw_dimensionality

        return draw_dimensionality(self, ax)


def dimensionality(
    activity: Any, labels: Any = None, *, max_rank: int | None = None, n_folds: int = 5, seed: int = 0
) -> Dimensionality:
    """Return the number of dimensions that predicts held-out activity best.

    Without labels, a fold holds out some trials and some units (bi-cross-validation): principal components of the other
    units on the other trials are read from the other units of the held-out trials and predict the held-out units there.
    With labels, a fold holds out some trials of every condition: the leading components of the condition means of the
    other trials predict those of the held-out ones. The first counts all that units share, the second what repeats.

    Parameters
    ----------
    activity : array (trial, time, unit)
        Finite real numbers; padding (NaN in every unit) is dropped.
    labels : (trial,), optional
        The condition of each trial.
    max_rank : int, optional
        The most dimensions to try; all that each fold can fit when None.
    n_folds : int
        Of trials, and without labels also of units: ``n_folds²`` folds in all.
    seed : int
        Of the random dealing of trials and units to folds.

    Raises
    ------
    InputError
        If ``activity`` or ``labels`` cannot be used (see :func:`pca`), or there are fewer trials, units or trials of a
        condition than folds.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    For held-out block A = X[held trials, held units], B = X[held trials, other units], C = X[other trials, held units]
    and D the rest, with D_k the truncated decomposition of D, the error is ‖A − B D_k⁺ C‖². Sums of squares per fold of
    trials carry everything, for all k at once: O(n p² + n_folds² p³). A rank is found when its signal is strong enough
    to help prediction; weak dimensions are left out on purpose.

    References
    ----------
    Owen and Perry (2009), Bi-cross-validation of the SVD and the nonnegative matrix factorization.

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> planted = generator.standard_normal((40, 25, 3)) @ generator.standard_normal((3, 20))
    >>> dimensionality(planted + generator.standard_normal(planted.shape)).rank
    3
    """
    trials = read_trials("activity", activity)
    n_folds = whole_number("n_folds", n_folds, least=2)
    if max_rank is not None:
        max_rank = whole_number("max_rank", max_rank, least=1)
    generator = np.random.default_rng(whole_number("seed", seed, least=0))
    if labels is None:
        errors, method = _of_units(trials, n_folds, max_rank, generator), "held-out units of held-out trials"
    else:
        conditions = conditions_of(labels, len(trials.values))
        errors, method = _of_repeats(trials, conditions, n_folds, max_rank, generator), "means of held-out trials"
    parameters = {"max_rank": max_rank, "n_folds": n_folds, "seed": seed}
    return Dimensionality(
        errors=errors, rank=int(errors.mean(axis=0).argmin()), method=method, parameters=parameters,
        input_digest=digest_arrays([trials.values]),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Sums:
    """Number of samples, their sum (unit,) and the sum of their outer products (unit, unit)."""

    count: int
    total: Array
    products: Array

    def about(self, mean: Array) -> Array:
        """Return the sum of outer products of differences from ``mean``."""
        cross = np.outer(self.total, mean)
        found: Array = self.products - cross - cross.T + self.count * np.outer(mean, mean)
        return found


def _of_units(trials: Trials, n_folds: int, max_rank: int | None, generator: np.random.Generator) -> Array:
    n_trials, _, n_units = trials.values.shape
    for name, size in (("trials", n_trials), ("units", n_units)):
        if size < n_folds:
            raise InputError(f"activity: has {size} {name} for {n_folds} folds; expected at least one per fold")
    rows = stratified_folds(np.zeros(n_trials, dtype=np.intp), n_folds, generator)
    columns = stratified_folds(np.zeros(n_units, dtype=np.intp), n_folds, generator)
    # About the overall mean first, so that the sums of squares lose no digits to it.
    overall = trials.samples.mean(axis=0)
    sums = [_sums(trials.values[rows == fold][trials.valid[rows == fold]] - overall) for fold in range(n_folds)]
    errors = []
    for held in range(n_folds):
        rest = [one for fold, one in enumerate(sums) if fold != held]
        fitted = _Sums(
            sum(one.count for one in rest),
            np.sum([one.total for one in rest], axis=0),
            np.sum([one.products for one in rest], axis=0),
        )
        mean = fitted.total / max(fitted.count, 1)
        train, test = fitted.about(mean), sums[held].about(mean)
        errors += [block_errors(train, test, columns == fold, fitted.count) for fold in range(n_folds)]
    return _common(errors, max_rank)


def block_errors(train: Array, test: Array, held: Array, n_train: int) -> Array:
    """Return ‖A − B D_k⁺ C‖² / ‖A‖² for k = 0, 1, … from the sums of products of training and held-out trials.

    ``train`` = [D C]ᵀ[D C] and ``test`` = [B A]ᵀ[B A] are (unit, unit); ``held`` (unit,) marks the columns of A and C.
    """
    kept = ~held
    values, v = np.linalg.eigh(train[np.ix_(kept, kept)])  # of DᵀD
    values, v = values[::-1], v[:, ::-1]
    rank = min(int((values > len(train) * np.finfo(np.float64).eps * values[0]).sum()), n_train - 1)
    values, v = values[:rank], v[:, :rank]
    maps = (v.T @ train[np.ix_(kept, held)]) / values[:, np.newaxis]  # Σ⁻² Vᵀ DᵀC
    total = np.trace(test[np.ix_(held, held)])
    agreement = ((v.T @ test[np.ix_(kept, held)]) * maps).sum(axis=1)
    predicted = (maps @ maps.T) * (v.T @ test[np.ix_(kept, kept)] @ v)
    # The sum over the leading k × k block, for every k.
    sizes = np.diag(np.cumsum(np.cumsum(predicted, axis=0), axis=1))
    if not total > 0:
        raise InputError("activity: the held-out units do not vary in the held-out trials; use fewer folds")
    found: Array = np.concatenate([[1.0], 1 + (sizes - 2 * np.cumsum(agreement)) / total])
    return found


def _of_repeats(
    trials: Trials, conditions: Conditions, n_folds: int, max_rank: int | None, generator: np.random.Generator
) -> Array:
    if conditions.counts.min() < n_folds:
        which = int(conditions.counts.argmin())
        raise InputError(
            f"labels: condition {conditions.names[which]} has {conditions.counts[which]} trials for {n_folds} folds; "
            "expected at least one per fold"
        )
    folds = stratified_folds(conditions.codes, n_folds, generator)
    errors = []
    for fold in range(n_folds):
        train, test = (
            condition_means(
                Trials(trials.values[chosen], trials.valid[chosen]),
                Conditions(conditions.names, conditions.codes[chosen]),
            )
            for chosen in (folds != fold, folds == fold)
        )
        shared = train.valid & test.valid
        a, b = train.values[shared], test.values[shared]
        mean = a.mean(axis=0)
        errors.append(repeat_errors(a - mean, b - mean))
    return _common(errors, max_rank)


def repeat_errors(a: Array, b: Array) -> Array:
    """Return ‖B − A_k‖² / ‖B‖² for k = 0, 1, …, with A_k the truncated decomposition of A, (sample, unit) both."""
    found = leading(a)
    scores = a @ found.axes
    agreement = ((b @ found.axes) * scores).sum(axis=0)
    gains = np.square(scores).sum(axis=0) - 2 * agreement
    errors: Array = 1 + np.concatenate([[0.0], np.cumsum(gains)]) / np.square(b).sum()
    return errors


def _common(errors: list[Array], max_rank: int | None) -> Array:
    """Return the errors (fold, rank) up to the rank that every fold can fit."""
    size = min(len(each) for each in errors)
    if max_rank is not None:
        if max_rank >= size:
            raise ConfigurationError(f"max_rank: found {max_rank}, every fold can fit up to {size - 1} dimensions")
        size = max_rank + 1
    return np.stack([each[:size] for each in errors])


def _sums(rows: Array) -> _Sums:
    return _Sums(len(rows), rows.sum(axis=0), rows.T @ rows)
