"""``dynascope train``: train networks on a task, resumably."""

import json
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from . import train_ini
from .console import Console, output_options
from .interruption import stop_request

if TYPE_CHECKING:
    from ..trainers import Progress, Settings, TrainedNetworks


@click.command("train")
@click.argument("family")
@click.argument("task", required=False)
@click.option("-o", "--output", "run", help="Directory of the run; resumed when it has begun.  [required]")
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False),
    help="TOML file with tables [model], [task], [rule], [training], or a published config.ini (connectome).",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="Set one option, as in model.rank=2.",
)
@click.option(
    "--members",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Networks to train as one batch.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The one seed of the run.")
@click.option("--device", help="cpu, cuda, cuda:1, … (default cpu).")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads.")
@click.option("--time-limit", type=click.FloatRange(min=0), help="Stop after so many seconds, resumably (exit code 3).")
@click.option("--dry-run", is_flag=True, help="Print the resolved settings and stop.")
@click.option("--workers", type=click.IntRange(min=1), help="Of a config.ini: processes (default: one per processor).")
@click.option("--no-resume", is_flag=True, help="Of a config.ini: refuse a folder that holds results already.")
@output_options
@click.pass_context
def command(
    context: click.Context,
    family: str,
    task: str | None,
    run: str | None,
    config_file: str | None,
    assignments: tuple[str, ...],
    members: int,
    seed: int,
    device: str | None,
    threads: int,
    time_limit: float | None,
    dry_run: bool,
    workers: int | None,
    no_resume: bool,
    console: Console,
) -> int:
    """Train networks of FAMILY on TASK and keep the run in a directory.

    The run's state is saved every few seconds; the same command goes on from it after a kill, a time limit
    or SIGTERM, to the same weights as a run that was never interrupted. Defaults are the published settings.

    FAMILY three_body has the tasks flip_flop, sine, multifate, context and imitation (reproduce the network in
    --set task.teacher=ARCHIVE); spiking has evidence, match and pattern, and --set training.rule=bptt, eprop or mdgl
    (docs/spiking.md lists all). oculomotor has sets of rules that one network learns together: all_new,
    all_new_odr3000, all_new_odr6000, all_new_odr15000, ozg, odr_delay_check, mon, mix_mon_6tasks, mix_p_mon_6tasks and
    seq_train_test (docs/oculomotor.md). connectome has seq_mem, nback_mem, pic_latent_mem and pic_mem, and runs a
    published config.ini as it is: all combinations of its grid, on --workers processes, into its path_to_results unless
    -o says otherwise; leave TASK out (docs/connectome.md). prc, dendritic neurons, has memorise and digits
    (docs/prc.md). --dry-run prints every option with its value.

    \b
    Examples:
      dynascope train three_body flip_flop --dry-run
      dynascope train three_body flip_flop -o runs/rnn
      dynascope train three_body flip_flop --set model.kind=lowrank_tbrnn --members 6 --seed 1 -o runs/tb
      dynascope train three_body imitation --set task.teacher=t.h5 --set model.kind=lowrank_rnn -o runs/student
      dynascope train spiking evidence --set training.rule=mdgl -o runs/mdgl
      dynascope train oculomotor all_new --set model.n_units=128 --set model.recurrent_gain=1.0 -o runs/quick
      dynascope train three_body sine --config sine.toml --set training.epochs=5000 -o runs/sine
      dynascope train connectome --config config.ini --workers 2
      dynascope train prc memorise --set model.kind=parallel_bap --members 10 -o runs/prc
    """
    given = [f"--{name.replace('_', '-')}" for name in context.params if _was_given(context, name)]
    if train_ini.is_published(config_file):
        if family != train_ini.FAMILY:
            raise click.UsageError(f"{config_file}: a published config.ini is of the family connectome, not {family}")
        train_ini.refuse(
            [name for name in given if name in ("--members", "--threads")], "a config.ini has iterations and workers"
        )
        options: dict[str, Any] = {
            "seed": seed if "--seed" in given else None,
            "overrides": _overrides(assignments, device),
            "resume": not no_resume,
            "workers": workers,
            "dry_run": dry_run,
        }
        assert config_file is not None  # it is published
        with stop_request() as interrupted, _stop_request(time_limit) as should_stop:
            options["should_stop"] = lambda: interrupted() or should_stop()
            return train_ini.train(config_file, task, run, options, console)
    train_ini.refuse(
        [name for name in given if name in ("--workers", "--no-resume")], "only with the --config of a published .ini"
    )
    if task is None:
        raise click.UsageError("Missing argument 'TASK'.")
    import torch

    from ..trainers import Settings, config

    torch.set_num_threads(threads)
    tables = config.merged(config.read_toml(config_file) if config_file else {}, _overrides(assignments, device))
    settings = Settings.resolve(family, task, tables, seed=seed, members=members)
    checked_device(settings.training.device)
    if dry_run:
        console.result(json.dumps(settings.as_mapping(), indent=1), settings.as_mapping())
        return 0
    if run is None:
        raise click.UsageError("Missing option '-o' / '--output': the directory of the run.")
    trained = _train(run, settings, console, time_limit)
    console.result(_summary(run, trained), _values(run, trained))
    return 1 if "diverged" in trained.reasons else 0


def _was_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _overrides(assignments: tuple[str, ...], device: str | None) -> dict[str, dict[str, Any]]:
    """Return the tables of the options that the command line sets."""
    from ..trainers import config

    on_device = {"training": {"device": checked_device(device)}} if device else {}
    return config.merged(config.parse_assignments(assignments), on_device)


def checked_device(name: str) -> str:
    """Return the device's name.

    Raises
    ------
    ConfigurationError
        If torch knows no such device or the machine has none.
    """
    import torch

    from ..errors import ConfigurationError

    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ConfigurationError(f"device '{name}' is not available here ({str(error).splitlines()[0]})") from None
    return name


def _train(run: str, settings: "Settings", console: Console, time_limit: float | None) -> "TrainedNetworks":
    from ..trainers import train_in

    label = f"{settings.model['kind']} on {settings.task_name}"
    console.note(f"training {settings.members} × {label} in {run}")
    every = max(1, min(settings.training.most_epochs // 500, 50))
    with console.progress(label, settings.training.most_epochs) as show:

        def report(now: "Progress") -> None:
            if now.epoch % every == 0:
                reached = f"loss {now.loss:.2e}, performance {now.performance:.3f}"
                show(now.epoch, f"{reached}, {now.training} of {now.members} training")

        with _stop_request(time_limit) as should_stop:
            return train_in(run, settings, progress=report, should_stop=should_stop)


class _stop_request:
    """Whether SIGTERM has come or the time limit has passed, as a function; restores the handler after."""

    def __init__(self, time_limit: float | None) -> None:
        self.deadline = None if time_limit is None else time.monotonic() + time_limit
        self.terminated = False

    def __enter__(self) -> Callable[[], bool]:
        self.before = signal.signal(signal.SIGTERM, self._note)
        return lambda: self.terminated or (self.deadline is not None and time.monotonic() >= self.deadline)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self.before)

    def _note(self, *_: object) -> None:
        self.terminated = True


def _networks(trained: "TrainedNetworks") -> list[dict[str, Any]]:
    loss, performance = trained.chosen("loss"), trained.chosen("performance")
    return [
        {
            "network": member,
            "stop_reason": reason,
            "best_epoch": int(trained.best_epochs[member]),
            "loss": float(loss[member]),
            "performance": float(performance[member]),
        }
        for member, reason in enumerate(trained.reasons)
    ]


def _values(run: str, trained: "TrainedNetworks") -> dict[str, Any]:
    return {"run": run, "settings": trained.settings.as_mapping(), "networks": _networks(trained)}


def _summary(run: str, trained: "TrainedNetworks") -> str:
    from ..trainers.stopping import explain

    lines = [
        f"network {row['network']}: loss {row['loss']:.2e}, performance {row['performance']:.4f} "
        f"at epoch {row['best_epoch']} ({explain(row['stop_reason'])})"
        for row in _networks(trained)
    ]
    return "\n".join([*lines, f"next: dynascope export {run}"])
