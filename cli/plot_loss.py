"""``dynascope plot-loss``: compare the loss curves of result folders, ours or the published program's."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .. import files, plotting
from ..errors import ConfigurationError, InputError
from .console import Console, output_options

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..trainers.connectome.results_folder import Curves

    Combo = tuple[Any, ...]

# The columns of a published combination, as its own filters name them.
_COLUMNS = ("lr", "activation", "optimizer", "task_param")
_LISTS = ("--results_folders", "--results-folders", "--results_labels", "--results-labels")
_BOXES = {"minimum": "loss", "minimum_epoch": "min_epoch_loss", "settled_epoch": "99% min_epoch_loss"}
_INCHES = 10.0
_ENLARGED = 1.8  # text that suits a panel of 4 inches, in one of 10
_LONGEST_NAME, _LONGEST_TITLE = 200, 60


class _ListOptions(click.Command):
    """A command whose list options take all the words that follow, as ``--results_folders A B``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _repeated(args))


def _repeated(arguments: Sequence[str]) -> list[str]:
    """Return ``--list A B`` as ``--list A --list B``, which is how click knows lists."""
    found: list[str] = []
    option = ""
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if name in _LISTS:
            option = name
            found += [argument] if equals else []
        elif argument.startswith("-"):
            option = ""
            found.append(argument)
        else:
            found += [option, argument] if option else [argument]
    return found


@click.command("plot-loss", cls=_ListOptions)
@click.option(
    "--results-folders", "--results_folders", "folders", multiple=True, required=True, metavar="FOLDER…",
    help="Result folders to compare.",
)  # fmt: skip
@click.option(
    "--results-labels", "--results_labels", "labels", multiple=True, required=True, metavar="LABEL…",
    help="What to call each of them.",
)  # fmt: skip
@click.option("--save-figs", "--save_figs", "target", required=True, metavar="DIR", help="Where figures go.")
@click.option("--ylabel", default="loss", show_default=True, help="The y label of loss curves.")
@click.option("--lr", help="Only combinations of this learning rate.")
@click.option("--activation", help="Only combinations of this nonlinearity.")
@click.option("--optimizer", help="Only combinations of this optimiser.")
@click.option("--task-param", "--task_param", help="Only combinations of this pattern length or n.")
@output_options
def command(
    folders: tuple[str, ...], labels: tuple[str, ...], target: str, ylabel: str, console: Console, **filters: str | None
) -> None:
    """Draw and compare the losses of networks trained on the same grid, one label per result folder.

    Folders are those of ``dynascope train connectome --config`` or of the published program, with the same
    combinations and runs. Writes into DIR, as SVG with text that can be edited, loss and accuracy curves of each
    combination, and boxes of the minimum of the validation loss (loss.svg), its epoch (min_epoch_loss.svg) and the
    epoch at which 99 % of the fall is behind (99% min_epoch_loss.svg), over all combinations and (…_by_combo.svg) for
    each. runs.csv and runs.h5 hold every run, with rank-sum tests between labels. Epoch 0 is left out; epochs are
    counted from it, so that they are larger by 1 than in the published figures.

    \b
    Examples:
      dynascope plot-loss --results_folders bio rand --results_labels bio rand --save_figs figures
      dynascope plot-loss --results-folders a b --results-labels bio rand --save-figs figures --lr 0.0001
    """
    from ..analysis import compare_learning

    if len(labels) != len(folders) or len(set(labels)) != len(labels):
        raise ConfigurationError(
            f"--results_labels: expected {len(folders)} different labels, one per folder, found {' '.join(labels)}"
        )
    combos = _shared_combos(folders)
    chosen = _chosen(combos, {name: text for name, text in filters.items() if text is not None})
    curves = {label: _curves(folder, chosen) for label, folder in zip(labels, folders, strict=True)}
    _check_shapes(curves, folders, chosen)
    shown = [combos[index] for index in chosen]
    found = compare_learning(
        {label: [one.validate_loss for one in runs] for label, runs in curves.items()},
        shown,
        _columns(shown),
        final_accuracy=_final_accuracy(curves),
    )
    into = files.make_directory(target)
    suffix = "".join(f"_{filters[name]}" for name in _COLUMNS if filters[name] is not None)
    for place, combo in enumerate(shown):
        _draw_curves(into, combo, {label: runs[place] for label, runs in curves.items()}, ylabel)
    for quantity, name in _BOXES.items():
        drawn = plotting.figure(width=_INCHES, height=_INCHES)
        found.plot(drawn.axes[0], quantity=quantity)
        _enlarge(drawn)
        files.write_bytes(into / _file_name(name + suffix, ".svg"), _rendered(drawn))
        by_combo = _rendered(found.plot_combos(quantity=quantity))
        files.write_bytes(into / _file_name(f"{name}_by_combo{suffix}", ".svg"), by_combo)
    files.write_text(into / _file_name("runs" + suffix, ".csv"), found.table())
    found.save(into / _file_name("runs" + suffix, ".h5"))
    console.note(f"figures and tables in {into}")
    console.result(found.summary(), found.to_dict())


