"""What each way of putting a connectome into a network does to its dynamics and learning, gain apart from topology.

The published comparison has a confound that it leaves open: remapped weights give the connectome another spectral
radius than its randomised version. Here null models learn at their own radius, at the connectome's, and at given ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..study import Findings, FindingsTable, Scale, Study, Workbench
from ..words import MISSING, spread
from . import drawing, learning, radii
from .learning import Learnt
from .networks import SOURCE, Combo, Wiring, connectomes, left_out, train
from .slow_modes import Dynamics, dynamics

_SCHEMES = ("xavier", "he")
_TRAINED_ON = "seq_mem"
# "rand", the published one, must be among them.
_NULLS = ["rand", "weights", "degrees", "areas"]


def run(bench: Workbench) -> Findings:
    """Measure radii, train the wirings of the first connectome, and look at fixed points and speed of learning."""
    names = connectomes(bench)
    by_name = {name: radii.initial_radii(bench, name) for name in names}
    connectome = names[0]
    results = _learnt(bench, connectome)
    bench.note("looking for fixed points")
    nulls = bench.budget["nulls"]
    measured = learning.own_gain(nulls)
    found = dynamics(bench, {wiring: results[wiring].curves.paths for wiring in measured})
    length, ladder, rate = (bench.budget[name] for name in ("pattern_length", "radii", "learning_rate"))
    tables = [
        *(radii.table(name, own) for name, own in by_name.items()),
        _points_table(found, length),
        learning.table(results, measured, f"Learning at the gain of each wiring, {connectome}", rate),
        learning.control_table(results, nulls),
        learning.ladder_table(results, ladder),
        learning.table(
            results, learning.initialized(_SCHEMES), f"Learning from other initial weights, {connectome}", rate
        ),
    ]
    drawn = {f"radii_{name}": radii.figure(name, own) for name, own in by_name.items()}
    drawn |= {"learning": drawing.learning_figure(results, length), "leading_modes": drawing.spectra_figure(found)}
    files = bench.save(drawn)
    remarks = [_radius_remark(name, own) for name, own in by_name.items()]
    remarks += [*_points_remarks(found), *learning.control_remarks(results, nulls, ladder), *left_out(bench)]
    return Findings(tables, remarks, files, _values(results, found))


def _learnt(bench: Workbench, connectome: str) -> dict[Wiring, Learnt]:
    budget = bench.budget
    combo = Combo(budget["learning_rate"], "tanh", "adam", budget["pattern_length"])
    wirings = [
        *learning.own_gain(budget["nulls"]), *learning.matched(budget["nulls"]), *learning.ladder(budget["radii"]),
        *learning.initialized(_SCHEMES),
    ]  # fmt: skip
    curves = train(bench, [(connectome, _TRAINED_ON, combo, wiring) for wiring in wirings])
    return {wiring: learning.learnt(own) for (*_, wiring), own in curves.items()}


def _radius_remark(connectome: str, found: radii.Radii) -> str:
    away = {name: abs(value) for name, value in radii.deviations(connectome, found).items()}
    if not away:
        return f"{connectome}: no measured radii to compare with."
    farthest = max(away, key=lambda name: away[name])
    near = sum(value <= 3 for value in away.values())
    return (
        f"{connectome}: {near} of {len(away)} radii lie within 3 standard errors of those of the published program; "
        f"farthest ({away[farthest]:.1f}): {farthest}."
    )


def _points_table(found: Mapping[Wiring, Dynamics], length: int) -> FindingsTable:
    rows = []
    for wiring, own in found.items():
        for moment, when in enumerate(("untrained", "trained")):
            slow = own.slow_modes(length + 1)[:, moment].astype(float)
            rows.append([
                wiring.strategy.name, wiring.topology, when, _counts(own.n_points[:, moment]),
                _counts(own.n_stable[:, moment]), _counts(own.n_unstable[:, moment]),
                spread(np.abs(own.leading[:, moment])), _typical(own.time_constants[:, moment], "unstable"),
                _typical(own.periods[:, moment], "real"), spread(slow, 1),
            ])  # fmt: skip
    header = [
        "strategy", "topology", "network", "points", "stable", "unstable directions", "leading |λ|",
        "time constant, steps", "period, steps", "slow modes",
    ]  # fmt: skip
    note = (
        "At zero input, which networks have whenever they replay numbers. Counts are given as value × networks. From "
        "the fourth to the last column: of the point with the fewest unstable directions, the slowest of several. Mean "
        "± s.d. of the leading |λ|, medians of the time constant −1 / ln |λ| and of the period 2π / arg λ of the "
        f"leading mode. Slow: modes that keep more than 1/e of their size over {length + 1} steps, which is how long "
        "each number must be kept."
    )
    return FindingsTable("Fixed points and slow modes at zero input", header, rows, note)


def _counts(values: np.ndarray) -> str:
    kinds, numbers = np.unique(values, return_counts=True)
    return ", ".join(f"{kind} × {number}" for kind, number in zip(kinds.tolist(), numbers.tolist(), strict=True))


def _typical(values: np.ndarray, otherwise: str) -> str:
    known = values[~np.isnan(values)]
    if not len(known):
        return MISSING
    middle = float(np.median(known))
    return otherwise if np.isinf(middle) else f"{middle:.1f}"


def _points_remarks(found: Mapping[Wiring, Dynamics]) -> list[str]:
    every = list(found.values())
    stable = [np.concatenate([own.n_unstable[:, moment] == 0 for own in every]) for moment in (0, 1)]
    periods = np.concatenate([own.periods[:, 1] for own in every])
    turning = np.isfinite(periods)
    certified = np.concatenate([own.certified.ravel() for own in every])
    incomplete = np.concatenate([own.incomplete.ravel() for own in every])
    typical = f"{np.median(periods[turning]):.1f}" if turning.any() else MISSING
    return [
        f"{stable[0].sum()} of {len(stable[0])} untrained networks have a stable fixed point at zero input, "
        f"{stable[1].sum()} after training; the leading mode of {turning.sum()} trained networks is a rotation "
        f"(median period {typical} steps).",
        f"All points proven unique in {certified.sum()} of {len(certified)} searches; the index check finds points "
        f"missing in {incomplete.sum()}.",
    ]


def _values(results: Mapping[Wiring, Learnt], found: Mapping[Wiring, Dynamics]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for wiring, own in results.items():
        values[_key(wiring)] = {
            "radius": own.radius.tolist(), "minimum": own.minimum.tolist(), "settled_epoch": own.settled.tolist(),
            "recalled_epoch": own.recalled.tolist(),
        }  # fmt: skip
    for wiring, dynamic in found.items():
        values[_key(wiring)] |= {
            "n_points": dynamic.n_points.tolist(), "n_stable": dynamic.n_stable.tolist(),
            "leading": np.abs(dynamic.leading).tolist(), "period": dynamic.periods.tolist(),
        }  # fmt: skip
    return values


def _key(wiring: Wiring) -> str:
    radius: Sequence[str] = ["bio's radius"] if wiring.match_radius else []
    radius = [f"radius {wiring.radius:g}"] if wiring.radius is not None else radius
    return ", ".join([wiring.strategy.name, wiring.topology, wiring.initialization, *radius])


STUDY = Study(
    name="connectome.strategies",
    title="Strategies of instantiating a connectome: spectral radius, slow modes, learning at equal gain",
    source=SOURCE,
    scales={
        "small": Scale(5, {
            "connectomes": ["Macaque_Normalized"], "neurons_per_area": 4, "epochs": 200, "learning_rate": 1e-3,
            "pattern_length": 3, "radii": [0.45, 0.95, 1.6], "nulls": _NULLS, "radius_seeds": 5, "starts": 256,
        }),
        "paper": Scale(5, {
            "connectomes": ["Macaque_Normalized", "Marmoset_Normalized", "Human_Betzel_Normalized"],
            "neurons_per_area": 4, "epochs": 500, "learning_rate": 1e-4, "pattern_length": 3,
            "radii": [0.45, 0.7, 0.95, 1.2, 1.6], "nulls": _NULLS, "radius_seeds": 20, "starts": 512,
        }),
    },
    run=run,
    shares_work=True,
)  # fmt: skip
