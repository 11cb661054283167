"""Checkpoints of training, given as recordings or as arrays: the same fields for both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError, unknown_name
from ..validation import Array, label_codes


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """One ``network`` at one moment of its training: ``index`` is its place in what was given."""

    index: int
    network: str
    activity: Any
    time: Any
    labels: Any
    recording: Any

    def edges(self, epoch: Any) -> Any:
        """Return an epoch given by name, or as it is; None stays None."""
        if not isinstance(epoch, str):
            return epoch
        if self.recording is None:
            raise InputError(f"epoch {epoch!r}: arrays have no named epochs; give (start, stop) in seconds")
        if epoch not in self.recording.epochs:
            raise InputError(f"checkpoint {self.index}: {unknown_name('epoch', epoch, self.recording.epochs)}")
        return self.recording.epochs[epoch]

    def of_network(self, what: str, by_network: Mapping[str, Any]) -> Any:
        """Return what a mapping has for the network of this checkpoint."""
        if self.network not in by_network:
            raise InputError(f"{what}: {unknown_name('network', self.network, map(str, by_network))}")
        return by_network[self.network]


class Checkpoints:
    """Checkpoints: recordings (anything with ``activity``, ``time``, ``trials``, ``epochs`` and ``attrs``) or arrays.

    ``names`` and ``codes`` (checkpoint,) say which network each belongs to, ``seed_codes`` which seed that has.
    """

    def __init__(
        self, items: Sequence[Any], time: Any, labels: Any, *, networks: Any = None, seeds: Any = None
    ) -> None:
        # A sequence that reads from files is asked for one item at a time.
        self.items = items if isinstance(items, Sequence) else list(items)
        if not len(self.items):
            raise InputError("checkpoints: expected at least one recording or array, found none")
        self._time, self._labels = time, labels
        self.names, self.codes = coded("networks", networks, len(self.items), "network")
        self.seed_codes = coded("seeds", seeds, len(self.items), "seed")[1]
        for code, name in enumerate(self.names):
            if len(np.unique(self.seed_codes[self.codes == code])) > 1:
                raise InputError(f"seeds: network {name} has checkpoints of several seeds; expected one per network")

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Checkpoint]:
        return (self[index] for index in range(len(self.items)))

    def __getitem__(self, index: int) -> Checkpoint:
        item, network = self.items[index], self.names[self.codes[index]]
        if not hasattr(item, "activity"):
            if self._time is None:
                raise InputError("time: expected the times of the samples, since checkpoints are arrays")
            return Checkpoint(index, network, item, self._time, self._labels_of(index), None)
        labels = self._labels
        if isinstance(labels, str):
            if labels not in item.trials:
                raise InputError(f"checkpoint {index}: {unknown_name('trial column', labels, item.trials)}")
            labels = item.trials[labels]
        else:
            labels = self._labels_of(index)
        return Checkpoint(index, network, item.activity, item.time, labels, item)

    def _labels_of(self, index: int) -> Any:
        """Return the labels of one checkpoint: its own of a list of arrays, or those that all share."""
        if isinstance(self._labels, str):
            raise InputError(f"labels: {self._labels!r} names a trial column, but checkpoints are arrays")
        if isinstance(self._labels, (list, tuple)) and len(self._labels) and np.ndim(self._labels[0]) == 1:
            if len(self._labels) != len(self.items):
                raise InputError(
                    f"labels: expected {len(self.items)} arrays, one per checkpoint, found {len(self._labels)}"
                )
            return self._labels[index]
        return self._labels

    def numbers(self, name: str, given: Any) -> Array | None:
        """Return one number per checkpoint: ``given``, or the recordings' attribute of that name, None without."""
        if given is None:
            found = [getattr(item, "attrs", {}).get(name) for item in self.items]
            if any(value is None for value in found):
                return None
            given = found
        values = np.asarray(given)
        if values.shape != (len(self.items),) or values.dtype.kind not in "biuf":
            raise InputError(f"{name}: expected {len(self.items)} numbers, one per checkpoint, found {given!r:.80}")
        return values.astype(float)


def coded(name: str, labels: Any, n: int, only: str) -> tuple[tuple[str, ...], Array]:
    """Return the sorted names and the code of each checkpoint; without labels all are called ``only``."""
    if labels is None:
        return (only,), np.zeros(n, np.int64)
    names, codes = label_codes(name, np.asarray(labels).astype(str), n, "checkpoints")
    return tuple(names.tolist()), codes
