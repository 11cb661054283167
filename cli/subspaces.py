"""``dynascope subspaces``: principal components, angles between epochs, rotation, and axes of task variables."""

import dataclasses
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import ConfigurationError
from .console import Console, output_options
from .epochs import conditions, trial_column
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
    from matplotlib.figure import Figure

    from ..readers import Recording
    from ..results import Result

_PCA_COMPONENTS = 10  # lowered to what there is; any number that is asked for must exist


@dataclasses.dataclass(frozen=True)
class _Options:
    method: str
    versus: str | None
    labels: tuple[str, ...]
    components: str | None
    array: str
    permutations: int
    seed: int

    def chosen_components(self, **default: Any) -> dict[str, Any]:
        """Return ``n_components`` as asked for: a whole number, a share of variance, or "cv"."""
        if self.components is None:
            return default
        if self.components == "cv":
            return {"n_components": "cv"}
        for kind in (int, float):
            try:
                return {"n_components": kind(self.components)}
            except ValueError:
                continue
        raise ConfigurationError(f"--components {self.components}: expected a number, a share of variance, or cv")


@click.command("subspaces")
@click.argument("archives", nargs=-1, required=True)
@result_options
@selection_options
@click.option(
    "--method", type=click.Choice(["pca", "jpca", "tdr"]), default="pca", show_default=True,
    help="Principal components, planes of rotation, or axes of task variables.",
)  # fmt: skip
@click.option(
    "--label", "labels", multiple=True, metavar="COLUMN",
    help="A trial column: the conditions that are averaged; for tdr the task variables (repeatable).",
)  # fmt: skip
@click.option("--versus", metavar="EPOCH", help="Compare the subspace of --epoch with that of this epoch.")
@click.option(
    "--components", metavar="N",
    help="How many dimensions; for pca also cv (cross-validated), with --versus also a share of variance such as 0.9.",
)  # fmt: skip
@array_option
@click.option(
    "--permutations", type=click.IntRange(min=0), default=200, show_default=True,
    help="Behind the p-values of jpca, tdr and --versus.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
@output_options
def command(
    archives: tuple[str, ...], output: str, figure_format: str, selection: Selection, method: str,
    labels: tuple[str, ...], versus: str | None, components: str | None, array: str, permutations: int, seed: int,
    console: Console,
) -> None:  # fmt: skip
    """Find the subspaces that the activity of ARCHIVES fills.

    pca: components of single trials, or with --label of condition means, beside what noise alone shows. With --epoch A
    --versus B: principal angles and alignment of two epochs, beside random subspaces and one shared subspace. jpca: the
    planes in which condition means rotate. tdr: one axis for each task variable, cross-validated.

    \b
    Examples:
      dynascope subspaces network.h5 --label stimulus -o pca
      dynascope subspaces session.nwb --epoch stim1 --versus delay1 --components 10 -o angles
      dynascope subspaces session.nwb --method jpca --label target --epoch movement -o rotation
      dynascope subspaces session.nwb --method tdr --label motion --label colour --label choice -o axes
    """
    from .. import plotting

    options = _Options(method, versus, labels, components, array, permutations, seed)
    _consistent(options, selection)
    base = base_path(output)
    found = []
    for path, target in zip(archives, result_paths(base, archives), strict=True):
        result, figure = _analysed(selection, options, path)
        result.save(with_suffix(target, ".h5"))
        plotting.save(figure, with_suffix(target, f".{figure_format}"))
        found.append({"archive": path, **result.to_dict()})
        if not console.as_json:
            console.result(result.summary() if target == base else f"{path}\n{result.summary()}", {})
    if console.as_json:
        console.result("", found[0] if len(found) == 1 else {"archives": found})


def _consistent(options: _Options, selection: Selection) -> None:
    if options.versus is not None:
        if selection.epoch is None:
            raise ConfigurationError(f"--versus {options.versus}: expected --epoch too, the epoch to compare it with")
        if options.method != "pca":
            raise ConfigurationError(f"--versus: compares principal subspaces; leave out --method {options.method}")
    elif options.method != "pca" and not options.labels:
        raise ConfigurationError(f"--method {options.method}: expected --label COLUMN")


def _analysed(selection: Selection, options: _Options, path: str) -> tuple["Result", "Figure"]:
    recording = selection.read(path)
    activity = array_of(recording, options.array, path)
    if options.versus is not None:
        other = dataclasses.replace(selection, epoch=options.versus).read(path)
        names = (str(selection.epoch), options.versus)
        return _compared(
            activity, array_of(other, options.array, path), conditions(recording, options.labels, path), names, options
        )
    analyse = {"pca": _principal, "jpca": _rotation, "tdr": _targeted}[options.method]
    return analyse(activity, recording, options, path)


def _principal(activity: Any, recording: "Recording", options: _Options, path: str) -> tuple["Result", "Figure"]:
    from ..analysis import pca

    labels = conditions(recording, options.labels, path)
    asked = options.chosen_components(n_components=None)
    found = pca(activity, labels, time=np.asarray(recording.time), seed=options.seed, **asked)
    if not asked["n_components"] and len(found.variance) > _PCA_COMPONENTS:
        found = found.leading(_PCA_COMPONENTS)
    figure = _panels(found.plot)
    if len(found.variance) > 1:
        figure = _panels(found.plot, found.plot_trajectories)
    return found, figure


def _compared(a: Any, b: Any, labels: Any, names: tuple[str, str], options: _Options) -> tuple["Result", "Figure"]:
    from ..analysis import compare_subspaces

    found = compare_subspaces(
        a, b, labels=labels, n_permutations=options.permutations, names=names, seed=options.seed,
        **options.chosen_components(),
    )  # fmt: skip
    return found, _panels(found.plot, found.plot_alignment)


def _rotation(activity: Any, recording: "Recording", options: _Options, path: str) -> tuple["Result", "Figure"]:
    from ..analysis import jpca

    found = jpca(
        activity, conditions(recording, options.labels, path), np.asarray(recording.time),
        n_permutations=options.permutations, seed=options.seed, **options.chosen_components(),
    )  # fmt: skip
    return found, _panels(found.plot, found.plot_fit)


def _targeted(activity: Any, recording: "Recording", options: _Options, path: str) -> tuple["Result", "Figure"]:
    from ..analysis import targeted_dimensionality_reduction

    found = targeted_dimensionality_reduction(
        activity, {name: trial_column(recording, name, path) for name in options.labels},
        time=np.asarray(recording.time), n_permutations=options.permutations, seed=options.seed,
        **options.chosen_components(),
    )  # fmt: skip
    return found, _panels(found.plot) if len(options.labels) == 1 else _panels(found.plot_trajectories, found.plot)


def _panels(*draw: Any) -> "Figure":
    """Return a figure with one panel for each method that draws."""
    from .. import plotting

    figure = plotting.figure(columns=len(draw), width=4.8, height=3.8)
    for method, ax in zip(draw, figure.axes, strict=True):
        method(ax)
    return figure
