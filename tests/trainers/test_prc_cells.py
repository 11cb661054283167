"""The published single cells: every printed number of figures 3 to 6, by the graphs."""

import dataclasses

import numpy as np
import pytest

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers.prc import cells
from dynascope.trainers.prc.experiments import (
    EXPERIMENTS,
    AlphaPulse,
    PairedPulses,
    RectangularPulse,
    ResponseCurve,
    customized,
    get_experiment,
    published_stimulus,
    response_curve,
    spike_onsets,
)
from dynascope.trainers.prc.nonlinearities import Sigmoid
from dynascope.trainers.prc.simulation import simulate

DT = cells.DT


def printed(*numbers):
    """Return numbers and how far others may be from them to be printed alike."""
    return np.array([float(number) for number in numbers]), np.array(
        [0.501 * 10.0 ** -len(number.partition(".")[2]) for number in numbers]
    )


def assert_printed(found, *numbers):
    wanted, tolerance = printed(*numbers)
    assert np.shape(found) == wanted.shape
    assert (np.abs(found - wanted) <= tolerance).all(), (found, numbers)


# Figure 3.

LNL = {"A": (2, 5, 1), "B": (30, 5, 1), "C": (2, 30, 7), "D": (15, 4, 1)}
LNL_PEAKS = {
    "A": ("0.1004", "16.6105", "18.9349", "20.9619", "22.8697", "26.8046"),
    "B": ("0.1004", "2.3666", "6.0342", "12.8065", "19.8273", "26.6482"),
    "C": ("0.2037", "2.6097", "6.3251", "12.3011", "18.7151", "26.3987"),
    "D": ("0.2698", "5.2543", "16.5718", "20.8128", "22.8601", "26.8046"),
}
LNL_SLOPES = {"A": ("3.55", "5.5"), "B": ("0.79", "31.5"), "C": ("0.69", "32.7"), "D": ("1.26", "13.9")}


@pytest.mark.parametrize("name", LNL)
def test_peak_responses_of_the_lnl_dendrite(name):
    experiment = get_experiment("lnl")
    curve = response_curve(cells.lnl(*LNL[name]), experiment.amplitudes, experiment)
    assert_printed(curve.peaks[[0, 16, 33, 50, 66, 99]], *LNL_PEAKS[name])
    assert_printed(curve.steepest(), *LNL_SLOPES[name])


def test_a_pulse_of_amplitude_1_through_the_filters_of_the_lnl_dendrite():
    pulse = published_stimulus("lnl", [1.0])
    assert np.flatnonzero(pulse["dendritic"][0]).tolist() == list(range(100, 150))
    drives = [simulate(cells.lnl(tau), pulse, DT)["sodium_drive"].max() for tau in (2, 15, 30)]
    assert_printed(
        [simulate(cells.lnl(), pulse, DT)["membrane"].max(), *drives], "0.196744", "0.917915", "0.283832", "0.159217"
    )


def test_the_lnl_dendrite_under_noise():
    """Standard deviations of noise through the filters; the printed ones are those of a run."""
    for tau, deviation in ((2, 15.81), (15, 5.76), (30, 4.22)):
        cell = cells.lnl(tau)
        norms = [np.linalg.norm(cell[name].kernel.samples(DT, 1100)) for name in ("membrane", "sodium")]
        assert 100 * norms[1] == pytest.approx(deviation, rel=5e-3)
        assert 0.5 * 100 * norms[0] == pytest.approx(3.525, rel=5e-3)
    noise = published_stimulus("lnl", [-45.0, 0.0], stimulus="noise")["dendritic"]
    assert noise.shape == (2, 3000)
    assert noise[1].std() == pytest.approx(100, rel=0.05)
    assert noise[1] - noise[0] == pytest.approx(np.full(3000, 45.0))


# Figure 4.

SODIUM = {1: {}, 2: {"threshold": 1.8, "width": 0.2, "soma_threshold": 1.0}}


