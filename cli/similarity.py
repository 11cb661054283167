"""``dynascope similarity``: compare networks or recordings by any measure, with a map and a tree of them."""

import dataclasses
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import ConfigurationError, InputError
from .cka import array_of_each, arrays_option, short_names
from .console import Console, output_options
from .epochs import trial_column
from .selection import Selection, array_of, base_path, result_options, selection_options, with_suffix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..analysis import SimilarityMatrix

MEASURES = ("cka", "cca", "svcca", "pwcca", "procrustes", "rsa", "predictivity", "dsa")


@dataclasses.dataclass(frozen=True)
class _Samples:
    """What to compare: arrays of files, by trial or averaged over the trials of each condition."""

    selection: Selection
    label: str | None

    def read(self, path: str, array: str) -> tuple[Any, tuple[str, ...] | None]:
        """Return activity (trial or condition, time, unit) and the conditions."""
        recording = self.selection.read(path)
        found = np.asarray(array_of(recording, array, path)[...])
        if self.label is None:
            return found, None
        names, codes = np.unique(trial_column(recording, self.label, path), return_inverse=True)
        means = [found[codes == code].mean(axis=0, dtype=np.float64) for code in range(len(names))]
        return np.stack(means), tuple(str(name) for name in names)

    def read_all(self, paths: tuple[str, ...], arrays: list[str]) -> list[Any]:
        """Return an array of every file, of the same conditions.

        Raises
        ------
        InputError
            If a file has other conditions than the first.
        """
        found, conditions = zip(*map(self.read, paths, arrays), strict=True)
        for path, own in zip(paths, conditions, strict=True):
            if own != conditions[0]:
                raise InputError(
                    f"{path}: column '{self.label}' has the values {', '.join(own)}; expected those of {paths[0]}, "
                    f"{', '.join(conditions[0])}: choose common ones with --where"
                )
        return list(found)


@click.command("similarity")
@click.argument("archives", nargs=-1, required=True)
@result_options
@selection_options
@click.option("--measure", type=click.Choice(MEASURES), default="cka", show_default=True, help="See above.")
@click.option(
    "--label", metavar="COLUMN",
    help="Average the trials of each condition first; files then need the same conditions, not the same trials.",
)  # fmt: skip
@arrays_option
@click.option("--debiased", is_flag=True, help="cka: the estimator without bias for few samples.")
@click.option("--variance", type=click.FloatRange(0, 1, min_open=True), help="svcca: share of variance kept [0.99].")
@click.option("--rank", type=click.IntRange(min=1), help="dsa: dynamic modes [10].")
@click.option("--delays", type=click.IntRange(min=1), help="dsa: successive samples of one state [1].")
@output_options
def command(
    archives: tuple[str, ...], output: str, figure_format: str, selection: Selection, measure: str, label: str | None,
    arrays: tuple[str, ...], debiased: bool, variance: float | None, rank: int | None, delays: int | None,
    console: Console,
) -> None:  # fmt: skip
    """Compare the activities of ARCHIVES by any measure, and draw the matrix, a map and a tree.

    \b
    cka           centred kernel alignment, ruled by the largest directions
    cca           mean canonical correlation; svcca and pwcca give noise less weight
    procrustes    angle left after the best rotation; a distance
    rsa           dissimilarities of the conditions of --label, averaged over time
    predictivity  R² of ridge regression on trials left out, in both directions
    dsa           distance of the eigenvalues of fitted dynamics; trials may differ

    Samples are trials × time (export with the same --seed) unless --label averages them by condition. With an --array
    for each, one file can be given several times, to compare parts of a network.

    \b
    Examples:
      dynascope similarity rnn.h5 tb.h5 gru.h5 --measure procrustes -o shapes
      dynascope similarity a.h5 b.h5 brain.nwb --measure rsa --label choice --epoch delay -o rsa
      dynascope similarity bap.h5 bap.h5 one.h5 --array dendrite --array soma --array soma -o compartments
    """
    from ..analysis import similarity_matrix

    if len(archives) < 2:
        raise InputError(f"similarity compares at least 2 files, found {len(archives)}")
    if measure == "rsa" and label is None:
        raise ConfigurationError("--measure rsa compares conditions: name their trial column with --label")
    base = base_path(output)
    chosen = array_of_each(archives, arrays)
    activities = _Samples(selection, label).read_all(archives, chosen)
    options: dict[str, Any] = {"variance": variance, "rank": rank, "n_delays": delays}
    options = {name: value for name, value in options.items() if value is not None}
    if debiased:
        options["debiased"] = True
    samples, more = _prepared(activities, measure)
    found = similarity_matrix(samples, short_names(archives, chosen), measure=measure, **options, **more)
    found.save(with_suffix(base, ".h5"))
    from .. import plotting

    plotting.save(_figure(found), with_suffix(base, f".{figure_format}"))
    console.result(found.summary(), found.to_dict())


def _prepared(activities: list[Any], measure: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the arrays as the measure takes them, and its options that follow from them."""
    from ..analysis import flatten_samples

    if measure == "dsa":
        return activities, {}
    if measure == "rsa":
        return [each.mean(axis=1, dtype=np.float64) for each in activities], {}
    if measure != "predictivity":
        return [flatten_samples(each) for each in activities], {}
    # Times of one trial are alike: a trial is predicted by other trials.
    reached = ~np.isnan(activities[0]).all(axis=2)
    trials = np.broadcast_to(np.arange(len(reached))[:, np.newaxis], reached.shape)
    return [flatten_samples(each) for each in activities], {"groups": trials[reached]}


def _figure(found: "SimilarityMatrix") -> "Figure":
    from .. import plotting

    if len(found.names) < 3 or not found.dissimilarities().any():
        return plotting.figure_of(found.plot())
    side = 2.6 + 0.42 * min(len(found.names), 24)
    figure = plotting.figure(columns=3, width=max(4.2, side), height=max(3.4, side))
    found.plot(figure.axes[0])
    found.scaling().plot(figure.axes[1])
    found.plot_dendrogram(figure.axes[2])
    return figure
