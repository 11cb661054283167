"""Memorisation of random spike patterns by the five kinds of dendritic neurons (figure 7), and who is best at it.

As published, kinds differ in more than their dendrites: initial weights differ by a factor of 140 at one learning rate,
units die or saturate, and what a readout says by silence counts as class 0. The second half gives all kinds the same
chances: kernels of gain 1, initial weights of one size, rates relative to it and chosen for each kind among the same
few, a readout bias, and a penalty on silence.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...trainers import Settings
from ...trainers.prc import KINDS
from ..study import Findings, FindingsTable, Scale, Study, Workbench
from ..words import MISSING, number
from . import drugs, readouts
from . import memorise_figures as figures
from .outcomes import Outcomes, read_outcomes
from .published import SOURCE
from .published_networks import DRAWN, DRAWN_EPOCHS, EPOCHS, NAMES, REFERENCE, REFERENCE_SEEDS
from .ranking import rank

Found = dict[str, Outcomes]

_FAIR = {"normalized_kernels": True, "readout_bias": True, "rate_floor": 0.01}


def run(bench: Workbench) -> Findings:
    """Train all kinds as published and on equal terms, and compare them."""
    torch.set_num_threads(1)
    published = {kind: _trained(bench, kind, {}, {}) for kind in KINDS}
    fair = {
        rate: {
            kind: _trained(bench, kind, _FAIR, {"learning_rate": rate, "learning_rate_unit": "weights"})
            for kind in KINDS
        }
        for rate in bench.budget["rates"]
    }
    ranking = rank({rate: {kind: one.accuracy[:, -1] for kind, one in found.items()} for rate, found in fair.items()})
    chosen = {kind: fair[ranking.rates[kind]][kind] for kind in KINDS}
    drawn = {"memorise": figures.curves(published), "ranking": figures.ranking(ranking, published)}
    written = bench.save(drawn)
    bench.note("decoding the label")
    decoded = readouts.readouts(published)
    bench.note("blocking channels")
    under_drugs = {
        words: drugs.under_drugs(own) for words, own in (("as published", published), ("on equal terms", chosen))
    }
    values = {
        "published": {kind: one.accuracy[:, -1].tolist() for kind, one in published.items()},
        "fair": {kind: one.accuracy[:, -1].tolist() for kind, one in chosen.items()},
        "readouts": {
            kind: {place: accuracy.tolist() for place, accuracy in one.items()} for kind, one in decoded.items()
        },
    }
    tables = [
        accuracy_table(published),
        behind_table(published, "What stands behind the accuracy, as published"),
        *([longer_table(published)] if bench.budget["epochs"] > EPOCHS[-1] + 1 else []),
        readouts.table(decoded, published),
        ranking.table(),
        ranking.pairs_table(),
        behind_table(chosen, "What stands behind the accuracy, on equal terms", with_reference=False),
        drugs.table(under_drugs),
    ]
    said = [readouts.remark(decoded), ranking.remark(), drugs.remark(under_drugs)]
    return Findings(tables, [*remarks(published), *said], written, values)


def _trained(bench: Workbench, kind: str, model: Mapping[str, Any], training: Mapping[str, Any]) -> Outcomes:
    budget = bench.budget
    words = f"{NAMES[kind]}, rate {training['learning_rate']:g} on equal terms" if training else NAMES[kind]
    patterns = budget["patterns"]
    tables: dict[str, dict[str, Any]] = {
        "model": {"kind": kind, **model},
        "training": {"epochs": budget["epochs"], "n_trials": patterns, "batch_size": patterns, **training},
    }
    settings = [Settings.resolve("prc", "memorise", tables, seed=seed) for seed in bench.seeds]
    return read_outcomes(bench.train(settings, words, trials=patterns))


def accuracy_table(found: Found) -> FindingsTable:
    """Return accuracy over training and its spread at 600 epochs, ours beside the reference."""
    rows, end = [], _end(found)
    for kind, one in found.items():
        theirs, last = REFERENCE[kind], one.at("performance", end)
        means = [one.at("performance", epoch).mean() if epoch <= end else np.nan for epoch in EPOCHS]
        low, middle, high = np.quantile(last, [0.25, 0.5, 0.75])
        sd = last.std(ddof=1) if len(last) > 1 else np.nan
        rows.append([
            NAMES[kind],
            *(f"{number(mean, 3)} ({reference:.3f})" for mean, reference in zip(means, theirs.accuracy, strict=True)),
            f"{number(sd, 3)} ({theirs.sd:.3f})",
            f"{middle:.3f} [{low:.3f}, {high:.3f}] ({theirs.median:.3f} [{theirs.quartiles[0]:.3f}, "
            f"{theirs.quartiles[1]:.3f}])",
            f"{last.min():.2f}–{last.max():.2f} ({theirs.extremes[0]:.2f}–{theirs.extremes[1]:.2f})",
            f"{one.at('loss', end).mean():.3f} ({theirs.loss:.3f})",
            number(_distance(last, theirs.accuracy[-1], theirs.sd), 1, "+") if end == EPOCHS[-1] else MISSING,
        ])  # fmt: skip
    epochs = [f"epoch {epoch}" for epoch in EPOCHS]
    header = ["kind", *epochs, "s.d.", "median [quartiles]", "range", "loss", "difference"]
    note = (
        "Share of patterns answered right, mean over networks, at epochs counted from 0; the other columns at epoch "
        f"{end}. In parentheses an independent run of the same equations, {REFERENCE_SEEDS} other seeds, which ends at "
        f"epoch {EPOCHS[-1]}. Difference: of the means there, in its standard errors; within 2 is agreement."
    )
    return FindingsTable("Memorisation as published", header, rows, note)


def _end(found: Found) -> int:
    """Return the last epoch of the reference, or of training that ended before it."""
    return min(EPOCHS[-1], *(int(one.epochs[-1]) for one in found.values()))


def _distance(values: np.ndarray, mean: float, sd: float) -> float:
    if len(values) < 2:
        return np.nan
    return float((values.mean() - mean) / np.sqrt(values.var(ddof=1) / len(values) + sd**2 / REFERENCE_SEEDS))


def behind_table(found: Found, title: str, *, with_reference: bool = True) -> FindingsTable:
    """Return what the accuracy hides: ties, silence, dead and saturated units."""
    rows, end = [], _end(found)
    for kind, one in found.items():
        theirs, n_units = REFERENCE[kind], len(one.accuracy) * one.n_units
        ours = [
            (f"{one.best_threshold.mean():.3f}", f"{theirs.best_threshold:.3f}"),
            (f"{one.at('ties', end).mean():.2f}", f"{theirs.ties:.2f}"),
            (f"{one.at('silent_trials', end).mean():.2f}", f"{theirs.silent_trials:.2f}"),
            (f"{one.at('silent', end).sum() * one.n_units:.0f}", f"{theirs.dead}"),
            (f"{one.at('saturated', end).sum() * one.n_units:.0f}", f"{theirs.saturated}"),
            (f"{one.spikes(0):.1f} → {one.spikes(end):.1f}", f"{theirs.before} → {theirs.after}"),
        ]
        rows.append([f"{NAMES[kind]} ({n_units} units)", *(f"{a} ({b})" if with_reference else a for a, b in ours)])
    header = ["kind", "best threshold", "ties", "silent trials", "dead units", "saturated units", "spikes per trial"]
    note = (
        "Best threshold: accuracy if the answer follows from the best constant threshold on the difference of the two "
        "peaks, chosen on the same patterns, at the end of training; all else is at epoch "
        f"{end}. Ties: trials with equal peaks, all answered as class 0. Dead units never spike; saturated ones in "
        "more than 0.3 of the steps."
    ) + (f" In parentheses the reference, of {REFERENCE_SEEDS * 4} units." if with_reference else "")
    return FindingsTable(title, header, rows, note)


def longer_table(found: Found) -> FindingsTable:
    """Return accuracy at the epochs of the published figure."""
    rows = [
        [
            NAMES[kind],
            *(
                f"{one.at('performance', epoch).mean():.3f} ({drawn:.3f})"
                for epoch, drawn in zip(DRAWN_EPOCHS, DRAWN[kind], strict=True)
            ),
        ]
        for kind, one in found.items()
    ]
    header = ["kind", *(f"epoch {epoch + 1}" for epoch in DRAWN_EPOCHS)]
    note = "In parentheses the mean of ten networks as read off the published figure, ± 0.01."
    return FindingsTable("Longer training, beside the published figure", header, rows, note)


def remarks(found: Found) -> list[str]:
    """Return what the published setting shows."""
    end = _end(found)
    last = {kind: one.at("performance", end).mean() for kind, one in found.items()}
    order = " > ".join(f"{NAMES[kind]} {last[kind]:.3f}" for kind in sorted(last, key=lambda kind: -last[kind]))
    hidden = {kind: one.best_threshold.mean() - one.accuracy[:, -1].mean() for kind, one in found.items()}
    worst = max(hidden, key=lambda kind: hidden[kind])
    ties = found[worst].log["ties"][:, -1].mean()
    return [
        f"As published, at epoch {end}: {order}.",
        f"The published rule for answers costs most in {NAMES[worst]}, where in the end {ties:.0%} of the trials are "
        f"ties: the best threshold answers {hidden[worst]:.3f} more of the patterns right.",
    ]


STUDY = Study(
    name="prc.memorise",
    title="Memorisation by networks of dendritic neurons (Figure 7)",
    source=SOURCE,
    scales={
        "small": Scale(10, {"epochs": 600, "patterns": 256, "rates": [0.003, 0.01, 0.03, 0.1]}),
        "paper": Scale(10, {"epochs": 2000, "patterns": 256, "rates": [0.003, 0.01, 0.03, 0.1]}),
    },
    run=run,
)
