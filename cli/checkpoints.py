"""Archives of networks followed through training, as one sequence of recordings that is read one at a time."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import click
import numpy as np

from ..errors import InputError
from .console import Console
from .networks import require_archive
from .selection import Selection, array_of

if TYPE_CHECKING:
    from ..readers import Archive, Recording
    from ..trainers import History

NEEDED = ("performance", "trials_seen")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of one network: ``make`` returns its recording."""

    network: str
    performance: float
    trials_seen: float
    make: "Callable[[], Recording]"


@dataclasses.dataclass(frozen=True)
class Training(Sequence["Recording"]):
    """The checkpoints of some networks, whose files are open.

    ``performance``, ``trials_seen`` and ``networks`` are (checkpoint,). Item i is read, or computed from the weights,
    when asked for, with the chosen trials, and ``array`` in the place of its activity.
    """

    checkpoints: tuple[Checkpoint, ...]
    selection: Selection
    array: str

    @functools.cached_property
    def performance(self) -> tuple[float, ...]:
        """Performance at each checkpoint."""
        return tuple(one.performance for one in self.checkpoints)

    @functools.cached_property
    def trials_seen(self) -> tuple[float, ...]:
        """Training trials before each checkpoint."""
        return tuple(one.trials_seen for one in self.checkpoints)

    @functools.cached_property
    def networks(self) -> tuple[str, ...]:
        """The network of each checkpoint: the name of its file."""
        return tuple(one.network for one in self.checkpoints)

    @functools.cached_property
    def first(self) -> "Recording":
        """The first recording, whole."""
        return self.checkpoints[0].make()

    def __len__(self) -> int:
        return len(self.checkpoints)

    @overload
    def __getitem__(self, index: int) -> "Recording": ...
    @overload
    def __getitem__(self, index: slice) -> "Sequence[Recording]": ...
    def __getitem__(self, index: Any) -> Any:
        """Return a recording with the chosen trials."""
        from ..readers import Recording

        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        network, whole = self.networks[index], self.checkpoints[index].make()
        trials = self.selection.chosen_trials(whole, network) if self.selection.where else None
        columns = whole.trials if trials is None else whole.trials.take(np.flatnonzero(trials))
        shown = np.asarray(array_of(whole, self.array, network))
        edges = {name: np.asarray(found) for name, found in whole.epochs.items()}
        if trials is not None:
            shown = shown[trials]
            edges = {name: found[trials] if found.ndim == 2 else found for name, found in edges.items()}
        return Recording(shown, whole.time, trials=columns, epochs=edges, attrs=whole.attrs)


def checkpoint_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--rule`` and ``--checkpoints``: which recordings of networks followed through training."""
    decorate = click.option(
        "--checkpoints",
        metavar="all|START:STOP:STEP|N,N,…",
        help="Replay the network at these numbers of trials from its weights (default: the checkpoints recorded).",
    )
    return click.option("--rule", metavar="NAME", help="Only this rule (task).")(decorate(command))


@contextmanager
def recordings_of_training(
    paths: Sequence[str],
    selection: Selection,
    rule: str | None,
    array: str = "activity",
    *,
    checkpoints: str | None = None,
    measured: bool = True,
    console: Console | None = None,
) -> Iterator[Training]:
    """Yield the checkpoints of networks: the recorded ones, or those that are to be replayed.

    The performance at checkpoints that are replayed is NaN unless it is to be ``measured``, on hundreds of trials each.

    Raises
    ------
    InputError
        If a file is no archive, two have one name, none of its recordings states its performance and the trials seen
        before it, or several rules are found and none is chosen; for a replay, if it holds no such checkpoint.
    """
    from ..readers import open_archive

    chosen: list[Checkpoint] = []
    with ExitStack() as files:
        rules: set[str] = set()
        for path in paths:
            network = Path(path).stem
            if network in [one.network for one in chosen]:
                raise InputError(f"{path}: another network is called {network} too; rename one of the files")
            require_archive(path)
            archive = files.enter_context(open_archive(path))
            if checkpoints is not None:
                chosen += _replayed(archive, network, rule, checkpoints, console or Console(quiet=True), measured)
                continue
            found = _of_rule(archive.recordings, rule, path)
            rules |= {str(recording.attrs.get("rule", "none")) for recording in found}
            chosen += [_recorded(recording, network) for recording in found]
        if len(rules) > 1:
            raise InputError(f"recordings of several rules: {', '.join(sorted(rules))}; choose one with --rule")
        yield Training(tuple(chosen), selection, array)


def history_of(archive: "Archive", rule: str | None, checkpoints: str, *, measured: bool = True) -> "History":
    """Return the checkpoints of an archive that ``--checkpoints`` asks for; ``measured`` with their performance."""
    import torch

    from ..trainers import History

    torch.set_num_threads(1)
    words = [word.strip() for word in checkpoints.split(",")]
    listed = all(word.isdecimal() for word in words)
    if not listed and checkpoints != "all" and ":" not in checkpoints:
        raise InputError(f"--checkpoints {checkpoints}: expected all, START:STOP:STEP, or numbers such as 1280,2560")
    chosen = [int(word) for word in words] if listed else checkpoints.replace("all", ":")
    return History(archive, rule, chosen, performance_trials=None if measured else 0)


def _replayed(
    archive: "Archive", network: str, rule: str | None, checkpoints: str, console: Console, measured: bool
) -> Iterator[Checkpoint]:
    history = history_of(archive, rule, checkpoints, measured=measured)
    performance = np.full(len(history), np.nan)
    if measured:
        with console.progress(f"performance of {network}", len(history)) as show:
            performance = history.performance(lambda done, of: show(done, ""))
    for index, seen in enumerate(history.trials_seen):
        yield Checkpoint(network, float(performance[index]), float(seen), functools.partial(history.__getitem__, index))


def _recorded(recording: "Recording", network: str) -> Checkpoint:
    performance, seen = (float(recording.attrs[key]) for key in NEEDED)
    return Checkpoint(network, performance, seen, lambda: recording)


def _moment(recording: "Recording") -> tuple[Any, Any]:
    return recording.attrs.get("rule"), recording.attrs["trials_seen"]


def _of_rule(recordings: "Mapping[str, Recording]", rule: str | None, path: str) -> list["Recording"]:
    whole = {
        name: found for name, found in recordings.items() if all(found.attrs.get(key) is not None for key in NEEDED)
    }
    moments = {_moment(found) for name, found in whole.items() if name != "final"}
    # Where all checkpoints are recorded, the final weights are those of one of them.
    stated = [found for name, found in whole.items() if name != "final" or _moment(found) not in moments]
    of_rule = [found for found in stated if rule is None or str(found.attrs.get("rule")) == rule]
    if not of_rule:
        known = sorted({str(found.attrs["rule"]) for found in stated if "rule" in found.attrs})
        which = "" if rule is None else f" of the rule '{rule}' (found: {', '.join(known) or 'none'})"
        raise InputError(f"{path}: no recording{which} states {' and '.join(NEEDED)}")
    return of_rule
