"""A published experiment on worker processes: its loop, its result folder, and that nothing is trained twice."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from connectome_plain import published_targets, train_plainly

from dynascope import hdf5
from dynascope.errors import ConfigurationError, InputError, StoppedError
from dynascope.readers import open_archive
from dynascope.trainers import Settings, load_model, randomness
from dynascope.trainers.connectome import products, results_folder
from dynascope.trainers.connectome.grid import plan, run_experiment
from dynascope.trainers.connectome.grid_curves import CombinationCurves
from dynascope.trainers.connectome.grid_loop import GridLoop
from dynascope.trainers.connectome.ini import read_ini
from dynascope.trainers.connectome.kernel import ElmanKernel, fits
from dynascope.trainers.connectome.state_dicts import to_state_dict
from dynascope.trainers.rules import bptt, respond

WEIGHTS = np.array([[0, 0.5, 0.1], [0.9, 0, 0], [0.2, 0.3, 0]])
GRID = {"lr": [0.01], "nonlinearity": ["tanh"], "optimizer": ["Adam"], "pattern_length": [2]}
SHAPES = ((20, 17), (9, 17), (20, 9))
TEXT = """\
[paths]
path_to_network = {network}
path_to_results = {results}
pretrained = {pretrained}
[net]
net_name = tiny
rnn_size = {areas}
nr_neurons = 3
random_w = {random_w}
[trainvalidate]
epochs = {epochs}
iterations = {iterations}
init = {init}
freeze_layer = {frozen}
[trialparams]
trial_params = {trials}
[combosparams]
combos_params = {combos}
[pretrainedparams]
pretrained_epoch = {epoch}
pretrained_iteration = {iteration}
[dynascope]
seed = 5
batch_size = {batch_size}
checkpoint_interval = 3
"""
DEFAULTS = {
    "results": "out", "pretrained": "", "areas": 3, "random_w": False, "epochs": 5, "iterations": 2,
    "init": "default", "frozen": False,
    "epoch": 4, "iteration": 1, "batch_size": 16,
}  # fmt: skip


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    np.save(folder / "C_tiny.npy", WEIGHTS)
    return folder


@pytest.fixture(scope="module")
def experiment(network, tmp_path_factory):
    """Return a function that makes an experiment; ``combos`` are changed columns, other names those of the file."""

    def made(combos=(), task="seq_mem", n_trials=30, **values):
        columns = GRID | dict(combos)
        if task != "seq_mem":
            columns = {name: value for name, value in columns.items() if name != "pattern_length"} | {"n_back": [2]}
        trials = {"task_name": task, "nr_of_trials": n_trials, "train_size": 0.8, "trial_length": 4}
        filled = DEFAULTS | {"network": network, "trials": json.dumps(trials), "combos": json.dumps(columns)} | values
        path = tmp_path_factory.mktemp("ini") / "config.ini"
        path.write_text(TEXT.format(**filled))
        return read_ini(path)

    return made


def run(made, folder, **options):
    report = run_experiment(made, folder, executor="serial", **options)
    assert report.complete, report.summary()
    return report


def checkpoint(folder, epoch, index=0, iteration=0):
    return results_folder.read_checkpoint(results_folder.checkpoint_path(folder, index, epoch, iteration))


def digests(folder):
    return {str(path.relative_to(folder)): hdf5.content_digest(path) for path in sorted(folder.glob("[0-9]*/*.h5"))}


def loop_of(task="seq_mem", n_trials=30, *, parameters=(), **training):
    share, kinds = 0.8, 1 if task == "seq_mem" else 2
    sizes = {"n_trials": round(share * n_trials * kinds), "validation_trials": round((1 - share) * n_trials * kinds)}
    tables = {
        "model": {"connectome": "tiny", "neurons_per_area": 3, **dict(parameters)},
        "training": {"batch_size": 16, "learning_rate": 0.01, **sizes, **training},
    }
    settings = Settings.resolve("connectome", task, tables, seed=3)
    return GridLoop(settings, n_trials=n_trials, train_size=share)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize(("task", "optimizer"), [("seq_mem", "adam"), ("nback_mem", "rmsprop"), ("seq_mem", "sgd")])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_losses_are_those_of_the_plain_loop(network, task, optimizer, nonlinearity, dtype, tolerance):
    parameters = {"directory": str(network), "nonlinearity": nonlinearity}
    loop = loop_of(task, parameters=parameters, optimizer=optimizer, dtype=dtype, epochs=20)
    held_out = loop.held_out_trials
    start = loop.network()
    trials = [
        (inputs.astype(dtype), published_targets(targets).astype(dtype))
        for inputs, targets in (
            (loop.source.trials.inputs[0].numpy(), loop.source.trials.targets[0].numpy()),
            (held_out.inputs, held_out.targets),
        )
    ]
    losses, state = train_plainly(
        to_state_dict(start), start["template"], *trials,
        nonlinearity=nonlinearity, optimizer=optimizer, rate=0.01, batch_size=16, epochs=20,
    )  # fmt: skip
    while loop.active:
        loop.run_epoch()
    log = loop.columns()
    np.testing.assert_allclose(log["loss"][1:, 0], losses[:, 0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(log["validation_loss"][1:, 0], losses[:, 1], rtol=0, atol=tolerance)
    for name, array in to_state_dict(loop.network()).items():
        np.testing.assert_allclose(array, state[name], rtol=0, atol=100 * tolerance)


@pytest.mark.parametrize("task", ["seq_mem", "nback_mem"])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_kernel_is_backpropagation(network, task, nonlinearity):
    loop = loop_of(task, parameters={"directory": str(network), "nonlinearity": nonlinearity}, dtype="float64")
    batch, kernel = loop.source.batches[1], ElmanKernel(loop.model)
    for _ in range(2):  # arrays are used again
        found, expected = (rule(loop.model, loop.task, batch, None) for rule in (kernel, bptt))
        assert found.parameters.keys() == expected.parameters.keys()
        for name, gradient in expected.parameters.items():
            torch.testing.assert_close(found.parameters[name], gradient, rtol=0, atol=1e-12)
        with torch.no_grad():
            shown = respond(loop.model, loop.task, batch, None)
        torch.testing.assert_close(found.response.outputs, shown.outputs, rtol=0, atol=1e-12)
        torch.testing.assert_close(kernel.respond(loop.model, loop.task, batch).terms, shown.terms)


@pytest.mark.parametrize("has_onednn", [False, products._HAS_ONEDNN])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_products(monkeypatch, has_onednn, dtype, tolerance):
    monkeypatch.setattr(products, "_HAS_ONEDNN", has_onednn)
    x, weight, added = (torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0)) for shape in SHAPES)
    for left, right in ((x, weight), (x.mT.contiguous().mT, weight.mT.contiguous().mT)):
        torch.testing.assert_close(products.linear(left, right), x @ weight.mT, rtol=0, atol=tolerance)
        expected = x @ weight.mT + added
        torch.testing.assert_close(products.linear(left, right, added), expected, rtol=0, atol=tolerance)


def test_kernel_is_for_one_network_on_cpu(network):
    model = loop_of(parameters={"directory": str(network)}).model
    assert fits(model)
    assert not fits(model.member(0))
    assert not fits(model.select_members([0, 0]))


def test_training_and_validation_trials_are_one_pool(network):
    loop = loop_of("nback_mem", n_trials=40, parameters={"directory": str(network)})
    training, held_out = loop.source.trials, loop.held_out_trials
    matches = float(training.targets[..., 2].sum()) + held_out.targets[..., 2].sum()
    assert (len(training), len(held_out), matches) == (64, 16, 40)


def test_means_over_batches_and_over_trials(network):
    options = {"batch_size": 10, "epochs": 2, "learning_rate": 1e-30}
    loop = loop_of(n_trials=60, parameters={"directory": str(network)}, **options)
    while loop.active:
        loop.run_epoch()
    log = loop.columns()

    def loss_of(batch):
        return respond(loop.model, loop.task, batch, None).terms["task"].item()

    for prefix, batches in (("", loop.source.batches), ("validation_", loop.held_out)):
        sizes, losses = [len(batch) for batch in batches], [loss_of(batch) for batch in batches]
        assert sizes == ([10, 2] if prefix else [10, 10, 10, 10, 8])
        # Nothing is learnt at this rate: row 0 is of all trials at once, the others of the batches.
        np.testing.assert_allclose(log[f"{prefix}loss"][1:, 0], np.mean(losses), rtol=1e-5)
        np.testing.assert_allclose(log[f"{prefix}weighted_loss"][:, 0], np.average(losses, weights=sizes), rtol=1e-5)
    np.testing.assert_allclose(log["loss"][0], log["weighted_loss"][0])
    np.testing.assert_allclose(log["weighted_performance"][1], log["performance"][0], rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "shuffled"}, "training.order = 'shuffled': expected fixed"),
        ({"log": "before"}, "training.log = 'before': expected during"),
        ({"validation_trials": 7}, "training.validation_trials = 7: expected 6"),
    ],
)
def test_settings_that_do_not_fit_are_refused(network, options, message):
    with pytest.raises(ConfigurationError, match=message):
        loop_of(parameters={"directory": str(network)}, **options)


def test_a_single_batch_counts_epochs_like_several(network):
    loop = loop_of(n_trials=20, parameters={"directory": str(network)}, epochs=3)
    assert len(loop.source.batches) == 1
    while loop.active:
        loop.run_epoch()
    loss = loop.columns()["loss"][:, 0]
    assert len(loss) == 4
    assert loss[0] == pytest.approx(loss[1])  # both before any update: an evaluation, and the first pass
    assert loss[2] < loss[1]


@pytest.fixture(scope="module")
def finished(experiment, tmp_path_factory):
    """Return an experiment with all three optimisers, its result folder and its report."""
    folder = tmp_path_factory.mktemp("results") / "out"
    made = experiment({"optimizer": ["Adam", "RMSprop", "SGD"], "nonlinearity": ["relu"]})
    return SimpleNamespace(experiment=made, folder=folder, report=run(made, folder), digests=digests(folder))


def test_result_folder_is_the_published_one(finished):
    folder = finished.folder
    assert results_folder.read_index(folder) == finished.experiment.combos
    assert (folder / "folder_index.txt").read_text().splitlines()[1] == "1 (0.01, 'relu', 'RMSprop', 2)"
    for index in range(3):
        curves = results_folder.read_curves(folder, index)
        assert (curves.train_loss.dtype, curves.train_loss.shape) == (np.float64, (2, 5))
        assert curves.train_metrics is None
        names = {path.name for path in (folder / str(index)).glob("*.pth")}
        assert names == {f"model_state_dict_epoch_{e}_iter_{i}.pth" for e in (0, 3, 4) for i in (0, 1)}
    assert (folder / "configuration.ini").read_text() == finished.experiment.text


def test_archives_hold_what_was_trained(finished):
    with open_archive(finished.folder / "1" / "iteration_1.h5") as archive:
        assert archive.training["epoch"][-1] == 5
        curves = results_folder.read_curves(finished.folder, 1)
        np.testing.assert_array_equal(archive.training["loss"][1:], curves.train_loss[1])
        np.testing.assert_array_equal(archive.training["validation_loss"][1:], curves.validate_loss[1])
        about = archive.provenance["history"][-1]["experiment"]
        assert (about["configuration"], about["combo"]) == (finished.experiment.text, [0.01, "relu", "RMSprop", 2])
        assert list(archive.model.checkpoints.trials_seen) == [0, 24, 96, 120]
        np.testing.assert_array_equal(archive.units["area_index"], np.repeat([0, 1, 2], 3))
        final = to_state_dict(archive.model.parameters)
        for name, array in checkpoint(finished.folder, 4, 1, 1).items():
            np.testing.assert_array_equal(array, final[name])
        np.testing.assert_array_equal(final["rnn.bias_ih_l0"], archive.model.parameters["input_bias"])
        np.testing.assert_array_equal(final["fc.weight"], archive.model.parameters["output_weight"])
        first = archive.model.checkpoints.at(24)
        np.testing.assert_array_equal(
            first["recurrent_weight"], checkpoint(finished.folder, 0, 1, 1)["rnn.weight_hh_l0"]
        )
        validation = archive.recordings["validation"]
        assert set(validation.trials["split"]) == {"validation"}
        model = load_model(archive.model)
        outputs = model(torch.as_tensor(np.asarray(validation.inputs, float))).outputs.detach().numpy()
        np.testing.assert_allclose(validation.outputs, outputs, atol=1e-5)
        errors = (outputs - np.asarray(validation.targets))[np.asarray(validation.mask) > 0]
        assert curves.validate_loss[1, -1] == pytest.approx(np.mean(errors**2), rel=1e-4)


def test_masks_hold_with_every_optimizer(finished):
    for index in range(3):
        with open_archive(finished.folder / str(index) / "iteration_0.h5") as archive:
            template = np.asarray(archive.model.parameters["template"])
            initial = np.asarray(archive.model.checkpoints.at(0)["recurrent_weight"])
        assert 0 < (template == 0).sum() < template.size
        trained = checkpoint(finished.folder, 4, index)["rnn.weight_hh_l0"]
        assert (trained[template == 0] == 0).all()
        assert (trained != initial).any()


def test_networks_share_the_template_and_nothing_else(finished):
    models = []
    for name in ("0/iteration_0.h5", "0/iteration_1.h5", "1/iteration_0.h5"):
        with open_archive(finished.folder / name) as archive:
            models.append(
                {key: np.asarray(archive.model.checkpoints.at(0)[key]) for key in ("template", "input_weight")}
            )
            models[-1]["inputs"] = np.asarray(archive.recordings["validation"].inputs)
    for other in models[1:]:
        np.testing.assert_array_equal(other["template"], models[0]["template"])
        assert not np.array_equal(other["input_weight"], models[0]["input_weight"])
        assert not np.array_equal(other["inputs"], models[0]["inputs"])


def test_finished_combinations_are_not_trained_again(finished):
    written = {path: path.stat().st_mtime_ns for path in finished.folder.glob("[0-9]/*")}
    run(finished.experiment, finished.folder)
    assert {path: path.stat().st_mtime_ns for path in finished.folder.glob("[0-9]/*")} == written


def test_other_results_are_never_overwritten(finished, experiment, tmp_path):
    with pytest.raises(ConfigurationError, match="holds results of another configuration"):
        run_experiment(finished.experiment, finished.folder, seed=6)
    with pytest.raises(InputError, match="holds results already"):
        run_experiment(finished.experiment, finished.folder, resume=False)
    (tmp_path / "0").mkdir()
    with pytest.raises(ConfigurationError, match="holds results that this program has not written"):
        run_experiment(experiment(), tmp_path)


def test_stopped_runs_go_on_to_the_same_bits(experiment, tmp_path):
    made, calls = experiment(), 0
    run(made, tmp_path / "whole")

    def should_stop():
        nonlocal calls
        calls += 1
        return calls > 3  # the engine asks too: at most three epochs each time

    stops = 0
    for _ in range(20):
        calls = 0
        try:
            run(made, tmp_path / "parts", should_stop=should_stop)
        except StoppedError:
            stops += 1
        else:
            break
    assert 3 <= stops < 20
    assert digests(tmp_path / "parts") == digests(tmp_path / "whole")
    found, expected = (results_folder.read_curves(tmp_path / name, 0) for name in ("parts", "whole"))
    np.testing.assert_array_equal(found.train_loss, expected.train_loss)
    assert not (tmp_path / "parts" / "work" / "states").exists()


def test_number_of_workers_does_not_matter(finished, tmp_path):
    report = run_experiment(finished.experiment, tmp_path, workers=2)
    assert report.complete
    assert digests(tmp_path) == finished.digests
    for index in range(3):
        found, expected = (results_folder.read_curves(folder, index) for folder in (tmp_path, finished.folder))
        np.testing.assert_array_equal(found.validate_loss, expected.validate_loss)


def test_n_back_has_accuracy_in_percent(experiment, tmp_path):
    report = run(experiment(task="nback_mem", iterations=2, n_trials=25, batch_size=8), tmp_path)
    curves = results_folder.read_curves(tmp_path, 0)
    kept = CombinationCurves.load(report.path(report.rows[0]["identity"]))
    np.testing.assert_array_equal(curves.validate_metrics, 100 * kept.validate_performance)
    assert curves.train_metrics.shape == (2, 5)
    # 10 validation trials in batches of 8 and 2.
    assert set(np.round(10 * kept.weighted_validate_performance.ravel(), 6)) <= set(range(11))
    assert 0.5 <= report.rows[0]["final_loss"] <= 1.5


def test_frozen_weights_stay_bit_for_bit(experiment, tmp_path):
    run(experiment(frozen=True, iterations=1), tmp_path)
    with open_archive(tmp_path / "0" / "iteration_0.h5") as archive:
        initial = archive.model.checkpoints.at(0)
    for epoch in (0, 4):
        state = checkpoint(tmp_path, epoch)
        assert state["rnn.weight_hh_l0"].tobytes() == initial["recurrent_weight"].tobytes()
        assert (state["rnn.weight_ih_l0"] != initial["input_weight"]).all()


@pytest.mark.parametrize(("random_w", "ours"), [(True, True), (False, False)])
def test_transfer_keeps_the_network_and_its_mask(experiment, tmp_path, random_w, ours):
    earlier, later = tmp_path / "earlier", tmp_path / "later"
    run(experiment(random_w=random_w), earlier)
    with open_archive(earlier / "0" / "iteration_1.h5") as archive:
        template = np.asarray(archive.model.parameters["template"])
    if not ours:
        (earlier / "0" / "iteration_1.h5").unlink()
    made = experiment(task="nback_mem", random_w=random_w, pretrained=earlier, init="he")
    run(made, later)
    old = checkpoint(earlier, 4, iteration=1)
    with open_archive(later / "0" / "iteration_0.h5") as archive:
        start = archive.model.checkpoints.at(0)
        assert np.asarray(archive.model.parameters["output_weight"]).shape == (3, 9)
        assert archive.provenance["history"][-1]["experiment"]["pretrained"]["checkpoint"].endswith("_iter_1.pth")
    for name, array in to_state_dict(start).items():
        if name.startswith("rnn"):
            np.testing.assert_array_equal(array, old[name])
    assert (np.abs(start["output_weight"]) <= 1 / 3).all()  # by default, whatever the scheme: 1/√H
    np.testing.assert_array_equal(start["template"], template if ours else template != 0)
    trained = [checkpoint(later, 4, iteration=iteration) for iteration in (0, 1)]
    for state in trained:
        assert (state["rnn.weight_hh_l0"][template == 0] == 0).all()
        assert (state["rnn.weight_hh_l0"] != old["rnn.weight_hh_l0"]).any()
        assert (np.abs(state["fc.weight"]) < 1).all()
    assert not np.array_equal(trained[0]["fc.weight"], trained[1]["fc.weight"])


def test_transfer_refuses_what_does_not_fit(experiment, tmp_path):
    run(experiment(iterations=1), tmp_path)
    pretrained = {"task": "nback_mem", "pretrained": tmp_path, "iteration": 0}
    with pytest.raises(ConfigurationError, match=r"combination 0 is \(0.01, 'tanh', 'Adam', 2\) there, expected relu"):
        plan(experiment({"nonlinearity": ["relu"]}, **pretrained))
    with pytest.raises(ConfigurationError, match="has 1 combinations, expected the grid"):
        plan(experiment({"lr": [0.1, 0.01]}, **pretrained))
    with pytest.raises(InputError, match="no such checkpoint"):
        plan(experiment(**pretrained, epoch=1))
    wide = {"model": {"neurons_per_area": 4}}
    report = run_experiment(experiment(**pretrained), tmp_path / "wide", executor="serial", overrides=wide)
    assert "input_weight has shape (9, 2), expected (12, 2)" in report.rows[0]["message"]


def test_stop_share_ends_curves_early(experiment, tmp_path):
    options = {"training": {"stop_share": 0.99, "learning_rate": 0.05}}
    report = run(experiment(epochs=60, iterations=1), tmp_path, overrides=options)
    curves = results_folder.read_curves(tmp_path, 0)
    ended = int(report.rows[0]["epochs"])
    assert 0 < ended < 60
    assert np.isfinite(curves.validate_loss[0, :ended]).all()
    assert np.isnan(curves.validate_loss[0, ended:]).all()
    assert results_folder.checkpoint_path(tmp_path, 0, ended - 1, 0).exists()


def test_seeds_follow_from_the_one_of_the_experiment(experiment):
    made = experiment({"lr": [0.1, 0.01]})
    first, again, other = (plan(made, seed=seed) for seed in (5, None, 6))
    seeds = [[one.seed for one in combination.settings] for combination in first]
    assert len({seed for pair in seeds for seed in pair}) == 4
    assert [[one.seed for one in combination.settings] for combination in again] == seeds
    assert other[0].settings[0].model["template_seed"] == 6
    assert seeds[1][0] == randomness.sequence(5, "combination 1", 0).generate_state(1)[0]


def test_number_of_areas_is_checked(experiment):
    with pytest.raises(ConfigurationError, match="rnn_size = 4: tiny has 3 areas"):
        plan(experiment(areas=4))
