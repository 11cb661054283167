"""The pictures of subspaces: spectra, trajectories, angles, alignment, rotation and task axes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import plotting
from ...results import count_noun
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .comparison import SubspaceComparison
    from .cross_validated_rank import Dimensionality
    from .principal_components import PrincipalComponents
    from .rotational_dynamics import RotationalDynamics
    from .targeted_axes import TargetedAxes

# Beyond these a picture says less with every line.
_MOST_COMPONENTS = 40
_MOST_TRIALS = 60
_MOST_NAMED = 12
_SIGNAL, _SHARED = plotting.GREEN, plotting.ORANGE


def draw_spectrum(found: "PrincipalComponents", ax: "Axes | None") -> "Axes":
    """Draw the share of variance of each component, of noise alone and, where trials repeat, of signal."""
    ax = plotting.axes_or_new(ax)
    shown = min(len(found.variance), _MOST_COMPONENTS)
    numbers = np.arange(1, shown + 1)
    dots: dict[str, Any] = {"marker": "o", "markersize": 3}
    lines = [("all", found.variance, {"color": plotting.INK, **dots})]
    if found.signal_variance is not None:
        signal = {"color": _SIGNAL, "linestyle": "none", **dots}
        lines.append(("repeats between halves of trials", found.signal_variance, signal))
    lines.append(
        (
            "noise alone" if found.labels else "units shifted in time",
            found.noise_floor,
            {"color": plotting.GREY, "linestyle": "dashed"},
        )
    )
    for label, values, style in lines:
        share = values[:shown] / found.total_variance
        # What rounding leaves of an absent variance would stretch the axis over many empty decades.
        positive = np.where(share > 1e-8, share, np.nan)
        if np.isfinite(positive).any():
            ax.plot(numbers, positive, label=label, **style)
    if found.noise_bound > 1e-8 * found.total_variance:
        bound = found.noise_bound / found.total_variance
        ax.axhline(bound, color=plotting.GREY, linewidth=0.8, linestyle="dotted", label="95 % of its largest")
    ax.set_yscale("log")
    # Chance leaves signals of any small size: they must not stretch the axis either.
    ax.set_ylim(bottom=max(0.3 * float(found.variance[:shown].min()) / found.total_variance, 1e-8))
    _whole_ticks(ax)
    ax.set(xlabel="component", ylabel="fraction of variance")
    ax.set_title(f"Spectrum: {count_noun(found.n_above_noise, 'component')} above noise")
    ax.legend(fontsize="small")
    return ax


def draw_dimensionality(found: "Dimensionality", ax: "Axes | None") -> "Axes":
    """Draw the held-out error of every fold, thin, and their mean; a mark at the chosen number of dimensions."""
    ax = plotting.axes_or_new(ax)
    ranks = np.arange(found.errors.shape[1])
    ax.plot(ranks, found.errors.T, color=plotting.GREY, linewidth=0.4, alpha=0.6)
    ax.plot(ranks, found.mean_error, color=plotting.INK)
    ax.plot(found.rank, found.mean_error[found.rank], "o", color=plotting.UNSTABLE)
    # Useless dimensions can make errors huge; what matters is near the smallest.
    low = float(found.errors.min())
    ax.set_ylim(low - 0.05 * (1 - low) - 1e-3, max(1.1, float(found.mean_error[: found.rank + 1].max()) * 1.05))
    _whole_ticks(ax)
    ax.set(xlabel="dimensions", ylabel=f"error / variance,\n{found.method}")
    ax.set_title(f"{count_noun(found.rank, 'dimension')} predict{'s' if found.rank == 1 else ''} best")
    return ax


def draw_trajectories(paths: Array, labels: tuple[str, ...], ax: "Axes | None", *, xlabel: str, ylabel: str) -> "Axes":
    """Draw paths (condition, time, 2), each from a dot to an arrow head; without labels, trials and their mean."""
    ax = plotting.axes_or_new(ax)
    if labels:
        for path, (label, style) in zip(paths, _condition_styles(labels).items(), strict=True):
            _draw_path(ax, path, label=label, **style)
        if len(labels) <= _MOST_NAMED:
            ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
    else:
        for path in paths[:_MOST_TRIALS]:
            ax.plot(path[:, 0], path[:, 1], color=plotting.GREY, linewidth=0.5, alpha=0.6)
        reached = np.isfinite(paths).any(axis=(0, 2))
        _draw_path(ax, np.nanmean(paths[:, reached], axis=0), label="mean", color=plotting.INK)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    drawn = f"{min(len(paths), _MOST_TRIALS)} of {len(paths)} trials and the mean of all"
    ax.set_title(f"{count_noun(len(labels), 'condition')}, each from its dot" if labels else drawn)
    return ax


def draw_component_times(found: "PrincipalComponents", n_components: int) -> "Figure":
    """Draw each of the first components against time in a panel, one line for each condition."""
    drawn = plotting.figure(columns=n_components, width=3.6, height=2.9)
    times = np.arange(found.scores.shape[1]) if found.time is None else found.time
    for index, ax in enumerate(drawn.axes):
        for scores, (label, style) in zip(found.scores, _condition_styles(found.labels).items(), strict=True):
            ax.plot(times, scores[:, index], label=label, **style)
        ax.axhline(0, color=plotting.GREY, linewidth=0.6, zorder=0)
        ax.set(xlabel="sample" if found.time is None else "time (s)")
        ax.margins(x=0)
        ax.set_title(f"component {index + 1} ({found.variance_ratio[index]:.0%} of variance)")
    drawn.axes[0].set_ylabel("score (z-scored units)")
    if len(found.labels) <= _MOST_NAMED:
        drawn.axes[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
    return drawn


def draw_angles(found: "SubspaceComparison", ax: "Axes | None") -> "Axes":
    """Draw principal angles over the bands of random subspaces and of one shared subspace."""
    ax = plotting.axes_or_new(ax)
    numbers = np.arange(1, len(found.angles) + 1)
    bands = [
        ("random subspaces, 95 %", found.random_low, found.random_high, plotting.GREY),
        ("one subspace (trials exchanged), 95 %", found.same_low, found.same_high, _SHARED),
    ]
    for label, low, high, colour in bands:
        if len(low):
            middle, half = np.rad2deg(low + high) / 2, np.rad2deg(high - low) / 2
            ax.errorbar(
                numbers, middle, half, fmt="none", ecolor=colour, elinewidth=7, alpha=0.6, label=label, capsize=0
            )
    ax.plot(numbers, np.rad2deg(found.angles), "o", color=plotting.INK, markersize=4, label="angle")
    _whole_ticks(ax)
    ax.set(xlabel="principal angle", ylabel="degrees", ylim=(-3, 93), yticks=range(0, 91, 15))
    ax.set_xlim(0.4, len(numbers) + 0.6)
    ax.set_title(f"Subspaces of {found.names[0]} and {found.names[1]}")
    _legend_below(ax)
    return ax


def draw_alignment(found: "SubspaceComparison", ax: "Axes | None") -> "Axes":
    """Draw the alignment index in both directions over the band of random subspaces of the data."""
    ax = plotting.axes_or_new(ax, width=3.4)
    a, b = found.names
    places = np.arange(2)
    middle = (found.alignment_low + found.alignment_high) / 2
    half = (found.alignment_high - found.alignment_low) / 2
    label = "random subspaces of the data, 95 %"
    ax.errorbar(places, middle, half, fmt="none", ecolor=plotting.GREY, elinewidth=9, alpha=0.6, label=label)
    ax.plot(places, found.alignment, "o", color=plotting.INK, markersize=5, label="alignment index")
    ax.set_xticks(places, [f"{b} in the\nsubspace of {a}", f"{a} in the\nsubspace of {b}"])
    ax.set(xlim=(-0.6, 1.6), ylim=(-0.03, 1.03), ylabel="variance / most possible")
    ax.set_title("Alignment index")
    _legend_below(ax)
    return ax


def draw_rotation_fit(found: "RotationalDynamics", ax: "Axes | None") -> "Axes":
    """Draw how much of the derivative rotation explains beside unconstrained dynamics and what chance explains."""
    ax = plotting.axes_or_new(ax, width=3.4)
    if len(found.null_r2):
        label = "units' conditions permuted"
        ax.hist(found.null_r2, bins="auto", color=plotting.GREY, alpha=0.6, label=label)
    ax.axvline(found.r2_skew, color=plotting.UNSTABLE, label="rotation")
    ax.axvline(found.r2_unconstrained, color=plotting.INK, linestyle="dashed", label="any linear dynamics")
    ax.set(xlabel="R² of the derivative", ylabel="permutations" if len(found.null_r2) else "")
    if not len(found.null_r2):
        ax.set_yticks([])
    ax.set_title("Fit" if found.p_value is None else f"Fit of rotation: p = {found.p_value:.2g}")
    ax.margins(x=0.1)
    _legend_below(ax)
    return ax


def draw_correlations(found: "TargetedAxes", ax: "Axes | None") -> "Axes":
    """Draw the held-out correlation of each axis with its regressor over time; bars below where it is significant."""
    ax = plotting.axes_or_new(ax, width=5.0)
    times = np.arange(found.strengths.shape[1]) if found.time is None else found.time
    styles = plotting.group_styles(found.regressors)
    own = np.stack([found.correlations[index, index] for index in range(len(found.regressors))])
    low = min(-0.05, float(np.nanmin(own, initial=0.0)) - 0.05)
    for index, (name, style) in enumerate(styles.items()):
        ax.plot(times, own[index], label=name, **style)
        ax.plot(times[found.peaks[index]], own[index, found.peaks[index]], "o", color=style["color"], markersize=4)
        if found.p_values is not None:
            level = low - 0.04 * (index + 1)
            marked = np.where(np.nan_to_num(found.p_values[index], nan=1.0) < 0.05, level, np.nan)
            ax.plot(times, marked, color=style["color"], linewidth=3, solid_capstyle="butt")
    ax.axhline(0, color=plotting.GREY, linewidth=0.6)
    ax.set(xlabel="sample" if found.time is None else "time (s)", ylabel="correlation, held-out trials")
    ax.margins(x=0.01)
    ax.set_title("Axes and their variables" + ("" if found.p_values is None else " (bars: p < 0.05, corrected)"))
    ax.legend(
        fontsize="small", title="axis (dot:\ntaken here)", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False
    )
    return ax


def _condition_styles(labels: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    if len(labels) <= len(plotting.PALETTE):
        return {label: {"color": style["color"]} for label, style in plotting.group_styles(labels).items()}
    from matplotlib import colormaps

    colours = colormaps[plotting.SEQUENTIAL](np.linspace(0, 0.95, len(labels)))
    width = 1.4 if len(labels) <= _MOST_NAMED else 0.6
    return {label: {"color": colour, "linewidth": width} for label, colour in zip(labels, colours, strict=True)}


def _draw_path(ax: "Axes", path: Array, *, label: str, **style: Any) -> None:
    reached = path[np.isfinite(path).all(axis=1)]
    ax.plot(reached[:, 0], reached[:, 1], label=label, **style)
    ax.plot(*reached[0], "o", markersize=4, **style)
    moved = np.flatnonzero(np.abs(np.diff(reached, axis=0)).sum(axis=1) > 0)
    if len(moved):
        last = moved[-1]
        arrow = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9, **style}
        ax.annotate("", xy=reached[last + 1], xytext=reached[last], arrowprops=arrow)


def _legend_below(ax: "Axes") -> None:
    ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)


def _whole_ticks(ax: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