@pytest.mark.parametrize(
    ("number", "peak", "soma", "membrane", "dendrite", "time"),
    [
        (1, 1.0, 0.111578, 0.196680, 0.227300, 5.63),
        (1, 1.5, 0.167367, 0.295021, 0.429108, 4.51),
        (2, 1.25, 0.139473, 0.245851, 0.251588, 7.02),
        (2, 1.85, 0.206419, 0.363859, 0.580034, 4.23),
        (2, 2.10, 0.234314, 0.413029, 0.969144, 4.12),
    ],
)
def test_the_sodium_neuron_without_a_somatic_spike(number, peak, soma, membrane, dendrite, time):
    found = simulate(cells.sodium(**SODIUM[number]), published_stimulus("sodium", [peak]), 0.01)
    assert found["soma"].max() == pytest.approx(soma, abs=1e-6)
    assert found["soma"].argmax() * 0.01 == pytest.approx(9.50)
    assert found["membrane"].max() == pytest.approx(membrane, abs=1e-6)
    assert found["dendrite"].max() == pytest.approx(dendrite, abs=1e-6)
    assert found["dendrite"].argmax() * 0.01 == pytest.approx(time)
    assert not found["spike"].any()


def test_the_sodium_neuron_with_a_somatic_spike():
    """The pulse begins at a sample, so that the printed peak is approached with the step."""
    errors = []
    for dt in (0.01, 0.002):
        found = simulate(cells.sodium(), published_stimulus("sodium", [1.75], dt), dt)
        [onset] = spike_onsets(found["spike"][0], dt)
        assert onset == pytest.approx(7.464, abs=dt)
        assert np.count_nonzero(found["spike"]) == round(1 / dt)
        assert set(np.unique(found["spike"])) == {0.0, 2.0}
        assert found["soma"].max() == pytest.approx(0.195262, abs=1e-6)
        assert found["membrane"].max() == pytest.approx(0.441164, abs=1e-2 * dt)
        assert found["dendrite"].argmax() * dt == pytest.approx(8.464, abs=dt)
        errors.append(abs(found["dendrite"].max() - 0.925277))
    assert errors[0] < 5e-3
    assert errors[1] < 1e-3


def test_the_sodium_neuron_at_rest_and_at_threshold():
    for number, offset in ((1, "0.005319"), (2, "0.000370")):
        rest = simulate(cells.sodium(**SODIUM[number]), {"somatic": np.zeros(3)}, 0.01)["dendrite"]
        assert_printed(rest, *[offset] * 3)
    for number, least in ((1, 1.7028), (2, 8.96)):
        around = published_stimulus("sodium", [least * 0.9995, least * 1.0005])
        spikes = simulate(cells.sodium(**SODIUM[number]), around, 0.01)["spike"].any(-1)
        assert spikes.tolist() == [False, True]


def test_without_what_travels_back_the_dendrite_has_no_spike():
    stimulus = published_stimulus("sodium", [1.75])
    whole, blocked = (simulate(one, stimulus, 0.01) for one in (cells.sodium(), cells.sodium().blocked(["bap"])))
    assert np.array_equal(whole["spike"], blocked["spike"])
    before = slice(0, 747)
    assert np.array_equal(whole["dendrite"][:, before], blocked["dendrite"][:, before])
    assert blocked["dendrite"][:, 747:].max() < 0.45 < 0.9 < whole["dendrite"][:, 747:].max()


# Figure 5.

