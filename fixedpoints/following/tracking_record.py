"""The record of fixed points through training: tracks, births, deaths and changes of stability."""

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ... import plotting
from ...results import Result, axes, count_noun
from ..problem import Dynamics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

BIRTH, DEATH, GAINED, LOST = "birth", "death", "became stable", "became unstable"


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Tracking(Result):
    """Fixed points at every checkpoint and which of them are one point moving: a track.

    Attributes
    ----------
    labels : ndarray, shape (checkpoint,)
        The place of each checkpoint, ascending; ``label_name`` says what it counts.
    checkpoint, track : ndarray of int, shape (point,)
        Of each point; points of one track have neighbouring checkpoints.
    states : ndarray, shape (point, state)
    eigenvalues : ndarray, shape (point, state), complex
    stable : ndarray of bool, shape (point,)
    n_unstable : ndarray of int, shape (point,)
    event_types : ndarray of str, shape (event,)
        ``birth``, ``death``, ``became stable`` or ``became unstable``.
    event_track : ndarray of int, shape (event,)
    event_label : ndarray, shape (event,)
        Where it happens in units of ``labels``: with continuation the bifurcation on the straight line between two
        checkpoints, otherwise halfway.
    event_states : ndarray, shape (event, state)
        The state of the bifurcation; without continuation the last before a death or a change, the first after a
        birth.
    linking : str
        ``continuation`` along the straight line between the weights, or ``nearest neighbours``.
    notes : list of str
        What could not be settled, in sentences.
    """

    dynamics: Dynamics
    labels: Array = axes("moment")
    checkpoint: Array = axes("point")
    track: Array = axes("point")
    states: Array = axes("point", "unit")
    eigenvalues: Array = axes("point", "eigenvalue")
    stable: Array = axes("point")
    n_unstable: Array = axes("point")
    event_types: Array = axes("event")
    event_track: Array = axes("event")
    event_label: Array = axes("event")
    event_states: Array = axes("event", "unit")
    linking: str
    label_name: str
    notes: list[str]

    kind: ClassVar[str] = "tracking"

    def __len__(self) -> int:
        return len(self.states)

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return int(self.track.max(initial=-1)) + 1

    def counts(self) -> Array:
        """Return the number of points at each checkpoint, shape (checkpoint,)."""
        return np.bincount(self.checkpoint, minlength=len(self.labels))

    def summary(self) -> str:
        """Return the number of points at each checkpoint and what happened between them, as text."""
        counted = Counter(self.event_types.tolist())
        events = ", ".join(f"{counted[name]} × {name}" for name in (BIRTH, DEATH, GAINED, LOST) if counted[name])
        lines = [
            f"{count_noun(self.n_tracks, 'track')} through {count_noun(len(self.labels), 'checkpoint')}, linked by "
            f"{self.linking}: "
            f"{events or 'nothing happens'}"
        ]
        for index, (label, count) in enumerate(zip(self.labels, self.counts(), strict=True)):
            stable = int(self.stable[self.checkpoint == index].sum())
            lines.append(f"  {label:g}: {count_noun(count, 'point')}, {stable} stable")
        for index in np.argsort(self.event_label, kind="stable"):
            lines.append(
                f"  {self.event_types[index]} of track {self.event_track[index]} near {self.event_label[index]:.6g}"
            )
        return "\n".join([*lines, *self.notes])

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw every track over the checkpoints: height is the first principal component of all points.

        Filled and solid where stable, open and dashed where not; triangles mark births, crosses deaths.
        """
        from ..drawing.diagram import first_component

        drawn = plotting.axes_or_new(ax, width=5.2)
        height, label = first_component(self.states, np.concatenate([self.states, self.event_states]))
        y, event_y = height[: len(self)], height[len(self) :]
        for track in range(self.n_tracks):
            self._draw_track(drawn, np.flatnonzero(self.track == track), y)
            self._draw_ends(drawn, track, y, event_y)
        x, stable = self.labels[self.checkpoint], self.stable.astype(bool)
        for chosen, colour, face, name in (
            (stable, plotting.STABLE, plotting.STABLE, "stable"),
            (~stable, plotting.UNSTABLE, "white", "unstable"),
        ):
            if chosen.any():
                drawn.scatter(x[chosen], y[chosen], s=22, facecolors=face, edgecolors=colour, label=name, zorder=3)
        for kind, mark in ((BIRTH, "^"), (DEATH, "x")):
            here = self.event_types == kind
            if here.any():
                drawn.scatter(
                    self.event_label[here], event_y[here], marker=mark, s=34, color=plotting.INK, label=kind, zorder=4,
                    linewidths=1.4 if mark == "x" else 0,
                )  # fmt: skip
        drawn.set_xlabel(self.label_name)
        drawn.locator_params(axis="x", nbins=6)
        drawn.set_ylabel(label)
        drawn.set_title(f"{count_noun(self.n_tracks, 'track')} of fixed points")
        if len(self):
            drawn.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
        return drawn

    def _draw_track(self, drawn: "Axes", rows: Array, y: Array) -> None:
        x = self.labels[self.checkpoint[rows]]
        for i in range(len(rows) - 1):
            both = bool(self.stable[rows[i]] and self.stable[rows[i + 1]])
            colour, style = (plotting.STABLE, "-") if both else (plotting.UNSTABLE, (0, (3, 2)))
            drawn.plot(x[i : i + 2], y[rows[i : i + 2]], color=colour, linestyle=style, linewidth=1.0, zorder=2)

    def _draw_ends(self, drawn: "Axes", track: int, y: Array, event_y: Array) -> None:
        """Join a track to its birth and its death."""
        rows = np.flatnonzero(self.track == track)
        for kind, row in ((BIRTH, rows[0]), (DEATH, rows[-1])):
            for event in np.flatnonzero((self.event_track == track) & (self.event_types == kind)):
                x = [self.event_label[event], self.labels[self.checkpoint[row]]]
                colour, style = (plotting.STABLE, "-") if self.stable[row] else (plotting.UNSTABLE, (0, (3, 2)))
                drawn.plot(x, [event_y[event], y[row]], color=colour, linestyle=style, linewidth=1.0, zorder=2)
