"""Archives of networks followed through training, as one sequence of recordings that is read one at a time."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..errors import InputError
from .selection import Selection, array_of

if TYPE_CHECKING:
    from ..readers import Recording

NEEDED = ("performance", "trials_seen")


@dataclasses.dataclass(frozen=True)
class Training(Sequence["Recording"]):
    """The checkpoints of some networks, whose files are open.

    ``recordings`` are lazy; ``performance``, ``trials_seen`` and ``networks`` (checkpoint,) come from their attributes
    and the names of the files. Item i is read when asked for, with the chosen trials, and ``array`` in the place of its
    activity.
    """

    recordings: tuple["Recording", ...]
    performance: tuple[float, ...]
    trials_seen: tuple[float, ...]
    networks: tuple[str, ...]
    selection: Selection
    array: str

    def __len__(self) -> int:
        return len(self.recordings)

    @overload
    def __getitem__(self, index: int) -> "Recording": ...
    @overload
    def __getitem__(self, index: slice) -> "Sequence[Recording]": ...
    def __getitem__(self, index: Any) -> Any:
        """Return a recording with the chosen trials."""
        from ..readers import Recording

        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        network, whole = self.networks[index], self.recordings[index]
        trials = self.selection.chosen_trials(whole, network) if self.selection.where else None
        columns = whole.trials if trials is None else whole.trials.take(np.flatnonzero(trials))
        shown = np.asarray(array_of(whole, self.array, network))
        edges = {name: np.asarray(found) for name, found in whole.epochs.items()}
        if trials is not None:
            shown = shown[trials]
            edges = {name: found[trials] if found.ndim == 2 else found for name, found in edges.items()}
        return Recording(shown, whole.time, trials=columns, epochs=edges, attrs=whole.attrs)


@contextmanager
def recordings_of_training(
    paths: Sequence[str], selection: Selection, rule: str | None, array: str
) -> Iterator[Training]:
    """Yield the recordings of archives that state their performance and the trials seen before them.

    Raises
    ------
    InputError
        If a file is no archive, two have one name, none of its recordings states both, or several rules are found and
        none is chosen.
    """
    from ..readers import open_archive

    chosen: list[tuple[Recording, str]] = []
    with ExitStack() as files:
        for path in paths:
            network = Path(path).stem
            if network in [name for _, name in chosen]:
                raise InputError(f"{path}: another network is called {network} too; rename one of the files")
            archive = files.enter_context(open_archive(path))
            chosen += [(recording, network) for recording in _of_rule(list(archive.recordings.values()), rule, path)]
        rules = sorted({str(recording.attrs.get("rule", "none")) for recording, _ in chosen})
        if len(rules) > 1:
            raise InputError(f"recordings of several rules: {', '.join(rules)}; choose one with --rule")
        numbers = [[float(recording.attrs[key]) for recording, _ in chosen] for key in NEEDED]
        yield Training(
            tuple(recording for recording, _ in chosen), tuple(numbers[0]), tuple(numbers[1]),
            tuple(network for _, network in chosen), selection, array,
        )  # fmt: skip


def _of_rule(recordings: Sequence["Recording"], rule: str | None, path: str) -> list["Recording"]:
    stated = [found for found in recordings if all(found.attrs.get(key) is not None for key in NEEDED)]
    of_rule = [found for found in stated if rule is None or str(found.attrs.get("rule")) == rule]
    if not of_rule:
        known = sorted({str(found.attrs["rule"]) for found in stated if "rule" in found.attrs})
        which = "" if rule is None else f" of the rule '{rule}' (found: {', '.join(known) or 'none'})"
        raise InputError(f"{path}: no recording{which} states {' and '.join(NEEDED)}; --stages needs both")
    return of_rule
