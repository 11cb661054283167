"""Optimisers: the Adam of the spiking family against its formula, and states that resume exactly."""

import numpy as np
import pytest
import torch
from making import drawn

from dynascope.trainers import Settings
from dynascope.trainers.loop import TrainingLoop
from dynascope.trainers.optimizers import Optimizer
from dynascope.trainers.settings import TrainingConfig

NAMES = ("input_weight", "recurrent_weight", "output_weight", "output_bias")


def make_model(dtype=torch.float64, members=2):
    return drawn("spiking", {"n_units": 6, "n_inputs": 3, "wiring": "none"}, members=members, dtype=dtype)


def drawn_gradients(model, size, n_steps=8):
    draws = np.random.default_rng(5)
    shapes = {name: getattr(model, name).shape for name in NAMES}
    return [{name: size * draws.normal(size=shape) for name, shape in shapes.items()} for _ in range(n_steps)]


def updated(model, gradients, optimizer="adam_epsilon_hat", rate=0.0025):
    """Return what each update changes, by name."""
    made = Optimizer(model, TrainingConfig(optimizer=optimizer, learning_rate=0.1))
    changes = []
    for gradient in gradients:
        before = model.arrays()
        made.update({name: torch.tensor(value, dtype=model.dtype) for name, value in gradient.items()}, rate)
        after = model.arrays()
        changes.append({name: after[name] - before[name] for name in NAMES})
    return changes


