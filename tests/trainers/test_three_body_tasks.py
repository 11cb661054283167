"""The tasks: pulses, targets, scores, and the gene circuit against exact solutions."""

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score

from dynascope.errors import ConfigurationError
from dynascope.trainers import Settings, train
from dynascope.trainers.task import Batch
from dynascope.trainers.three_body import FAMILY, multifate


def draw(name, n_trials=200, seed=0, **options):
    task = FAMILY.task(name, options)
    return task, task.draw(n_trials, np.random.default_rng(seed))


def test_flip_flop_targets_are_the_most_recent_pulse():
    _, trials = draw("flip_flop", n_bits=3)
    held = np.zeros((200, 3))
    for t in range(100):
        pulse = trials.inputs[:, t]
        held = np.where(pulse != 0, pulse, held)
        assert np.array_equal(held, trials.targets[:, t])


def test_flip_flop_statistics():
    _, trials = draw("flip_flop", n_trials=4000, n_bits=2)
    assert (trials.inputs[:, 0] != 0).all()
    later = trials.inputs[:, 1:]
    # 4000 × 99 × 2 draws: the standard error of a share of 0.025 is 1.8e-4.
    assert (later == 1).mean() == pytest.approx(0.025, abs=7e-4)
    assert (later == -1).mean() == pytest.approx(0.025, abs=7e-4)


def test_flip_flop_performance_is_the_share_of_right_signs():
    task, trials = draw("flip_flop", n_trials=2, n_steps=4)
    batch = Batch.of([trials], dtype=torch.float64)
    outputs = batch.targets.clone() * 0.3
    outputs[0, 1, :2] *= -1
    assert task.performance(outputs, batch).tolist() == [[1.0, 0.5]]


@pytest.mark.parametrize("n_steps", [2, 37, 100])
def test_sine_works_for_any_length(n_steps):
    task, trials = draw("sine", n_trials=50, n_steps=n_steps)
    u = trials.inputs[:, 0, 0]
    t = np.arange(n_steps) * task.dt
    assert t[-1] == pytest.approx(5.0)
    assert trials.targets[..., 0] == pytest.approx(np.sin(2 * np.pi * (0.4 * u[:, None] + 0.1) * t))
    assert ((u > 0.04) & (u < 1)).all()
    assert (trials.inputs == trials.inputs[:, :1]).all()


def test_same_generator_state_same_trials():
    for name in {*FAMILY.tasks} - {"imitation"}:  # which needs a teacher: test_imitation.py
        first, second = draw(name, 8)[1], draw(name, 8)[1]
        assert np.array_equal(first.inputs, second.inputs)
        assert np.array_equal(first.targets, second.targets)


GOLDEN_CIRCUIT = {
    1: [0.8771485, 0.7880549, 0.6979186, 0.2650716, 0.1078785, 0.0524294],
    10: [0.9593437, 0.9422640, 0.9243930, 0.7994653, 0.0809672, 0.0447142],
    49: [0.9734827, 0.9734697, 0.9734560, 0.9733573, 0.0410826, 0.0409934],
}


@pytest.mark.parametrize(("sample", "expected"), GOLDEN_CIRCUIT.items())
def test_gene_circuit_golden(sample, expected):
    start = np.array([[80, 70, 60, 20, 10, 5.0]])
    run = multifate.integrate(start, dt=0.2, n_samples=50, substeps=20) / multifate.SCALE
    assert run[0, sample] == pytest.approx(expected, abs=6e-8)


def test_gene_circuit_levels_by_number_of_factors_on():
    for n_on, on, off in ((1, 0.98822, 0.04644), (15, 0.78378, 0.03887), (25, 0.41540, 0.03897)):
        start = np.where(np.arange(30) < n_on, on, off)[None] * multifate.SCALE
        end = multifate.integrate(start, dt=0.2, n_samples=200)[0, -1] / multifate.SCALE
        assert end[:n_on] == pytest.approx(on, abs=2e-5)
        assert end[n_on:] == pytest.approx(off, abs=2e-5)