def _shared_combos(folders: Sequence[str]) -> "list[Combo]":
    """Return the combinations of all folders, which must be the same."""
    from ..trainers.connectome.results_folder import read_index

    combos = read_index(folders[0])
    for folder in folders[1:]:
        others = read_index(folder)
        if others != combos:
            differ = [pair for pair in zip(combos, others, strict=False) if pair[0] != pair[1]]
            what = f"{differ[0][1]} in the place of {differ[0][0]}" if differ else f"{len(others)}, not {len(combos)}"
            raise InputError(f"{folder}: expected the combinations of {folders[0]}, found {what}")
    return combos


def _chosen(combos: "Sequence[Combo]", filters: dict[str, str]) -> list[int]:
    """Return the indices of the combinations that pass all filters."""
    if filters and any(len(combo) != len(_COLUMNS) for combo in combos):
        raise ConfigurationError(
            f"--{next(iter(filters)).replace('_', '-')}: expected combinations of {', '.join(_COLUMNS)}, found "
            f"{combos[0]}"
        )
    places = {_COLUMNS.index(name): text for name, text in filters.items()}
    found = [index for index, combo in enumerate(combos) if all(_is(combo[at], text) for at, text in places.items())]
    if not found:
        asked = " ".join(f"--{name.replace('_', '-')} {text}" for name, text in filters.items())
        raise InputError(f"{asked}: none of the {len(combos)} combinations is so; the first is {combos[0]}")
    return found


def _is(value: Any, text: str) -> bool:
    if isinstance(value, str):
        return value == text
    try:
        return bool(float(text) == value)
    except ValueError:
        return False


def _columns(combos: "Sequence[Combo]") -> tuple[str, ...] | None:
    return _COLUMNS if all(len(combo) == len(_COLUMNS) for combo in combos) else None


def _curves(folder: str, chosen: Sequence[int]) -> "list[Curves]":
    from ..trainers.connectome.results_folder import read_curves

    return [read_curves(folder, index) for index in chosen]


def _check_shapes(curves: "dict[str, list[Curves]]", folders: Sequence[str], chosen: Sequence[int]) -> None:
    """Refuse runs that differ in number or in epochs, or have one epoch only."""
    shape = next(iter(curves.values()))[0].validate_loss.shape
    for folder, runs in zip(folders, curves.values(), strict=True):
        for index, one in zip(chosen, runs, strict=True):
            if one.validate_loss.shape != shape or shape[1] < 2:
                raise InputError(
                    f"{folder}/{index}: found curves (iteration, epoch) of shape {one.validate_loss.shape}, expected "
                    f"{shape} as in {folders[0]}/{chosen[0]} with at least 2 epochs"
                )


def _final_accuracy(curves: "dict[str, list[Curves]]") -> dict[str, np.ndarray] | None:
    """Return the last validation accuracy in percent, label → (combo, iteration), None where no run has any."""
    if not any(one.validate_metrics is not None for runs in curves.values() for one in runs):
        return None
    return {
        label: np.stack(
            [
                np.full(len(one.validate_loss), np.nan) if one.validate_metrics is None else one.validate_metrics[:, -1]
                for one in runs
            ]
        )
        for label, runs in curves.items()
    }


def _draw_curves(into: Path, combo: "Combo", curves: "dict[str, Curves]", ylabel: str) -> None:
    """Draw the loss curves of one combination, and its accuracies where every label has them."""
    from ..analysis import draw_learning_curves
    from ..trainers.connectome.results_folder import combo_text

    for name, label in (("loss", ylabel), ("metrics", "acc")):
        training, validation = (
            {key: getattr(one, f"{part}_{name}") for key, one in curves.items()} for part in ("train", "validate")
        )
        if any(array is None for array in (*training.values(), *validation.values())):
            continue
        drawn = plotting.figure(width=_INCHES, height=_INCHES)
        ax = draw_learning_curves(drawn.axes[0], training, validation, ylabel=label)
        ax.set_title(combo_text(combo)[:_LONGEST_TITLE], loc="left", parse_math=False)
        _enlarge(drawn)
        files.write_bytes(into / _file_name(combo_text(combo), f"_{name}.svg"), _rendered(drawn))


def _enlarge(drawn: "Figure") -> None:
    """Make text and lines suit a large panel."""
    from matplotlib.text import Text

    for ax in drawn.axes:
        size = float(ax.xaxis.label.get_fontsize())
        ax.tick_params(labelsize=_ENLARGED * size)
        for line in ax.lines:
            line.set_linewidth(_ENLARGED * line.get_linewidth())
            line.set_markersize(_ENLARGED * line.get_markersize())
    ticks = {id(label) for ax in drawn.axes for label in (*ax.get_xticklabels(), *ax.get_yticklabels())}
    for text in drawn.findobj(Text):
        if id(text) not in ticks:
            text.set_fontsize(_ENLARGED * float(text.get_fontsize()))


def _rendered(drawn: "Figure") -> bytes:
    """Return a figure as SVG whose text stays text."""
    import matplotlib

    buffer = io.BytesIO()
    with plotting.style(), matplotlib.rc_context({"svg.fonttype": "none"}):
        drawn.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _file_name(name: str, ending: str) -> str:
    """Return a name without what would lead out of the folder: combinations are words from a file."""
    return re.sub(r"[/\\\x00-\x1f]", "_", name)[:_LONGEST_NAME] + ending
