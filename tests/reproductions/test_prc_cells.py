"""The studies of figures 3 and 5: every reference figure to its last digit, and exact figures of filtered noise."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import stats

from dynascope import plotting
from dynascope.errors import InputError
from dynascope.reproductions.prc import lnl, lnl_noise, nmda, published
from dynascope.reproductions.study import Scale, Workbench, run_study
from dynascope.trainers import randomness
from dynascope.trainers.prc import cells
from dynascope.trainers.prc.simulation import simulate
from dynascope.trainers.prc.stimuli import white_noise

DT = 0.1
N_SAMPLES, SETTLED = 50_010, 1000  # of a noise trace, and before it has settled


def run(module, output, **budget):
    study = dataclasses.replace(module.STUDY, scales={"small": Scale(1, budget)})
    return run_study(Workbench(study, output, executor="serial"))


@pytest.fixture(scope="module")
def lnl_findings(tmp_path_factory):
    return run(lnl, tmp_path_factory.mktemp("lnl"), noise_trials=3)[0]


@pytest.fixture(scope="module")
def nmda_findings(tmp_path_factory):
    return run(nmda, tmp_path_factory.mktemp("nmda"), fine_amplitudes=297)[0]


def column(table, name):
    return [row[list(table.header).index(name)] for row in table.rows]


@pytest.mark.parametrize(
    ("value", "printed", "agrees"),
    [
        (3.5528, "3.55", True), (3.5559, "3.55", False), (3.5441, "3.55", False), (43.4, "43", True),
        (43.6, "43", False), (0.0020121, "0.00201210", True), (0.00201211, "0.00201210", False),
        (5.245, "5.25", True), (float("nan"), "5.25", False),
    ],
)  # fmt: skip
def test_agreement_is_to_the_last_printed_digit(value, printed, agrees):
    assert published.agrees(value, printed) is agrees
    assert published.verdict([(1.0, "1"), (value, printed)]) == ("yes" if agrees else "NO")


def test_ours_is_written_in_the_digits_of_the_printed_number():
    assert published.beside(3.1415926, "3.14") == "3.14 (3.14)"
    assert published.beside(42.19, "43") == "42 (43)"


def test_figure_3_agrees_to_the_last_digit(lnl_findings):
    peaks, unit, *_ = lnl_findings.tables
    assert column(peaks, "set") == ["A", "B", "C", "D"]
    assert set(column(peaks, "agrees")) == set(column(unit, "agrees")) == {"yes"}
    assert len(unit.rows) == 4
    assert "Pulses: 36 of 36 figures agree" in lnl_findings.remarks[0]


def test_noise_tables_hold_every_reference_figure(lnl_findings):
    *_, deviations, crossings = lnl_findings.tables
    assert column(deviations, "exact") == ["3.5357", "15.8097", "4.2313", "5.7809"]
    assert column(deviations, "reference") == ["3.525", "15.81", "4.22", "5.76"]
    assert column(crossings, "reference") == ["3.3", "20.5", "43", "1.2", "8.0", "49", *["–"] * 6]
    assert column(crossings, "exact")[:6] == ["3.23", "19.81", "42.19", "1.16", "7.95", "47.56"]
    assert column(crossings, "mean")[0] == "−45"
    assert "of 10 reference figures" in lnl_findings.remarks[1]


def test_a_wrong_figure_is_called_wrong(tmp_path, monkeypatch):
    monkeypatch.setitem(published.LNL_PEAKS, "C", ("0.2037", "2.6098", *published.LNL_PEAKS["C"][2:]))
    monkeypatch.setitem(published.LNL_NOISE, 2.0, "17.81")
    found, _ = run(lnl, tmp_path, noise_trials=2)
    assert column(found.tables[0], "agrees") == ["yes", "yes", "NO", "yes"]
    assert "35 of 36" in found.remarks[0]
    assert column(found.tables[2], "explained")[1] == "NO"


@pytest.mark.parametrize("tau", [2.0, 15.0, 30.0])
def test_exact_noise_is_that_of_the_plain_sums(tau):
    kernel = cells.lnl(tau)["sodium"].kernel
    samples = np.exp(-np.arange(1, 1000) * DT / tau)
    samples /= samples.sum()
    covariance = 100.0**2 * np.correlate(samples, samples, "full")[998:1000]
    deviation, correlation = lnl_noise.gaussian(kernel)
    assert deviation == pytest.approx(np.sqrt(covariance[0]), rel=1e-10)
    assert correlation == pytest.approx(covariance[1] / covariance[0], rel=1e-10)


@pytest.mark.parametrize(("level", "deviation", "correlation"), [(35, 15.81, 0.951), (6, 4.23, 0.9967), (-8, 5.8, 0.5)])
def test_crossing_rate_is_that_of_two_gaussian_samples(level, deviation, correlation):
    below = stats.norm.cdf(level / deviation)
    both = stats.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], abseps=1e-12, releps=1e-12)
    rate = (below - both.cdf([level / deviation] * 2)) * 10_000  # 10 000 samples per second
    assert lnl_noise.crossing_rate(level, deviation, correlation) == pytest.approx(rate, rel=1e-6)
    stay = lnl_noise.stay(level, deviation, correlation)
    assert stay / 1000 * rate == pytest.approx(1 - below, rel=1e-6)


def plain_noise(tau, mean, seed, n_trials):
    """Return V_L and drive of the settled cell, (trial, time), by convolution with the noise of :func:`measure`."""
    generator = randomness.generator(seed, "noise")
    found = {"membrane": [], "sodium": []}
    for _ in range(n_trials):
        noise = mean + white_noise(0.0, 1.0, N_SAMPLES, DT, generator)
        for name, traces in found.items():
            kernel = cells.lnl(tau)[name].kernel.samples(DT, 1000)
            traces.append(np.convolve(noise, kernel)[SETTLED:N_SAMPLES])
    return np.array(found["membrane"]) / 2, np.array(found["sodium"])


@pytest.mark.parametrize("name", ["A", "D"])
def test_measured_noise_is_that_of_a_plain_run(name):
    """Convolution with the published means, and crossings counted one by one."""
    one, seconds = published.LNL_SETS[name], (N_SAMPLES - SETTLED) * DT / 1000
    deviations, crossings = lnl_noise.measure({one.tau: one.levels}, 3, seed=6)
    for mean, level in zip(one.means, one.levels, strict=True):
        membrane, drive = plain_noise(one.tau, mean, 6, 3)
        rates = [
            sum(before < one.threshold <= now for before, now in itertools.pairwise(trial)) / seconds for trial in drive
        ]
        assert crossings[one.tau, level].measured == pytest.approx(np.mean(rates), rel=1e-12)
        assert crossings[one.tau, level].error == pytest.approx(stats.sem(rates), rel=1e-12)
    assert deviations[one.tau].measured == pytest.approx(np.sqrt(np.mean((drive - mean) ** 2)), rel=1e-8)
    assert deviations["membrane"].measured == pytest.approx(np.sqrt(np.mean((membrane - mean / 2) ** 2)), rel=1e-8)


def test_long_runs_reach_the_exact_figures():
    levels = {30.0: (6.0, 10.0, 10.0), 2.0: (35.0,)}
    deviations, crossings = lnl_noise.measure(levels, 30, seed=1)
    for name, one in {**deviations, **crossings}.items():
        assert abs(one.measured - one.exact) < 4 * one.error, name
        assert one.error < 0.1 * one.exact, name
        assert one.scatter == pytest.approx(one.error * np.sqrt(30 * 4.901 / lnl_noise.RUN))
    alone, _ = lnl_noise.measure({2.0: ()}, 30, seed=1)
    assert alone[2.0] == deviations[2.0]  # which cells hear the noise does not change it


def test_a_level_asked_for_twice_is_counted_once():
    once, twice = (lnl_noise.measure({2.0: levels}, 2, seed=0)[1] for levels in ((35.0,), (35.0, 35.0)))
    assert once == twice


def test_the_root_mean_square_has_the_error_of_independent_trials():
    """The standard error of a s.d. of n independent values is σ / √(2 n); here n is the trials times few per trial."""
    squares = np.random.default_rng(0).chisquare(8, 400) / 8 * 15.81**2
    found = lnl_noise._deviation(squares, 2.0, 4.9)
    assert found.measured == pytest.approx(np.sqrt(squares.mean()))
    assert found.error == pytest.approx(15.81 / np.sqrt(2 * 8 * 400), rel=0.1)


def test_a_run_explains_what_it_could_have_given():
    found = lnl_noise.Estimate(exact=10.0, measured=10.1, error=0.2, scatter=0.5)
    assert found.explains("11.0")
    assert found.explains("9.0")
    assert found.explains("11.04") is False  # half a unit of the last digit may be rounding, and no more
    assert not found.explains("11.1")
    assert found.explains("11")
    assert not found.explains("8")


def test_one_trial_has_no_error():
    with pytest.raises(InputError, match="noise trials: expected 2 or more, found 1"):
        lnl_noise.measure({2.0: (1.0,)}, 1, seed=0)


def test_figure_5_agrees_to_the_last_digit(nmda_findings):
    traces, drugs, curves = nmda_findings.tables
    assert set(column(traces, "agrees")) == set(column(curves, "agrees")) == {"yes"}
    assert column(drugs, "agrees") == ["yes", "yes", "–", "–", "–"]
    assert (len(traces.rows), len(curves.rows)) == (6, 38)
    assert "67 of 67 figures agree" in nmda_findings.remarks[0]
    assert "abolish it, holds." in nmda_findings.remarks[1]


def test_each_drug_alone_does_less_than_both(nmda_findings):
    half = nmda_findings.values["half_height"]
    assert half["NMDA blocked"] is None
    assert column(nmda_findings.tables[1], "amplitude at 3.5")[-1] == "never"
    order = [half[drug] for drug in (nmda.CONTROL, "calcium blocked", "sodium blocked", nmda.BLOCK)]
    assert order == sorted(order)
    assert order == pytest.approx([5.246, 6.003, 6.938, 9.048], abs=1e-3)
    assert nmda_findings.remarks[2].endswith("together +2.45: less than the block of both.")
    peaks = nmda_findings.values["peaks"]
    for drug in nmda.DRUGS:
        assert (np.array(peaks[drug]) <= np.array(peaks[nmda.CONTROL]) + 1e-12).all()


def test_a_drug_without_effect_is_called_so(tmp_path, monkeypatch):
    monkeypatch.setitem(nmda.DRUGS, nmda.BLOCK, ())
    found, _ = run(nmda, tmp_path, fine_amplitudes=297)
    assert "abolish it, DOES NOT hold." in found.remarks[1]
    assert "NO" in column(found.tables[1], "agrees")
    assert "NO" in column(found.tables[2], "agrees")


def test_the_message_is_a_shift_and_a_flatter_curve_that_is_still_there():
    def curve(half, slope, height=7.0):
        amplitudes = np.linspace(0, 20, 200)
        return nmda.ResponseCurve(amplitudes, height / (1 + np.exp(-slope * (amplitudes - half))))

    control = curve(5, 2.0)
    assert nmda.message_holds(control, curve(9, 1.0))
    assert not nmda.message_holds(control, curve(9, 2.5))
    assert not nmda.message_holds(control, curve(4, 1.0))
    assert not nmda.message_holds(control, curve(9, 1.0, height=3.0))


def test_traces_have_their_own_names_and_milliseconds(nmda_findings):
    pulse = nmda.published_stimulus("nmda", [7.0])
    found = simulate(cells.nmda(), pulse, DT)
    traces = {drug: {name: found[name][0] for name in ("sodium", "calcium", "nmda")} for drug in nmda.DRUGS}
    panel = nmda._trace_figure(traces).axes[0]
    lines = {line.get_label(): line for line in panel.get_lines()}
    expected = {"Na": ("sodium", 4.8289, 25.1), "Ca": ("calcium", 1.4237, 31.9), "NMDA": ("nmda", 6.6830, 51.1)}
    for name, (channel, peak, time) in expected.items():
        line = lines[f"{name} subunit"]
        x, y = line.get_data()
        assert (y.max(), x[y.argmax()]) == (pytest.approx(peak, abs=1e-4), pytest.approx(time))
        assert line.get_color() == plotting.CHANNEL_COLOURS[channel]


def test_every_panel_has_units(lnl_findings, nmda_findings):
    curves = {name: lnl.ResponseCurve(np.linspace(0, 60, 100), np.array(peaks))
              for name, peaks in lnl_findings.values["peaks"].items()}  # fmt: skip
    responses = lnl.lnl_figures.responses(curves, seed=0)
    for ax in responses.axes:
        assert "(" in ax.get_xlabel()
        assert "(" in ax.get_ylabel() or "per ms" in ax.get_ylabel()
    traces = lnl.lnl_figures.traces(seed=0)
    assert len(traces.axes) == 12
    assert all(ax.get_xlabel() == "time (ms)" for ax in traces.axes[-3:])
    for ax in traces.axes:
        lines = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
        added = lines["$V_d$, with sodium"] - lines["$V_L$, passive membrane"]
        assert 0 <= added.min() <= added.max() <= 15
        low, high = ax.get_ylim()
        assert low < lines["$V_L$, passive membrane"].min()
        assert lines["$V_d$, with sodium"].max() < high


def test_every_channel_has_a_colour_of_its_own():
    channels = {channel for make in cells.CELLS.values() for channel in make().channels}
    assert channels == set(plotting.CHANNEL_COLOURS)
    assert len(set(plotting.CHANNEL_COLOURS.values())) == len(channels)
