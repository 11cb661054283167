"""The rule sets of the oculomotor family: channels, choice of rules, and options that make no sense."""

import numpy as np
import pytest
from making import rng
from scipy import stats

from dynascope.errors import ConfigurationError
from dynascope.trainers.config import as_mapping, build
from dynascope.trainers.oculomotor.rule_sets import RULE_SETS, RULES
from dynascope.trainers.oculomotor.task_config import OculomotorTaskConfig

SIX = ("overlap", "zero_gap", "gap", "odr", "odrd", "gap500")
CHANNELS = {
    "all_new": SIX,
    "all_new_odr3000": ("overlap", "zero_gap", "gap", "odr3000", "odrd", "gap500"),
    "all_new_odr6000": ("overlap", "zero_gap", "gap", "odr6000", "odrd", "gap500"),
    "all_new_odr15000": ("overlap", "zero_gap", "gap", "odr15000", "odrd", "gap500"),
    "ozg": ("overlap", "zero_gap", "gap"),
    "odr_delay_check": ("odr500", "odr750", "odr1000", "odr1100", "odr1200", "odr1300", "odr1400", "odr"),
    "mon": ("match", "match_easy"),
    "mix_mon_6tasks": ("match", "match_easy", *SIX),
    "mix_p_mon_6tasks": ("match", "match_easy", "match_passive", *SIX),
    "seq_train_test": ("odr500", "odrd", "overlap", "zero_gap", "gap"),
}


def make_set(name="all_new", **options):
    return RULE_SETS[name](build(OculomotorTaskConfig, options, where="task"))


@pytest.mark.parametrize("name", CHANNELS)
def test_rule_channels(name):
    task = make_set(name, input_noise=0.0)
    channels = CHANNELS[name]
    assert task.rule_names == tuple(task.rules) == channels
    assert (task.n_inputs, task.n_outputs) == (9 + len(channels), 9)
    for position, rule in enumerate(channels):
        trials = task.rules[rule].draw(2, rng())
        assert trials.inputs.shape[-1] == task.n_inputs
        expected = np.zeros(len(channels))
        expected[position] = 1
        assert (trials.inputs[..., 9:] == expected).all()


def test_a_set_draws_rules_by_probability():
    task = make_set(rules=["odr", "gap", "odrd"], probabilities=[6, 3, 1])
    assert list(task.rules) == ["odr", "gap", "odrd"]
    assert task.rule_probabilities == pytest.approx({"odr": 0.6, "gap": 0.3, "odrd": 0.1})
    generator = rng()
    drawn = [task.draw(1, generator).columns["rule"][0] for _ in range(400)]
    counts = [drawn.count(rule) for rule in task.rules]
    assert stats.chisquare(counts, [240, 120, 40]).pvalue > 1e-3
    assert make_set().rule_probabilities == pytest.approx(dict.fromkeys(SIX, 1 / 6))
    assert make_set(rules=["gap"]).export_set(16, rng()).columns["rule"][0] == "gap"


def test_a_subset_keeps_all_channels():
    whole, part = make_set(input_noise=0.0), make_set(input_noise=0.0, rules=["odrd"])
    assert list(part.rules) == ["odrd"]
    assert part.n_inputs == whole.n_inputs == 15
    same = whole.rules["odrd"].draw(4, rng()).inputs, part.rules["odrd"].draw(4, rng()).inputs
    assert np.array_equal(*same)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": ["odr", "odr3000"]}, "unknown rule of all_new in task.rules 'odr3000'"),
        ({"rules": ["odr", "odr"]}, "task.rules: odr is listed more than once"),
        ({"probabilities": [1, 2]}, "expected one number of at least 0 for each of overlap"),
        ({"rules": ["odr"], "probabilities": [0]}, "not all 0"),
        ({"probabilities": [1, 1, 1, 1, 1, -1]}, "expected a number at least 0"),
        ({"replace_rule": "odr500"}, "unknown rule in task.replace_rule 'odr500'"),
        ({"dt": 0.2}, "task.dt = 0.2: expected above 0 and at most 0.1 s"),
        ({"n_ring": 2}, "task.n_ring = 2: fewer than 3 units"),
        ({"rule_onset": 1.0, "rule_offset": 1.0}, "task.rule_offset = 1.0: expected after"),
        ({"loss": "lsq"}, "unknown task.loss 'lsq'"),
        ({"offsets": "batch"}, "unknown task.offsets 'batch'"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        make_set(**options)


def test_unknown_rules_and_rules_without_a_channel_are_refused():
    config = OculomotorTaskConfig()
    with pytest.raises(ConfigurationError, match="unknown rule 'antisaccade'"):
        RULES["odr"]("antisaccade", config)
    with pytest.raises(ConfigurationError, match="unknown rule 'gap'"):
        RULES["gap"]("gap", config, ("odr",))
    assert RULES["gap"]("gap", config).n_inputs == 10


def test_the_config_survives_the_archive():
    config = make_set(rules=["odr"], probabilities=[2.0], rule_offset=1.5).config
    assert build(OculomotorTaskConfig, as_mapping(config), where="task") == config


def test_there_is_a_table_of_channels_for_every_set():
    assert set(CHANNELS) == set(RULE_SETS)


def test_probabilities_are_checked_without_a_file_too():
    with pytest.raises(ConfigurationError, match="one number of at least 0"):
        RULE_SETS["ozg"](OculomotorTaskConfig(probabilities=(2.0, -1.0, 1.0)))
