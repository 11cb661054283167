"""The axes of the ``dPCA`` package as it is, random solver included: the reference that ours is compared with."""

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping

import numpy as np

from ...errors import InputError
from ..validation import Array
from .averages import CellAverages
from .axes import Axes
from .design import TIME, Design
from .marginalizations import Terms


def package_axes(
    activity: Array,
    design: Design,
    averages: CellAverages,
    terms: Terms,
    sizes: Mapping[str, int],
    regularizer: float | None,
    *,
    n_splits: int,
    seed: int,
) -> tuple[Axes, float]:
    """Return the package's axes and its regularizer; ``regularizer`` None lets it choose one.

    Its randomised singular value decomposition draws from NumPy's global generator, which is seeded for the call and
    put back afterwards.

    Raises
    ------
    InputError
        If a cell has no trials or there is one time sample, which the package cannot fit, or a cell has one trial and
        the regularizer is to be chosen.
    """
    if averages.means.shape[1] < 2:
        raise InputError("engine='package': activity has one time sample, expected at least 2; use engine='exact'")
    if len(design.observed) < design.n_cells:
        raise InputError("engine='package': the dPCA package cannot fit cells without trials; use engine='exact'")
    if regularizer is None and averages.counts.min() < 2:
        raise InputError("engine='package': regularizer='auto' needs at least 2 trials in every cell")
    with _quiet(seed):
        from dPCA.dPCA import dPCA

        model = dPCA(
            labels=design.letters + TIME,
            join={name: list(members) for name, members in terms.items() if members != (name,)},
            regularizer="auto" if regularizer is None else regularizer,
            n_components=dict(sizes),
        )
        if regularizer is None:
            model.protect, model.n_trials = [TIME], n_splits
        # (observed cell, time, unit) → (unit, factors…, time), in memory of its own: the package may write to it
        table = np.moveaxis(averages.means, -1, 0).reshape(averages.means.shape[-1], *design.shape, -1).copy()
        model.fit(table, _trials_first(activity, design) if regularizer is None else None)
    ranks = {name: axes.shape[1] for name, axes in model.P.items()}
    return Axes(model.P, model.D, ranks), float(model.regularizer)


def _trials_first(activity: Array, design: Design) -> Array:
    """Return (trial of the cell, unit, factors…, time), NaN after a cell's last trial."""
    n_times, n_units = activity.shape[1:]
    table = np.full((design.counts.max(), n_units, design.n_cells, n_times), np.nan)
    for cell in range(design.n_cells):
        trials = design.trials_of(cell)
        table[: len(trials), :, cell] = np.asarray(activity[trials], dtype=np.float64).transpose(0, 2, 1)
    return table.reshape(len(table), n_units, *design.shape, n_times)


@contextlib.contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """Silence the package's printing and warnings, and seed NumPy's global generator for as long."""
    state = np.random.get_state()  # noqa: NPY002  (the package draws from the global generator)
    np.random.seed(seed)  # noqa: NPY002
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
