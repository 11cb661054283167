"""Branches through training: the pieces of all gaps, joined at the checkpoints, and the bifurcations on them."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..record import FixedPoints
from .events import CORNER
from .passage import Passage, Piece

Array = npt.NDArray[Any]

# Bifurcations this near each other, in shares of a gap, and of one type are one.
_SAME_PLACE = 1e-6


@dataclasses.dataclass(eq=False)
class _Event:
    place: float  # checkpoint + share of the gap
    type: str
    eigenvalue: complex
    state: Array
    branch: int = -1


class Continua(NamedTuple):
    """The lines, rings and surfaces among the points of a checkpoint; fields as of :class:`Manifolds`."""

    labels: Array
    dimensions: Array
    closed: Array


def continua(points: FixedPoints) -> Continua:
    """Return the continua of a search: its manifolds without those that are one degenerate point found many times."""
    if points.manifolds is None or points.manifold_dimensions is None or points.manifold_closed is None:
        return Continua(np.full(len(points), -1), np.zeros(0, int), np.zeros(0, bool))
    wide = points.manifold_dimensions > 0
    # The last element answers for the points of no manifold, −1.
    renumbered = np.append(np.where(wide, np.cumsum(wide) - 1, -1), -1)
    return Continua(renumbered[points.manifolds], points.manifold_dimensions[wide], points.manifold_closed[wide])


class Branches:
    """Numbers of the branches as they are found, gap by gap.

    Attributes
    ----------
    numbers : per checkpoint the branch (k,) of each known point, −1 for none
    """

    def __init__(self, passages: Sequence[Passage], final: Sequence[FixedPoints]) -> None:
        self.passages, self.final = passages, final
        known = [each.before for each in passages] + [passages[-1].after]
        self.numbers = [np.full(len(states), -1) for states in known]
        self.births: list[int] = []
        self.deaths: list[int] = []
        self.events: list[_Event] = []
        self.notes: list[str] = []
        self._segments: list[tuple[int, int, Array]] = []  # branch, gap, rows of the diagram

    @classmethod
    def linked(cls, passages: Sequence[Passage], final: Sequence[FixedPoints]) -> "Branches":
        """Return the branches of all gaps.

        Parameters
        ----------
        passages : one per gap, with the same points wherever two meet
        final : one per checkpoint: the record whose starts were the known points, in their order
        """
        made = cls(passages, final)
        made._number_alone(0)
        for gap, each in enumerate(passages):
            made._cross(gap, each)
            made._number_alone(gap + 1)
        return made

    def of_points(self, index: int) -> Array:
        """Return the branch of each point of the record of a checkpoint, (k,); −1 in a continuum."""
        record = self.final[index]
        found = np.full(len(record), -1)
        # The first known point that led there decides.
        for row in reversed(range(len(self.numbers[index]))):
            if record.start_points[row] >= 0 and self.numbers[index][row] >= 0:
                found[record.start_points[row]] = self.numbers[index][row]
        return np.where(continua(record).labels >= 0, -1, found)

    def arrays(self, trials: Array) -> dict[str, Any]:
        """Return the fields of the record that speak of branches and bifurcations."""
        order = np.argsort([event.place for event in self.events], kind="stable").astype(int)
        chosen = [self.events[index] for index in order]
        rank = np.append(np.argsort(order), -1)  # the last element answers for −1: no bifurcation
        n_states = self.final[0].states.shape[1]
        return {
            "event_types": np.array([event.type for event in chosen], dtype=np.str_),
            "event_trials": _in_trials(np.array([event.place for event in chosen]), trials),
            "event_branch": np.array([event.branch for event in chosen], int),
            "event_eigenvalue": np.array([event.eigenvalue for event in chosen], complex),
            "event_states": np.array([event.state for event in chosen]).reshape(-1, n_states),
            "birth_event": rank[np.array(self.births, int)],
            "death_event": rank[np.array(self.deaths, int)],
            **self._paths(trials),
            "notes": list(dict.fromkeys(self.notes)),
        }

    def _paths(self, trials: Array) -> dict[str, Array]:
        """Return the rows of all branches in the order of branches and of training."""
        parts = []
        for branch, gap, rows in sorted(self._segments, key=lambda segment: segment[:2]):
            diagram = self.passages[gap].diagram
            assert diagram is not None
            parts.append((
                np.full(len(rows), branch), gap + diagram.parameter[rows], diagram.states[rows],
                diagram.eigenvalues[rows, 0], diagram.n_unstable[rows], diagram.stable[rows],
            ))  # fmt: skip
        if not parts:
            n_states = self.final[0].states.shape[1]
            parts = [(np.zeros(0, int), np.zeros(0), np.zeros((0, n_states)), np.zeros(0, complex), np.zeros(0, int),
                      np.zeros(0, bool))]  # fmt: skip
        numbers, place, states, leading, n_unstable, stable = (
            np.concatenate(part) for part in zip(*parts, strict=True)
        )
        return {
            "path_branch": numbers, "path_trials": _in_trials(place, trials), "path_states": states,
            "path_eigenvalue": leading, "path_n_unstable": n_unstable, "path_stable": stable,
        }  # fmt: skip

    def _number_alone(self, index: int) -> None:
        """Give a number to every isolated point of a checkpoint that no branch has reached."""
        record, numbers = self.final[index], self.numbers[index]
        in_continuum = continua(record).labels >= 0
        taken = set(record.start_points[numbers >= 0].tolist())
        for row in np.flatnonzero(numbers < 0):
            point = int(record.start_points[row])
            if point >= 0 and point not in taken and not in_continuum[point]:
                numbers[row] = self._new(-1)
                taken.add(point)
                if index:
                    self.notes.append(f"a point of checkpoint {index} could not be followed to the one before")

    def _new(self, birth: int) -> int:
        self.births.append(birth)
        self.deaths.append(-1)
        return len(self.births) - 1

    def _cross(self, gap: int, crossed: Passage) -> None:
        """Carry the numbers over a gap."""
        self.notes += [f"between checkpoints {gap} and {gap + 1}: {note}" for note in crossed.notes]
        events = self._events_of(gap, crossed)
        carried = {}
        # Those that were there before come first, in their order; then births, in the order of training.
        for index in sorted(range(len(crossed.pieces)), key=crossed.turn):
            carried[index] = self._carry(gap, crossed.pieces[index], events)
        for special, event in enumerate(events):
            if self.events[event].branch < 0:
                self.events[event].branch = carried.get(crossed.piece_of(special), -1)

    def _events_of(self, gap: int, crossed: Passage) -> list[int]:
        """Return for each bifurcation of a gap its number among all, new or seen before."""
        diagram, numbers = crossed.diagram, []
        for special in range(0 if diagram is None else len(diagram.special_types)):
            assert diagram is not None
            made = _Event(
                gap + float(diagram.special_parameter[special]),
                str(diagram.special_types[special]),
                complex(diagram.special_eigenvalue[special]),
                diagram.special_states[special],
            )
            same = next((index for index, known in enumerate(self.events) if _same(known, made)), len(self.events))
            if same == len(self.events):
                self.events.append(made)
            elif self.events[same].type == CORNER:
                self.events[same] = made
            numbers.append(same)
        return numbers

    def _carry(self, gap: int, piece: Piece, events: list[int]) -> int:
        """Return the branch of a piece: that of its start, or a new one."""
        branch = -1 if piece.start < 0 else int(self.numbers[gap][piece.start])
        if branch < 0:
            branch = self._new(events[piece.begins] if piece.begins >= 0 else -1)
        if piece.stop < 0:
            self.deaths[branch] = events[piece.ends] if piece.ends >= 0 else -1
        elif self.numbers[gap + 1][piece.stop] < 0:
            self.numbers[gap + 1][piece.stop] = branch
        else:
            self.notes.append(f"two branches lead to one point of checkpoint {gap + 1}")
        self._segments.append((branch, gap, piece.rows))
        return branch


def _same(known: _Event, event: _Event) -> bool:
    """Whether two bifurcations are one, seen at a checkpoint from both sides, or a fold taken for a kink as well.

    In slow networks eigenvalues pass 1 so gently beside a fold that their crossing is found apart from it.
    """
    size = max(1.0, float(np.linalg.norm(event.state)))
    near = abs(known.place - event.place) < _SAME_PLACE and np.linalg.norm(known.state - event.state) < 0.01 * size
    return bool(near) and (known.type == event.type or CORNER in (known.type, event.type))


def _in_trials(places: Array, trials: Array) -> Array:
    return np.interp(places, np.arange(len(trials)), trials)
