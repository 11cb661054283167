"""The published grid: every combination, learnt with a connectome and with its randomised version."""

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np

from ...analysis import LearningComparison, compare_learning
from ..study import Workbench
from .networks import PARAMETERS, STRATEGIES, Combo, Curves, Place, Strategy, Wiring, connectomes, train

TOPOLOGIES = ("bio", "rand")


@dataclasses.dataclass(frozen=True)
class Cell:
    """Where the two topologies are compared."""

    connectome: str
    task: str
    strategy: Strategy

    @property
    def name(self) -> str:
        """The cell in words."""
        return f"{self.connectome}, {self.task}, {self.strategy.name}"


def combos(bench: Workbench, task: str) -> list[Combo]:
    """Return the combinations of a task in the published order, the last column fastest."""
    budget = bench.budget
    parameters = budget["pattern_lengths" if task == "seq_mem" else "n_backs"]
    axes = (budget["learning_rates"], budget["nonlinearities"], budget["optimizers"], parameters)
    return [Combo(*values) for values in itertools.product(*axes)]


def comparisons(bench: Workbench) -> dict[Cell, LearningComparison]:
    """Return the comparison of bio and rand in each cell; iterations are the runs, of seeds common to all networks."""
    cells = [
        Cell(*choice) for choice in itertools.product(connectomes(bench), bench.budget["tasks"], STRATEGIES)
    ]  # fmt: skip
    curves = train(bench, [place for cell in cells for place in _places(bench, cell)])
    return {cell: _compared(bench, cell, curves) for cell in cells}


def _places(bench: Workbench, cell: Cell) -> list[Place]:
    pairs = itertools.product(TOPOLOGIES, combos(bench, cell.task))
    return [(cell.connectome, cell.task, combo, Wiring(cell.strategy, topology)) for topology, combo in pairs]


def _compared(bench: Workbench, cell: Cell, curves: Mapping[Place, Curves]) -> LearningComparison:
    points = combos(bench, cell.task)
    own = [curves[place] for place in _places(bench, cell)]
    by_topology = {"bio": own[: len(points)], "rand": own[len(points) :]}
    accuracy = {name: np.stack([one.performance[:, -1] for one in found]) for name, found in by_topology.items()}
    return compare_learning(
        {name: np.stack([one.loss for one in found]) for name, found in by_topology.items()},
        [dataclasses.astuple(point) for point in points],
        ("lr", "nonlinearity", "optimizer", PARAMETERS[cell.task]),
        # The performance of a task of numbers is no accuracy.
        final_accuracy=None if cell.task == "seq_mem" else {name: 100 * found for name, found in accuracy.items()},
    )
