"""``dynascope directions`` on small archives made by hand."""

import numpy as np
import pytest

from dynascope.analysis import DirectionOverlap, direction_overlap, select_units
from dynascope.readers import Recording, write_archive

TIME = 0.05 * np.arange(30)
CUES = np.repeat(np.arange(4), 8)
EPOCHS = {"fix": (0.0, 0.5), "cue": (0.5, 1.0), "delay": (1.0, 1.5)}
UNITS = 12


def activity(seed, shift):
    """Unit i prefers cue i; in the delay cue i + shift. The last three respond to no cue, the last two not at all."""
    rng = np.random.default_rng(seed)
    found = 5 + 0.3 * rng.standard_normal((32, 30, UNITS))
    for samples, turn, silent in ((slice(10, 20), 0, 3), (slice(20, 30), shift, 2)):
        tuned = CUES[:, np.newaxis] == (np.arange(UNITS) + turn) % 4
        tuned[:, -silent:] = False
        found[:, samples] += 2 * tuned[:, np.newaxis]
    return found


def recording(seed, shift, rule, number):
    attrs = {"performance": 0.5, "trials_seen": 1280 * number, "rule": rule}
    return Recording(activity(seed, shift), TIME, trials={"cue": CUES}, epochs=EPOCHS, attrs=attrs)


def network(path, name="net", seed=0, rules=("odr", "odrd"), missing=()):
    found = {}
    for at, rule in enumerate(rules):
        for number in range(3):
            if (rule, number) not in missing:
                found[f"{number}/{rule}"] = recording(seed + 10 * at + number, number, rule, number)
    return write_archive(path / f"{name}.h5", found)


def selections(seed, epoch, mode="corrected", numbers=(0, 1, 2)):
    edges = EPOCHS[epoch]
    return [select_units(activity(seed + number, number), TIME, CUES, edges, EPOCHS["fix"], mode) for number in numbers]


COMMON = ("--label", "cue", "--baseline", "fix")


def test_two_rules_at_the_checkpoints_that_both_have(call, tmp_path):
    path = network(tmp_path, missing=[("odrd", 1)])
    code, text, err = call(
        "directions", path, "--first", "odr:cue", "--second", "odrd:delay", *COMMON, "-o", tmp_path / "d"
    )
    assert (code, err.strip()) == (0, "2 checkpoints of 1 network(s)")
    found = DirectionOverlap.load(tmp_path / "d.h5")
    other = direction_overlap(
        selections(0, "cue", numbers=(0, 2)), selections(10, "delay", numbers=(0, 2)), trials_seen=[0, 2560]
    )
    np.testing.assert_array_equal(found.both, other.both)
    np.testing.assert_allclose(found.same_p_values, other.same_p_values)
    assert found.names == ("odr:cue", "odrd:delay")
    assert found.trials_seen.tolist() == [0, 2560]
    # Half a turn between cue and delay at the last checkpoint: no unit prefers the same.
    assert found.both.tolist() == [9, 9]
    assert found.same.tolist() == [9, 0]
    assert text.strip() == found.summary()
    assert (tmp_path / "d.png").is_file()


def test_two_epochs_of_one_rule_in_two_networks_as_published(call, tmp_path):
    paths = [network(tmp_path, f"net{seed}", seed) for seed in (0, 30)]
    code, _, _ = call(
        "directions", *paths, "--first", "cue", "--second", "odr:delay", "--rule", "odr", *COMMON, "--mode",
        "published", "--responsive", "cue", "-o", tmp_path / "d", "--seed", "3", "--quiet",
    )  # fmt: skip
    assert code == 0
    found = DirectionOverlap.load(tmp_path / "d.h5")
    expected = [
        select_units(
            activity(seed + number, number), TIME, CUES, EPOCHS["delay"], EPOCHS["fix"], "published",
            responsive_epoch=EPOCHS["cue"],
        ).population.sum()
        for seed in (0, 30)
        for number in range(3)
    ]  # fmt: skip
    assert found.n_second.tolist() == expected
    assert found.networks == ("net0", "net30")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--first", "odr:cu", "--second", "odrd:cue"], "unknown epoch 'cu': did you mean 'cue'"),
        (["--first", "od:cue", "--second", "odrd:cue"], "of the rule 'od' (found: odr, odrd)"),
        (["--first", "cue", "--second", "odrd:cue"], "recordings of several rules: odr, odrd"),
        (["--first", "odr:", "--second", "odrd:cue"], "--first odr:: expected RULE:EPOCH"),
        (["--first", ":cue", "--second", "odrd:cue"], "--first :cue: expected RULE:EPOCH"),
        (["--first", "odr:cue", "--second", "odrd:cue", "--epoch", "fix"], "--epoch fix: all recordings"),
    ],
)
def test_bad_input_is_one_line_and_code_2(options, words, call, tmp_path):
    code, out, err = call("directions", network(tmp_path), *options, *COMMON, "-o", tmp_path / "d", "--quiet")
    assert (code, out) == (2, "")
    assert words in err
    assert err.strip().count("\n") == 0


def test_checkpoints_of_one_rule_only_are_no_overlap(call, tmp_path):
    path = network(tmp_path, missing=[("odr", 0), ("odrd", 1), ("odrd", 2)])
    err = call("directions", path, "--first", "odr:cue", "--second", "odrd:cue", *COMMON, "-o", tmp_path / "d")[2]
    assert "no checkpoint is recorded for both odr:cue and odrd:cue; replay them with --checkpoints" in err
