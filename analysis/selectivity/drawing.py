"""The pictures of this folder's results."""

from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .anova_table import AnovaTable
    from .effect_sizes import EffectSizes
    from .mixed import MixedSelectivity
    from .select_units import SelectedUnits
    from .unit_tests import UnitTests

_ALPHA = 0.05


def significant_over_time(table: "AnovaTable", ax: "Axes") -> "Axes":
    """Draw the share of units with each effect at each time: false discovery rate or familywise error at 5 %."""
    adjusted = table.familywise_p_values
    words = "familywise error ≤ 0.05"
    if adjusted is None:
        adjusted, words = table.adjusted(), "FDR ≤ 0.05 over units and times"
    tested = ~(table.deterministic | table.constant)
    n_tested = tested.sum(axis=1)
    times = np.arange(table.shape[0]) if table.time is None else table.time
    for index, (name, style) in enumerate(plotting.group_styles(table.effects).items()):
        share = np.divide(
            (adjusted[index] <= _ALPHA).sum(axis=1), n_tested, out=np.full(len(times), np.nan), where=n_tested > 0
        )
        ax.plot(times, share, label=_spoken(name), **style)
    ax.set(xlabel="sample" if table.time is None else "time (s)", ylabel="share of units")
    ax.set_ylim(bottom=0)
    ax.margins(x=0.01)
    ax.set_title(f"Units with each effect, {words}")
    _legend(ax, "effect")
    return ax


