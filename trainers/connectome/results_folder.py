"""The published result folder: one numbered sub-folder per combination with loss curves and checkpoints.

``folder_index.txt`` has a line ``<index> (<combination>)`` for each combination; ``<index>/`` holds
``train_loss_all.npy`` and its like, (iteration, epoch) each, and ``model_state_dict_epoch_<e>_iter_<it>.pth``.
"""

import ast
import dataclasses
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import files
from ...errors import InputError
from ...results import Array, plain
from . import tensor_files

INDEX = "folder_index.txt"
#: entries of a state dict: input, recurrent and readout weights and their biases, by the published names
STATE_DICT = (
    "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0", "fc.weight", "fc.bias",
)  # fmt: skip
Combo = tuple[Any, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """Curves of the runs of one combination, (iteration, epoch) float64 each.

    Losses are unweighted means over batches; metrics are accuracies in percent, None for tasks without.
    """

    train_loss: Array
    validate_loss: Array
    train_metrics: Array | None = None
    validate_metrics: Array | None = None

    def __post_init__(self) -> None:
        shape = np.shape(self.train_loss)
        for name, array in self.given().items():
            if array.dtype.kind not in "iuf" or array.ndim != 2 or array.shape != shape or 0 in shape:
                raise InputError(
                    f"{name}: expected numbers (iteration, epoch) of one shape, found {array.dtype} of shape "
                    f"{array.shape}, beside {shape}"
                )

    def given(self) -> dict[str, Array]:
        """Return the curves that there are, by name."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: np.asarray(value) for name, value in values.items() if value is not None}


def combo_text(combo: Iterable[Any]) -> str:
    """Return a combination as the index and names of figures spell it.

    >>> combo_text([0.0001, "relu", "Adam", 3])
    "(0.0001, 'relu', 'Adam', 3)"
    """
    return str(tuple(plain(list(combo))))


def write_index(folder: str | Path, combos: Sequence[Combo]) -> Path:
    """Write the list of combinations into a result folder, which is made, and return the path."""
    lines = [f"{index} {combo_text(combo)}\n" for index, combo in enumerate(combos)]
    return files.write_text(files.make_directory(folder) / INDEX, "".join(lines))


def read_index(folder: str | Path) -> list[Combo]:
    """Return the combinations of a result folder; the place in the list names the sub-folder.

    Raises
    ------
    InputError
        If there is no index, or a line is not its number and a tuple of numbers and words.
    """
    path = Path(folder) / INDEX
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot read the index of a result folder: {reason}") from None
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise InputError(f"{path}: found no combination")
    return [_combo(line, index, path) for index, line in enumerate(lines)]


def _combo(line: str, index: int, path: Path) -> Combo:
    number, _, text = line.strip().partition(" ")
    try:
        combo = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        combo = None
    fits = isinstance(combo, tuple) and all(
        isinstance(value, (int, float)) or (isinstance(value, str) and value.isprintable()) for value in combo
    )
    if number != str(index) or not combo or not fits:
        raise InputError(f"{path}, line {index + 1}: expected \"{index} (0.001, 'tanh', …)\", found {line[:80]!r}")
    return tuple(combo)


def write_curves(folder: str | Path, index: int, curves: Curves) -> Path:
    """Write the curves of one combination and return its sub-folder."""
    inside = files.make_directory(Path(folder) / str(index))
    for name, array in curves.given().items():
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(array, np.float64), allow_pickle=False)
        files.write_bytes(inside / f"{name}_all.npy", buffer.getvalue())
    return inside


def read_curves(folder: str | Path, index: int) -> Curves:
    """Return the curves of one combination; metrics that are not there are None.

    Published folders hold metrics for the first combination at most.

    Raises
    ------
    InputError
        If loss curves are missing, or an array is not what it should be.
    """
    inside = Path(folder) / str(index)
    found: dict[str, Array | None] = {}
    for field in dataclasses.fields(Curves):
        path = inside / f"{field.name}_all.npy"
        if field.default is None and not path.exists():
            continue
        try:
            found[field.name] = np.load(path, allow_pickle=False)
        except OSError as error:
            raise InputError(f"{path}: cannot read these curves: {error.strerror or error}") from None
        except (ValueError, EOFError, MemoryError) as error:
            raise InputError(f"{path}: no array of numbers: {error}") from None
    try:
        return Curves(**found)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"{inside}: {error}") from None


def checkpoint_path(folder: str | Path, index: int, epoch: int, iteration: int) -> Path:
    """Return the file of a checkpoint; epochs count from 0."""
    return Path(folder) / str(index) / f"model_state_dict_epoch_{epoch}_iter_{iteration}.pth"


def write_checkpoint(folder: str | Path, index: int, epoch: int, iteration: int, state: Mapping[str, Array]) -> Path:
    """Write a state dict, (see :data:`STATE_DICT`), as float32 or float64 tensors, and return the path.

    Raises
    ------
    InputError
        If it is not a state dict of the network.
    """
    path = checkpoint_path(folder, index, epoch, iteration)
    files.make_directory(path.parent)
    return tensor_files.write(path, _checked_state(state, str(path)))


def read_checkpoint(path: str | Path) -> dict[str, Array]:
    """Return the state dict in a checkpoint: the arrays of :data:`STATE_DICT` by name.

    Raises
    ------
    InputError
        If the file is missing or damaged, holds anything but tensors and plain values, or no state dict of the network.
    """
    found = tensor_files.read(path)
    if not isinstance(found, Mapping):
        raise InputError(f"{path}: expected a state dict, found {type(found).__name__}")
    return _checked_state(found, str(path))


def _checked_state(state: Mapping[str, Any], where: str) -> dict[str, Array]:
    for name in STATE_DICT:
        if not isinstance(state.get(name), np.ndarray) or state[name].dtype.kind != "f":
            raise InputError(f"{where}: expected the parameter {name} as floating-point numbers")
    units, outputs = len(np.atleast_1d(state["rnn.bias_ih_l0"])), len(np.atleast_1d(state["fc.bias"]))
    inputs = np.shape(state["rnn.weight_ih_l0"])[-1] if np.ndim(state["rnn.weight_ih_l0"]) else 0
    shapes = ((units, inputs), (units, units), (units,), (units,), (outputs, units), (outputs,))
    for name, shape in zip(STATE_DICT, shapes, strict=True):
        if state[name].shape != shape:
            raise InputError(f"{where}: {name} has shape {state[name].shape}, expected {shape}")
    return {name: state[name] for name in STATE_DICT}
