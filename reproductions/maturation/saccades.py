"""Saccade errors of the anti-saccade rules at each stage: to the target, and to the cue that they should avoid."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...analysis import saccade_errors
from ...analysis.maturation import SaccadeErrors
from ..study import Findings, FindingsTable, Workbench
from ..words import MISSING, with_interval
from .checkpoints import network_means
from .networks import maturation_study, networks
from .populations import rising, span_of
from .probes import Probed, probed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RULES = ("gap", "overlap", "zero_gap")
#: of the rule gap: fraction of errors below 36°, mean and median error in degrees, by stage, read off the figure
PUBLISHED = {"early": (0.24, 83.0, 78.0), "mid": (0.54, 44.0, 32.0), "mature": (0.955, 12.0, 9.0)}
_CRITERION = 0.2 * np.pi


def run(bench: Workbench) -> Findings:
    """Test the networks on 1024 noisy trials of each rule at the checkpoints around its learning."""
    found = networks(bench)
    return findings({rule: probed(bench, found, rule, span_of(bench, rule), "saccades") for rule in _RULES}, bench)


def findings(found: Mapping[str, Probed], bench: Workbench) -> Findings:
    """Return the tables and the figure of rules, scores (checkpoint, trial)."""
    to_target = {rule: _errors(one, "error", "target") for rule, one in found.items()}
    to_cue = {rule: _errors(one, "cue_error", "cue") for rule, one in found.items()}
    figure = plotting.save(_figure(to_target), bench.output / "saccades.png")
    values = {
        rule: {
            stage: dict(zip(one.measures, one.value[at, 0].tolist(), strict=True))
            for at, stage in enumerate(one.stages)
        }
        for rule, one in to_target.items()
    }
    return Findings([_table(to_target), _cue_table(to_cue, to_target)], _remarks(found), [figure], values)


def _errors(found: Probed, column: str, relative_to: str) -> SaccadeErrors:
    also = {name: list(found.scores[name].astype(float)) for name in ("reaction_time", "fixation_break", "fixating")}
    return saccade_errors(
        list(found.scores[column]), found.stages(), also=also, criterion=_CRITERION, relative_to=relative_to,
        networks=found.networks, performance=found.performance, trials_seen=found.trials_seen,
    )  # fmt: skip


def _of_stage(
    errors: SaccadeErrors, stage: str, measure: str, digits: int, scale: float = 1.0, most: float = np.inf
) -> str:
    if stage not in errors.stages:
        return MISSING
    at = errors.stages.index(stage)
    value, low, high = (float(np.clip(scale * array[at, 0], 0, most)) for array in errors.of(measure))
    return with_interval(value, low, high, digits)


def _table(found: Mapping[str, SaccadeErrors]) -> FindingsTable:
    rows = []
    for rule, errors in found.items():
        for stage, (correct, mean, median) in PUBLISHED.items():
            cells = [
                _of_stage(errors, stage, "correct", 2),
                *(_of_stage(errors, stage, f"{name} error", 0, 180 / np.pi) for name in ("mean", "median")),
            ]
            count = int(errors.n_checkpoints[errors.stages.index(stage)]) if stage in errors.stages else 0
            theirs = [f"{correct:g}", f"{mean:g}", f"{median:g}"] if rule == "gap" else [""] * 3
            pairs = [cell for pair in zip(cells, theirs, strict=True) for cell in pair]
            rows.append([rule, stage, *pairs, str(count)])
    first = next(iter(found.values()))
    note = (
        "Distance of the response at the last step to the target, opposite the cue; 1024 noisy trials per checkpoint, "
        f"stages by cuts at 0.35 and 0.65, {first.level:.0%} intervals over {first.drawn}. Last column: checkpoints."
    )
    header = ["rule", "stage", "< 36°", "published", "mean (°)", "published", "median (°)", "published", "n"]
    return FindingsTable("Saccade errors to the target", header, rows, note)


def _cue_table(to_cue: Mapping[str, SaccadeErrors], to_target: Mapping[str, SaccadeErrors]) -> FindingsTable:
    rows = []
    for rule, errors in to_target.items():
        for stage in PUBLISHED:
            cue = _of_stage(to_cue[rule], stage, "correct", 3)
            release = _of_stage(errors, stage, "reaction_time", 0, 1000)
            early, none = (_of_stage(errors, stage, name, 3, most=1) for name in ("fixation_break", "fixating"))
            rows.append([rule, stage, cue, release, early, none])
    note = (
        "Fraction of responses less than 36° from the cue, which is opposite the target: 0.2 by chance; milliseconds "
        "from go to the first step without fixation; fraction of trials with fixation released before go, and of "
        "trials that still fixate at the end. Not published."
    )
    header = ["rule", "stage", "to the cue", "reaction time (ms)", "early release", "no release"]
    return FindingsTable("Saccades to the cue, and when fixation is released", header, rows, note)


def _remarks(found: Mapping[str, Probed]) -> list[str]:
    remarks = []
    for rule, one in found.items():
        stages = one.stages()
        scores = {name: values.astype(float) for name, values in one.scores.items()}
        correct = network_means((scores["error"] < _CRITERION).mean(axis=1), stages)
        error = network_means(-scores["error"].mean(axis=1), stages)
        to_cue = network_means((scores["cue_error"] < _CRITERION).mean(axis=1), stages)
        early = [means["early"] for means in to_cue if "early" in means]
        remarks.append(
            f"{rule}: the share of errors below 36° rises from early to mid to mature in {rising(correct)}, the mean "
            f"error falls in {rising(error)}. Early responses go to the cue more often than by chance (0.2) in "
            f"{sum(share > 0.2 for share in early)} of {len(early)} networks."
        )
    return remarks


def _figure(found: Mapping[str, SaccadeErrors]) -> "Figure":
    drawn = plotting.figure(columns=len(found), width=3.8, height=3.0)
    for ax, (rule, errors) in zip(drawn.axes, found.items(), strict=True):
        edges, curves = np.rad2deg(errors.bin_edges), 100 * errors.fraction[:, 0]
        for name, curve, correct in zip(errors.stages, curves, errors.of("correct")[0][:, 0], strict=True):
            label = f"{name}, {correct:.0%} below 36°"
            ax.stairs(curve, edges, color=plotting.STAGE_COLOURS[name], linewidth=1.4, label=label)
        for at, words in ((np.rad2deg(_CRITERION), "correct "), (180 - np.rad2deg(_CRITERION), " to the cue")):
            ax.axvline(at, color=plotting.GREY, linewidth=0.9, linestyle="dashed")
            side = "right" if words.endswith(" ") else "left"
            ax.text(at, 1.2 * curves.max(), words, ha=side, va="top", fontsize="small", color=plotting.GREY)
        ax.set(xlabel="distance to target (°)", ylabel="trials (%)", xlim=(0, 180), xticks=range(0, 181, 45))
        ax.set_ylim(0, 1.2 * curves.max())
        ax.set_title(rule)
        ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.52, 0.92), frameon=False)
    return drawn


STUDY = maturation_study("saccades", "Saccade errors of the anti-saccade rules at each stage", run)
