"""Students of a trained network: what they are asked for, what they become, and what is refused."""

import dataclasses

import numpy as np
import pytest
import torch

from dynascope.errors import ConfigurationError, InputError
from dynascope.readers import Recording, open_archive, write_archive
from dynascope.trainers import Settings, export_network, load_model, train
from dynascope.trainers.imitation import read_teacher, with_readout_of

SIZES = {"n_units": 6, "input_bias": True}
SHORT = {"epochs": 3, "n_trials": 7, "batch_size": 7}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    tables = {"model": {"kind": "tbrnn", **SIZES, "output_bias": True}, "task": {"n_bits": 2, "n_steps": 9}}
    found = train(Settings.resolve("three_body", "flip_flop", {**tables, "training": SHORT}, seed=3, members=2))
    path = tmp_path_factory.mktemp("teacher") / "teacher.h5"
    return found, export_network(found, path, member=1, n_trials=4)


def student(path, *, kind="lowrank_rnn", seed=0, members=1, **options):
    task = {"teacher": str(path), **options.pop("task", {})}
    tables = {"model": {"kind": kind, **options.pop("model", {})}, "task": task, "training": {"epochs": 2, **options}}
    return Settings.resolve("three_body", "imitation", tables, seed=seed, members=members)


def test_the_targets_are_the_teachers_rates_on_its_own_training_trials(teacher):
    found, path = teacher
    settings = student(path)
    task = settings.get_family().task("imitation", settings.task)
    trials = task.training_set(7, np.random.default_rng(0))
    # The teacher's own loop drew these trials for its network 1.
    from dynascope.trainers.loop import TrainingLoop

    loop = TrainingLoop(found.settings)
    assert np.array_equal(trials.inputs, loop.source.trials.inputs[1].numpy())
    model = found.model(1).double()
    run = model(torch.as_tensor(trials.inputs))
    np.testing.assert_allclose(trials.targets, np.tanh(run.states.detach().numpy()), atol=1e-12)


def test_fresh_trials_and_states_on_request(teacher):
    settings = student(teacher[1], task={"trials": "fresh", "match": "states"}, n_trials=5, batch_size=5)
    task = settings.get_family().task("imitation", settings.task)
    trials = task.training_set(5, np.random.default_rng(0))
    run = load_model(open_archive(teacher[1]).model)(torch.as_tensor(trials.inputs))
    np.testing.assert_allclose(trials.targets, run.states.detach().numpy(), atol=1e-12)
    other = task.training_set(5, np.random.default_rng(1))
    assert not np.array_equal(trials.inputs, other.inputs)


def test_defaults_follow_the_teacher(teacher):
    settings = student(teacher[1])
    assert {name: settings.model[name] for name in SIZES} == SIZES
    assert settings.model["readout"] == "identity"
    assert settings.training.n_trials == 7
    assert settings.training.learning_rate_epochs == 20_000


@pytest.mark.parametrize("match", ["rates", "states"])
def test_the_loss_is_zero_for_the_teacher_itself(teacher, match):
    """A student that is the teacher reproduces it: no loss, no gradient, R² of 1."""
    found, path = teacher
    settings = student(path, kind="tbrnn", task={"match": match}, dtype="float64")
    task = settings.get_family().task("imitation", settings.task)
    model = settings.get_family().model(settings.model, members=1, dtype=torch.float64)
    own = {name: array for name, array in found.model(1).arrays().items() if not name.startswith("output")}
    model.load_arrays({name: array[None] for name, array in own.items()})
    from dynascope.trainers.task import Batch

    batch = Batch.of([task.training_set(7, np.random.default_rng(0))], dtype=torch.float64)
    run = model(batch.inputs)
    assert task.loss(run, batch)["imitation"].item() < 1e-25
    np.testing.assert_allclose(task.performance(run.outputs, batch).detach(), 1, atol=1e-12)


@pytest.mark.parametrize("kind", ["rnn", "lowrank_tbrnn", "lowrank_hornn", "lowrank_gru", "hornn"])
@pytest.mark.parametrize("match", ["rates", "states"])
def test_every_class_can_be_a_student_and_learns(teacher, kind, match):
    found = train(student(teacher[1], kind=kind, task={"match": match}, epochs=40))
    assert found.log["loss"][-1, 0] < found.log["loss"][0, 0]


def test_the_archive_shows_the_student_with_the_teachers_readout(teacher, tmp_path):
    found = train(student(teacher[1]))
    with open_archive(export_network(found, tmp_path / "s.h5", n_trials=4)) as archive:
        model, recording = load_model(archive.model), archive.recording()
        assert archive.task.name == "flip_flop"
        assert model.config.readout == "linear"
        reference = teacher[0].model(1).arrays()
        for name in ("output_weight", "output_bias"):
            assert np.array_equal(archive.model.parameters[name], reference[name])
        assert np.array_equal(archive.model.parameters["two_body_left"], found.parameters["two_body_left"][0])
        outputs = model(torch.as_tensor(np.asarray(recording.inputs, float))).outputs
        np.testing.assert_allclose(np.asarray(recording.outputs), outputs.detach(), atol=1e-5)


def test_every_checkpoint_of_a_student_gets_the_readout(teacher, tmp_path):
    found = train(student(teacher[1]))
    early = {name: 2 * array[0] for name, array in found.parameters.items()}
    recorded = [(7, "flip_flop"), (None, "flip_flop")]
    path = export_network(found, tmp_path / "s.h5", n_trials=4, history={7: early}, recorded=recorded)
    with open_archive(path) as archive:
        kept = archive.recording("0000007").parameters
        assert np.array_equal(kept["two_body_left"], early["two_body_left"])
        assert "output_weight" in kept
        assert np.array_equal(archive.model.parameters["two_body_left"], found.parameters["two_body_left"][0])
        assert set(archive.model.checkpoints.parameters) == set(kept)


def test_a_changed_teacher_is_noticed(teacher, tmp_path):
    settings = student(teacher[1])
    other = export_network(teacher[0], tmp_path / "other.h5", member=0, n_trials=4)
    changed = {**settings.as_mapping()["task"], "teacher": str(other)}
    with pytest.raises(ConfigurationError, match="another teacher"):
        settings.get_family().task("imitation", changed)
    assert read_teacher(str(other)).digest != settings.task["teacher_digest"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_trials": 5, "batch_size": 5}, "was trained on 7 trials; use as many, or set task.trials = fresh"),
        ({"model": {"n_units": 5, "n_outputs": 5}}, "n_outputs = 5: task imitation has 6"),
        ({"task": {"match": "spikes"}}, "rates, states"),
    ],
)
def test_refusals(teacher, options, words):
    with pytest.raises((ConfigurationError, InputError), match=words):
        export_network(train(student(teacher[1], **options)), "/nonexistent/x.h5")


def test_a_teacher_must_be_a_trained_network(tmp_path):
    path = write_archive(tmp_path / "brain.h5", {"a": Recording(activity=np.zeros((2, 3, 4)), time=np.arange(3.0))})
    with pytest.raises(InputError, match="expected the archive of a trained network"):
        student(path)
    with pytest.raises(ConfigurationError, match="expected the path of the teacher's archive"):
        Settings.resolve("three_body", "imitation", {"task": {}})


def test_readouts_fit_only_networks_of_one_size(teacher):
    model = teacher[0].model(0)
    small = type(model)(dataclasses.replace(model.config, n_units=5))
    with pytest.raises(InputError, match="expected 6 units"):
        with_readout_of(model, small)
