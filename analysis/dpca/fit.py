"""Demixed PCA of trials: from activity and labels to :class:`DemixedPCA`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ...errors import InputError
from ...results import digest_arrays
from .. import validation
from .averages import CellAverages
from .design import Design
from .engines import fit_axes
from .held_out import held_out_tests
from .marginalizations import Marginals, marginalizations
from .options import DEFAULT_COMPONENTS, Options, component_counts, sample_times
from .result import DemixedPCA
from .variances import variances


def dpca(
    activity: Any,
    factors: Mapping[str, Any],
    n_components: int | Mapping[str, int] = DEFAULT_COMPONENTS,
    regularizer: float | str | None = None,
    join: Mapping[str, Any] | None = None,
    engine: str = "exact",
    *,
    time: Any = None,
    regularizers: Any = None,
    n_splits: int = 3,
    loss: str = "leave_unit_out",
    encoder: str = "regularized",
    permutations: int = 0,
    seed: int = 0,
) -> DemixedPCA:
    """Return components of activity that each depend on one factor, one interaction, or time alone.

    Averages over trials are split into marginalizations: the parts that depend on time ("t"), on a factor ("s"), on
    both ("st") and so on, with main effects removed from interactions. For each, a linear decoder and encoder of few
    components reconstruct that part from the whole activity (Kobak et al. 2016).

    Parameters
    ----------
    activity : array (trial, time, unit)
        Finite real numbers of any type; may be on disk, then it is read once.
    factors : mapping
        Letter → labels (trial,), numbers or text: ``{"s": stimulus, "d": choice}``. Time is the letter "t". Trials
        need not be balanced: every cell of the crossed factors counts the same, whatever its number of trials. Cells
        without trials are filled in by least squares from the others, without the highest interactions.
    n_components : int or mapping
        Components per marginalization, for all or by name. Components beyond what a marginalization can fill have
        decoders of zero. The default of 10 is lowered to the number of units or of conditions × times where that is
        less.
    regularizer : None, float or "auto"
        λ of the dPCA package: μ = λ ‖X‖² is added to X as columns μI. ‖X‖² grows with the number of units, samples
        and the scale of activity, so a good λ for one recording is none for another. "auto" tries ``regularizers`` on
        trials left out.
    join : mapping, optional
        Name → marginalizations to treat as one: ``{"st": ["s", "st"], "dt": ["d", "dt"]}``.
    engine : {"exact", "package"}
        "package" takes the axes from the ``dPCA`` package, with its randomised solver; all else is the same.
    time : array (time,), optional
        Sample times in seconds, for the figure.
    regularizers : sequence of float, optional
        Candidates for "auto"; 45 values from 1e-7 to 0.27 when None, as in the package.
    n_splits : int
        Splits for "auto"; each leaves out one whole trial of every cell.
    loss : {"leave_unit_out", "train_from_test"}
        Error for "auto": of each left-out unit predicted from the others (the package's), or of the training averages
        predicted from left-out trials (the default of the MATLAB code).
    encoder : {"regularized", "data"}
        Encoders that minimise the regularised loss (the package's), or its value without the regulariser (MATLAB's).
    permutations : int
        When positive, fit again on half of the trials of each cell and test on the other half with so many
        permutations.
    seed : int
        Splits, halves and permutations follow from it.

    Returns
    -------
    DemixedPCA
        Encoders, decoders, components and explained variances by name; summary, figure, transform, reconstruct.

    Raises
    ------
    ConfigurationError
        An option, a factor's letter or a name in ``join`` or ``n_components`` that is not known or out of range.
    InputError
        Activity that is not (trial, time, unit) of finite numbers or does not vary; labels that do not match the
        trials, lack values or have one level; missing cells that the others do not determine; too few trials for
        "auto" or permutations.

    Notes
    -----
    Time O(samples · units²) for the fit, samples = conditions × times, or O(samples² · units) if there are fewer
    samples than units; "auto" adds about a fit per split, and permutations about two. Memory: the averages a few times
    over, and one cell's trials. Deterministic: the same bits on the same machine, for any number of threads.

    Explained variances have trial noise removed: the estimate of each squared average is the mean product of
    different trials. Axes are fitted to the same trials, so the leading components of pure noise still come out above
    zero; p-values are from trials that had no part in the fit.

    References
    ----------
    Kobak et al. (2016), Demixed principal component analysis of neural population data, eLife 5:e10989.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> s, d = np.tile([0, 1, 2, 3], 20), np.repeat([0, 1], 40)
    >>> signal = np.outer(s - 1.5, rng.standard_normal(12))[:, None] * np.hanning(30)[:, None]
    >>> activity = signal + 0.3 * rng.standard_normal((80, 30, 12))
    >>> found = dpca(activity, {"s": s, "d": d}, 2, join={"st": ["s", "st"], "dt": ["d", "dt"], "sdt": ["sd", "sdt"]})
    >>> {name: round(share, 2) + 0.0 for name, share in found.marginal_variance.items()}
    {'st': 1.0, 'dt': 0.0, 't': 0.0, 'sdt': 0.0}
    """
    found = validation.trajectories("activity", activity)
    validation.finite("activity", found)
    given = {
        "regularizer": regularizer, "regularizers": regularizers, "engine": engine, "n_splits": n_splits, "loss": loss,
        "encoder": encoder, "permutations": permutations, "seed": seed,
    }  # fmt: skip
    options = Options.checked(**given)
    times = sample_times(time, found.shape[1])
    design = Design.of(factors, len(found))
    terms = marginalizations(design.letters, found.shape[1], join)
    sizes = component_counts(n_components, terms, found.shape, design.n_cells)
    averages = CellAverages.of(found, design)
    marginals = Marginals.of(averages.means, design, terms)
    with np.errstate(over="ignore"):
        varying, size = np.square(marginals.rows).sum(), np.square(averages.means).sum()
    if not (np.isfinite(size) and varying > (64 * np.finfo(np.float64).eps) ** 2 * size):
        raise InputError(
            "activity: the averages do not vary between conditions or times, or their squares leave the range of "
            "float64; expected activity that varies"
        )
    with threadpool_limits(1, user_api="blas"):  # the same bits for any number of threads, and no waiting for them
        fit = fit_axes(found, design, averages, marginals, terms, sizes, options)
        encoders, decoders = (
            np.concatenate([of[name] for name in terms], axis=1) for of in (fit.encoders, fit.decoders)
        )
        moments = variances(found, design, averages, terms, encoders, decoders)
        tests = held_out_tests(found, design, terms, sizes, fit.encoders, options) if options.permutations else {}
    table = np.tensordot(design.completion, averages.means, axes=1)  # (cell, time, unit)
    mean = table.mean(axis=(0, 1))
    return DemixedPCA(
        engine=engine,
        factors=design.letters,
        levels={letter: values.tolist() for letter, values in zip(design.letters, design.levels, strict=True)},
        terms={name: list(members) for name, members in terms.items()},
        marginalizations=tuple(terms),
        sizes=tuple(sizes.values()),
        ranks=tuple(fit.ranks[name] for name in terms),
        regularizer=fit.regularizer,
        noise_known=averages.noise is not None,
        total_variance=moments.total,
        noise_error=moments.noise_error,
        mean=mean,
        encoder_matrix=encoders,
        decoder_matrix=decoders,
        component_matrix=np.moveaxis((table - mean) @ decoders, -1, 0),
        trials_per_cell=design.counts,
        component_variance=moments.explained,
        projected_variance=moments.projected,
        variances=moments.marginal,
        noise_variances=moments.noise,
        time=times,
        regularizers=None if fit.search is None else fit.search.regularizers,
        cv_scores=None if fit.search is None else fit.search.scores,
        **tests,
        parameters={**given, "n_components": sizes, "join": join},
        input_digest=digest_arrays([found]),
    )
