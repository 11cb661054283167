"""Memorisation, and the loss, scores and shares that the tasks of the prc family have in common."""

import math

import numpy as np
import pytest
import torch
from making import rng

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers import get_family
from dynascope.trainers.config import build
from dynascope.trainers.loop import TrainingLoop, train
from dynascope.trainers.model import Trajectory
from dynascope.trainers.prc import KINDS, Memorise, best_threshold_accuracy
from dynascope.trainers.settings import Settings
from dynascope.trainers.task import Batch


def make(**options):
    return Memorise(build(Memorise.config_class, options, where="task"))


def batch_of(labels, n_steps=1, n_classes=2):
    """A batch without inputs of the labels (member, trial)."""
    labels = torch.as_tensor(labels)
    targets = torch.nn.functional.one_hot(labels, n_classes).to(torch.uint8)
    targets = targets.unsqueeze(2).expand(-1, -1, n_steps, -1)
    return Batch(torch.zeros(*labels.shape, n_steps, 1), targets)


def plain_loss(outputs, labels):
    """The loss of one network and its gradient, step by step: outputs (trial, time, output) without the initial 0.

    The second result is ∂loss/∂outputs, without what reaches the initial value.
    """
    total, gradient = 0.0, np.zeros(outputs.shape)
    for trial, (output, label) in enumerate(zip(outputs, labels, strict=True)):
        highest, when = [], []
        for series in output.T:
            recorded = [0.0, *series]
            best = 0
            for at, value in enumerate(recorded):
                if value > recorded[best]:
                    best = at
            highest.append(recorded[best])
            when.append(best)
        summed = sum(math.exp(value) for value in highest)
        total += math.log(summed) - highest[label]
        for k, at in enumerate(when):
            if at:
                gradient[trial, at - 1, k] = (math.exp(highest[k]) / summed - (k == label)) / len(outputs)
    return total / len(outputs), gradient


@pytest.mark.parametrize("n_classes", [2, 5])
def test_loss_and_gradient_equal_a_plain_transcription(n_classes):
    draws = rng(1)
    outputs = draws.normal(0, 1, (3, 8, 12, n_classes)).round(1)  # rounded, so that maxima are reached more than once
    outputs[0] -= 0.9
    outputs[1, :3] = -np.abs(outputs[1, :3])  # the largest is the initial 0
    outputs[:, :, 0] = 0  # what networks give after their first step
    labels = draws.integers(n_classes, size=(3, 8))
    given = torch.tensor(outputs, requires_grad=True)
    terms = make(n_classes=n_classes).loss(Trajectory(given[..., :0, :], given), batch_of(labels, 12, n_classes))
    assert list(terms) == ["task"]
    (gradient,) = torch.autograd.grad(terms["task"].sum(), given)
    for member in range(3):
        loss, wanted = plain_loss(outputs[member], labels[member])
        assert float(terms["task"][member].detach()) == pytest.approx(loss, rel=1e-12)
        # Step 0 stands for the initial value: networks pass nothing on from there.
        assert gradient[member, :, 1:].numpy() == pytest.approx(wanted[:, 1:], abs=1e-14)
    assert gradient[1, :3, 1:].abs().max() == 0
    repeated = (outputs == outputs.max(2, keepdims=True)).sum(2) > 1
    assert repeated.any()


@pytest.mark.parametrize("readout_bias", [False, True])
def test_silent_networks_lose_ln_2_and_learn_only_through_a_bias(readout_bias):
    task, family = make(), get_family("prc")
    options = {"n_inputs": task.n_inputs, "n_outputs": 2, "readout_bias": readout_bias}
    model = family.model(options, members=2, dtype=torch.float64)  # weights are zero
    batch = Batch.of([task.draw(16, rng(seed)) for seed in (0, 1)], dtype=torch.float64)
    run = model(batch.inputs)
    loss = task.loss(run, batch)["task"]
    assert loss.detach().numpy() == pytest.approx(np.full(2, np.log(2)), rel=1e-15)
    names = list(dict(model.named_parameters()))
    found = torch.autograd.grad(loss.sum(), list(model.parameters()), materialize_grads=True)
    gradients = dict(zip(names, found, strict=True))
    assert {name for name, value in gradients.items() if value.any()} == ({"output_bias"} if readout_bias else set())
    if readout_bias:
        share = (batch.targets[..., 0, 1] == 1).double().mean(1)
        assert gradients["output_bias"].numpy() == pytest.approx((0.5 - torch.stack([1 - share, share], -1)).numpy())
    assert torch.equal(task.metrics(run.outputs, batch)["ties"], torch.ones(2, dtype=torch.float64))
    assert torch.equal(task.performance(run.outputs, batch), (batch.targets[..., 0, 0] == 1).double())


def test_ties_are_answered_with_the_first_of_equal_classes():
    peaks = torch.tensor([[0.0, 0, 0], [0, 2, 2], [1, 0, 3], [4, 4, 1], [0, 3, 2]])
    outputs = torch.zeros(1, 5, 4, 3)
    outputs[0, :, 2] = peaks
    outputs[0, :, 3] = -1
    batch = batch_of([[0, 1, 2, 1, 2]], 4, 3)
    task = make(n_classes=3)
    assert task.performance(outputs, batch).tolist() == [[1, 1, 1, 0, 0]]
    assert task.metrics(outputs, batch)["ties"].tolist() == pytest.approx([0.6])
    scores = task.score(outputs, batch)
    assert scores["prediction"].tolist() == [[0, 1, 2, 0, 1]]
    assert scores["tie"].tolist() == [[True, True, False, True, False]]