NMDA_BLOCKED = [
    "0.00201210", "0.0373774", "0.0730846", "0.109274", "0.146144", "0.183974", "0.223157", "0.264245",
    "0.308010", "0.355534", "0.408320", "0.468444", "0.538750", "0.623079", "0.726527", "0.855669",
    "1.018658", "1.225012", "1.484824", "1.807118", "2.197207", "2.653458", "3.164583", "3.709179",
    "4.258749", "4.783684", "5.259739", "5.672193", "6.016464", "6.295944", "6.518770", "6.694916",
    "6.834212", "6.945306", "7.035291", "7.109727", "7.172842", "7.227778",
]  # fmt: skip
NMDA_CONTROL = {
    0: "0.025884", 2: "0.222078", 4: "1.040289", 4.8: "2.370375", 5.2: "3.375970", 6: "5.372114", 7.2: "6.813342",
    8: "7.134912", 10: "7.496272", 12: "7.746330", 14.8: "8.051934",
}  # fmt: skip
DRUGS = ["sodium", "calcium"]


def test_peaks_of_the_nmda_neuron_under_the_block():
    experiment = get_experiment("nmda")
    assert experiment.amplitudes == pytest.approx(0.4 * np.arange(38))
    curve = response_curve(cells.nmda().blocked(DRUGS), experiment.amplitudes, experiment)
    assert_printed(curve.peaks, *NMDA_BLOCKED)


def test_peaks_of_the_nmda_neuron():
    curve = response_curve(cells.nmda(), list(NMDA_CONTROL), get_experiment("nmda"))
    assert_printed(curve.peaks, *NMDA_CONTROL.values())


@pytest.mark.parametrize(
    ("block", "low", "high", "half", "slope"),
    [((), 5.0, 5.5, "5.25", ("2.70", "5.3")), (DRUGS, 9.0, 9.5, "9.05", ("1.38", "9.25"))],
)
def test_slopes_of_the_nmda_neuron(block, low, high, half, slope):
    amplitudes = np.linspace(low, high, round((high - low) / 0.05) + 1)
    curve = response_curve(cells.nmda().blocked(block), amplitudes, get_experiment("nmda"))
    assert_printed([curve.crossing(3.5), *curve.steepest()], half, *slope)


@pytest.mark.parametrize(
    ("block", "peaks", "times"),
    [
        ((), ("4.8289", "1.4237", "6.6830"), (25.1, 31.9, 51.1)),
        (DRUGS, ("2.7290", "0.7639", "1.3476"), (25.1, 31.9, 54.2)),
    ],
)
def test_traces_of_the_nmda_neuron(block, peaks, times):
    found = simulate(cells.nmda().blocked(block), published_stimulus("nmda", [7.0]), DT)
    traces = [found[name][0] for name in ("sodium", "calcium", "nmda")]
    assert_printed([trace.max() for trace in traces], *peaks)
    assert [DT * trace.argmax() for trace in traces] == pytest.approx(times)


# Figure 6.


def loop_onsets(stimulus, amplitude, **changes):
    """Return when the loop cell spikes (ms), and the largest output of its dendrite."""
    found = simulate(cells.loop(), dataclasses.replace(stimulus, **changes).inputs(np.array([amplitude]), DT), DT)
    return spike_onsets(found["soma"][0], DT).round(6), found["dendrite"].max()


def test_the_loop_cell_bursts_when_soma_and_dendrite_are_driven():
    inputs = published_stimulus("loop")
    assert inputs["somatic"].shape == (1, 4100)
    found = {name: trace[0] for name, trace in simulate(cells.loop(), inputs, DT).items()}
    onsets = spike_onsets(found["soma"], DT)
    assert onsets.round(6).tolist() == [
        24.0, 48.5, 77.6, 106.8, 323.2, 328.4, 335.2, 360.7, 369.2, 391.7, 400.8,
    ]  # fmt: skip
    assert set(np.unique(found["soma"])) == {0.0, 30.0}
    assert np.count_nonzero(found["soma"]) == 3 * len(onsets)  # three steps until the reset has acted
    dendrite_alone = slice(1600, 2700)
    assert_printed(
        [found["dendrite"][dendrite_alone].max(), found["soma_drive"][dendrite_alone].max(), found["dendrite"].max()],
        "0.2384", "0.2373", "1.9987",
    )  # fmt: skip
    intervals = np.diff(onsets[4:])
    within, between = intervals[intervals < 15], intervals[intervals > 15]
    assert_printed([within.min(), within.max(), between.min(), between.max()], "5.2", "9.1", "22.5", "25.5")
    assert (len(within), len(between)) == (4, 2)


