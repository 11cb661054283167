"""``dynascope cell``: archives, pictures and words of published cells, with and without drugs."""

import json
import subprocess
import sys

import numpy as np
import pytest

from dynascope.readers import open_archive, validate
from dynascope.trainers.prc import cells
from dynascope.trainers.prc.experiments import get_experiment, published_stimulus, response_curve
from dynascope.trainers.prc.protocols import PairedPulses
from dynascope.trainers.prc.simulation import simulate


def recording_of(path):
    with open_archive(path) as archive:
        assert archive.task.name.startswith("cell ")
        [recording] = archive.recordings.values()
        return recording.load()


def test_a_block_beside_the_control(call, tmp_path):
    code, text, err = call(
        "cell", "nmda", "--block", "sodium,calcium", "--amplitude", "7,4", "--set", "duration=150", "-o", tmp_path / "a"
    )
    assert (code, err) == (0, "")
    assert text.splitlines()[0] == "nmda: 2 amplitudes from 4 to 7, steps of 0.1 ms"
    assert [line.partition(":")[0] for line in text.splitlines()[1:]] == ["control", "sodium and calcium blocked"]
    assert "peak of nmda 1.04 to 6.683" in text
    assert validate(tmp_path / "a.h5").ok
    found = recording_of(tmp_path / "a.h5")
    assert found.trials["amplitude"].tolist() == [4, 7, 4, 7]
    assert found.trials["block"].tolist() == ["none", "none", "sodium,calcium", "sodium,calcium"]
    assert found.time[1] == pytest.approx(1e-4)
    assert (found.n_samples, found.attrs["inputs"], found.attrs["response"]) == (1499, ["dendritic"], "nmda")
    names = found.units["compartment"].tolist()
    assert names == [one.name for one in cells.nmda().subunits]
    inputs = {"dendritic": published_stimulus("nmda", [4.0, 7.0])["dendritic"][:, :1499]}
    assert found.inputs[2:, :, 0] == pytest.approx(inputs["dendritic"], abs=1e-6)
    for trials, cell in ((slice(0, 2), cells.nmda()), (slice(2, 4), cells.nmda().blocked(["sodium", "calcium"]))):
        wanted = simulate(cell, inputs, 0.1)
        for unit, name in enumerate(names):
            assert found.activity[trials, :, unit] == pytest.approx(wanted[name], abs=1e-6)
            drive = wanted.get(f"{name}_drive", wanted[name])
            assert found.states["drive"][trials, :, unit] == pytest.approx(drive, abs=1e-6)
        assert found.trials["peak"][trials] == pytest.approx(wanted["nmda"].max(-1), rel=1e-12)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_spikes_and_other_numbers_as_json(call, tmp_path):
    code, text, _ = call(
        "cell", "loop", "--stimulus", "gain", "--set", "dendritic_amplitude=0", "--block", "bap", "--json", "--quiet",
        "-o", tmp_path / "b.h5", "--format", "svg",
    )  # fmt: skip
    assert code == 0
    values = json.loads(text)
    assert values["amplitudes"] == [3, 4, 5]
    assert values["stimulus"]["dendritic_amplitude"] == 0
    control, blocked = values["conditions"]
    assert (control["block"], blocked["block"]) == ([], ["bap"])
    assert [len(times) for times in control["spike_onsets_ms"]] == [1, 1, 2]
    assert control["spike_onsets_ms"][0] == [pytest.approx(21.1)]
    wanted = simulate(cells.loop(), PairedPulses(dendritic_amplitude=0.0).inputs(np.array([3.0, 4.0, 5.0]), 0.1), 0.1)
    assert control["peaks"] == pytest.approx(wanted["dendrite"].max(-1))
    assert max(blocked["peaks"]) < 1e-3 < min(control["peaks"])
    assert recording_of(tmp_path / "b.h5").trials["n_spikes"].tolist() == [1, 1, 2, 1, 1, 2]
    assert "<svg" in (tmp_path / "b.svg").read_text()


def test_a_cell_as_published(call, tmp_path):
    code, text, _ = call("cell", "loop", "-o", tmp_path / "c")
    assert code == 0
    assert text.splitlines() == [
        "loop: amplitude 2, steps of 0.1 ms",
        "control: peak of dendrite 1.999",
        "  amplitude 2: 11 spikes at 24, 48.5, 77.6, 106.8, 323.2, 328.4, 335.2, 360.7, 369.2, 391.7, 400.8 ms",
    ]
    found = recording_of(tmp_path / "c.h5")
    assert found.activity.shape == (1, 4100, 3)
    assert found.trials["block"].tolist() == ["none"]


