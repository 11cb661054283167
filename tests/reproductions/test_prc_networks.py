"""The studies of trained dendritic networks: tables of made-up outcomes, who is best, where the label is, pictures."""

import dataclasses
import itertools

import numpy as np
import pytest
from matplotlib.colors import same_color
from scipy import stats

from dynascope import plotting
from dynascope.analysis.statistics import bootstrap_interval
from dynascope.errors import InputError
from dynascope.readers import Recording, open_archive, write_archive
from dynascope.reproductions import drawing
from dynascope.reproductions.prc import digits, digits_figures, drugs, memorise, memorise_figures, outcomes, readouts
from dynascope.reproductions.prc import published_networks as published
from dynascope.reproductions.prc.ranking import rank
from dynascope.reproductions.study import Scale, Workbench
from dynascope.trainers import Settings, TrainingLoop
from dynascope.trainers.export import export_network
from dynascope.trainers.prc import KINDS

EPOCHS = np.arange(0, 601)


def made_up(final=(0.6, 0.8), *, epochs=EPOCHS, **columns):
    """Return the outcomes of one network per final accuracy, 0.5 at first and rising evenly; rate 10 → 20 Hz."""
    rise = np.linspace(0, 1, len(epochs))
    accuracy = 0.5 + (np.array(final)[:, None] - 0.5) * rise
    n = len(final)
    log = {
        "epoch": np.tile(epochs, (n, 1)), "performance": accuracy, "loss": 1 - accuracy,
        "validation_performance": accuracy - 0.1, "firing_rate": np.tile(10 + 10 * rise, (n, 1)),
        **{name: np.zeros((n, len(epochs))) for name in ("ties", "silent_trials", "silent", "saturated")},
    }  # fmt: skip
    log |= {name: np.tile(value, (n, 1)) for name, value in columns.items()}
    return outcomes.Outcomes((), log, n_units=4, duration=0.2, best_threshold=np.array(final) + 0.05)


def every_kind(**changes):
    return {kind: changes.get(kind, made_up()) for kind in KINDS}


def row_of(table, kind):
    [row] = [
        row for row in table.rows if row[0].startswith(f"{published.NAMES[kind]} (") or row[0] == published.NAMES[kind]
    ]
    return dict(zip(table.header, row, strict=True))


def labels_of(ax):
    return [text.get_text() for text in ax.get_xticklabels()]


def test_columns_are_read_at_an_epoch_or_the_last_before_it():
    one = made_up(epochs=np.array([0, 10, 20]), ties=np.array([0.1, 0.2, 0.3]))
    assert [one.at("ties", epoch)[0] for epoch in (0, 9, 10, 20, 599)] == [0.1, 0.1, 0.2, 0.3, 0.3]
    assert one.spikes(10) == pytest.approx(15 * 0.2)


def test_accuracy_is_beside_the_reference_of_the_same_epoch():
    table = memorise.accuracy_table(every_kind(bap=made_up([0.8, 1.0])))
    row = row_of(table, "bap")
    at_100 = 0.5 + 0.4 * 99 / 600
    assert row["epoch 99"] == f"{at_100:.3f} (0.652)"
    assert row["epoch 0"] == "0.500 (0.500)"
    last = 0.5 + np.array([0.3, 0.5]) * 599 / 600
    assert row["s.d."] == f"{last.std(ddof=1):.3f} (0.156)"
    assert row["range"] == "0.80–1.00 (0.48–0.96)"
    assert row["loss"] == f"{1 - last.mean():.3f} (0.307)"
    quarter, half, three = (last[0] + share * (last[1] - last[0]) for share in (0.25, 0.5, 0.75))
    assert row["median [quartiles]"] == f"{half:.3f} [{quarter:.3f}, {three:.3f}] (0.857 [0.728, 0.941])"
    error = np.sqrt(last.var(ddof=1) / 2 + 0.156**2 / 10)
    assert row["difference"] == f"{(last.mean() - 0.818) / error:+.1f}"
    low = memorise.accuracy_table(every_kind(bap=made_up([0.51, 0.52])))
    assert row_of(low, "bap")["difference"].startswith("−")


def test_epochs_that_were_not_reached_are_no_numbers():
    short = {kind: made_up(epochs=np.arange(61)) for kind in KINDS}
    table = memorise.accuracy_table(short)
    row = row_of(table, "bap")
    assert row["epoch 0"] == "0.500 (0.500)"
    assert [row[f"epoch {epoch}"][0] for epoch in (99, 299, 599)] == ["–"] * 3
    assert row["difference"] == "–"
    assert "at epoch 60." in table.note
    assert "at epoch 60:" in memorise.remarks(short)[0]