def brute_threshold(margins, labels):
    """The best accuracy over every threshold that could matter."""
    tried = [-np.inf, *margins]
    return max(np.mean((margins > threshold) == labels) for threshold in tried)


def test_best_threshold_equals_trying_every_one():
    draws = rng(3)
    margins = draws.normal(0, 1, (40, 9)).round(0)  # with ties
    margins[0] = 0
    margins[1, 0] = np.inf
    labels = draws.integers(2, size=margins.shape)
    labels[2], labels[3] = 0, 1
    found = best_threshold_accuracy(margins, labels)
    wanted = [brute_threshold(*row) for row in zip(margins, labels, strict=True)]
    assert found.tolist() == pytest.approx(wanted, rel=1e-15)
    assert best_threshold_accuracy(margins[5], labels[5]) == found[5]


def test_best_threshold_of_networks_that_say_class_1_by_silence():
    """The example of the published ties: all of class 0 lie below the ties, all of class 1 are ties."""
    assert best_threshold_accuracy(np.array([-2.0, -1, 0, 0]), np.array([0, 0, 1, 1])) == 1
    assert best_threshold_accuracy(np.zeros(10), np.arange(10) < 6) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("margins", "labels"),
    [([0.0, 1], [0]), ([np.nan, 1], [0, 1]), ([0.0, 1], [0, 2]), ([], [])],
)
def test_best_threshold_refuses_what_it_cannot_rank(margins, labels):
    with pytest.raises(InputError, match="best threshold"):
        best_threshold_accuracy(np.array(margins), np.array(labels))


def test_patterns_have_the_published_size_and_rate():
    task = make()
    trials = task.training_set(256, rng())
    assert trials.inputs.shape == (256, 200, 100)
    assert trials.inputs.dtype == np.uint8
    assert set(np.unique(trials.inputs)) == {0, 1}
    n = trials.inputs.size
    assert trials.inputs.sum() == pytest.approx(0.005 * n, abs=5 * np.sqrt(0.005 * n))
    assert set(trials.columns["split"]) == {"train"}
    assert (task.n_inputs, task.n_outputs, task.dt) == (100, 2, 1e-3)
    assert trials.epochs == {"stimulus": (0.0, 0.2)}
    assert np.array_equal(trials.targets[:, 17].argmax(-1), trials.columns["label"])
    assert Batch.of([trials], dtype=torch.float32).inputs.dtype == torch.uint8


@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_are_equally_likely_and_independent_of_the_inputs(n_classes):
    trials = make(n_classes=n_classes, n_channels=10, duration=0.1, input_rate=100).draw(3000, rng(2))
    label = trials.columns["label"]
    assert np.bincount(label) == pytest.approx(np.full(n_classes, 3000 / n_classes), abs=5 * np.sqrt(3000 / 4))
    counts = trials.inputs.reshape(3000, -1)
    for k in range(n_classes):
        others, own = counts[label != k], counts[label == k]
        scores = (own.mean(0) - others.mean(0)) / np.sqrt(0.09 * (1 / len(own) + 1 / len(others)))
        assert np.abs(scores).max() < 5  # of 1000 standard normal numbers
        assert scores.std() == pytest.approx(1, abs=0.1)
    successive = np.corrcoef(label[:-1], label[1:])[0, 1]
    assert abs(successive) < 5 / np.sqrt(3000)


def test_the_first_patterns_of_a_draw_are_a_smaller_draw():
    task = make(n_channels=7)
    many, few = task.draw(30, rng(4)), task.draw(11, rng(4))
    assert np.array_equal(many.inputs[:11], few.inputs)
    assert np.array_equal(many.columns["label"][:11], few.columns["label"])
    assert not np.array_equal(task.draw(11, rng(5)).inputs, few.inputs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duration": 0.0005}, "whole number of steps"),
        ({"input_rate": 1001}, "at most one spike per step"),
        ({"n_classes": 1}, "at least 2"),
        ({"n_channels": 0}, "above 0"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        make(**options)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_published_defaults(kind):
    wanted = {"one_compartment": 1.33228, "no_bap": 0.142744, "bap": 0.142744}.get(kind, 0.00951626)
    settings = Settings.resolve("prc", "memorise", {"model": {"kind": kind}})
    config = get_family("prc").model(settings.model).config
    assert config.weight_scale * (1 - math.exp(-0.1)) / 10 == pytest.approx(wanted, rel=1e-5)
    assert config.output_scale * (1 - math.exp(-0.1)) / 2 == pytest.approx(0.333069, rel=1e-5)
    training = settings.training
    assert (training.optimizer, training.learning_rate, training.epochs) == ("adam", 2e-3, 600)
    assert (training.n_trials, training.batch_size, training.keep_best) == (256, 256, False)


def test_training_learns_and_every_network_has_patterns_of_its_own():
    tables = {"model": {"kind": "no_bap"}, "training": {"epochs": 30, "n_trials": 32, "learning_rate": 0.02}}
    settings = Settings.resolve("prc", "memorise", tables, seed=3, members=2)
    inputs = TrainingLoop(settings).source.trials.inputs
    assert not torch.equal(inputs[0], inputs[1])
    assert torch.equal(inputs, TrainingLoop(settings).source.trials.inputs)
    found = train(settings)
    assert found.reasons == ("epochs", "epochs")
    assert (found.log["loss"][-1] < found.log["loss"][0] - 0.05).all()
    assert found.log["performance"][-1].max() > 0.9  # a network may be right and yet score chance: through ties
    assert {"ties", "silent", "saturated", "silent_trials", "firing_rate"} <= set(found.log)
    assert ((found.log["ties"] >= 0) & (found.log["ties"] <= 1)).all()