def adam(gradients, *, bias_corrected_epsilon, rate=0.0025, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Return the changes of Adam, with ε added to √v or, ``bias_corrected_epsilon``, to √(v / (1 − β2ⁿ))."""
    mean, square, changes = 0.0, 0.0, []
    for n, gradient in enumerate(gradients, start=1):
        mean = beta_1 * mean + (1 - beta_1) * gradient
        square = beta_2 * square + (1 - beta_2) * gradient**2
        corrected = rate * np.sqrt(1 - beta_2**n) / (1 - beta_1**n)
        added = epsilon * (np.sqrt(1 - beta_2**n) if bias_corrected_epsilon else 1)
        changes.append(-corrected * mean / (np.sqrt(square) + added))
    return changes


@pytest.mark.parametrize("size", [1e-9, 1e-7, 1.0])
@pytest.mark.parametrize(("optimizer", "bias_corrected"), [("adam_epsilon_hat", False), ("adam", True)])
def test_adam_follows_its_formula(optimizer, bias_corrected, size):
    model = make_model()
    gradients = drawn_gradients(model, size)
    found = updated(model, gradients, optimizer)
    for name in NAMES:
        wanted = adam([gradient[name] for gradient in gradients], bias_corrected_epsilon=bias_corrected)
        for change, expected in zip(found, wanted, strict=True):
            # A change is the difference of two weights of order 1, and so known to 1e-16.
            assert change[name] == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("size", "ratio"), [(1e-9, 11 / (1 + 10 / np.sqrt(0.001))), (1.0, 1.0)])
def test_where_epsilon_is_added_matters_for_small_gradients_only(size, ratio):
    """The first step: √v is √0.001 times the gradient, and ε either 1e-8 or √0.001 times that."""
    first = []
    for optimizer in ("adam_epsilon_hat", "adam"):
        model = make_model()
        gradient = {name: np.full(getattr(model, name).shape, size) for name in NAMES}
        model.load_arrays({name: np.zeros_like(array) for name, array in model.arrays().items()})
        first.append(updated(model, [gradient], optimizer)[0]["input_weight"])
    assert first[0] / first[1] == pytest.approx(np.full(first[0].shape, ratio), rel=1e-6)


def test_single_precision_follows_the_formula_of_tiny_gradients():
    model = make_model(torch.float32)
    for name in NAMES:
        getattr(model, name).detach().zero_()
    gradients = drawn_gradients(model, 1e-9)
    found = updated(model, gradients)
    for name in NAMES:
        wanted = adam([gradient[name] for gradient in gradients], bias_corrected_epsilon=False)
        assert sum(change[name] for change in found) == pytest.approx(sum(wanted), rel=1e-4, abs=1e-10)


@pytest.mark.parametrize("size", [1e-7, 1.0])
def test_adamax_follows_its_formula(size):
    """Kingma and Ba (2015), algorithm 2: the step is the mean over the largest recent gradient."""
    model, rate = make_model(), 0.0025
    gradients = drawn_gradients(model, size)
    found = updated(model, gradients, "adamax", rate)
    for name in NAMES:
        mean, largest = 0.0, 0.0
        for n, gradient in enumerate(gradients, start=1):
            mean = 0.9 * mean + 0.1 * gradient[name]
            largest = np.maximum(0.999 * largest, np.abs(gradient[name]) + 1e-8)
            expected = -rate / (1 - 0.9**n) * mean / largest
            np.testing.assert_allclose(found[n - 1][name], expected, rtol=1e-9, atol=1e-12)


def test_rates_in_units_of_the_initial_weights_scale_each_parameters_step():
    changes = {}
    for unit in ("absolute", "weights"):
        model = make_model()
        before, scales = model.arrays(), model.weight_scales()
        gradient = {name: torch.tensor(value) for name, value in drawn_gradients(model, 1.0, 1)[0].items()}
        Optimizer(model, TrainingConfig(learning_rate_unit=unit)).update(gradient, 0.01)
        changes[unit] = {name: model.arrays()[name] - before[name] for name in NAMES}
    assert set(scales) == {"input_weight", "recurrent_weight", "output_weight"}  # the bias begins at zero
    for name in NAMES:
        np.testing.assert_allclose(
            changes["weights"][name], scales.get(name, 1.0) * changes["absolute"][name], rtol=1e-9
        )


@pytest.mark.parametrize("optimizer", ["adam_epsilon_hat", "adam", "adamax", "rmsprop", "sgd"])
@pytest.mark.parametrize("cut", [0, 1, 4])
def test_an_optimiser_goes_on_from_its_arrays(optimizer, cut):
    config = TrainingConfig(optimizer=optimizer)
    whole, resumed = make_model(), make_model()
    gradients = [
        {name: torch.tensor(value) for name, value in gradient.items()} for gradient in drawn_gradients(whole, 1e-8)
    ]
    made = Optimizer(whole, config)
    for step, gradient in enumerate(gradients):
        if step == cut:
            again = Optimizer(resumed.load_arrays(whole.arrays()), config)
            again.load_arrays(made.arrays())
        made.update(gradient, 0.01)
        if step >= cut:
            again.update(gradient, 0.01)
    for name, array in whole.arrays().items():
        assert np.array_equal(resumed.arrays()[name], array)


def test_members_that_stay_keep_their_moments_and_their_count_of_steps():
    model = make_model(members=3)
    gradients = [
        {name: torch.tensor(value) for name, value in gradient.items()} for gradient in drawn_gradients(model, 1e-8)
    ]
    config = TrainingConfig(optimizer="adam_epsilon_hat")
    together = Optimizer(model, config)
    for gradient in gradients[:4]:
        together.update(gradient, 0.01)
    fewer = model.select_members([2, 0])
    apart = together.for_members(fewer, [2, 0])
    for gradient in gradients[4:]:
        together.update(gradient, 0.01)
        apart.update({name: value[[2, 0]] for name, value in gradient.items()}, 0.01)
    for name, array in model.arrays().items():
        assert np.array_equal(fewer.arrays()[name], array[[2, 0]])


def test_a_training_goes_on_to_the_same_bits():
    tables = {
        "task": {"n_cues": 1, "cue_duration": 0.01, "delay": 0.01, "recall_duration": 0.01, "cue_rate": 300.0},
        "model": {"n_units": 10},
        "training": {"epochs": 6, "updates_per_epoch": 2, "batch_size": 3, "evaluation_trials": 3},
    }
    settings = Settings.resolve("spiking", "evidence", tables)
    assert settings.training.optimizer == "adam_epsilon_hat"
    loop, other = TrainingLoop(settings), TrainingLoop(settings)
    for epoch in range(5):
        loop.run_epoch()
        if epoch == 2:
            other.restore(loop.snapshot())
    for _ in range(2):
        other.run_epoch()
    for name, array in loop.model.arrays().items():
        assert np.array_equal(other.model.arrays()[name], array)
