"""Sodium and calcium subunits side by side that feed an NMDA subunit, with and without drugs (figure 5).

Tetrodotoxin and cadmium block sodium and calcium; their passive parts stay. Beside the published block of both, each
channel is blocked alone. Takes two seconds.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...results import Array
from ...trainers.prc import cells
from ...trainers.prc.experiments import ResponseCurve, get_experiment, published_stimulus, response_curve
from ...trainers.prc.simulation import simulate
from ..study import Findings, FindingsTable, Scale, Study, Workbench
from . import published
from .published import beside, verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELL, _EXPERIMENT = cells.nmda(), get_experiment("nmda")
_DT = _EXPERIMENT.dt
_SHOWN = 7.0  # amplitude of the published traces
_HALF_HEIGHT = 3.5
_NAMES = {"sodium": "Na", "calcium": "Ca", "nmda": "NMDA"}
CONTROL, BLOCK = "no drug", "sodium and calcium blocked"
DRUGS: Mapping[str, tuple[str, ...]] = {
    CONTROL: (), BLOCK: ("sodium", "calcium"), "sodium blocked": ("sodium",), "calcium blocked": ("calcium",),
    "NMDA blocked": ("nmda",),
}  # fmt: skip

Traces = Mapping[str, Mapping[str, Array]]
Curves = Mapping[str, ResponseCurve]


def run(bench: Workbench) -> Findings:
    """Stimulate the cell with and without drugs."""
    fine = np.linspace(0, _EXPERIMENT.amplitudes[-1], int(bench.budget["fine_amplitudes"]))
    pulse = published_stimulus("nmda", [_SHOWN])
    traces, curves, shapes = {}, {}, {}
    for drug, channels in DRUGS.items():
        cell = _CELL.blocked(channels)
        found = simulate(cell, pulse, _DT)
        traces[drug] = {name: found[name][0] for name in _EXPERIMENT.shown}
        curves[drug] = response_curve(cell, _EXPERIMENT.amplitudes, _EXPERIMENT)
        shapes[drug] = response_curve(cell, fine, _EXPERIMENT)
    tables = [_trace_table(traces), _drug_table(shapes, traces), _curve_table(curves)]
    drawn = {"traces": _trace_figure(traces), "curves": _curve_figure(curves, shapes)}
    files = bench.save(drawn)
    values = {
        "amplitudes": list(_EXPERIMENT.amplitudes),
        "peaks": {drug: curve.peaks.tolist() for drug, curve in curves.items()},
        "half_height": {drug: _half_height(curve) for drug, curve in shapes.items()},
        "steepest": {drug: curve.steepest() for drug, curve in shapes.items()},
        "maxima": {drug: {name: _maximum(one) for name, one in found.items()} for drug, found in traces.items()},
    }
    return Findings(tables, _remarks(curves, shapes, traces), files, values)


def _maximum(trace: Array) -> tuple[float, float]:
    """Return the largest value of a trace and its time (ms)."""
    return float(trace.max()), float(_DT * trace.argmax())


def _half_height(curve: ResponseCurve) -> float | None:
    found = curve.crossing(_HALF_HEIGHT)
    return None if np.isnan(found) else found


def _trace_table(traces: Traces) -> FindingsTable:
    rows = []
    for name, words in _NAMES.items():
        for drug, printed in zip((CONTROL, BLOCK), published.NMDA_TRACES[name], strict=True):
            pairs = list(zip(_maximum(traces[drug][name]), printed, strict=True))
            rows.append([words, drug, *(beside(*pair) for pair in pairs), verdict(pairs)])
    note = f"Amplitude {_SHOWN:g}. Ours, in parentheses the reference: what the published equations give."
    return FindingsTable("Traces", ["subunit", "drug", "maximum", "at (ms)", "agrees"], rows, note)


def _shape_pairs(drug: str, curve: ResponseCurve) -> list[tuple[float, str]]:
    printed = published.NMDA_CURVES[(CONTROL, BLOCK).index(drug)]
    return list(zip((curve.crossing(_HALF_HEIGHT), *curve.steepest()), printed, strict=True))


def _drug_table(shapes: Curves, traces: Traces) -> FindingsTable:
    rows = []
    for drug, curve in shapes.items():
        tail = [f"{_maximum(traces[drug]['nmda'])[0]:.4f}", f"{curve.peaks[-1]:.4f}"]
        if drug in (CONTROL, BLOCK):
            pairs = _shape_pairs(drug, curve)
            rows.append([drug, *(beside(*pair) for pair in pairs), *tail, verdict(pairs)])
        else:
            half, (slope, place) = _half_height(curve), curve.steepest()
            rows.append([drug, "never" if half is None else f"{half:.2f}", f"{slope:.2f}", f"{place:.2f}", *tail, "–"])
    header = ["drug", f"amplitude at {_HALF_HEIGHT:g}", "steepest slope", "at", f"peak at {_SHOWN:g}", "largest peak"]
    note = (
        f"Peaks of the output against amplitude, here in steps of {np.diff(curve.amplitudes)[0]:g}. Ours, in "
        "parentheses the reference. Channels blocked alone are no part of the published figure."
    )
    return FindingsTable("What the drugs do", [*header, "agrees"], rows, note)


def _sweep_pairs(curves: Curves) -> dict[int, dict[str, tuple[float, str]]]:
    """Return index of the amplitude → drug → ours and the printed peak, where there is one."""
    found: dict[int, dict[str, tuple[float, str]]] = {}
    for index, printed in enumerate(published.NMDA_BLOCKED):
        found[index] = {BLOCK: (float(curves[BLOCK].peaks[index]), printed)}
        if index in published.NMDA_CONTROL:
            found[index][CONTROL] = float(curves[CONTROL].peaks[index]), published.NMDA_CONTROL[index]
    return found


def _curve_table(curves: Curves) -> FindingsTable:
    rows = []
    for index, pairs in _sweep_pairs(curves).items():
        control = beside(*pairs[CONTROL]) if CONTROL in pairs else f"{curves[CONTROL].peaks[index]:.6f}"
        rows.append([f"{curves[BLOCK].amplitudes[index]:.1f}", control, beside(*pairs[BLOCK]), verdict(pairs.values())])
    note = (
        "Largest output. Ours, in parentheses what the published program printed under the block; without a drug the "
        "reference, with which the published figure agrees. Agrees: to the last digit."
    )
    return FindingsTable("Peak against amplitude", ["amplitude", CONTROL, BLOCK, "agrees"], rows, note)


def _remarks(curves: Curves, shapes: Curves, traces: Traces) -> list[str]:
    pairs = [pair for found in _sweep_pairs(curves).values() for pair in found.values()]
    pairs += [pair for drug in (CONTROL, BLOCK) for pair in _shape_pairs(drug, shapes[drug])]
    for name in _NAMES:
        for drug, printed in zip((CONTROL, BLOCK), published.NMDA_TRACES[name], strict=True):
            pairs += zip(_maximum(traces[drug][name]), printed, strict=True)
    n_right = sum(published.agrees(*pair) for pair in pairs)
    half = {drug: curve.crossing(_HALF_HEIGHT) for drug, curve in shapes.items()}
    slope = {drug: curve.steepest()[0] for drug, curve in shapes.items()}
    shift = {drug: half[drug] - half[CONTROL] for drug in half}
    alone = shift["sodium blocked"] + shift["calcium blocked"]
    return [
        f"{n_right} of {len(pairs)} figures agree with the reference to its last digit.",
        f"The block of sodium and calcium shifts the curve by {shift[BLOCK]:+.2f} and makes it "
        f"{slope[CONTROL] / slope[BLOCK]:.2f} times less steep; the output still reaches {shapes[BLOCK].peaks[-1]:.2f} "
        f"of {shapes[CONTROL].peaks[-1]:.2f}. The published message, that it shifts and flattens the curve but does "
        f"not abolish it, {'holds' if message_holds(shapes[CONTROL], shapes[BLOCK]) else 'DOES NOT hold'}.",
        f"Alone, the block of sodium shifts it by {shift['sodium blocked']:+.2f} and that of calcium by "
        f"{shift['calcium blocked']:+.2f}, together {alone:+.2f}: {'less' if alone < shift[BLOCK] else 'not less'} "
        "than the block of both.",
        f"With NMDA blocked the output stays at {shapes['NMDA blocked'].peaks.max():.2f} or below: what its passive "
        "membrane passes on.",
        "Traces bend 100 and 200 ms after the pulse because the published kernels end there.",
    ]


def message_holds(control: ResponseCurve, block: ResponseCurve) -> bool:
    """Return whether the blocked curve reaches half height at a higher amplitude and is nowhere as steep as control."""
    half, blocked_half = (one.crossing(_HALF_HEIGHT) for one in (control, block))
    return blocked_half > half and block.steepest()[0] < control.steepest()[0]  # NaN, never reached, is not above


def _trace_figure(traces: Traces) -> "Figure":
    """Return the outputs of the three subunits, without a drug and under the published block."""
    drawn = plotting.figure(columns=2, width=3.8, height=2.8)
    for ax, drug in zip(drawn.axes, (CONTROL, BLOCK), strict=True):
        for name, words in _NAMES.items():
            trace = traces[drug][name]
            ax.plot(_DT * np.arange(len(trace)), trace, color=plotting.CHANNEL_COLOURS[name], label=f"{words} subunit")
        ax.set(xlabel="time (ms)", ylabel="output (model units)", xlim=(0, 400), ylim=(0, 7.2))
        ax.set_title(f"{drug.capitalize()}, amplitude {_SHOWN:g}")
        ax.label_outer()
    drawn.axes[1].legend(frameon=False)
    return drawn


def _curve_figure(curves: Curves, shapes: Curves) -> "Figure":
    """Return peaks against amplitude: the published block beside the reference, and each drug alone."""
    drawn = plotting.figure(columns=2, width=4.4, height=3.0)
    both, alone = drawn.axes
    for ax, drugs in ((both, (CONTROL, BLOCK)), (alone, tuple(DRUGS))):
        _curves(ax, {drug: shapes[drug] for drug in drugs})
    for drug in (CONTROL, BLOCK):
        known = [(index, pairs[drug][1]) for index, pairs in _sweep_pairs(curves).items() if drug in pairs]
        if drug == BLOCK:
            known = known[::3]  # as in the published figure
        places = curves[drug].amplitudes[[index for index, _ in known]]
        both.plot(places, [float(printed) for _, printed in known], "o", color=_colour(drug), markersize=4)
    both.set_title("Sodium and calcium (dots: reference)")
    alone.set_title("Each channel alone")
    drawn.legend(*alone.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return drawn


def _curves(ax: "Axes", curves: Curves) -> None:
    ax.axhline(_HALF_HEIGHT, color=plotting.GREY, linewidth=0.8, linestyle="dotted")
    for drug, curve in curves.items():
        line = "--" if DRUGS[drug] else "-"
        ax.plot(curve.amplitudes, curve.peaks, line, color=_colour(drug), label=drug)
    ax.set(xlabel="amplitude of the synaptic pulse (model units)", ylabel="peak of the output (model units)")
    ax.set(xlim=(0, 15), ylim=(0, 8.5), xticks=(0, 5, 10, 15))


def _colour(drug: str) -> str:
    """Return ink without a drug, else the colour of the blocked channel, or grey for several."""
    channels = DRUGS[drug]
    if not channels:
        return plotting.INK
    return plotting.CHANNEL_COLOURS[channels[0]] if len(channels) == 1 else plotting.GREY


STUDY = Study(
    name="prc.nmda",
    title="Sodium and calcium in parallel feed NMDA: pharmacology (Figure 5)",
    source=published.SOURCE,
    # 297 amplitudes are steps of 0.05; the 38 published ones are too coarse for the steepest slopes.
    scales={"small": Scale(1, {"fine_amplitudes": 297}), "paper": Scale(1, {"fine_amplitudes": 297})},
    run=run,
)
