"""Cross-temporal decoding: train a classifier at every time, test it at every time, on trials it has not seen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ...results import digest_arrays
from .. import validation
from ..trial_time import sample_times
from ..validation import Array
from . import inputs, published
from .classifiers import resolve
from .estimators import predictor
from .folds import Folds, balanced, make_folds, pair
from .record import CrossTemporalDecoding
from .significance import fold_scores, permutation_test
from .windows import windowed

MODES = ("corrected", "published")


def cross_temporal_decoding(
    activity: Any,
    labels: Any,
    window: int = 1,
    stride: int = 1,
    classifier: Any = "lda",
    cv: Any = 5,
    permutations: int = 0,
    seed: int = 0,
    *,
    time: Any = None,
    groups: Any = None,
    generalize: Any = None,
    test: tuple[Any, Any] | None = None,
    balance: int = 0,
    standardize: bool = False,
    epochs: Mapping[str, Sequence[float]] | None = None,
    keep_null: bool = False,
    keep_hits: bool = False,
    mode: str = "corrected",
    **options: Any,
) -> CrossTemporalDecoding:
    """Return how well decoders of the label, trained at each time, do at every time, on trials they have not seen.

    Parameters
    ----------
    activity : array (trial, time, unit)
        Finite real numbers. float32 is tested in float32, all else in float64; lazily read arrays are read.
    labels : (trial,)
        What to decode: at least two different values.
    window, stride : int
        Decoders see the mean over ``window`` samples, every ``stride`` samples.
    classifier : str or scikit-learn classifier
        With predictions as of scikit-learn's class:

        * "lda": ``LinearDiscriminantAnalysis(solver="lsqr")``; option ``shrinkage=0.1``, from 0 to 1 or "auto"
        * "ridge": ``RidgeClassifier``; option ``alpha=1.0``
        * "nearest_centroid": ``NearestCentroid``
        * "logistic": ``LogisticRegression``; option ``C=1.0``
        * "svm": ``SVC(kernel="linear")``; option ``C=1.0``
        * "rbf_svm": ``SVC(kernel="rbf")``; options ``C=1.0``, ``gamma="scale"``

        The first three have closed forms here.
    cv : int, sequence of (train, test), or "leave_one_out"
        Number of stratified folds, dealt at random by ``seed``; or pairs of trial numbers or masks; or each trial
        tested by decoders trained on all others.
    permutations : int
        Permutations of the labels behind p-values, 0 for none; all of them when there are no more distinct ones.
    seed : int
        Of folds, draws for balance, and permutations.
    time : (time,), optional
        Times of the samples, s.
    groups : (trial,), optional
        Trials of one group (a session, a block) never train and test one fold, and only they exchange labels.
    generalize : (trial,), optional
        Conditions: each is tested by decoders trained on all the others, and is a fold. Without ``cv``.
    test : (activity, labels), optional
        Another recording with the same times and units: decoders trained on all of the first are tested on all of
        this one, the only fold. Without ``cv``.
    balance : int
        Take as many trials of each label as the rarest has, in training and in test sets, drawn at random this
        number of times, each draw a fold; 0 takes all trials.
    standardize : bool
        Divide units by their deviation over the training trials at the training time.
    epochs : mapping of name → (start, stop), optional
        To mark in pictures; in the unit of ``time``.
    keep_null : bool
        Keep the accuracies under permuted labels in the result.
    keep_hits : bool
        Keep in the result which trials were decoded right at each time.
    mode : "corrected" or "published"
        "published" repeats a scheme that tests decoders on trials that they were trained on: see the notes.
    **options
        Of the classifier.

    Returns
    -------
    CrossTemporalDecoding
        ``scores`` (fold, train time, test time), ``accuracy`` their mean, ``p_values`` with permutations.

    Raises
    ------
    InputError
        If ``activity`` is not (trial, time, unit) of finite numbers, labels do not match it or are all equal, the
        window does not fit, a label has fewer trials than there are folds, a trial would train and test one fold,
        or a fold tests a label that it has not seen.
    ConfigurationError
        If the classifier, an option or the mode is unknown, or options contradict each other.

    Notes
    -----
    A trial trains or tests a fold, at all times: samples of one trial share their noise, so that a decoder tested on a
    trial it has seen scores above chance on nothing, also at another time. The published scheme (``mode="published"``:
    RBF support vectors; the first two trials of each label held out at the training time, all trials tested elsewhere)
    does that, and reaches about 0.8 next to the diagonal with slow noise and eight labels. :func:`leak_check`
    finds such faults in any pipeline.

    Ties go to the first label in sorted order. Units that do not vary do no harm and are counted in ``notes``. Where no
    trial differs from the others of its label, as in a network without noise, discriminant analysis has no
    covariance: the nearest mean decides, and ``notes`` say so.

    Permuted labels are exchanged within folds, see ``notes`` of the result; the test is exact.

    Closed forms take one factorisation for each fold and training time, over trials or units, whichever are fewer,
    shared by all permutations, and one for each training time where trials are left out one by one. Each set of labels
    then costs the test itself: O(trials · times² · units · labels). Automatic shrinkage and scikit-learn's classifiers
    are fitted anew for each permutation.

    Memory: a copy of the windowed activity and one in single precision, about 100 MB of blocks at most, 8 bytes for
    each score and, with permutations, 8 to 24 bytes for each permutation and cell.

    References
    ----------
    Meyers et al. (2008), J. Neurophysiol. 100:1407, and King and Dehaene (2014), Trends Cogn. Sci. 18:203 (the method);
    Ledoit and Wolf (2004), J. Multivar. Anal. 88:365 (automatic shrinkage); Maris and Oostenveld (2007), J. Neurosci.
    Methods 164:177 (clusters); Bernardi et al. (2020), Cell 183:954 (generalisation across conditions).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(60) % 2
    >>> activity = rng.standard_normal((60, 4, 10))
    >>> activity[:, 1:3] += 2 * labels[:, None, None]  # one code at two times
    >>> cross_temporal_decoding(activity, labels).accuracy.round(1).tolist()[1:3]
    [[0.5, 1.0, 1.0, 0.5], [0.5, 1.0, 1.0, 0.5]]
    """
    validation.choice("mode", mode, MODES)
    repeats = validation.whole_number("balance", balance, least=0)
    n_permutations = validation.whole_number("permutations", permutations, least=0)
    seed = validation.whole_number("seed", seed, least=0)
    legacy = mode == "published"
    if legacy:
        others = {"groups": groups, "generalize": generalize, "test": test, "balance": repeats}
        others |= {"permutations": permutations, "standardize": standardize, "keep_hits": keep_hits}
        inputs.only_published(classifier, others)
        classifier = "rbf_svm"
    decoder, description = resolve(classifier, options)
    trials = inputs.gather_trials(activity, labels, test)
    times, unit = sample_times(time, trials.activity.shape[1])
    window, stride = inputs.window_and_stride(window, stride, len(times))
    if legacy:
        folds = pair(*published.first_of_each_class(trials.codes), trials.codes, trials.names)
    else:
        folds = _folds(
            trials, cv, across=test is not None, groups=groups, generalize=generalize, balance=repeats, seed=seed
        )
    grouped = None if groups is None else validation.label_codes("groups", groups, len(folds.codes))[1]
    # The same bits for any number of threads; for matrices of this size threads wait for each other, up to 100 times.
    with threadpool_limits(1, user_api="blas"):
        windows = windowed(trials.activity, window, stride)
        predict = predictor(windows, decoder, standardize=standardize)
        if legacy:
            scores, hits, notable = published.published_scores(windows, decoder, folds), None, 0
        else:
            scores, hits, notable = fold_scores(predict(folds, folds.codes[None]), folds, windows.count)
        found = None
        if n_permutations:
            found = permutation_test(predict, folds, scores.mean(axis=0), n_permutations, grouped, seed)
    notes = _notes(trials.activity, description, notable, len(folds) * windows.count, legacy=legacy)
    tested: dict[str, Any] = {}
    if found is not None:
        tested, notes = found.fields(keep_null=keep_null), (*notes, found.describe())
    scheme = _scheme(folds, cv, repeats, legacy=legacy, across=test is not None, conditions=generalize is not None)
    parameters = {
        "window": window, "stride": stride, "classifier": description, "permutations": n_permutations, "seed": seed,
        "cv": cv if isinstance(cv, (int, str)) else "pairs", "balance": repeats, "standardize": standardize,
        "mode": mode,
    }  # fmt: skip
    return CrossTemporalDecoding(
        scores=scores, hits=hits if keep_hits else None, n_tested=folds.n_tested,
        time=inputs.window_centres(times, window, stride), time_unit=unit, window=window, stride=stride,
        labels=trials.names, folds=folds.names, classifier=description, scheme=scheme, chance=_chance(folds),
        n_trials=len(folds.codes), n_units=trials.activity.shape[2], epochs=inputs.epoch_edges(epochs), notes=notes,
        parameters=parameters,
        input_digest=digest_arrays([trials.activity, folds.codes, *folds.train, *folds.test]), **tested,
    )  # fmt: skip


def _folds(
    trials: inputs.Trials, cv: Any, *, across: bool, groups: Any, generalize: Any, balance: int, seed: int
) -> Folds:
    """Return the folds that the options ask for, refusing more than one way to say who trains and who tests."""
    if across:
        inputs.alone("test", cv, {"groups": groups, "generalize": generalize})
        first, second = np.split(np.arange(len(trials.codes)), [trials.n_first])
        folds = pair(first, second, trials.codes, trials.names)
        return balanced(folds, balance, seed) if balance else folds
    if generalize is not None:
        inputs.alone("generalize", cv, {})
    return make_folds(cv, trials.codes, trials.names, groups=groups, generalize=generalize, balance=balance, seed=seed)


def _chance(folds: Folds) -> float:
    """Return what always answering the most frequent label of the tested trials scores."""
    counts = np.bincount(folds.codes[np.concatenate(folds.test)])
    return float(counts.max() / counts.sum())


def _scheme(folds: Folds, cv: Any, balance: int, *, legacy: bool, across: bool, conditions: bool) -> str:
    """Return in words who trained and who tested."""
    if legacy:
        return "published scheme: 2 trials of each label held out at the training time only"
    if across:
        return f"trained on one recording, tested on {folds.n_tested[0]} trials of another"
    if conditions:
        words = f"each of {len(folds) // max(1, balance)} conditions tested by decoders trained on the others"
    elif isinstance(cv, str):
        words = "each trial tested by decoders trained on all others"
    else:
        words = f"{len(folds) // max(1, balance)} folds"
    return f"{words}, {balance} balanced draws" if balance else words


def _notes(activity: Array, classifier: str, notable: int, n_fits: int, *, legacy: bool) -> tuple[str, ...]:
    notes = []
    if legacy:
        notes.append("off the diagonal decoders were tested on trials that trained them: these cells are too high")
    still = int((activity == activity[:1, :1]).all(axis=(0, 1)).sum())
    if still:
        notes.append(f"{still} of {activity.shape[2]} units never vary")
    if notable and classifier.startswith("lda"):
        alike = f"in {notable} of {n_fits} fits no trial differed from the others of its label"
        notes.append(f"{alike}: the nearest mean decided there")
    elif notable:
        notes.append(f"{notable} of {n_fits} fits stopped before they converged")
    return tuple(notes)
