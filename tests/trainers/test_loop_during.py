"""Fixed batches, a log of what the updates saw, and the stop at a share of the largest validation loss."""

import numpy as np
import pytest
import torch

from dynascope.errors import ConfigurationError
from dynascope.trainers import RunDirectory, Settings, TrainingLoop, train, train_in


def settings(members=1, **training):
    tables = {
        "model": {"kind": "rnn", "n_units": 6}, "task": {"n_steps": 8},
        "training": {
            "n_trials": 10, "batch_size": 4, "epochs": 3, "stop_loss": None, "plateau_checks": 0, **training,
        },
    }  # fmt: skip
    return Settings.resolve("three_body", "flip_flop", tables, members=members)


def test_fixed_batches_are_the_same_in_every_pass():
    loop = TrainingLoop(settings(order="fixed"))
    passes = [[loop.source.batch()[1].inputs for _ in range(3)] for _ in range(2)]
    assert [len(batch[0]) for batch in passes[0]] == [4, 4, 2]
    assert torch.equal(torch.cat(passes[0], 1), loop.source.trials.inputs)
    assert all(torch.equal(a, b) for a, b in zip(*passes, strict=True))
    shuffled = TrainingLoop(settings())
    mixed = torch.cat([shuffled.source.batch()[1].inputs for _ in range(3)], 1)
    assert not torch.equal(mixed, shuffled.source.trials.inputs)


def test_the_log_during_training_is_the_mean_over_the_batches_of_the_last_pass(monkeypatch):
    wanted = settings(order="fixed", log="during", members=2)
    loop, losses = TrainingLoop(wanted), []
    rule = loop.rule

    def spying(model, task, batch, generators):
        found = rule(model, task, batch, generators)
        losses.append(found.response.terms["task"].double().numpy())
        return found

    loop.rule = spying
    while loop.active:
        loop.run_epoch()
    by_pass = np.array(losses).reshape(3, 3, 2).mean(1)
    np.testing.assert_allclose(loop.columns()["loss"][1:], by_pass, rtol=1e-6)
    before = train(settings(order="fixed", members=2)).log["loss"]
    np.testing.assert_allclose(loop.columns()["loss"][0], before[0], rtol=1e-6)


def test_a_run_that_logs_during_training_resumes_to_the_same_log(tmp_path):
    wanted = settings(log="during", validation_trials=4)
    whole = train(wanted)
    run, loop = RunDirectory.create(tmp_path / "run", wanted), TrainingLoop(wanted)
    loop.run_epoch()
    loop.run_epoch()
    run.save(loop)
    resumed = train_in(tmp_path / "run", wanted)
    for name, column in whole.log.items():
        np.testing.assert_array_equal(column, resumed.log[name])


def test_training_stops_at_a_share_of_the_largest_validation_loss():
    tables = {"stop_share": 0.5, "validation_trials": 8, "epochs": 400, "learning_rate": 1e-2}
    trained = train(settings(**tables))
    assert trained.reasons == ("share",)
    validation = trained.log["validation_loss"][:, 0]
    assert validation[-1] <= 0.5 * validation.max()
    assert (validation[:-1] > 0.5 * np.maximum.accumulate(validation[:-1])).all()


@pytest.mark.parametrize(
    ("training", "words"),
    [({"log": "during", "n_trials": 0}, "n_trials above 0"), ({"stop_share": 0.1}, "validation_trials above 0")],
)
def test_options_that_need_others_say_so(training, words):
    with pytest.raises(ConfigurationError, match=words):
        settings(**training)