@pytest.mark.parametrize(
    ("lag", "onsets", "peak"),
    [(-15, [5.2, 11.2], "1.93"), (0, [5.6, 9.0, 14.7], "2.00"), (15, [5.7], "0.23")],
)
def test_the_loop_cell_detects_coincidences(lag, onsets, peak):
    stimulus = get_experiment("loop", "coincidence").stimulus
    times, largest = loop_onsets(stimulus, 4.0, lag=lag)
    assert (times - 30).round(6).tolist() == onsets
    assert_printed([largest], peak)


def test_the_loop_cell_with_one_pulse_alone():
    stimulus = get_experiment("loop", "coincidence").stimulus
    assert loop_onsets(stimulus, 4.0, dendritic_amplitude=0.0)[0].tolist() == [35.7]
    assert all(not loop_onsets(stimulus, 0.0, lag=lag)[0].size for lag in (-15, 0, 15))


@pytest.mark.parametrize(
    ("dendritic", "counts", "latencies"), [(0.0, [1, 1, 2], [11.1, 5.7, 4.1]), (3.0, [1, 3, 4], [9.6, 5.6, 4.1])]
)
def test_the_dendrite_changes_the_gain_of_the_loop_cell(dendritic, counts, latencies):
    experiment = get_experiment("loop", "gain")
    assert experiment.amplitudes == (3, 4, 5)
    found = [loop_onsets(experiment.stimulus, a, dendritic_amplitude=dendritic)[0] for a in experiment.amplitudes]
    assert [len(times) for times in found] == counts
    assert [round(times[0] - 10, 6) for times in found] == latencies


# Experiments.


def test_onsets_of_spikes():
    trace = np.array([2.0, 2.0, 0.0, -1.0, 0.5, 0.0, 3.0])
    assert spike_onsets(trace, 0.5).tolist() == [0.0, 2.0, 3.0]
    assert spike_onsets(np.zeros(4), 0.5).size == 0


def test_response_curves():
    curve = ResponseCurve(np.array([0.0, 1.0, 3.0, 4.0]), np.array([0.0, 1.0, 7.0, 7.0]))
    assert curve.crossing(4.0) == 2.0
    assert curve.crossing(0.0) == 0.0
    assert curve.crossing(7.0) == 3.0
    assert np.isnan(curve.crossing(7.5))
    assert curve.steepest() == (pytest.approx(5 / 3), 1.0)
    with pytest.raises(InputError, match="expected 2 amplitudes or more, found 1"):
        ResponseCurve(np.ones(1), np.ones(1)).steepest()


@pytest.mark.parametrize(("name", "stimulus"), [(name, one) for name, known in EXPERIMENTS.items() for one in known])
def test_every_experiment_can_be_done(name, stimulus):
    experiment = get_experiment(name, stimulus)
    inputs = published_stimulus(name, stimulus=stimulus)
    cell = cells.CELLS[name]()
    assert set(inputs) <= set(cell.inputs)
    assert {len(trace) for trace in inputs.values()} == {len(experiment.amplitudes)}
    found = simulate(cell, {key: trace[:1, :20] for key, trace in inputs.items()}, experiment.dt)
    assert {*experiment.shown, experiment.response, *filter(None, [experiment.spikes])} <= set(found)
    settings = {field.name for field in dataclasses.fields(experiment.stimulus)}
    assert not settings & set(cells.CELLS[name].__code__.co_varnames)  # --set has one name for one number


def test_unknown_experiments_are_refused():
    with pytest.raises(ConfigurationError, match="unknown cell 'nmd': did you mean 'nmda'"):
        get_experiment("nmd")
    with pytest.raises(ConfigurationError, match="unknown stimulus of cell loop 'gian': did you mean 'gain'"):
        get_experiment("loop", "gian")


