"""What ``fixedpoints``, ``continue`` and ``lyapunov`` start from: the network of an archive as a map."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import InputError
from .selection import Selection

if TYPE_CHECKING:
    from torch import Tensor

    from ..readers import Recording
    from ..trainers import Model

input_option = click.option(
    "--input", "input_text", metavar="U,U,…", help="Constant input of the network (default: zeros)."
)


def start_options(
    default: int, source: str = "drawn from the recorded trajectories", *, noise: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds ``--starts`` and ``--seed``, and ``--noise`` if asked for: where searches begin."""
    options = [
        click.option(
            "--starts", "n_starts", type=click.IntRange(min=1), default=default, show_default=True,
            help=f"Initial states, {source}.",
        ),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the starts."),
    ]  # fmt: skip
    if noise:
        options.insert(
            1,
            click.option(
                "--noise", type=click.FloatRange(min=0), default=0.1, show_default=True,
                help="Noise on the starts, as a share of the spread of the visited states.",
            ),
        )  # fmt: skip

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """A trained network, the states that it visited and the constant input at which it is studied.

    Attributes
    ----------
    model : in float64, without a member axis
    states : (trial, time, state), the flat states of the chosen recording
    input : (input,)
    """

    path: str
    model: "Model"
    recording: "Recording"
    states: np.ndarray
    input: np.ndarray

    @property
    def has_input(self) -> bool:
        """Whether the input changes the next state at all; that of a self-contained circuit does not."""
        import torch

        state = torch.as_tensor(self.states[:1, 0])
        moved = [self.model.step(state, torch.as_tensor(self.input + shift)[None]) for shift in (0.0, 1.0)]
        return not torch.equal(*moved)

    @property
    def dt(self) -> float | None:
        """Seconds per step, None when the recording has one sample or its samples are not evenly spaced."""
        steps = np.diff(np.asarray(self.recording.time, float))
        return float(steps[0]) if len(steps) and steps[0] > 0 and np.allclose(steps, steps[0]) else None

    def jacobian(self) -> Callable[..., "Tensor"] | None:
        """Return the formula of ∂step/∂state with the arguments of :meth:`map`, None when there is none."""
        import torch

        formula = self.model.jacobian()
        if formula is None or self.has_input:
            return formula
        fixed = torch.as_tensor(self.input)
        return lambda state: formula(state, fixed.expand(*state.shape[:-1], -1))

    def map(self) -> tuple[Callable[..., "Tensor"], np.ndarray | None]:
        """Return the step and the input to pass to the functions of ``fixedpoints``."""
        if self.has_input:
            return self.model.step, self.input
        import torch

        fixed = torch.as_tensor(self.input)
        return lambda state: self.model.step(state, fixed.expand(*state.shape[:-1], -1)), None


def require_archive(path: str) -> None:
    """Refuse a recording of another program, where a network or its training is studied.

    Raises
    ------
    InputError
        If the file is of another format, or of none.
    """
    from ..readers import recognise

    kind = recognise(path).name
    if kind != "archive":
        raise InputError(
            f"{path}: a recording of format {kind}, which holds no network; expected an archive of dynascope export"
        )


def open_network(path: str, selection: Selection, input_text: str | None = None) -> Network:
    """Return the network of an archive with the weights and states of the chosen recording.

    Raises
    ------
    InputError
        If the file is a recording without a network, lacks a state variable of it, or the input does not fit.
    """
    from ..readers import open_archive
    from ..trainers import load_model

    require_archive(path)
    recording = selection.read(path)
    with open_archive(path, verify=False) as archive:
        if archive.model is None:
            raise InputError(
                f"{path}: holds no network, only recorded activity, which has no dynamics to evaluate; expected an "
                "archive that dynascope export or write_archive(…, model=…) has made"
            )
        model = load_model(archive.model, recording.parameters)
    if not model.is_smooth:
        raise InputError(
            f"{path}: the step of a {model.family} network jumps at threshold, so its dynamics cannot be "
            "differentiated; dynascope fixedpoints says whether its quiet state is a fixed point"
        )
    return Network(
        path, model, recording, _flat_states(model, recording, path), constant_input(model, input_text, path)
    )


def _flat_states(model: "Model", recording: "Recording", path: str) -> np.ndarray:
    """Return the flat states (trial, time, state) from the archive's state variables."""
    known = {**recording.states}
    if model.activity_variable:
        known.setdefault(model.activity_variable, recording.activity)
    missing = [part.name for part in model.state_layout if part.name not in known]
    if missing:
        raise InputError(f"{path}: the recording lacks the state variables {', '.join(missing)}")
    parts = [np.asarray(known[part.name], float) for part in model.state_layout]
    return np.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], axis=-1)


def constant_input(model: "Model", text: str | None, path: str) -> np.ndarray:
    """Return the input (input,) that ``--input`` asks for, zeros by default."""
    size = model.config.n_inputs
    if text is None:
        return np.zeros(size)
    values: np.ndarray = numbers(text, "--input")
    if len(values) != size:
        raise InputError(f"--input: {path} has {size} input channels, found {len(values)} values")
    return values


def numbers(text: str, option: str) -> Any:
    """Return the finite numbers of a comma-separated list."""
    try:
        values = np.array([float(word) for word in text.split(",")])
    except ValueError:
        values = np.array([np.nan])
    if not np.isfinite(values).all():
        raise InputError(f"{option} {text}: expected numbers such as 0,0.5")
    return values
