"""Published numbers of the networks of dendritic neurons (Harkin et al., Neuroscience 489:200, 2022, figures 7 and 8).

The figures of the paper are drawn, not printed. ``REFERENCE`` is an independent run of the same equations, 10 seeds and
600 epochs on data that all kinds share; ``DRAWN`` are values read off the stored figure of 2 000 epochs, ± 0.01.
"""

import dataclasses

NAMES = {
    "one_compartment": "one compartment",
    "no_bap": "dendrite",
    "bap": "dendrite, BAP",
    "parallel": "parallel",
    "parallel_bap": "parallel, BAP",
}
#: epochs, counted from 0, whose accuracy the tables show
EPOCHS = (0, 99, 299, 599)
REFERENCE_SEEDS = 10


@dataclasses.dataclass(frozen=True)
class Memorised:
    """What is known of one kind after 600 epochs of memorisation.

    ``accuracy`` at :data:`EPOCHS`; the others at the end: ``sd``, ``median``, ``quartiles``, ``extremes`` of accuracy
    over networks, mean ``loss``, mean accuracy under the ``best_threshold``, mean shares of ``ties`` and
    ``silent_trials``, ``dead`` and ``saturated`` units of 40, and spikes per unit and trial ``before`` and ``after``.
    """

    accuracy: tuple[float, float, float, float]
    sd: float
    median: float
    quartiles: tuple[float, float]
    extremes: tuple[float, float]
    loss: float
    best_threshold: float
    ties: float
    silent_trials: float
    dead: int
    saturated: int
    before: float
    after: float


REFERENCE = {
    "one_compartment": Memorised(
        (0.516, 0.550, 0.601, 0.668), 0.061, 0.654, (0.636, 0.725), (0.57, 0.75), 0.589, 0.698, 0.17, 0.07, 0, 0,
        2.2, 1.9,
    ),
    "no_bap": Memorised(
        (0.490, 0.578, 0.652, 0.698), 0.163, 0.750, (0.521, 0.815), (0.50, 0.93), 0.425, 0.793, 0.52, 0.25, 1, 0,
        2.0, 2.1,
    ),
    "bap": Memorised(
        (0.500, 0.652, 0.757, 0.818), 0.156, 0.857, (0.728, 0.941), (0.48, 0.96), 0.307, 0.877, 0.38, 0.17, 0, 0,
        3.2, 3.4,
    ),
    "parallel": Memorised(
        (0.493, 0.566, 0.586, 0.590), 0.156, 0.521, (0.483, 0.681), (0.43, 0.88), 0.519, 0.695, 0.75, 0.60, 24, 1,
        2.5, 5.8,
    ),
    "parallel_bap": Memorised(
        (0.494, 0.557, 0.593, 0.620), 0.154, 0.576, (0.490, 0.737), (0.47, 0.87), 0.526, 0.701, 0.75, 0.17, 19, 12,
        4.2, 33.7,
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Digits:
    """What is printed of one kind after 200 epochs of spoken digits (SHD): means over three networks."""

    train_loss: float
    train_accuracy: float
    test_before: float
    test_after: float


DIGITS = {
    "one_compartment": Digits(0.176457, 0.949891, 0.047526, 0.603027),
    "no_bap": Digits(0.050494, 0.987525, 0.055990, 0.647949),
    "bap": Digits(0.027552, 0.995464, 0.059082, 0.694661),
    "parallel": Digits(0.099527, 0.969506, 0.034993, 0.544108),
    "parallel_bap": Digits(0.134287, 0.957829, 0.032715, 0.556152),
}

#: mean accuracy of the published figure at epochs 300, 600, 1000, 2000
DRAWN = {
    "one_compartment": (0.64, 0.69, 0.75, 0.84),
    "no_bap": (0.715, 0.77, 0.785, 0.79),
    "bap": (0.76, 0.84, 0.865, 0.885),
    "parallel": (0.59, 0.59, 0.59, 0.585),
    "parallel_bap": (0.56, 0.56, 0.56, 0.56),
}
DRAWN_EPOCHS = (299, 599, 999, 1999)
