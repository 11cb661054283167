"""Pictures of learning: curves with bands, and boxes of how well and how fast networks learned."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import plotting
from ..errors import InputError
from .validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .learning_curves import LearningComparison

_SPOKEN = {
    "minimum": "minimum validation loss",
    "minimum_epoch": "epoch of the minimum",
    "settled_epoch": "epoch at 99 % of the fall",
}
_BOX_WIDTH = 0.6
_LONGEST_WORD = 12


def draw_learning_curves(
    ax: "Axes",
    training: Mapping[str, Any],
    validation: Mapping[str, Any],
    *,
    first_epoch: int = 1,
    ylabel: str = "loss",
) -> "Axes":
    """Draw mean ± 1 s.d. over runs of training (solid) and validation curves (dashed), one colour per label.

    Curves are label → (iteration, epoch); values that are not finite are left out. Epochs before ``first_epoch`` are
    not shown.

    Raises
    ------
    InputError
        If a curve has no epoch to show.
    """
    from matplotlib.lines import Line2D

    colours = _colours(training)
    for curves, line in ((training, "solid"), (validation, "dashed")):
        for label, given in curves.items():
            values = np.ma.masked_invalid(np.asarray(given, dtype=float)[:, first_epoch:])
            if not values.shape[1]:
                raise InputError(f"{label}: expected more than {first_epoch} epochs, found shape {np.shape(given)}")
            mean = values.mean(axis=0).filled(np.nan)
            spread = values.std(axis=0, ddof=min(1, len(values) - 1)).filled(0)
            epochs = first_epoch + np.arange(len(mean))
            plotting.banded_curve(
                ax, epochs, mean, mean - spread, mean + spread, label=None, color=colours[label], linestyle=line
            )
    ax.margins(x=0)
    ax.set(xlabel="epochs", ylabel=ylabel)
    keys = [Line2D([], [], color=colour, label=label) for label, colour in colours.items()]
    keys += [Line2D([], [], color=plotting.INK, label="train")]
    keys += [Line2D([], [], color=plotting.INK, linestyle="dashed", label="test (validation)")]
    ax.legend(handles=keys, frameon=False)
    return ax


def pooled_boxes(found: "LearningComparison", ax: "Axes", quantity: str) -> "Axes":
    """Draw one box per label with the runs of all combinations, and the runs themselves."""
    values = getattr(found, quantity).reshape(len(found.labels), -1)
    for place, (label, runs) in enumerate(zip(found.labels, values, strict=True)):
        _box(ax, place, runs, _colours(found.labels)[label], _BOX_WIDTH)
        missing = int(np.isnan(runs).sum())
        if missing:
            ax.annotate(
                f"{missing} not reached", (place, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom",
                fontsize="small", color=plotting.GREY,
            )  # fmt: skip
    ax.set_xticks(range(len(found.labels)), list(found.labels))
    ax.set_xlim(-0.6, len(found.labels) - 0.4)
    ax.set(xlabel="topology", ylabel=_SPOKEN[quantity])
    if found.pairs and len(found.pairs) == 1:
        row = list(_SPOKEN).index(quantity)
        ax.set_title(
            f"All combinations: p = {found.pooled_p_values[row, 0]:.2g}, "
            f"rank-biserial r = {found.pooled_effect_sizes[row, 0]:+.2f}\n",
            loc="left",
        )
    return ax


def combo_boxes(found: "LearningComparison", quantity: str) -> "Figure":
    """Draw one box per label for each combination; a star marks an adjusted p of at most 0.05 for any pair."""
    n_combos = len(found.combos)
    drawn = plotting.figure(width=2.0 + 0.45 * n_combos, height=4.4)
    ax = drawn.axes[0]
    values, colours = getattr(found, quantity), _colours(found.labels)
    width = 0.8 / len(found.labels)
    for index, label in enumerate(found.labels):
        for combo in range(n_combos):
            place = combo + (index - (len(found.labels) - 1) / 2) * width
            _box(ax, place, values[index, combo], colours[label], 0.8 * width)
    row = list(_SPOKEN).index(quantity)
    for combo in range(n_combos):
        if (found.adjusted_p_values[row, :, combo] <= 0.05).any():
            ax.annotate("*", (combo, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom")
    reached = values[np.isfinite(values)]
    if quantity == "minimum" and reached.size and reached.min() > 0:
        ax.set_yscale("log")  # combinations differ by orders of magnitude
    names = ["\n".join(str(value)[:_LONGEST_WORD] for value in combo) for combo in found.combos]
    ax.set_xticks(range(n_combos), names, fontsize="x-small", parse_math=False)
    ax.set_xlim(-0.6, n_combos - 0.4)
    ax.set(xlabel=", ".join(column.replace("_", " ") for column in found.columns), ylabel=_SPOKEN[quantity])
    ax.set_title("By combination (* adjusted p ≤ 0.05)\n" if found.pairs else "By combination", loc="left")
    handles = [_patch(colours[label], label) for label in found.labels]
    ax.legend(handles=handles, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return drawn


def _colours(labels: Any) -> dict[str, str]:
    palette = list(dict.fromkeys([*plotting.NETWORK_COLOURS.values(), *plotting.PALETTE]))
    return {label: palette[index % len(palette)] for index, label in enumerate(labels)}


def _patch(colour: str, label: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, alpha=0.5, edgecolor=colour, label=label)


def _box(ax: "Axes", place: float, runs: Array, colour: str, width: float) -> None:
    """Draw quartiles, 1.5 interquartile ranges, and every run as a dot; nothing for runs that are all NaN."""
    reached = runs[np.isfinite(runs)]
    if not reached.size:
        return
    line = {"color": colour}
    ax.boxplot(
        reached, positions=[place], widths=width, showfliers=False, patch_artist=True, manage_ticks=False,
        boxprops={"facecolor": colour, "alpha": 0.35, "edgecolor": colour}, whiskerprops=line, capprops=line,
        medianprops={"color": plotting.INK},
    )  # fmt: skip
    # Evenly over the box in order of the runs: the same picture each time.
    offsets = np.zeros(1) if len(reached) == 1 else np.linspace(-0.25, 0.25, len(reached)) * width
    ax.plot(place + offsets, reached, "o", markersize=2.5, color=colour, alpha=0.7, markeredgewidth=0)