def test_one_network_has_no_spread():
    row = row_of(memorise.accuracy_table({kind: made_up([0.7]) for kind in KINDS}), "bap")
    assert (row["s.d."], row["difference"]) == ("– (0.156)", "–")


def test_what_stands_behind_the_accuracy():
    one = made_up(silent=np.full(601, 0.25), saturated=np.full(601, 0.5), ties=np.full(601, 0.4))
    found = every_kind(parallel=one)
    row = row_of(memorise.behind_table(found, "t"), "parallel")
    assert row["kind"] == "parallel (8 units)"
    assert row["dead units"] == "2 (24)"  # a quarter of 4 units in each of 2 networks
    assert row["saturated units"] == "4 (1)"
    assert row["ties"] == "0.40 (0.75)"
    assert row["best threshold"] == "0.750 (0.695)"
    assert row["spikes per trial"] == "2.0 → 4.0 (2.5 → 5.8)"
    assert row_of(memorise.behind_table(found, "t", with_reference=False), "parallel")["dead units"] == "2"
    said = memorise.remarks({**every_kind(), "parallel": dataclasses.replace(one, best_threshold=np.array([0.9, 0.9]))})
    assert "costs most in parallel, where in the end 40% of the trials are ties" in said[1]
    assert "0.200 more" in said[1]


def test_longer_training_is_beside_the_figure_at_its_epochs():
    long = {kind: made_up(epochs=np.arange(2001)) for kind in KINDS}
    row = row_of(memorise.longer_table(long), "no_bap")
    assert row["epoch 1000"] == f"{0.5 + 0.2 * 999 / 2000:.3f} (0.785)"
    assert list(row)[1:] == ["epoch 300", "epoch 600", "epoch 1000", "epoch 2000"]


@pytest.fixture
def ranking():
    seeds = np.array([0.0, 0.02, -0.02, 0.04])
    high = {"no_bap": 0.6 + seeds, "bap": 0.9 + seeds, "one_compartment": 0.61 + np.array([0.2, -0.2, 0.1, -0.1])}
    low = {"no_bap": 0.8 + seeds + np.array([1e-3, -1e-3, 0, 0]), "bap": 0.5 + seeds, "one_compartment": 0.5 + seeds}
    return rank({0.01: high, 0.03: low})


def test_each_kind_is_ranked_at_its_best_rate(ranking):
    assert ranking.rates == {"no_bap": 0.03, "bap": 0.01, "one_compartment": 0.01}
    assert ranking.order == ("bap", "no_bap", "one_compartment")
    np.testing.assert_allclose(ranking.at_best("no_bap").mean(), 0.81)
    table = ranking.table()
    assert [row[:2] for row in table.rows] == [["1", "dendrite, BAP"], ["2", "dendrite"], ["3", "one compartment"]]
    assert table.header[-2:] == ["rate 0.01", "rate 0.03"]
    assert table.rows[1][-2:] == ["0.610", "0.810"]
    found = bootstrap_interval(ranking.at_best("bap"), n_resamples=20_000, interval="expanded")
    assert table.rows[0][2] == f"0.910 [{float(found.low):.3f}, {float(found.high):.3f}]"


