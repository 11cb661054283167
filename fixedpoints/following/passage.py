"""From one checkpoint to the next: the fixed points of both ends, connected along the line between their weights."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import Dynamics
from .follow import bifurcation_diagram
from .parameters import Parametrized
from .record import BifurcationDiagram

Array = npt.NDArray[Any]

# Two states this close, as a share of their size, are the same point reached in two ways.
_SAME = 1e-5
# A bifurcation is a row of every branch that it lies on, to this accuracy.
_SAME_PLACE = 1e-4
# A walk that ends this near a bifurcation, in shares of the gap and of the states' size, has ended at it: where several
# variables bifurcate at once everything is ill-conditioned, and walks stop short.
_ARRIVED, _ARRIVED_STATE = 0.02, 0.15
# Points of unbounded units leave for infinity between one checkpoint and the next: a walk ends this many times the
# typical size of the states out.
_FAR = 10.0


@dataclasses.dataclass(frozen=True)
class Walking:
    """Options of the continuation in every gap; as for :func:`~dynascope.fixedpoints.bifurcation_diagram`."""

    dynamics: Dynamics
    switch: bool
    max_step: float
    max_points: int
    max_branches: int
    state_scale: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """One point moving through a gap, or through the part of it where it exists.

    Attributes
    ----------
    start, stop : int
        Rows of the points before and after; −1 where the piece begins or ends in between.
    rows : ndarray of int
        Rows of the diagram in the order of training.
    begins, ends : int
        The bifurcation (of the diagram) at which it does, −1 if it does not or if none was found.
    """

    start: int
    stop: int
    rows: Array
    begins: int = -1
    ends: int = -1


@dataclasses.dataclass(frozen=True, eq=False)
class Passage:
    """All that happens between two checkpoints: diagram is None where there was nothing to follow.

    ``before`` and ``after`` (k, state) are the points given and, behind them, those that continuation found besides.
    """

    before: Array
    after: Array
    diagram: BifurcationDiagram | None
    pieces: list[Piece]
    notes: list[str]

    def with_points(self, before: Array, after: Array) -> "Passage":
        """Return the passage between longer lists of the same points."""
        return dataclasses.replace(self, before=before, after=after)

    def knows(self, before: Array, after: Array) -> bool:
        """Whether lists of points that only ever grow hold no more than this passage has seen."""
        return (len(before), len(after)) == (len(self.before), len(self.after))

    def turn(self, piece: int) -> tuple[float, ...]:
        """Return the place of a piece in the order of pieces: by their starts, then by where they begin."""
        found = self.pieces[piece]
        if found.start >= 0:
            return (0, found.start)
        assert self.diagram is not None
        return (1, float(self.diagram.parameter[found.rows[0]]), found.stop)

    def piece_of(self, special: int) -> int:
        """Return the piece on which a bifurcation lies, −1 if there is none; where branches cross, one that passes."""
        assert self.diagram is not None
        place, state = self.diagram.special_parameter[special], self.diagram.special_states[special]
        apart = np.linalg.norm(self.diagram.states - state, axis=1) / max(1.0, float(np.linalg.norm(state)))
        here = np.maximum(apart, np.abs(self.diagram.parameter - place)) < _SAME_PLACE
        through = [index for index, piece in enumerate(self.pieces) if here[piece.rows].any()]
        return min(through, key=lambda index: (self.pieces[index].start < 0, index), default=-1)


def passage(
    between: Parametrized, before: Array, after: Array, isolated: tuple[Array, Array], walking: Walking
) -> Passage:
    """Follow the isolated points of two checkpoints towards each other and say which belong together.

    Parameters
    ----------
    between : (n, state), (n, 1) → (n, state), the earlier checkpoint at 0 and the later at 1
    before, after : ndarray, shape (k, state)
    isolated : of both, ndarray of bool, shape (k,)
        Points of a continuum cannot be followed one by one and are left alone.
    """
    starts = np.concatenate([points[chosen] for points, chosen in zip((before, after), isolated, strict=True)])
    if not len(starts):
        return Passage(before, after, None, [], [])
    scale = walking.state_scale or float(max(np.linalg.norm(starts, axis=1).max(), np.sqrt(starts.shape[1])))
    diagram = bifurcation_diagram(
        between,
        starts,
        [0.0, 1.0],
        bounds=(0.0, 1.0),
        dynamics=walking.dynamics,
        switch=walking.switch,
        max_step=walking.max_step,
        max_points=walking.max_points,
        max_branches=walking.max_branches,
        state_scale=scale,
        state_bound=_FAR * scale,
    )
    ends = [_Ends(before), _Ends(after)]
    notes = [note for note in diagram.notes if not note.startswith("no fixed point was found")]
    pieces: list[Piece] = []
    for branch in range(diagram.n_branches):
        pieces += _pieces(diagram, branch, ends, notes)
    return Passage(ends[0].states, ends[1].states, diagram, pieces, notes)


class _Ends:
    """The points of one checkpoint, to which the ends of branches are matched; new ones are appended."""

    def __init__(self, states: Array) -> None:
        self.states = states

    def row(self, state: Array) -> int:
        distance = np.linalg.norm(self.states - state, axis=1)
        if len(distance) and distance.min() <= _SAME * max(1.0, float(np.linalg.norm(state))):
            return int(distance.argmin())
        self.states = np.concatenate([self.states, state[None]])
        return len(self.states) - 1


def _pieces(diagram: BifurcationDiagram, branch: int, ends: Sequence[_Ends], notes: list[str]) -> list[Piece]:
    """Return the pieces of one branch: one that passes, two that meet in a bifurcation, or one with a loose end."""
    rows = np.flatnonzero(diagram.branch == branch)
    sides = [_side(reason) for reason in diagram.ends[branch]]
    first, last = (
        ends[side].row(diagram.states[row]) if side >= 0 else -1
        for side, row in zip(sides, (rows[0], rows[-1]), strict=True)
    )
    if sides == [0, 1]:
        return [Piece(first, last, rows)]
    if sides == [1, 0]:
        return [Piece(last, first, rows[::-1])]
    if sides == [0, 0] or sides == [1, 1]:
        return _pair(diagram, rows, sides[0], (first, last))
    loose = [reason for side, reason in zip(sides, diagram.ends[branch], strict=True) if side < 0]
    if len(loose) == 1:
        piece = _with_a_loose_end(diagram, rows, sides, max(first, last))
        if max(piece.begins, piece.ends) < 0:
            notes.append(f"a branch does not reach the next checkpoint: {loose[0]}")
        return [piece]
    notes.append("a branch reaches neither checkpoint: " + "; ".join(loose))
    return []


def _with_a_loose_end(diagram: BifurcationDiagram, rows: Array, sides: list[int], row: int) -> Piece:
    """Return the piece of a branch that reaches one checkpoint only; what is behind its turn has left for good."""
    side = max(sides)
    # From the checkpoint to the loose end, as far as the branch leads away from the checkpoint.
    outwards = rows if sides[0] == side else rows[::-1]
    outwards = outwards[: _turn(diagram, outwards, side) + 1]
    met = _arrived(diagram, outwards[-1])
    return Piece(-1, row, outwards[::-1], begins=met) if side == 1 else Piece(row, -1, outwards, ends=met)


def _pair(diagram: BifurcationDiagram, rows: Array, side: int, ends: tuple[int, int]) -> list[Piece]:
    """Return the two halves of a branch that turns back: born together, or dying together."""
    turn = _turn(diagram, rows, side)
    met = _arrived(diagram, rows[turn])
    halves = (rows[: turn + 1], rows[turn:][::-1])
    if side == 1:
        return [Piece(-1, end, half[::-1], begins=met) for end, half in zip(ends, halves, strict=True)]
    return [Piece(end, -1, half, ends=met) for end, half in zip(ends, halves, strict=True)]


def _turn(diagram: BifurcationDiagram, rows: Array, side: int) -> int:
    """Return the position of the row that is farthest from a checkpoint, by the parameter."""
    places = diagram.parameter[rows]
    return int(places.argmin() if side == 1 else places.argmax())


def _side(reason: str) -> int:
    """Return 0 for an end at the earlier checkpoint, 1 at the later, −1 in between."""
    return {"reached the lower bound": 0, "reached the upper bound": 1}.get(reason, -1)


def _arrived(diagram: BifurcationDiagram, row: int) -> int:
    """Return the bifurcation at which a branch turns or ends, −1 if it ends at none."""
    if not len(diagram.special_parameter):
        return -1
    size = max(1.0, float(np.linalg.norm(diagram.special_states, axis=1).max()))
    along = np.abs(diagram.special_parameter - diagram.parameter[row]) / _ARRIVED
    across = np.linalg.norm(diagram.special_states - diagram.states[row], axis=1) / (_ARRIVED_STATE * size)
    apart = np.maximum(along, across)
    return int(apart.argmin()) if apart.min() <= 1 else -1
