"""Which kind of event tells what the trial was: decoding from single spikes, bursts, and both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from ...results import digest_arrays
from .. import validation
from ..decoding import cross_temporal_decoding
from ..statistics import Permutations, bootstrap_interval, max_statistic_p_values, permutation_p_values
from ..validation import Array
from ..value_decoding import decode_values
from .comparison import CodeComparison
from .features import CODES, code_features
from .trains import BurstTrains

_BAND = 0.95
# Permutations of values decoded at once.
_BLOCK = 64


@dataclass(frozen=True, eq=False)
class _Scores:
    """Scores of the codes (code,), what they are under permutation (permutation, code), and how they resample.

    ``low`` and ``high`` (code,) bound the scores; ``resamples`` (resample, code) are of the same trials for all codes.
    """

    scores: Array
    low: Array
    high: Array
    resamples: Array
    null: Array | None
    exact: bool
    chance: float
    decoder: str


def compare_codes(
    trains: BurstTrains,
    labels: Any = None,
    *,
    values: Any = None,
    codes: Sequence[str] = CODES,
    window: Any = None,
    classifier: str = "lda",
    folds: int = 5,
    permutations: int = 200,
    seed: int = 0,
    target: str = "label",
) -> CodeComparison:
    """Return how well labels or values of trials are decoded from each code, on trials left out.

    Parameters
    ----------
    trains : BurstTrains
        Of :func:`burst_trains`.
    labels : (trial,), optional
        What to decode, by :func:`cross_temporal_decoding`. Either these or ``values``.
    values : (trial,), optional
        What to decode, by the ridge regression of :func:`decode_values`.
    codes : sequence of str
        Of :data:`CODES`. A decoder sees one number for each unit and trial: the rate of all ``spikes``, of ``events``
        (single spikes and bursts), of ``singles`` or of ``bursts``, ``singles_and_bursts`` side by side, or the
        ``burst_fraction``, bursts / events. The fraction of a trial without an event is that of all trials of the unit.
    window : (start, stop) or (trial, 2), optional
        s: count events that begin in it; all samples when None.
    classifier : str
        Of labels, as for :func:`cross_temporal_decoding`.
    folds : int
        The same for all codes, dealt at random by ``seed``.
    permutations : int
        Of labels or values, the same for all codes; 0 for none.
    seed : int
    target : str
        What to call the label or value.

    Raises
    ------
    InputError
        If labels or values cannot be decoded, a code is unknown, or the window does not fit.
    ConfigurationError
        If neither or both of labels and values are given, or an option is out of range.

    Notes
    -----
    Rates are counts by the recorded time of the window, so that trials may have different lengths. In the ensemble code
    of Naud and Sprekeler the event rate follows somatic and the burst fraction dendritic input; the rate of bursts, a
    product of the two, follows both, and so do all spikes.

    Decodes each code (1 + permutations) times; for LDA and labels the permutations share their factorisations.

    References
    ----------
    Naud and Sprekeler (2018), PNAS 115:E6329.

    Examples
    --------
    >>> import numpy as np
    >>> from dynascope.analysis import burst_trains
    >>> spikes, labels = np.zeros((40, 100, 1), np.uint8), np.arange(40) % 2
    >>> spikes[:, 10], spikes[labels == 0, 60], spikes[labels == 1, 14] = 1, 1, 1  # two spikes, apart or in a burst
    >>> trains = burst_trains(spikes, 0.001 * np.arange(100), max_interval=0.01)
    >>> found = compare_codes(trains, labels, codes=["spikes", "bursts"], permutations=0)
    >>> found.scores.tolist()
    [0.5, 1.0]
    """
    if (labels is None) == (values is None):
        raise ConfigurationError("compare_codes: expected either labels or values, found both or neither")
    for code in codes:
        validation.choice("code", code, CODES)
    names = tuple(dict.fromkeys(codes))
    if not names:
        raise ConfigurationError(f"codes: expected at least one of {', '.join(CODES)}, found none")
    n_permutations = validation.whole_number("permutations", permutations, least=0)
    inside, decoded = trains.recorded(window), np.asarray(values if labels is None else labels)
    features = code_features(trains, inside, names)
    options = {"folds": folds, "permutations": n_permutations, "seed": seed}
    if labels is not None:
        found = _labels(features, decoded, classifier=classifier, **options)
    else:
        found = _values(features, decoded, **options)
    pairs = found.resamples[:, :, None] - found.resamples[:, None, :]
    tail = (1 - _BAND) / 2
    below, above = np.quantile(pairs, [tail, 1 - tail], axis=0)
    tested: dict[str, Any] = {}
    if found.null is not None:
        tested = {
            "p_values": permutation_p_values(found.scores, found.null, exact=found.exact),
            "familywise_p_values": max_statistic_p_values(found.scores, found.null, exact=found.exact),
            "null_bounds": np.quantile(found.null, _BAND, axis=0),
        }
    return CodeComparison(
        codes=names, scores=found.scores, low=found.low, high=found.high,
        differences=found.scores[:, None] - found.scores[None, :], difference_low=below, difference_high=above,
        n_features=np.array([each.shape[1] for each in features]), chance=found.chance,
        measure="accuracy" if values is None else "R²", target=target, decoder=found.decoder, n_trials=len(inside),
        n_folds=int(folds), n_permutations=0 if found.null is None else len(found.null),
        parameters={**options, "classifier": classifier, "windowed": window is not None, "codes": list(names)},
        input_digest=digest_arrays([trains.spikes, trains.time, inside, decoded]),
        **tested,
    )  # fmt: skip


def _labels(
    features: Sequence[Array], labels: Array, *, classifier: str, folds: int, permutations: int, seed: int
) -> _Scores:
    """Return the accuracy of a classifier."""
    found = [
        cross_temporal_decoding(
            each[:, None], labels, classifier=classifier, cv=folds, permutations=permutations, seed=seed,
            keep_null=True, keep_hits=True,
        )
        for each in features
    ]  # fmt: skip
    hits = np.stack([np.asarray(each.hits)[:, 0] for each in found], axis=1)
    low, high = (np.array(bounds) for bounds in zip(*(each.diagonal_interval() for each in found), strict=True))
    null = None
    if permutations:
        null = np.stack([np.asarray(each.null_accuracy)[:, 0, 0] for each in found], axis=1)
    return _Scores(
        scores=np.array([each.accuracy[0, 0] for each in found]), low=low[:, 0], high=high[:, 0],
        resamples=bootstrap_interval(hits, seed=seed).resamples, null=null,
        exact=found[0].n_permutations < permutations, chance=found[0].chance, decoder=found[0].classifier,
    )  # fmt: skip


def _values(features: Sequence[Array], values: Array, *, folds: int, permutations: int, seed: int) -> _Scores:
    """Return the R² of ridge regression."""
    found = [decode_values(each[:, None], values, folds=folds, seed=seed) for each in features]
    if not np.isfinite(found[0].r2[0]):
        raise InputError(f"values: all {len(values)} are {values[0]}, expected at least two different values")
    actual = values.astype(float).reshape(-1)
    errors = [np.square(actual - each.predictions[:, 0]) for each in found]
    interval = bootstrap_interval(np.stack([*errors, actual - actual.mean()], axis=1), _r2, seed=seed)
    null, exact = None, False
    if permutations:
        orders = Permutations.of_labels(actual, permutations, seed=seed)
        exact = orders.exact

        def scores(rows: Array) -> Array:
            """Decode all rows at once, as if they were the values at as many times of one constant activity."""
            shuffled = actual[rows].T
            repeated = (np.broadcast_to(each[:, None], (len(each), len(rows), each.shape[1])) for each in features)
            return np.stack([decode_values(each, shuffled, folds=folds, seed=seed).r2 for each in repeated], axis=1)

        null = orders.null(scores, _BLOCK)
    return _Scores(
        scores=np.array([each.r2[0] for each in found]), low=interval.low, high=interval.high,
        resamples=interval.resamples, null=null, exact=exact, chance=0.0, decoder="ridge regression",
    )  # fmt: skip


def _r2(rows: Array, axis: int = 0) -> Array:
    """Return 1 − Σ errors / Σ (y − ȳ)² of each code from rows of squared errors and, last, y."""
    y = rows[:, -1]
    total = np.square(y - y.mean()).sum()
    found: Array = 1 - rows[:, :-1].sum(axis=axis) / total
    return found
