"""``dynascope train connectome --config config.ini``: a published experiment, every combination of its grid."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from .console import Console

if TYPE_CHECKING:
    from ..trainers.connectome.grid import Combination
    from ..trainers.sweeps import SweepReport

FAMILY = "connectome"
_SUFFIX = ".ini"
# Columns of the table of results, and how to print them.
_SHOWN: Mapping[str, str] = {
    "minimum_loss": "lowest validation loss {:.3g}",
    "minimum_epoch": "at epoch {:.0f}",
    "final_loss": "last {:.3g}",
    "final_accuracy": "accuracy {:.1f} %",
}


def is_published(config_file: str | None) -> bool:
    """Return whether a configuration file is one of the published programs."""
    return config_file is not None and config_file.lower().endswith(_SUFFIX)


def refuse(given: Sequence[str], reason: str) -> None:
    """Refuse options that mean nothing here.

    Raises
    ------
    click.UsageError
        If any of them was given.
    """
    if given:
        raise click.UsageError(f"Option {', '.join(given)}: {reason}")


def train(
    config_file: str,
    task: str | None,
    output: str | None,
    options: Mapping[str, Any],
    console: Console,
) -> int:
    """Train what a published ``config.ini`` describes and print a line per combination; return the exit code.

    ``options`` are ``seed`` (None for that of the file), ``overrides``, ``resume``, ``workers``, ``should_stop`` and
    ``dry_run``.
    """
    from ..trainers.connectome.grid import plan, run_experiment
    from ..trainers.connectome.ini import read_ini

    experiment = read_ini(config_file)
    if task is not None and task.replace("-", "_") != experiment.task:
        raise click.UsageError(f"{config_file} has the task {experiment.task}, not {task}; leave TASK out")
    for note in experiment.notes:
        console.note(f"{config_file}: {note}")
    chosen = {name: options[name] for name in ("seed", "overrides")}
    if options["dry_run"]:
        combinations = plan(experiment, **chosen)
        folder = output or experiment.paths.path_to_results
        console.result(_planned(folder, combinations), _planned_values(folder, combinations))
        return 0
    n_networks = len(experiment.combos) * experiment.train.iterations
    console.note(f"training {n_networks} networks, {len(experiment.combos)} combinations of {experiment.task}")
    with console.progress("combinations", len(experiment.combos)) as show:
        report = run_experiment(
            experiment,
            output,
            **chosen,
            **{name: options[name] for name in ("resume", "workers", "should_stop")},
            progress=lambda finished, failed, _: show(finished + failed, f"{failed} failed" if failed else ""),
        )
    console.result(_summary(report), {"results": str(report.output.parent), **report.to_dict()})
    return 0 if report.complete and not any(row.get("diverged") for row in report.rows) else 1


def _planned(folder: str, combinations: "Sequence[Combination]") -> str:
    """Return the list of combinations and the settings of the first; the others differ in what their line says."""
    from ..trainers.connectome.results_folder import combo_text

    lines = [f"{one.index} {combo_text(one.combo)}" for one in combinations]
    first = combinations[0].settings[0].as_mapping()
    head = f"{len(combinations)} combinations × {len(combinations[0].settings)} networks in {folder}"
    return "\n".join([head, *lines, "settings of combination 0, iteration 0:", json.dumps(first, indent=1)])


def _planned_values(folder: str, combinations: "Sequence[Combination]") -> dict[str, Any]:
    rows = [
        {
            "index": one.index,
            "combo": list(one.combo),
            "pretrained": None if one.pretrained is None else str(one.pretrained.checkpoint),
            "settings": [settings.as_mapping() for settings in one.settings],
        }
        for one in combinations
    ]
    return {"results": folder, "combinations": rows}


def _summary(report: "SweepReport") -> str:
    lines = []
    for row in report.rows:
        label = row["label"]
        if row["status"] != "finished":
            lines.append(f"{label}: {row['status']}: {row.get('message', '')}, log {row.get('log', '')}")
            continue
        shown = [text.format(row[name]) for name, text in _SHOWN.items() if row.get(name) is not None]
        diverged = [f"{row['diverged']} of {row['runs']} diverged"] if row.get("diverged") else []
        lines.append(f"{label}: {', '.join([*shown, *diverged])}")
    return "\n".join([*lines, f"results of {len(report.rows)} combinations in {report.output.parent}"])
