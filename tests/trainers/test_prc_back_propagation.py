"""The sodium neuron in closed form: against an integrator with events, convolutions, the same neuron in steps."""

import numpy as np
import pytest
from scipy import integrate, special

from dynascope.errors import InputError
from dynascope.reproductions.prc.published_spikes import SODIUM_RUNS, SODIUM_SETS
from dynascope.trainers.prc import back_propagation, cells
from dynascope.trainers.prc.back_propagation import BackPropagatingNeuron
from dynascope.trainers.prc.simulation import simulate
from dynascope.trainers.prc.stimuli import alpha_pulse

TIME = np.arange(5001) * 0.01


def integrated(time, peak, neuron, *, coupling=1.0):
    """Return soma, membrane and drive (3, time) by an integrator that stops at every jump of the pulse."""
    level, height, duration = float(neuron.soma_threshold), float(neuron.pulse_height), float(neuron.pulse_duration)
    taus = np.array([neuron.tau_soma, neuron.tau_membrane, neuron.tau_sodium])

    def slope(t, state, pulse):
        stimulus = peak * t / neuron.tau_stimulus * np.exp(1 - t / neuron.tau_stimulus)
        return (stimulus + coupling * np.array([0, pulse, pulse]) - state) / taus

    def crossing(t, state, pulse):
        return state[0] - level

    crossing.terminal, crossing.direction = True, 1
    options = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-14, "dense_output": True}
    first = integrate.solve_ivp(slope, (0, time[-1]), np.zeros(3), args=(0.0,), events=crossing, **options)
    begin = first.t_events[0][0] if len(first.t_events[0]) else np.inf
    states = first.sol(np.minimum(time, first.t[-1]))
    if np.isfinite(begin):
        pulse = integrate.solve_ivp(slope, (begin, begin + duration), first.y[:, -1], args=(height,), **options)
        rest = integrate.solve_ivp(slope, (begin + duration, time[-1]), pulse.y[:, -1], args=(0.0,), **options)
        late, over = time > begin, time > begin + duration
        states[:, late] = pulse.sol(np.minimum(time[late], begin + duration))
        states[:, over] = rest.sol(time[over])
    return states, begin


@pytest.mark.parametrize("name", SODIUM_SETS)
@pytest.mark.parametrize("blocked", [(), ("bap",), ("sodium",)])
def test_traces_are_those_of_an_integrator(name, blocked):
    peaks = [0.8, SODIUM_RUNS[name][-1].peak, 9.5]
    neuron = BackPropagatingNeuron(np.array(peaks), **SODIUM_SETS[name]).blocked(blocked)
    traces = neuron.traces(TIME)
    for row, peak in enumerate(peaks):
        (soma, membrane, drive), begin = integrated(TIME, peak, neuron, coupling=0.0 if "bap" in blocked else 1.0)
        np.testing.assert_allclose(traces["soma"][row], soma, atol=1e-9)
        np.testing.assert_allclose(traces["membrane"][row], membrane, atol=1e-8)
        np.testing.assert_allclose(traces["sodium_drive"][row], drive, atol=1e-8)
        np.testing.assert_allclose(neuron.spike_times[row], begin, atol=1e-8)
        gain = 0.0 if "sodium" in blocked else 3.0
        sodium = gain * special.expit((drive - SODIUM_SETS[name]["threshold"]) / SODIUM_SETS[name]["width"])
        np.testing.assert_allclose(traces["dendrite"][row], membrane + sodium, atol=1e-7)
        np.testing.assert_array_equal(traces["spike"][row], 2.0 * ((begin <= TIME) & (begin + 1 >= TIME)))
    assert np.isfinite(neuron.spike_times[-1])


@pytest.mark.parametrize("tau", [0.3, 1.0, 1.7, 2 - 1e-4, 2 - 1e-9, 2.0, 2 + 1e-9, 2 + 1e-5, 2.3, 7.0, 40.0])
def test_lags_are_convolutions_also_at_and_near_the_time_constant_of_the_stimulus(tau):
    lag = BackPropagatingNeuron(1.0, tau_membrane=tau, soma_threshold=9.0).traces(times := np.array([0.1, 1, 3, 9, 40]))

    def convolution(t):
        def integrand(s):
            return s / 2 * np.exp(1 - s / 2) * np.exp((s - t) / tau) / tau

        return integrate.quad(integrand, 0, t, epsabs=1e-15, epsrel=1e-13, limit=200)[0]

    np.testing.assert_allclose(lag["membrane"][()], [convolution(t) for t in times], rtol=1e-11, atol=1e-16)


