"""Tests of components on trials that had no part in them: half of each cell to fit, half to test."""

from collections.abc import Mapping

import numpy as np

from ...errors import InputError
from ..validation import Array
from .averages import CellAverages
from .bootstrap import matched
from .design import Design
from .engines import fit_axes
from .marginalizations import Marginals, Terms
from .options import Options
from .permutation import component_tests


def held_out_tests(
    activity: Array,
    design: Design,
    terms: Terms,
    sizes: Mapping[str, int],
    encoders: Mapping[str, Array],
    options: Options,
) -> dict[str, Array]:
    """Fit the same model to half of the trials and test its components on the others.

    Components are put in the order of ``encoders``, those fitted to all trials. Returns the arrays of
    :class:`DemixedPCA` by name: ``p_value_matrix`` and ``familywise_matrix`` (component, time), ``overlaps``
    (component,).

    Raises
    ------
    InputError
        If a cell has too few trials to be split.
    """
    _enough(design, 4 if options.strength is None else 2)
    first, second = halves(design, options.seed)
    part = design.of_trials(first)
    averages = CellAverages.of(activity[first], part)
    marginals = Marginals.of(averages.means, part, terms)
    fit = fit_axes(activity[first], part, averages, marginals, terms, sizes, options)
    others = np.asarray(activity[second], dtype=np.float64)
    traces, overlaps = {}, []
    for name in terms:
        order = matched(encoders[name], fit.encoders[name])
        traces[name] = np.moveaxis(others @ fit.decoders[name][:, order], -1, 0)
        overlaps.append(np.abs(np.einsum("uk,uk->k", encoders[name], fit.encoders[name][:, order])))
    tests = component_tests(
        traces, design.of_trials(second), terms, n_permutations=options.permutations, seed=options.seed
    )
    untested = {name: np.full((sizes[name], activity.shape[1]), np.nan) for name in terms}
    return {
        "p_value_matrix": np.concatenate(list({**untested, **tests.p_values}.values())),
        "familywise_matrix": np.concatenate(list({**untested, **tests.familywise}.values())),
        "overlaps": np.minimum(np.concatenate(overlaps), 1.0),
    }


def halves(design: Design, seed: int) -> tuple[Array, Array]:
    """Return the trials to fit and the trials to test, ascending: of n trials of a cell, n // 2 and the rest."""
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    fitted = np.zeros(len(design.cell), dtype=bool)
    for cell in design.observed:
        trials = generator.permutation(design.trials_of(cell))
        fitted[trials[: len(trials) // 2]] = True
    return np.flatnonzero(fitted), np.flatnonzero(~fitted)


def _enough(design: Design, least: int) -> None:
    counts = design.counts[design.observed]
    if counts.min() < least:
        cell = int(design.observed[counts.argmin()])
        auto = " with regularizer='auto'" if least > 2 else ""
        raise InputError(
            f"permutations: the cell {design.name_of(cell)} has {counts.min()} trials; expected at least "
            f"{least}{auto} in every cell that has any, half of them to fit and half to test"
        )