def test_cells_and_stimuli_with_other_numbers():
    experiment = get_experiment("lnl")
    cell, own = customized("lnl", experiment, {"tau_sodium": 30, "onset": 20, "sodium.gain": 3})
    assert cell == cells.lnl(30.0).with_nonlinearity("sodium", gain=3.0)
    assert own == dataclasses.replace(experiment, stimulus=RectangularPulse(onset=20.0))
    assert customized("lnl", experiment, {}, 0.5)[0] == cells.lnl(dt=0.5) != cells.lnl()
    assert customized("sodium", get_experiment("sodium"), {"gain": 1})[0] == cells.sodium(gain=1.0)
    cell, _ = customized("nmda", get_experiment("nmda"), {"nmda_conductance.width": 0.3})
    assert cell["nmda_conductance"].nonlinearity == Sigmoid(6.0, 0.8, 0.3)
    assert customized("lnl", experiment, {})[0] == cells.lnl()


@pytest.mark.parametrize(
    ("name", "numbers", "words"),
    [
        ("lnl", {"tau_sodum": 3}, "unknown number of cell lnl 'tau_sodum': did you mean 'tau_sodium'"),
        ("lnl", {"tau_sodium": "fast"}, "tau_sodium = 'fast': expected a finite number"),
        ("lnl", {"tau_sodium": True}, "tau_sodium = True: expected a finite number"),
        ("lnl", {"tau_sodium": 0}, r"time constant 0\.0: expected above 0"),
        ("lnl", {"onset": -1}, r"stimulus\.onset = -1\.0: expected a number at least 0"),
        ("lnl", {"dt": 0.2}, "unknown number of cell lnl 'dt'"),
        ("nmda", {"nmda_conductance.gian": 1}, "'gian': did you mean 'gain'"),
        ("nmda", {"nmda.gain": 1}, r"nmda\.gain: subunit nmda is linear"),
        ("nmda", {"ndma.gain": 1}, "unknown subunit 'ndma': did you mean 'nmda'"),
        ("nmda", {"nmda_conductance.width": 0}, r"width of a sigmoid 0\.0: expected above 0"),
    ],
)
def test_numbers_that_cannot_be_used_are_refused(name, numbers, words):
    with pytest.raises(InputError, match=words):
        customized(name, get_experiment(name), numbers)


def test_stimuli_that_do_not_fit_are_refused():
    one = np.ones(1)
    with pytest.raises(ConfigurationError, match="duration 12 ms: expected at least onset and length, 15 ms"):
        RectangularPulse(duration=12.0).inputs(one, DT)
    with pytest.raises(InputError, match="onset 60 ms: expected within the stimulus of 50 ms"):
        PairedPulses(lag=50.0).inputs(one, DT)
    with pytest.raises(ConfigurationError, match="shorter than one step"):
        published_stimulus("loop", dt=1000.0)


def test_stimuli_of_the_experiments():
    both = AlphaPulse().inputs(np.array([1.0, 3.0]), 0.01)
    assert np.array_equal(both["somatic"], both["dendritic"])
    assert both["somatic"].shape == (2, 5001)
    assert both["somatic"].max(-1).tolist() == [1.0, 3.0]
    assert both["somatic"].argmax(-1).tolist() == [200, 200]
    pulse = published_stimulus("nmda", [3.0])["dendritic"]
    assert pulse.shape == (1, 5999)
    assert (pulse.max(), np.flatnonzero(pulse)[0]) == (3.0, 200)
    paired = PairedPulses(lag=5.0).inputs(np.array([4.0, 5.0]), DT)
    assert paired["somatic"].max(-1).tolist() == [4.0, 5.0]
    assert paired["dendritic"].max(-1).tolist() == [3.0, 3.0]
    np.testing.assert_allclose(paired["dendritic"][0, 50:] / 3, paired["somatic"][0, :-50] / 4, rtol=1e-14)
