"""The figure of shared directions: overlaps of a network's own selections, phases of training, tables."""

import numpy as np

from dynascope.analysis import direction_overlap, select_units
from dynascope.readers import open_archive
from dynascope.reproductions.maturation import directions
from dynascope.reproductions.maturation.networks import RULES, Network, networks
from dynascope.trainers import History


def selected(archive, network, rule, epoch, mode):
    """Plain: the selection of every checkpoint."""
    found = []
    for recording in History(archive, rule, network.trials_seen.tolist(), n_trials=128, performance_trials=0):
        epochs = recording.epochs
        found.append(
            select_units(
                np.array(recording.activity), recording.time, recording.trials["cue"], epochs[epoch], epochs["fix1"],
                mode=mode, responsive_epoch=epochs["stim1"] if mode == "published" else None,
            )
        )  # fmt: skip
    return found


def test_overlaps_are_those_of_the_selections_at_each_checkpoint(maturation):
    bench = maturation()
    (network,) = networks(bench)
    found = directions.overlaps([network], "published", 10)
    assert list(found) == list(directions.PAIRS)
    with open_archive(network.path, verify=False) as archive:
        for pair in (directions.PAIRS[2], directions.PAIRS[5]):
            first, second = (selected(archive, network, *epoch, "published") for epoch in pair)
            for at, (one, other) in enumerate(zip(first, second, strict=True)):
                both = one.population & other.population
                assert found[pair].both[at] == both.sum()
                assert found[pair].same[at] == (one.preferred == other.preferred)[both].sum()
        corrected = directions.overlaps([network], "corrected", 10)
        own = selected(archive, network, "odr", "delay1", "corrected")
        assert corrected[directions.PAIRS[1]].n_first.tolist() == [units.population.sum() for units in own]
    assert found[directions.PAIRS[0]].names == ("odr stim1", "odrd stim1")
    np.testing.assert_array_equal(found[directions.PAIRS[0]].trials_seen, network.trials_seen)


def test_only_the_published_tests_need_a_response_to_the_cue(maturation, monkeypatch):
    (network,) = networks(maturation())
    asked = []

    def noted(*arguments, **options):
        asked.append((options["mode"], options["responsive_epoch"]))
        return select_units(*arguments, **options)

    monkeypatch.setattr(directions, "select_units", noted)
    for mode in ("published", "corrected"):
        directions.overlaps([network], mode, 1)
    assert all(epoch is None for mode, epoch in asked if mode == "corrected")
    epochs = {tuple(np.round(epoch, 6)) for mode, epoch in asked if mode == "published"}
    assert epochs == {(1.0, 1.5), (1.0, 1.1)}  # of odr and odrd, and of overlap


def test_the_plateau_lies_between_the_anti_saccades_and_working_memory():
    seen = 1280 * np.arange(100)
    curves = {rule: np.where(np.arange(100) < 10, 0.2, 1.0) for rule in RULES}
    curves["odr"] = np.where(np.arange(100) < 60, 0.2, 1.0)
    curves["odrd"] = np.where(np.arange(100) < 50, 0.2, 1.0)
    network = Network("n", None, seen, curves)
    chosen = np.array([0, 10, 30, 49, 55, 99])
    found = directions.phases(network, seen[chosen])
    assert found["start"].tolist() == [0]
    assert found["end"].tolist() == [5]
    # Means of six checkpoints look ahead: they pass 0.35 before the checkpoint at which the rule is learnt.
    assert found["plateau"].tolist() == [2]
    curves["odr"] = curves["odrd"] = np.full(100, 0.2)
    assert directions.phases(network, seen[chosen])["plateau"].tolist() == [2, 3, 4, 5]
    curves["gap"] = np.full(100, 0.2)
    assert directions.phases(network, seen[chosen])["plateau"].tolist() == []


def test_tables_are_percentages_of_all_units_over_networks(maturation):
    """Two networks of 10 units at the start and the end: all shared at first, half at the end, one agreeing less."""
    everyone, half = np.ones(10, bool), np.arange(10) < 5
    same, other = np.arange(10) % 8, (np.arange(10) + (np.arange(10) == 0)) % 8
    first = [(everyone, same), (half, same)] * 2
    second = [(everyone, same), (everyone, same), (everyone, same), (everyone, other)]
    one = direction_overlap(first, second, trials_seen=[0, 9, 0, 9], networks=["a", "a", "b", "b"], names=("x", "y"))
    flat = {rule: np.full(2, 0.2) for rule in RULES}
    found = [Network(name, None, np.array([0, 9]), flat) for name in "ab"]
    shared = {mode: dict.fromkeys(directions.PAIRS, one) for mode in ("published", "corrected")}
    result = directions.findings(found, shared, maturation("directions"))
    rows = {row[0]: row[1:] for row in result.tables[0].rows}
    assert rows["start"][0] == "100, 100"
    assert rows["start"][-1] == "2"
    assert rows["plateau"][0] == "–"
    assert rows["plateau"][-1] == "0"
    assert rows["end"][0] == "50, 50"
    assert rows["end"][2] == "50, 50"
    assert rows["end"][3] == "50, 40"
    assert rows["end"][6] == "0, 10"
    last = result.tables[1].rows[0]
    assert last[:2] == ["x / y", "published"]
    assert last[2] == "50, 50"
    assert last[4] == "50, 40"
    assert "fewer units are shared at the end than at the start in 2 of 2 networks" in result.remarks[0]
    assert "by chance in 0" in result.remarks[0]
    assert len(result.remarks) == 2  # nothing agrees less often than by chance
    assert result.files[0].exists()


def test_preferences_that_avoid_each_other_are_named(maturation):
    everyone, one = np.ones(80, bool), np.arange(80) % 8
    opposite = direction_overlap([(everyone, one)] * 2, [(everyone, (one + 4) % 8)] * 2, networks=["a", "b"])
    flat = {rule: np.full(1, 0.2) for rule in RULES}
    found = [Network(name, None, np.array([0]), flat) for name in "ab"]
    shared = {mode: dict.fromkeys(directions.PAIRS, opposite) for mode in ("published", "corrected")}
    assert "first / second" in directions.findings(found, shared, maturation("directions")).remarks[2]