def test_before_the_stimulus_and_long_after_it_the_neuron_is_at_rest():
    neuron = BackPropagatingNeuron(3.0)
    traces = neuron.traces([-5.0, 0.0, 2e3, 1e6])
    assert neuron.rest == pytest.approx(3 / (1 + np.exp(1.9 / 0.3)))
    np.testing.assert_array_equal(traces["soma"][:2], 0)
    np.testing.assert_allclose(traces["dendrite"], neuron.rest, atol=1e-15)


def test_the_neuron_in_steps_comes_near_to_second_order_without_a_spike_and_to_first_with_one():
    errors = {}
    for peak in (1.5, 1.9):
        for dt in (0.04, 0.01):
            time = dt * np.arange(round(30 / dt) + 1)
            pulse = alpha_pulse(peak, 2.0, time)
            steps = simulate(cells.sodium(), {"somatic": pulse, "dendritic": pulse}, dt)
            exact = BackPropagatingNeuron(peak).traces(time)
            assert (steps["spike"].max() > 0) == (exact["spike"].max() > 0) == (peak > 1.8)
            errors[peak, dt] = {name: np.abs(steps[name] - exact[name]).max() for name in ("membrane", "dendrite")}
    for name in ("membrane", "dendrite"):
        assert errors[1.5, 0.04][name] / errors[1.5, 0.01][name] == pytest.approx(16, rel=0.05)
        # The pulse of the steps begins up to one step late; the dendrite follows it with a slope of about 1 / ms.
        assert all(errors[1.9, dt][name] < 2 * dt for dt in (0.04, 0.01))
    assert errors[1.5, 0.01]["dendrite"] < 2e-5


@pytest.mark.parametrize(("name", "run"), [(name, run) for name, runs in SODIUM_RUNS.items() for run in runs])
def test_stored_simulations_come_out(name, run):
    neuron = BackPropagatingNeuron(run.peak, **SODIUM_SETS[name])
    traces, largest = neuron.traces(TIME), neuron.maximum(TIME, refined=True)
    passive = 7e-5 if run.pulse else 1e-6
    # An error of 1e-6 in the passive traces and of 4e-6 in the faster drive, which was not stored.
    active = 7e-5 if run.pulse else 1e-6 + 4e-6 * 3 / (4 * SODIUM_SETS[name]["width"])
    assert traces["soma"].max() == pytest.approx(float(run.soma), abs=passive)
    assert traces["membrane"].max() == pytest.approx(float(run.membrane), abs=passive)
    assert largest.value == pytest.approx(float(run.dendrite), abs=active)
    assert f"{largest.time:.{len(run.time) - 2}f}" == run.time
    assert np.isfinite(neuron.spike_times) == bool(run.pulse)
    if run.pulse:
        assert f"{neuron.spike_times:.3f}" == run.pulse[0]


def test_printed_thresholds_and_rest():
    neuron = BackPropagatingNeuron(1.0, np.array([1.9, 1.8]), np.array([0.3, 0.2]), soma_threshold=np.array([0.19, 1]))
    height, when = neuron.soma_maximum
    assert (f"{height:.7f}", f"{when:.2f}") == ("0.1115782", "9.50")
    assert [f"{one:.4f}" for one in neuron.least_peak] == ["1.7028", "8.9623"]
    assert [f"{one:.6f}" for one in neuron.rest] == ["0.005319", "0.000370"]


def test_a_soma_that_only_touches_its_threshold_spikes_at_its_maximum_and_below_never():
    height, when = BackPropagatingNeuron(1.0).soma_maximum
    level = 0.19
    peaks = level / height * np.array([1 - 1e-12, 1 + 1e-15, 1 + 1e-9, 3, 1e4, 0, -50])
    times = BackPropagatingNeuron(peaks).spike_times
    assert np.isinf(times[[0, 5, 6]]).all()
    np.testing.assert_allclose(times[1:3], when, atol=1e-3)
    assert when > times[2] > times[3] > times[4] > 0
    at = BackPropagatingNeuron(peaks[1:5]).traces(times[1:5])["soma"].diagonal()
    np.testing.assert_allclose(at, level, rtol=1e-14)


def test_an_exactly_tangential_threshold_counts_as_reached():
    unit = BackPropagatingNeuron(1.0)
    height, when = unit.soma_maximum
    touching = BackPropagatingNeuron(1.0, soma_threshold=height)
    assert touching.least_peak == 1
    assert touching.spike_times == pytest.approx(when, abs=1e-6)
    assert np.isinf(BackPropagatingNeuron(1.0, soma_threshold=height * (1 + 1e-15)).spike_times)


def batch():
    peaks, thresholds, widths = np.linspace(0, 3, 7), np.linspace(1.4, 2.3, 3), np.array([0.2, 0.3])
    return BackPropagatingNeuron(peaks[:, None, None], thresholds[:, None], widths)