def test_a_curve_of_a_cell_with_other_numbers(call, tmp_path):
    code, text, _ = call(
        "cell", "lnl", "--set", "tau_sodium=30", "--set", "sodium.gain=10", "--amplitude", "0:60:31", "--dt", "0.2",
        "-o", tmp_path / "d", "--json",
    )  # fmt: skip
    assert code == 0
    [control] = json.loads(text)["conditions"]
    cell = cells.lnl(30.0, dt=0.2).with_nonlinearity("sodium", gain=10.0)
    wanted = response_curve(cell, np.linspace(0, 60, 31), get_experiment("lnl"), 0.2)
    assert control["peaks"] == pytest.approx(wanted.peaks.tolist(), rel=1e-12)
    assert "spike_onsets_ms" not in control
    assert recording_of(tmp_path / "d.h5").time[1] == pytest.approx(2e-4)
    _, text, _ = call("cell", "lnl", "--amplitude", "0:60:31", "-o", tmp_path / "d")
    slope, at = response_curve(cells.lnl(), np.linspace(0, 60, 31), get_experiment("lnl")).steepest()
    assert f"control: peak of dendrite 0.1004 to 26.8, steepest slope {slope:.3g} at {at:g}" in text


def test_many_trials_with_spikes_are_summed_up(call, tmp_path):
    arguments = ("cell", "sodium", "--dt", "0.05", "--set", "duration=12", "-o", tmp_path / "e")
    assert (
        "  spikes in 3 of 6 trials, the first at amplitude 1.75; at most 1 each"
        in call(*arguments, "--amplitude", "1:2.25:6")[1]
    )
    assert "  spikes in 0 of 6 trials\n" in call(*arguments, "--amplitude", "1:1.5:6")[1]
    lines = call(*arguments)[1].splitlines()[2:]
    assert lines == ["  amplitude 1: 0 spikes", "  amplitude 1.5: 0 spikes", "  amplitude 1.75: 1 spike at 7.5 ms"]


def test_noise_is_drawn(call, tmp_path):
    code, text, _ = call("cell", "lnl", "--stimulus", "noise", "--set", "seed=4", "-o", tmp_path / "f")
    assert code == 0
    assert text.startswith("lnl: 3 means from -45 to -30")
    inputs = recording_of(tmp_path / "f.h5").inputs[..., 0]
    assert inputs[1] - inputs[0] == pytest.approx(np.full(3000, 10.0), abs=1e-4)
    assert not np.allclose(inputs[0], published_stimulus("lnl", [-45.0], stimulus="noise")["dendritic"][0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["nmda", "--block", "sodum"],
            "unknown channel to block 'sodum': did you mean 'sodium'? (valid: calcium, nmda",
        ),
        (["nmda", "--block", "bap"], "(valid: calcium, nmda, sodium)"),
        (["nmda", "--block", ","], "unknown channel to block ''"),
        (["lop"], "'lop' is not one of 'lnl', 'sodium', 'nmda', 'loop'"),
        (["loop", "--stimulus", "gian"], "unknown stimulus of cell loop 'gian': did you mean 'gain'?"),
        (["lnl", "--set", "tau=3"], "unknown number of cell lnl 'tau'"),
        (["lnl", "--set", "width"], "--set width: expected KEY=VALUE"),
        (["lnl", "--set", "width=wide"], "width = 'wide': expected a finite number"),
        (["lnl", "--set", "onset=-1"], "stimulus.onset = -1.0: expected a number at least 0"),
        (["lnl", "--amplitude", "1,x"], "--amplitude 1,x: expected numbers such as"),
        (["lnl", "--amplitude", "0:60"], "--amplitude 0:60: expected numbers such as"),
        (["lnl", "--amplitude", "0:60:0"], "--amplitude 0:60:0: expected"),
        (["lnl", "--amplitude", "0:60:9999999999"], "or START:STOP:N, at most 10000"),
        (["lnl", "--amplitude", "nan"], "--amplitude nan: expected"),
        (["lnl", "--amplitude", "1e200"], "--amplitude 1e200: expected"),
        (["lnl", "--dt", "0"], "'--dt': 0.0 is not in the range x>0"),
        (["lnl", "--dt", "inf"], "--dt inf: expected a finite number of milliseconds"),
        (["loop", "--dt", "1000"], "a stimulus shorter than one step"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(call, tmp_path, arguments, words):
    code, text, err = call("cell", *arguments, "-o", tmp_path / "x")
    assert (code, text, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not list(tmp_path.iterdir())


def test_help_imports_neither_torch_nor_scikit_learn():
    code = (
        "import sys; from dynascope.cli.main import run; run(['cell', '--help']);"
        "print([name for name in ('torch', 'sklearn') if name in sys.modules], file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.stderr.strip() == "[]"
    assert "dynascope cell nmda --block sodium,calcium -o block" in answer.stdout