def test_multifate_returns_the_count_asked_for_with_half_on():
    _, trials = draw("multifate", 300)
    assert trials.inputs.shape == (300, 99, 30)
    assert not trials.inputs.any()
    assert ((trials.targets[:, -1] >= multifate.ON).sum(1) == 15).all()


def test_multifate_reference_network_of_three_numbers():
    """W = 2.07 I − (2.65/N) 11ᵀ, b = −0.25 beats every trained network of the published table."""
    config = {"kind": "rnn", "n_inputs": 30, "n_outputs": 30, "readout": "identity"}
    config |= {"output_nonlinearity": "sigmoid", "input_bias": True}
    model = FAMILY.model(config, dtype=torch.float64)
    weight = 2.07 * np.eye(30) - 2.65 / 30
    model.load_arrays({"recurrent": weight, "input_weight": np.zeros((30, 30)), "input_bias": np.full(30, -0.25)})
    _, trials = draw("multifate", 256, seed=3)
    with torch.no_grad():
        predicted = model(torch.tensor(trials.inputs), torch.tensor(trials.initial_state)).outputs.numpy()
    x, y = (array.reshape(-1, 30) - array.reshape(-1, 30).mean(0) for array in (trials.targets, predicted))
    cka = np.linalg.norm(x.T @ y) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)
    r2 = np.mean([r2_score(trials.targets[..., i], predicted[..., i]) for i in range(30)])
    assert cka == pytest.approx(0.970, abs=0.004)
    assert r2 == pytest.approx(0.928, abs=0.006)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("flip_flop", {"n_bits": 0}, "task.n_bits = 0: expected a number above 0"),
        ("flip_flop", {"n_steps": -5}, "task.n_steps = -5: expected a number above 0"),
        ("flip_flop", {"bits": 2}, r"unknown option in \[task\] 'bits': did you mean 'n_bits'"),
        ("sine", {"n_steps": 1}, "task.n_steps = 1: a wave needs at least 2 steps"),
        ("sine", {"duration": "long"}, "task.duration = 'long': expected a finite number"),
        ("flipflop", {}, "unknown task of family three_body 'flipflop': did you mean 'flip_flop'"),
    ],
)
def test_impossible_tasks_are_refused(name, options, words):
    with pytest.raises(ConfigurationError, match=words):
        FAMILY.task(name, options)


def test_networks_may_start_where_their_outputs_equal_the_concentrations():
    trials = draw("multifate", 4, initial_state="logit", hidden_units=3)[1]
    plain = draw("multifate", 4)[1]
    assert trials.initial_state.shape == (4, 33)
    assert not trials.initial_state[:, 30:].any()
    np.testing.assert_allclose(1 / (1 + np.exp(-trials.initial_state[:, :30])), plain.initial_state, atol=1e-6)


def test_hidden_units_of_a_circuit_student_have_no_output():
    settings = Settings.resolve(
        "three_body",
        "multifate",
        {
            "model": {"kind": "rnn"},
            "task": {"hidden_units": 5, "n_factors": 6, "n_steps": 8},
            "training": {"epochs": 2, "n_trials": 8, "batch_size": 8},
        },
    )
    found = train(settings)
    assert settings.model["n_units"] == 11
    assert found.parameters["recurrent"].shape == (1, 11, 11)
    assert found.log["loss"][-1] < found.log["loss"][0]


@pytest.mark.parametrize(("n_circuits", "n_factors", "substeps"), [(1, 2, 1), (16, 30, 1), (37, 6, 3)])
def test_the_compiled_circuits_equal_the_plain_ones(n_circuits, n_factors, substeps):
    start = np.random.default_rng(0).uniform(0, 94, (n_circuits, n_factors))
    options = {"dt": 0.2, "n_samples": 30, "substeps": substeps}
    plain = multifate.integrate_plainly(start, **options)
    np.testing.assert_allclose(multifate.integrate(start, **options), plain, rtol=1e-10)