def test_no_interval_of_accuracy_ends_above_all():
    accuracy = np.array([0.6, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    table = rank({0.01: {kind: accuracy for kind in KINDS}}).table()
    mean, low, high = (float(word.strip("[],")) for word in table.rows[0][2].split())
    assert low < mean == 0.925 < high <= 1.0


def test_pairs_are_compared_seed_by_seed_at_a_level_shared_among_them(ranking):
    assert list(ranking.pairs) == list(itertools.combinations(ranking.order, 2))
    for (better, worse), (mean, low, high) in ranking.pairs.items():
        differences = ranking.at_best(better) - ranking.at_best(worse)
        bounds = stats.ttest_1samp(differences, 0).confidence_interval(1 - 0.05 / 3)
        np.testing.assert_allclose((mean, low, high), (differences.mean(), bounds.low, bounds.high))
    # Seeds differ by much more than the kinds, but not within a seed.
    assert ranking.apart == [("bap", "no_bap")]
    rows = ranking.pairs_table().rows
    assert [row[-1] for row in rows] == ["yes", "no", "no"]
    assert rows[0][0] == "dendrite, BAP − dendrite"
    assert rows[0][1].startswith("+0.100 [+0.09")
    assert "[−" in rows[2][1]
    assert "of 3 pairs these are apart: dendrite, BAP over dendrite." in ranking.remark()


def test_one_seed_tells_no_kinds_apart():
    alone = rank({0.01: {kind: np.array([0.5 + 0.1 * at]) for at, kind in enumerate(KINDS)}})
    assert alone.apart == []
    assert alone.remark().endswith("no two kinds are apart.")
    assert alone.table().rows[0][2] == "0.900"
    assert {row[-1] for row in alone.pairs_table().rows} == {"no"}


def network_file(path, **states):
    """Write an archive in which bursts, but not the number of spikes, tell the label, beside other states."""
    generator = np.random.default_rng(0)
    labels, noise = np.arange(60) % 2, generator.normal(size=(60, 100, 2))
    spikes = np.zeros((60, 100, 2), np.uint8)
    spikes[:, 20], spikes[labels == 0, 60], spikes[labels == 1, 30] = 1, 1, 1
    spikes[:, 21] = spikes[:, 20]  # a spike is two samples long
    told = noise.copy()
    told[labels == 1, 50, 0] += 20
    named = {"noise": noise, "told": told}
    states = {name: named[which] for name, which in states.items()}
    time = 0.001 * np.arange(100)
    recording = Recording(noise, time, trials={"label": labels}, states={**states, "spikes": spikes})
    return write_archive(path, {"final": recording})


def test_the_label_is_read_where_it_is(tmp_path):
    found = readouts.by_place(network_file(tmp_path / "a.h5", dendrite="told", soma="noise"))
    assert set(found) == set(readouts.PLACES)
    assert found["dendrite"] == found["bursts"] == found["singles"] == found["burst_fraction"] == 1
    assert found["soma"] < 0.75
    assert found["spikes"] == 0.5


def test_the_last_subunit_of_a_parallel_dendrite_is_read(tmp_path):
    states = {"dendrite": "noise", "sodium": "noise", "soma": "told"}
    found = readouts.by_place(network_file(tmp_path / "a.h5", nmda="told", **states))
    assert found["dendrite"] == found["soma"] == 1
    assert readouts.by_place(network_file(tmp_path / "b.h5", nmda="noise", **states))["dendrite"] < 0.75


def test_readouts_are_of_kinds_with_a_dendrite(tmp_path):
    paths = tuple(network_file(tmp_path / f"{at}.h5", dendrite="told", soma="noise") for at in range(2))
    found = {"one_compartment": made_up(), "bap": dataclasses.replace(made_up([0.7, 0.9]), paths=paths)}
    accuracy = readouts.readouts(found)
    assert list(accuracy) == ["bap"]
    assert accuracy["bap"]["dendrite"].tolist() == [1, 1]
    [row] = readouts.table(accuracy, found).rows
    assert row[:3] == ["dendrite, BAP", "0.80 [0.70, 0.90]", "1.00 [1.00, 1.00]"]  # a bootstrap of two
    accuracy["bap"]["soma"] = np.array([2.0, 2.0])
    assert readouts.remark(accuracy) == "What tells the label best, by kind: dendrite, BAP: peak of the soma, 2.00."


def bench(output, **options):
    study = dataclasses.replace(digits.STUDY, scales={"small": Scale(1, {"n_train": 5, "n_test": 3})})
    return Workbench(study, output, executor="serial", **options)


def test_the_corpus_is_the_users_or_the_stand_in(tmp_path):
    assert digits.corpus(bench(tmp_path)) == {"n_train": 5, "n_test": 3}
    (tmp_path / "shd_train.h5").touch()
    with pytest.raises(InputError, match=r"shd_test.h5: not found; expected shd_train.h5 and shd_test.h5"):
        digits.corpus(bench(tmp_path, data=str(tmp_path)))
    (tmp_path / "shd_test.h5").touch()
    assert digits.corpus(bench(tmp_path, data=str(tmp_path))) == {
        "train_file": str(tmp_path / "shd_train.h5"), "test_file": str(tmp_path / "shd_test.h5"),
    }  # fmt: skip


def test_digits_are_beside_the_published_ones():
    found = every_kind(bap=made_up([0.9, 1.0], silent=np.linspace(0.5, 0.25, 601)))
    row = row_of(digits.table(found, "a corpus"), "bap")
    assert row["train loss"] == "0.050 (0.028)"
    assert row["train accuracy"] == "0.950 (0.995)"
    assert row["test, before"] == "0.400 (0.059)"
    assert row["test, after"] == "0.850 (0.695)"
    assert row["test by network"] == "0.800, 0.900"
    health = row_of(digits.health_table(found), "bap")
    assert health["silent units"] == "0.50 → 0.25"
    assert health["rate (Hz)"] == "10.0 → 20.0"
    [said] = digits.remarks(found, "a corpus")
    assert said.startswith("Test accuracy on a corpus: dendrite, BAP > ")
    assert said.endswith("dendrite, BAP > dendrite > one compartment > parallel, BAP > parallel.")


def test_curves_and_boxes_show_every_network():
    found = {kind: made_up(np.linspace(0.6, 0.9, 5) - 0.01 * at) for at, kind in enumerate(KINDS)}
    over_time, boxes = memorise_figures.curves(found).axes
    lines = {line.get_label(): line for line in over_time.get_lines()}
    for kind, one in found.items():
        line = lines[published.NAMES[kind]]
        np.testing.assert_allclose(line.get_ydata(), one.accuracy.mean(0))
        assert same_color(line.get_color(), plotting.NEURON_COLOURS[kind])
    band = over_time.collections[0].get_paths()[0].vertices
    last = next(iter(found.values())).accuracy[:, -1]
    top = band[band[:, 0] == 600][:, 1].max()
    assert top == pytest.approx(last.mean() + stats.sem(last))
    assert labels_of(boxes) == ["one\ncompartment", "dendrite", "dendrite,\nBAP", "parallel", "parallel,\nBAP"]
    assert len(boxes.patches) == 2 * len(KINDS)
    for ax in (over_time, boxes):
        assert [text.get_text() for text in ax.texts] == ["chance"]


def test_the_ranking_is_drawn_from_best_to_worst(ranking):
    left, right = memorise_figures.ranking(ranking, every_kind()).axes
    assert labels_of(left)[0] == "one\ncompartment"
    assert labels_of(right) == ["dendrite,\nBAP", "dendrite", "one\ncompartment"]
    np.testing.assert_allclose(right.get_lines()[0].get_ydata(), ranking.at_best("bap"))
    assert all(ax.get_ylabel() == "patterns answered right" for ax in (left, right))


def test_digits_are_drawn_before_and_after():
    found = every_kind()
    over_time, points = digits_figures.learning(found, "a corpus").axes
    assert over_time.get_title(loc="left") == "training, a corpus" or over_time.get_title() == "training, a corpus"
    heights = [line.get_ydata().tolist() for line in points.get_lines() if line.get_marker() == "o"]
    assert len(heights) == 3 * len(KINDS)
    np.testing.assert_allclose(heights[:3], [[0.5, 0.5], [0.6, 0.8], [0.5, 0.7]])


def test_dots_lie_around_their_place_with_a_bar_at_the_mean():
    ax = plotting.figure().axes[0]
    drawing.dots(ax, 3, np.array([1.0, 2.0, 6.0]), "black", width=0.4)
    np.testing.assert_allclose(ax.get_lines()[0].get_xdata(), [2.9, 3, 3.1])
    np.testing.assert_allclose(ax.collections[0].get_segments()[0], [[2.8, 3], [3.2, 3]])


def test_drugs_act_on_trained_networks(tmp_path):
    tables = {"model": {"kind": "bap", "bap_strength": 4.0}, "training": {"epochs": 30, "n_trials": 48}}
    settings = Settings.resolve("prc", "memorise", tables)
    loop = TrainingLoop(settings)
    for _ in range(31):
        loop.run_epoch()
    path = export_network(loop.trained(), tmp_path / "network.h5")
    alone = dataclasses.replace(settings, model={**settings.model, "kind": "no_bap", "bap_strength": 0.0})
    without = export_network(dataclasses.replace(loop.trained(), settings=alone), tmp_path / "without.h5")
    found = drugs.under_drugs({"bap": dataclasses.replace(made_up((0.5,)), paths=(path,))})["bap"]
    assert list(found) == ["no drug", "sodium", "bap"]
    for drug, archive in (("no drug", path), ("bap", without)):
        with open_archive(archive) as opened:
            assert found[drug] == pytest.approx(opened.recording("final").attrs["performance"])
    assert found["no drug"] != found["bap"]


def test_drugs_that_a_kind_does_not_know_are_a_dash():
    found = {"bap": {"no drug": np.array([0.9, 0.7]), "sodium": np.array([0.6, 0.4]), "bap": np.array([0.8, 0.6])}}
    [row] = drugs.table({"as published": found}).rows
    assert row[0] == "dendrite, BAP, as published"
    assert row[1].startswith("0.80 [")
    assert row[3:5] == ["–", "–"]
    assert drugs.remark({"as published": found}).endswith("as published 0.300 of the patterns (dendrite, BAP: sodium).")
