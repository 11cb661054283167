"""``--stage-mode``: what a stage of training is; and stages of checkpoints that commands average over."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigurationError
from .checkpoints import Training
from .selection import Selection

if TYPE_CHECKING:
    from ..analysis import Stages

MODES = ("published", "published_windows", "windows", "matched")


def stage_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--stage-mode``; the command receives it as ``stage_mode``."""
    option = click.option(
        "--stage-mode", type=click.Choice(MODES), default="published", show_default=True,
        help="What a stage is: performance above 0.65 or 0.35, windows of checkpoints, or matched performance.",
    )  # fmt: skip
    return option(command)


def stages_of(run: Training, mode: str) -> "Stages":
    """Return the stages of the checkpoints."""
    from ..analysis import assign_stages

    return assign_stages(run.performance, run.trials_seen, mode=mode, networks=run.networks)


def all_recordings(selection: Selection) -> None:
    """Refuse a choice of one recording or epoch where all checkpoints are looked at.

    Raises
    ------
    ConfigurationError
        If ``--recording`` or ``--epoch`` is given.
    """
    for name, value in (("--recording", selection.recording), ("--epoch", selection.epoch)):
        if value is not None:
            raise ConfigurationError(f"{name} {value}: all recordings of a network are looked at; leave it out")