def effect_sizes_over_units(table: "AnovaTable", ax: "Axes") -> "Axes":
    """Draw ω² of every unit, sorted within each effect; dots where the effect is significant."""
    from matplotlib.ticker import MaxNLocator

    adjusted = table.familywise_p_values
    words = "familywise error ≤ 0.05"
    if adjusted is None:
        adjusted, words = table.adjusted(), "FDR ≤ 0.05"
    tested = ~(table.deterministic | table.constant).ravel()
    sizes, adjusted = (values.reshape(len(table.effects), -1)[:, tested] for values in (table.omega_squared, adjusted))
    for index, (name, style) in enumerate(plotting.group_styles(table.effects).items()):
        order = np.argsort(-sizes[index])
        ranks, significant = np.arange(1, len(order) + 1), adjusted[index][order] <= _ALPHA
        label = f"{_spoken(name)} ({significant.sum()} of {len(order)})"
        ax.plot(ranks, sizes[index][order], label=label, linewidth=1.0, **style)
        ax.plot(ranks[significant], sizes[index][order][significant], ".", color=style["color"], markersize=4)
    ax.axhline(0, color=plotting.GREY, linewidth=0.6, zorder=0)
    ax.set(xlabel="unit, sorted for each effect", ylabel="ω² (share of variance)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_title(f"Effects of each unit (dots: {words})")
    _legend(ax, "effect (significant)")
    return ax


def effects_against_p(tests: "UnitTests", ax: "Axes") -> "Axes":
    """Draw effect sizes against p-values on a logarithmic axis, those significant after correction in colour."""
    effects, p = tests.effect_sizes.ravel(), tests.p_values.ravel()
    significant = tests.adjusted_p_values.ravel() <= _ALPHA
    kept = ~np.isnan(p)
    for chosen, colour, name in (
        (kept & ~significant, plotting.GREY, "not significant"),
        (kept & significant, plotting.BLUE, f"{tests.correction} ≤ 0.05"),
    ):
        shown = np.maximum(p[chosen], np.finfo(float).tiny)
        ax.plot(effects[chosen], shown, ".", color=colour, markersize=4, label=f"{name} ({chosen.sum()})")
    ax.set_yscale("log")
    ax.invert_yaxis()
    ax.set(xlabel=tests.effect_name, ylabel="p (up: smaller)")
    ax.set_title(f"{tests.test}, {tests.describe_size()}")
    _legend(ax, None)
    return ax


def sorted_effects(sizes: "EffectSizes", ax: "Axes") -> "Axes":
    """Draw Hedges' g of each unit, sorted, with intervals; of (time, unit) data the mean of |g| over units in time."""
    g, (low, high) = sizes.hedges_g, sizes.g_interval
    colour = plotting.BLUE
    if g.ndim == 2:
        kept = ~np.isnan(g)
        mean = np.where(kept, np.abs(g), 0).sum(axis=1) / np.maximum(kept.sum(axis=1), 1)
        ax.plot(np.arange(len(mean)) if sizes.time is None else sizes.time, mean, color=colour)
        ax.set(xlabel="sample" if sizes.time is None else "time (s)", ylabel="mean |g| over units")
        n_low, n_high = sizes.n_trials
        by_chance = np.sqrt(2 / np.pi * (1 / n_low + 1 / n_high))  # mean of |g| of a normal estimate around 0
        ax.axhline(by_chance, color=plotting.GREY, linewidth=0.8, linestyle="dashed", label="units without effect")
        ax.set_ylim(bottom=0)
        ax.legend(fontsize="small", frameon=False)
    else:
        order = np.argsort(np.nan_to_num(g.ravel()))
        ranks = np.arange(1, len(order) + 1)
        ax.vlines(ranks, low.ravel()[order], high.ravel()[order], color=colour, alpha=0.4, linewidth=1.0)
        ax.plot(ranks, g.ravel()[order], ".", color=colour, markersize=4)
        ax.axhline(0, color=plotting.GREY, linewidth=0.6, zorder=0)
        ax.set(xlabel="unit, sorted", ylabel=f"Hedges' g with {sizes.level:.0%} interval")
    ax.set_title(f"{sizes.labels[1]} against {sizes.labels[0]}")
    return ax


def class_counts(found: "MixedSelectivity", ax: "Axes") -> "Axes":
    """Draw a bar for each class, that of pure units split by factor, with the numbers beside."""
    counts = {
        name: count for name, count in found.counts().items() if count or name not in ("deterministic", "constant")
    }
    pure, total = found.pure(), max(1, found.classes.size)
    styles = plotting.group_styles(pure)
    for row, (name, count) in enumerate(counts.items()):
        if name == "pure":
            left = 0
            for factor, part in pure.items():
                label = f"pure: {factor}" if part else None
                ax.barh(row, part, left=left, color=styles[factor]["color"], label=label, edgecolor="white")
                left += part
        else:
            ax.barh(row, count, color=plotting.GREY)
        ax.text(count + 0.01 * total, row, f"{count} ({count / total:.0%})", va="center", fontsize="small")
    ax.set_yticks(range(len(counts)), list(counts))
    ax.invert_yaxis()
    ax.margins(x=0.18)
    ax.set(xlabel="units" if len(found.shape) < 2 else "units × times")
    ax.set_title(f"Selectivity ({found.correction} ≤ {found.alpha:g})")
    if any(pure.values()):
        _legend(ax, None)
    return ax


def responses_by_condition(found: "SelectedUnits", ax: "Axes") -> "Axes":
    """Draw the changes of selected units as a map (unit, condition), each unit scaled to its largest."""
    chosen = np.flatnonzero(found.selected & ~np.isnan(found.changes).any(axis=1))
    changes = found.changes[chosen]
    order = np.lexsort((-np.abs(changes).max(axis=1, initial=0), found.preferred[chosen]))
    shown: Array = changes[order] if len(chosen) else np.zeros((1, len(found.conditions)))
    largest = np.abs(shown).max(axis=1, keepdims=True)
    scaled = np.divide(shown, largest, out=np.zeros(shown.shape), where=largest > 0)
    image = ax.imshow(scaled, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    names = [_label(value) for value in found.conditions.tolist()]
    ax.set_xticks(range(len(names)), names, rotation=90 if sum(map(len, names)) > 30 else 0)
    ax.set_yticks([])
    ax.set(xlabel="condition", ylabel=f"{len(chosen)} selected units, by preferred condition")
    ax.set_title(f"Responses, {found.mode}: {found.selected.sum()} of {len(found.selected)} units selected")
    plotting.figure_of(ax).colorbar(image, ax=ax, label="change from baseline / largest of the unit", shrink=0.8)
    return ax


def _spoken(effect: str) -> str:
    return effect.replace(":", " × ")


def _label(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _legend(ax: "Axes", title: str | None) -> None:
    ax.legend(title=title, loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
