"""The published comparison: whether the wiring of a brain learns better or faster than the same wiring at random."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import files, plotting
from ...analysis import LearningComparison
from ..study import Findings, FindingsTable, Scale, Study, Workbench
from ..words import MISSING, between, interval
from .grid import Cell, comparisons
from .networks import SOURCE, left_out

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: the three quantities of the published box plots → how they are written; losses as logarithms
_QUANTITIES = {"minimum": "log10 lowest loss", "minimum_epoch": "its epoch", "settled_epoch": "99 % epoch"}
_LABEL_ROWS = {"bio": 0, "rand": 1}


def run(bench: Workbench) -> Findings:
    """Train the grid and compare the two topologies, pooled and combination by combination."""
    found = comparisons(bench)
    groups: dict[tuple[str, str], dict[Cell, LearningComparison]] = {}
    for cell, comparison in found.items():
        groups.setdefault((cell.connectome, cell.task), {})[cell] = comparison
    tables = [_pooled_table(group, own) for group, own in groups.items()]
    tables += [_combo_table(cell, comparison) for cell, comparison in found.items()]
    written = []
    for (connectome, task), own in groups.items():
        stem = f"{connectome}-{task}"
        written.append(plotting.save(_figure(own), bench.output / f"{stem}.png"))
        for cell, comparison in own.items():
            name = f"{stem}-{cell.strategy.name.replace(', ', '-').replace(' ', '-')}"
            written.append(plotting.save(comparison.plot_combos(quantity="minimum"), bench.output / f"{name}.png"))
            written.append(comparison.save(bench.output / f"{name}.h5"))
            written.append(files.write_text(bench.output / f"{name}.csv", comparison.table()))
    remarks = [remark for group, own in groups.items() for remark in claims(", ".join(group), own)]
    remarks += [_cut_off(", ".join(group), own.values(), bench.budget["epochs"]) for group, own in groups.items()]
    values = {cell.name: _values(comparison) for cell, comparison in found.items()}
    return Findings(tables, [*remarks, *left_out(bench)], written, values)


def by_run(found: LearningComparison, quantity: str, label: str) -> np.ndarray:
    """Return the mean over combinations of what the networks of each seed did, (run,); losses as log10.

    Networks of one seed have draws in common, so that runs, not networks, are independent. One that never settled, or
    has no finite loss, counts with the largest value that any has.
    """
    every = getattr(found, quantity)
    values = np.where(np.isnan(every), np.nanmax(every), every)[_LABEL_ROWS[label]]
    return np.asarray((np.log10(values) if quantity == "minimum" else values).mean(axis=0))


def differences(found: LearningComparison, quantity: str) -> np.ndarray:
    """Return rand − bio, (run,), of :func:`by_run`: above 0 where the connectome does better."""
    return np.asarray(by_run(found, quantity, "rand") - by_run(found, quantity, "bio"))


def claims(where: str, found: Mapping[Cell, LearningComparison]) -> list[str]:
    """Return whether the two claims of the publication hold in these cells, by the intervals over runs.

    A strategy keeps performance when its lowest loss is not above that of random wiring, by the interval of the
    difference; it improves on random wiring when the interval lies on the better side, at a level that holds for all
    intervals together (Bonferroni).
    """
    keeping, better = [], []
    n_intervals = len(found) * len(_QUANTITIES)
    together = 1 - 0.05 / n_intervals
    for cell, comparison in found.items():
        _, low, high = interval(differences(comparison, "minimum"))
        if np.isnan(low):
            return [f"{where}: no intervals with one run, the published claims are not judged."]
        if high >= 0:
            keeping.append(f"{cell.strategy.name} (at most {10**-low:.2g} times the loss of rand)")
        for quantity, words in _QUANTITIES.items():
            if interval(differences(comparison, quantity), together)[1] > 0:
                better.append(f"{cell.strategy.name} ({words}: {between(differences(comparison, quantity), '+.2f')})")
    return [
        f"{where}: published claim 1, strategies exist that lose no performance: "
        f"{'holds for ' + '; '.join(keeping) if keeping else 'DOES NOT HOLD'}.",
        f"{where}: published claim 2, no improvement over random wiring in loss or epochs: "
        f"{'DOES NOT HOLD for ' + '; '.join(better) if better else 'holds'}. {n_intervals} simultaneous intervals.",
    ]


def _cut_off(where: str, found: Iterable[LearningComparison], epochs: int) -> str:
    """Return in how many networks the end of the training decides about the epoch of the minimum."""
    last = np.concatenate([comparison.minimum_epoch.ravel() for comparison in found]) == epochs - 1
    return (
        f"{where}: the loss of {last.sum()} of {len(last)} networks is lowest in the last epoch and may fall further."
    )


def _pooled_table(group: tuple[str, str], found: Mapping[Cell, LearningComparison]) -> FindingsTable:
    rows = []
    for cell, comparison in found.items():
        for row, (quantity, words) in enumerate(_QUANTITIES.items()):
            form = ".2f" if quantity == "minimum" else ".0f"
            levels = [between(by_run(comparison, quantity, label), form) for label in _LABEL_ROWS]
            rows.append([
                cell.strategy.name, words, *levels, between(differences(comparison, quantity), f"+{form}"),
                f"{comparison.pooled_effect_sizes[row, 0]:+.2f}", f"{comparison.pooled_p_values[row, 0]:.2g}",
            ])  # fmt: skip
    shape = comparison.minimum.shape
    note = (
        f"{shape[1]} combinations × {shape[2]} runs for each topology. Means over combinations with 95 % intervals "
        "(Student's t) over runs; rand − bio is paired by run and above 0 where the connectome does better. Last: "
        "rank-biserial correlation and rank-sum test on the networks of all combinations together, as in the published "
        "box plots, which leaves out that networks of a run share their draws."
    )
    header = ["strategy", "quantity", "bio", "rand", "rand − bio", "effect", "p, pooled"]
    return FindingsTable(f"All combinations, {', '.join(group)}", header, rows, note)


def _combo_table(cell: Cell, found: LearningComparison) -> FindingsTable:
    rows = []
    for at, combo in enumerate(found.combos):
        cells = []
        for row, quantity in enumerate(_QUANTITIES):
            form = ".1e" if quantity == "minimum" else ".0f"
            medians = np.median(getattr(found, quantity)[:, at], axis=1)
            p = found.adjusted_p_values[row, 0, at]
            cells += [*(f"{value:{form}}" for value in medians), MISSING if np.isnan(p) else f"{p:.2g}"]
        rows.append([*map(str, combo), *cells])
    header = [*found.columns]
    for words in ("lowest loss", "its epoch", "99 % epoch"):
        header += [f"{words}, bio", "rand", "p"]
    note = (
        "Medians over runs; two-sided rank-sum tests adjusted over combinations (Benjamini and Hochberg); "
        "none where all runs tie."
    )
    return FindingsTable(f"By combination, {cell.name}", header, rows, note)


def _figure(found: Mapping[Cell, LearningComparison]) -> "Figure":
    drawn = plotting.figure(rows=len(found), columns=len(_QUANTITIES), width=3.6, height=2.9)
    axes = iter(drawn.axes)
    for cell, comparison in found.items():
        for quantity in _QUANTITIES:
            ax = comparison.plot(next(axes), quantity=quantity)
            if quantity == "minimum":
                ax.set_yscale("log")
            tests = ax.get_title(loc="left").removeprefix("All combinations: ").strip()
            ax.set_title(f"{cell.strategy.name}\n{tests}", loc="left")
    return drawn


def _values(found: LearningComparison) -> dict[str, Any]:
    names = {quantity: getattr(found, quantity).tolist() for quantity in _QUANTITIES}
    return names | {
        "combos": [list(combo) for combo in found.combos], "p_pooled": found.pooled_p_values[:, 0].tolist(),
        "effect_pooled": found.pooled_effect_sizes[:, 0].tolist(),
        "rand_minus_bio": {quantity: list(interval(differences(found, quantity))) for quantity in _QUANTITIES},
    }  # fmt: skip


STUDY = Study(
    name="connectome.bio-versus-random",
    title="Biological against random wiring on the published grid",
    source=SOURCE,
    scales={
        "small": Scale(5, {
            "connectomes": ["Macaque_Normalized"], "neurons_per_area": 4, "epochs": 200, "tasks": ["seq_mem"],
            "learning_rates": [1e-3, 1e-4], "nonlinearities": ["relu", "tanh"], "optimizers": ["adam"],
            "pattern_lengths": [3, 5], "n_backs": [],
        }),
        "paper": Scale(5, {
            "connectomes": ["Macaque_Normalized", "Marmoset_Normalized", "Human_Betzel_Normalized"],
            "neurons_per_area": 4, "epochs": 500, "tasks": ["seq_mem", "nback_mem", "pic_latent_mem"],
            "learning_rates": [1e-4, 1e-6], "nonlinearities": ["relu", "tanh"], "optimizers": ["adam", "rmsprop"],
            "pattern_lengths": [3, 5, 10], "n_backs": [2, 3, 4],
        }),
    },
    run=run,
    shares_work=True,
)  # fmt: skip
