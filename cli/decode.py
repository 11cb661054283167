"""``dynascope decode``: how well, how stably and how surely a trial column can be read from activity over time."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import ConfigurationError, InputError
from .console import Console, output_options
from .epochs import samples_in, shared_epochs, trial_column
from .selection import (
    Selection,
    array_of,
    array_option,
    base_path,
    result_options,
    result_paths,
    selection_options,
    with_suffix,
)

if TYPE_CHECKING:
    from ..analysis import CrossTemporalDecoding
    from ..readers import Recording

CLASSIFIERS = ["lda", "ridge", "nearest_centroid", "logistic", "svm", "rbf_svm"]
_LEAVE_ONE_OUT = "leave-one-out"


@dataclasses.dataclass(frozen=True)
class _Options:
    label: str
    array: str
    window: float | None
    stride: float | None
    generalize: str | None
    groups: str | None
    scheme: dict[str, Any]


@click.command("decode")
@click.argument("archives", nargs=-1, required=True)
@click.option("--label", required=True, metavar="COLUMN", help="The trial column to decode.")
@result_options
@selection_options
@array_option
@click.option("--classifier", type=click.Choice(CLASSIFIERS), default="lda", show_default=True, help="What decodes.")
@click.option("--shrinkage", metavar="0…1|auto", help="Of the covariance, for lda (0.1).")
@click.option("--window", type=float, metavar="SECONDS", help="Decode means over this long (one sample).")
@click.option("--stride", type=float, metavar="SECONDS", help="From one window to the next (one sample).")
@click.option(
    "--cv", default="5", show_default=True, metavar=f"N|{_LEAVE_ONE_OUT}", help="How many folds, or each trial alone."
)  # fmt: skip
@click.option(
    "--permutations", type=click.IntRange(min=0), default=0, show_default=True, help="Of the labels, for p-values."
)  # fmt: skip
@click.option("--generalize", metavar="COLUMN", help="Test each of these conditions by decoders trained on the others.")
@click.option("--groups", metavar="COLUMN", help="Trials of one group never train and test one fold.")
@click.option(
    "--balance", type=click.IntRange(min=0), default=0, metavar="N",
    help="Draw equally many trials of each label, N times.",
)  # fmt: skip
@click.option("--standardize", is_flag=True, help="Divide units by their deviation over the training trials.")
@click.option("--pool", is_flag=True, help="One pseudo-population of the units of all ARCHIVES.")
@click.option("--across", is_flag=True, help="Train on the first archive, test on each of the others (same units).")
@click.option(
    "--mode", type=click.Choice(["corrected", "published"]), default="corrected", show_default=True,
    help="published repeats a scheme that tests decoders on trials they were trained on.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
@output_options
def command(
    archives: tuple[str, ...], label: str, output: str, figure_format: str, selection: Selection, array: str,
    classifier: str, shrinkage: str | None, window: float | None, stride: float | None, cv: str, permutations: int,
    generalize: str | None, groups: str | None, balance: int, standardize: bool, pool: bool, across: bool, mode: str,
    seed: int, console: Console,
) -> None:  # fmt: skip
    """Train decoders of a trial column at every time of ARCHIVES and test them at every time, on other trials.

    The picture shows accuracy over training and test time, with the clusters that permuted labels do not reach, and
    accuracy at the training time with its interval. Several archives are decoded one by one, pooled as one
    population, or across, from the first to the others.

    \b
    Examples:
      dynascope decode network.h5 --label stimulus --window 0.2 --stride 0.02 --permutations 200 -o decoded
      dynascope decode session.nwb --label cue --generalize context -o across_contexts
      dynascope decode early.h5 late.h5 --label stimulus --across -o early_to_late
    """
    from .. import plotting

    scheme = {
        "classifier": classifier, "cv": _folds(cv), "permutations": permutations, "seed": seed, "balance": balance,
        "standardize": standardize, "mode": mode, **_shrinkage(shrinkage),
    }  # fmt: skip
    options = _Options(label, array, window, stride, generalize, groups, scheme)
    base = base_path(output)
    found = []
    for path, target, result in _results(archives, base, selection, options, pool=pool, across=across):
        result.save(with_suffix(target, ".h5"))
        plotting.save(result.figure(), with_suffix(target, f".{figure_format}"))
        found.append({"archive": path, **result.to_dict()})
        if not console.as_json:
            console.result(result.summary() if target == base else f"{path}\n{result.summary()}", {})
    if console.as_json:
        console.result("", found[0] if len(found) == 1 else {"archives": found})


def _folds(cv: str) -> int | str:
    if cv == _LEAVE_ONE_OUT:
        return "leave_one_out"
    if not cv.isdecimal():
        raise ConfigurationError(f"--cv {cv}: expected a number of folds or {_LEAVE_ONE_OUT}")
    return int(cv)


def _shrinkage(text: str | None) -> dict[str, Any]:
    if text is None or text == "auto":
        return {} if text is None else {"shrinkage": text}
    try:
        return {"shrinkage": float(text)}
    except ValueError:
        raise ConfigurationError(f"--shrinkage {text}: expected a number from 0 to 1 or auto") from None


def _results(
    archives: tuple[str, ...], base: Path, selection: Selection, options: _Options, *, pool: bool, across: bool
) -> "Iterator[tuple[str, Path, CrossTemporalDecoding]]":
    """Yield what was decoded, where its result goes, and the result."""
    _consistent(archives, options, pool=pool, across=across)
    if pool:
        yield ", ".join(archives), base, _pooled(archives, selection, options)
    elif across:
        first = selection.read(archives[0])
        for path, target in zip(archives[1:], result_paths(base, archives[1:]), strict=True):
            other = selection.read(path)
            _same_units(first, other, archives[0], path)
            test = array_of(other, options.array, path), trial_column(other, options.label, path)
            yield path, target, _decoded(first, archives[0], options, test=test)
    else:
        for path, target in zip(archives, result_paths(base, archives), strict=True):
            yield path, target, _decoded(selection.read(path), path, options)


def _consistent(archives: tuple[str, ...], options: _Options, *, pool: bool, across: bool) -> None:
    """Refuse options that --pool and --across have no place for."""
    if not (pool or across):
        return
    name = "pool" if pool else "across"
    if pool and across:
        raise ConfigurationError("--pool: cannot be combined with --across")
    if len(archives) < 2:
        raise InputError(f"--{name}: expected at least 2 archives, found 1")
    for other in ("generalize", "groups"):
        if getattr(options, other) is not None:
            raise ConfigurationError(f"--{other}: cannot be combined with --{name}")
    if isinstance(options.scheme["cv"], str):
        raise ConfigurationError(f"--cv {_LEAVE_ONE_OUT}: cannot be combined with --{name}")


def _decoded(recording: "Recording", path: str, options: _Options, **more: Any) -> "CrossTemporalDecoding":
    from ..analysis import cross_temporal_decoding

    for name in ("generalize", "groups"):
        column = getattr(options, name)
        if column is not None:
            more[name] = trial_column(recording, column, path)
    return cross_temporal_decoding(
        array_of(recording, options.array, path), trial_column(recording, options.label, path),
        **_samples(recording, options), time=recording.time, epochs=shared_epochs(recording), **options.scheme, **more,
    )  # fmt: skip


def _pooled(archives: tuple[str, ...], selection: Selection, options: _Options) -> "CrossTemporalDecoding":
    from ..analysis import cross_temporal_decoding, pseudo_population

    scheme = dict(options.scheme)
    n_folds = scheme.pop("cv")
    recordings = [selection.read(path) for path in archives]
    for path, recording in zip(archives, recordings, strict=True):
        if recording.n_samples != recordings[0].n_samples or not np.allclose(recording.time, recordings[0].time):
            raise InputError(f"{path}: has other times than {archives[0]}; expected the same, cut with --epoch")
    pooled = pseudo_population(
        [array_of(recording, options.array, path) for recording, path in zip(recordings, archives, strict=True)],
        [trial_column(recording, options.label, path) for recording, path in zip(recordings, archives, strict=True)],
        n_folds=n_folds, seed=scheme["seed"],
    )  # fmt: skip
    return cross_temporal_decoding(
        pooled.activity, pooled.labels, **_samples(recordings[0], options), cv=pooled.splits, time=recordings[0].time,
        epochs=shared_epochs(recordings[0]), **scheme,
    )  # fmt: skip


def _samples(recording: "Recording", options: _Options) -> dict[str, Any]:
    """Return window and stride in samples."""
    asked = {"window": options.window, "stride": options.stride}
    return {
        name: 1 if seconds is None else samples_in(seconds, recording.time, f"--{name}")
        for name, seconds in asked.items()
    }


def _same_units(first: "Recording", other: "Recording", first_path: str, path: str) -> None:
    """Refuse recordings whose units differ in number or in a column of names."""
    if first.n_units != other.n_units or not np.array_equal(first.time.shape, other.time.shape):
        raise InputError(
            f"{path}: {other.n_samples} samples × {other.n_units} units, {first_path} has {first.n_samples} × "
            f"{first.n_units}; expected the same units and times"
        )
    for name in set(first.units) & set(other.units):
        ours, theirs = np.asarray(first.units[name]), np.asarray(other.units[name])
        if ours.dtype.kind in "US" and (ours != theirs).any():
            unit = int(np.argmax(ours != theirs))
            raise InputError(
                f"{path}: unit {unit} has {name} '{theirs[unit]}', in {first_path} '{ours[unit]}'; "
                "expected the same units"
            )