@pytest.mark.parametrize("block", [1, 500, 2**20])
def test_a_batch_is_its_cells_and_maxima_are_of_the_traces_whatever_the_block(block, monkeypatch):
    monkeypatch.setattr(back_propagation, "_BLOCK", block)
    cells_, time = batch(), TIME[::10]
    assert cells_.shape == (7, 3, 2)
    traces, found = cells_.traces(time), cells_.maximum(time)
    np.testing.assert_array_equal(found.value, traces["dendrite"].max(axis=-1))
    np.testing.assert_array_equal(found.time, time[traces["dendrite"].argmax(axis=-1)])
    one = BackPropagatingNeuron(2.5, 1.85, 0.3)
    np.testing.assert_allclose(one.traces(time)["dendrite"], traces["dendrite"][5, 1, 1], rtol=1e-14)
    assert one.spike_times == cells_.spike_times[5, 1, 1]


def test_refined_maxima_are_those_in_continuous_time_also_at_the_end_of_a_pulse():
    cells_ = batch()
    refined, coarse = cells_.maximum(TIME, refined=True), cells_.maximum(TIME)
    assert (refined.value >= coarse.value).all()
    np.testing.assert_allclose(refined.value, coarse.value, atol=5e-3)
    at_pulse_end = np.abs(refined.time - cells_.spike_times - 1) < 1e-12
    assert at_pulse_end.sum() == 14
    assert (refined.value - coarse.value)[at_pulse_end].max() > 1e-3
    for peak, threshold, width, time, value in zip(
        *(np.broadcast_to(one, cells_.shape)[1:].ravel() for one in (cells_.peak, cells_.threshold, cells_.width)),
        refined.time[1:].ravel(), refined.value[1:].ravel(), strict=True,
    ):  # fmt: skip
        near = BackPropagatingNeuron(peak, threshold, width).traces(time + np.array([-1e-5, 0, 1e-5]))["dendrite"]
        assert near[1] >= near.max()
        assert value == pytest.approx(near[1], rel=1e-14)
    np.testing.assert_array_equal(refined.time[0], 0)  # a flat trace is largest where it begins
    np.testing.assert_array_equal(refined.value[0], cells_.rest[0])


def test_blocking_takes_the_conductance_or_the_pulse_out_of_the_dendrite_alone():
    neuron, time = BackPropagatingNeuron(1.9), TIME[::10]
    control, without_bap, passive = (neuron.blocked(one).traces(time) for one in ((), ("bap",), ("bap", "sodium")))
    for name in ("soma", "spike"):
        np.testing.assert_array_equal(without_bap[name], control[name])
        assert control[name].max() > 0
    silent = BackPropagatingNeuron(1.9, soma_threshold=5.0).traces(time)
    np.testing.assert_array_equal(without_bap["dendrite"], silent["dendrite"])
    np.testing.assert_array_equal(passive["dendrite"], silent["membrane"])
    assert (control["dendrite"] >= without_bap["dendrite"]).all()


def test_the_open_share_is_of_the_conductance_at_one_time_per_cell():
    cells_ = BackPropagatingNeuron(np.array([1.0, 2.0, 2.0]), gain=np.array([3.0, 3.0, 0.0]))
    times = np.array([4.0, 9.0, 9.0])
    traces = cells_.traces(times)["sodium"]
    np.testing.assert_allclose(cells_.open_share(times), [traces[0, 0] / 3, traces[1, 1] / 3, 0.0], rtol=1e-14)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 0.0}, "width 0: expected above 0"),
        ({"soma_threshold": np.array([1.0, -0.5])}, "soma_threshold -0.5: expected above 0"),
        ({"tau_sodium": -1}, "tau_sodium -1: expected above 0"),
        ({"pulse_duration": 0}, "pulse_duration 0"),
        ({"peak": np.nan}, "peak: expected finite"),
        ({"threshold": np.ones(3), "width": np.ones(2)}, r"broadcast, found peak \(\), threshold \(3,\)"),
        ({"tau_soma": np.ones(2)}, "tau_soma: expected one number"),
    ],
)
def test_impossible_neurons_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        BackPropagatingNeuron(**({"peak": 1.0} | options))


def test_impossible_requests_are_refused():
    neuron = BackPropagatingNeuron(1.0)
    with pytest.raises(InputError, match="unknown channel to block 'sodum': did you mean 'sodium'"):
        neuron.blocked(["sodum"])
    for times in (np.ones((2, 2)), [np.nan], 1.0):
        with pytest.raises(InputError, match="time: expected finite numbers along one axis"):
            neuron.traces(times)
    for times in ([], [1.0, 1.0], [2.0, 1.0], [0.0, np.nan]):
        with pytest.raises(InputError, match="time: expected at least one sample, ascending"):
            neuron.maximum(times)
