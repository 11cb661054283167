"""Golden vectors of the three-body family: a deterministic fill, and what each class must compute from it."""

import numpy as np

N, K, N_OUT, R, B, T = 4, 2, 2, 2, 2, 6


def fill(shape, s, c):
    """p(shape, s, c) = c sin(0.37 (s+1)(n+1)), n the row-major flat index."""
    n = np.arange(int(np.prod(shape, dtype=int)))
    return (c * np.sin(0.37 * (s + 1) * (n + 1))).reshape(shape)


INPUTS = fill((B, T, K), 0, 1)
STATE = fill((B, N), 50, 0.5)
COMMON = {
    "input_weight": fill((N, K), 10, 1),
    "input_bias": fill((N,), 20, 0.1),
    "output_weight": fill((N_OUT, N), 30, 1),
    "output_bias": fill((N_OUT,), 40, 0.1),
}
TWO_BODY = {"recurrent": fill((N, N), 60, 1)}
THREE_BODY = {"three_body": fill((N, N, N), 70, 1)}
LOW_RANK_TWO = {"two_body_left": fill((N, R), 80, 2), "two_body_right": fill((N, R), 90, 2)}
LOW_RANK_THREE = {
    "three_body_left": fill((N, R), 80, 2),
    "three_body_middle": fill((N, R), 90, 2),
    "three_body_right": fill((N, R), 100, 2),
}
GATES = ("reset", "update", "candidate")
GRU = {f"{gate}_left": fill((N, R), 110 + 20 * i, 1) for i, gate in enumerate(GATES)}
GRU |= {f"{gate}_right": fill((N, R), 120 + 20 * i, 1) for i, gate in enumerate(GATES)}
GRU |= {f"{gate}_input_weight": fill((N, K), 170 + 10 * i, 1) for i, gate in enumerate(GATES)}
GRU |= {f"{gate}_input_bias": fill((N,), 200 + 10 * i, 0.1) for i, gate in enumerate(GATES)}

WEIGHTS = {
    "rnn": TWO_BODY,
    "tbrnn": THREE_BODY,
    "hornn": TWO_BODY | THREE_BODY | {"gate": np.array(0.7)},
    "lowrank_rnn": LOW_RANK_TWO,
    "lowrank_tbrnn": LOW_RANK_THREE,
    "lowrank_hornn": {
        "two_body_left": fill((N, 1), 60, 2),
        "two_body_right": fill((N, 1), 65, 2),
        "gate": np.array(0.7),
        **LOW_RANK_THREE,
    },
    "lowrank_gru": GRU,
}

# kind, options, x_T of trial 0, outputs at the last step of trial 1, Σ states, Σ outputs
CASES = [
    ("rnn", {}, (-0.268512, 0.138090, 0.118211, -0.298707), (0.337577, -0.137080), 0.988226, 0.356882),
    ("tbrnn", {}, (-0.015462, -0.033413, -0.053178, -0.167936), (0.174505, 0.133680), 0.208866, 1.424229),
    ("hornn", {}, (-0.251715, 0.120695, 0.039089, -0.382350), (0.143029, 0.071890), -0.201726, 0.707761),
    ("hornn", {"gated": True}, (-0.169578, 0.050384, 0.093033, -0.264138), (0.291763, -0.037891), 0.849973, 0.743909),
    ("lowrank_rnn", {}, (0.145993, -0.173167, 0.236838, -0.263153), (0.348934, -0.136595), 1.196691, 0.540499),
    ("lowrank_tbrnn", {}, (-0.029400, 0.020114, 0.037661, -0.070437), (0.316687, -0.056155), 1.638108, 0.872038),
    ("lowrank_tbrnn", {"hard_orth": True}, (-0.027811, 0.017121, 0.038545, -0.072024), (0.315763, -0.056952), 1.631839, 0.867382),
    ("lowrank_hornn", {}, (-0.046428, 0.048627, 0.006961, -0.047563), (0.295922, -0.050619), 1.587274, 0.797902),
    ("lowrank_gru", {}, (0.066496, -0.154515, 0.040369, -0.006134), (0.045211, 0.014106), 0.716369, -0.001818),
    ("rnn", {"form": "voltage"}, (-0.206574, 0.062615, 0.113647, -0.216074), (0.282062, -0.117558), 1.322395, 0.227590),
    ("tbrnn", {"form": "voltage"}, (-0.023707, -0.022907, -0.035619, -0.120958), (0.180003, 0.070529), 0.688393, 1.086888),
    ("hornn", {"form": "voltage"}, (-0.196530, 0.044774, 0.056847, -0.260408), (0.164308, 0.007486), 0.558307, 0.477502),
    ("lowrank_tbrnn", {"form": "voltage"}, (-0.031381, 0.016068, 0.035431, -0.055828), (0.284253, -0.063403), 1.677297, 0.690810),
    ("rnn", {"mode": "disc"}, (-0.083270, -0.553939, 1.492973, -1.750701), (0.627020, 0.885806), 0.570671, 2.005757),
    ("tbrnn", {"mode": "disc"}, (-0.593435, -0.382026, -1.760358, -1.912433), (-1.064515, 2.362141), -38.725311, 11.342974),
    ("lowrank_tbrnn", {"mode": "disc"}, (-0.149207, 0.811767, -0.288822, -0.687962), (1.000876, -0.638476), -0.561037, 1.678098),
    ("lowrank_hornn", {"mode": "disc"}, (0.051147, 0.326794, 0.318549, -1.237759), (0.927148, -0.711520), -0.284672, 0.198200),
    ("lowrank_gru", {"mode": "disc"}, (-0.456893, -0.185985, -0.466384, 0.260922), (-0.336514, 0.216906), -3.072615, 2.373710),
    ("rnn", {"mode": "disc", "form": "voltage"}, (-0.083154, -0.503428, 0.903872, -0.941462), (0.626912, 0.885816), -0.838195, 2.005570),
    ("tbrnn", {"mode": "disc", "form": "voltage"}, (-0.532359, -0.364466, -0.942544, -0.957290), (-1.064511, 2.362135), -20.122423, 11.342992),
    ("hornn", {"mode": "disc", "form": "voltage"}, (-0.726281, 0.416717, -0.923083, -0.980710), (0.619627, 0.325292), -19.013782, 6.960037),
    ("lowrank_rnn", {"mode": "disc", "form": "voltage"}, (0.925451, -0.660105, 0.780326, -0.931606), (0.857348, -0.574126), 0.440560, 0.387589),
    ("lowrank_tbrnn", {"mode": "disc", "form": "voltage"}, (-0.148147, 0.670589, -0.281095, -0.596639), (1.001254, -0.638818), -0.063468, 1.678451),
]  # fmt: skip
