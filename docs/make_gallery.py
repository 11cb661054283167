"""Make docs/gallery.md: one picture per analysis, from networks trained here, with its command and its lines of Python.

Run: make gallery. Takes about three minutes; works in a temporary folder and writes docs/gallery/*.png.
"""

import contextlib
import dataclasses
import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import scipy.io

matplotlib.use("Agg")

from dynascope.cli.main import run

HERE = Path(__file__).parent
PICTURES = HERE / "gallery"

FLIP_FLOP = "--set task.n_bits=2 --set model.kind=rnn --set training.epochs=400 --set training.learning_rate=0.01"
EVIDENCE = (
    "--set training.rule=bptt --set task.n_cues=3 --set task.delay=0.15 --set model.tau_adaptation=0.7 "
    "--set training.epochs=40"
)
PREPARATION = [
    f"train three_body flip_flop {FLIP_FLOP} --members 4 -o runs/flipflop",
    "export runs/flipflop -o networks",
    f"train spiking evidence {EVIDENCE} --seed 1 -o runs/evidence",
    "export runs/evidence --trials 128 -o evidence.h5",
    "train prc memorise --set model.n_units=10 -o runs/dendrites",
    "export runs/dendrites -o dendrites.h5",
    "import session.mat --axes trial,time,unit --read activity=counts --read dt=0.02 -o session.h5",
    "convert session.h5 --to nwb -o session.nwb",
]


@dataclasses.dataclass(frozen=True)
class Entry:
    """One analysis: a title, what the picture shows, a command and the same in Python. ``OUT`` names the picture."""

    title: str
    shows: str
    command: str
    python: str
    picture: str = "OUT.png"


ENTRIES = [
    Entry(
        "Fixed points",
        "Four memories of a 2-bit flip-flop network and the saddles between them.",
        "fixedpoints networks/network_0.h5 --starts 256 -o OUT",
        'archive = open_archive("networks/network_0.h5")\n'
        "model = load_model(archive.model)\n"
        'starts = sample_starts(archive.recording().states["x"][:], 256)\n'
        "print(find_fixed_points(model.step, starts, np.zeros(2)).summary())",
    ),
    Entry(
        "Representational similarity",
        "Two networks that solve the same task from different starts.",
        "cka networks/network_0.h5 networks/network_1.h5 -o OUT",
        'rates = [open_archive(f"networks/network_{i}.h5").recording().activity[:] for i in (0, 1)]\n'
        "print(analysis.cka(*map(analysis.flatten_samples, rates)))",
    ),
    Entry(
        "Other similarities",
        "Procrustes distances of four networks, as a matrix, a map and a tree.",
        "similarity networks/network_0.h5 networks/network_1.h5 networks/network_2.h5 networks/network_3.h5 "
        "--measure procrustes -o OUT",
        'rates = [open_archive(f"networks/network_{i}.h5").recording().activity[:] for i in range(4)]\n'
        "samples = [analysis.flatten_samples(one) for one in rates]\n"
        'print(analysis.similarity_matrix(samples, list("abcd"), measure="procrustes").summary())',
    ),
    Entry(
        "Bifurcations",
        "How the memories come about as all recurrent weights grow from a fifth of their size.",
        "continue networks/network_0.h5 --weight-scale 0.2 1.2 -o OUT",
        'print(BifurcationDiagram.load("OUT.h5").summary())',
    ),
    Entry(
        "Single trials of a spiking network",
        "Input events, spikes by cell type, outputs, and mean rates.",
        "raster evidence.h5 -o OUT",
        'recording = open_archive("evidence.h5").recording()\n'
        'rates = analysis.firing_rates(recording.states["spikes"][:], 1e-3, groups=recording.units["cell_type"])\n'
        "print(rates.summary())",
    ),
    Entry(
        "PSTHs",
        "Mean filtered rates of the same network for the two choices.",
        "psth evidence.h5 --label label -o OUT",
        'recording = open_archive("evidence.h5").recording()\n'
        'print(analysis.psth(recording.activity[:], recording.time, recording.trials["label"]).summary())',
    ),
    Entry(
        "Cross-temporal decoding",
        "When the choice can be read, and whether the code that carries it stays the same.",
        "decode evidence.h5 --label label --window 0.02 --stride 0.02 --permutations 100 -o OUT",
        'recording = open_archive("evidence.h5").recording()\n'
        'activity, labels = recording.activity[:], recording.trials["label"]\n'
        "print(analysis.cross_temporal_decoding(activity, labels, window=20, stride=20).summary())",
    ),
    Entry(
        "Demixed PCA",
        "Activity split into what depends on time, on the first cue and on the choice.",
        "dpca evidence.h5 --factor s=cue_1 --factor d=label --join st=s,st --join dt=d,dt --regularizer auto -o OUT",
        'recording = open_archive("evidence.h5").recording()\n'
        'factors = {"s": recording.trials["cue_1"], "d": recording.trials["label"]}\n'
        "print(analysis.dpca(recording.activity[:, ::10], factors, n_components=3).summary())",
    ),
    Entry(
        "Selectivity",
        "Which units depend on the first cue, on the choice, and on both, during recall.",
        "selectivity evidence.h5 --factor cue_1 --factor label --epoch recall -o OUT",
        'recording = open_archive("evidence.h5").recording()\n'
        'means = recording.activity[:, recording.epoch_slice("recall")].mean(1)\n'
        'factors = {name: recording.trials[name] for name in ("cue_1", "label")}\n'
        "print(analysis.anova(means, factors).summary())",
    ),
    Entry(
        "Subspaces",
        "Whether cue and recall are held in the same dimensions.",
        "subspaces evidence.h5 --epoch cue_1 --versus recall --components 5 -o OUT",
        'recording = open_archive("evidence.h5").recording()\n'
        "print(analysis.participation_ratio(analysis.flatten_samples(recording.activity[:, ::10])))",
    ),
    Entry(
        "Tuning, from a MATLAB file",
        "Preferred directions of simulated units, cross-fitted so that noise gives a flat curve.",
        "tuning session.mat --read axes=trial,time,unit --read activity=counts --read dt=0.02 --angle direction -o OUT",
        'recording = read_recording("session.mat", axes="trial,time,unit", activity="counts", dt=0.02)\n'
        'print(analysis.tuning_curves(recording.activity[:].mean(1), recording.trials["direction"]).summary())',
    ),
    Entry(
        "The same commands on an NWB file",
        "Selectivity for direction in the simulated session, after a round trip through NWB.",
        "selectivity session.nwb --factor direction -o OUT",
        'recording = read_recording("session.nwb")\n'
        'factors = {"direction": recording.trials["direction"]}\n'
        "print(analysis.anova(recording.activity[:].mean(1), factors).summary())",
    ),
    Entry(
        "Bursts against single spikes",
        "Ten dendritic neurons that memorised 256 patterns: their bursts tell the label, their single spikes do not.",
        "bursts dendrites.h5 --label label -o OUT",
        'recording = open_archive("dendrites.h5").recording()\n'
        'trains = analysis.burst_trains(recording.states["spikes"][:], recording.time, max_interval=0.016)\n'
        'print(analysis.compare_codes(trains, recording.trials["label"], permutations=200).summary())',
    ),
    Entry(
        "A single cell under drugs",
        "Sodium and calcium channels side by side drive an NMDA spike; without them it takes 1.7 times the input.",
        "cell nmda --block sodium,calcium -o OUT",
        "from dynascope.trainers.prc.cells import nmda\n"
        "from dynascope.trainers.prc.experiments import get_experiment, response_curve\n\n"
        'amplitudes, experiment = np.arange(0, 15, 0.05), get_experiment("nmda")\n'
        'for cell in (nmda(), nmda().blocked(["sodium", "calcium"])):\n'
        "    curve = response_curve(cell, amplitudes, experiment)\n"
        '    print(f"amplitude at half height: {curve.crossing(3.5):.2f}")',
    ),
]

IMPORTS = """import numpy as np
from dynascope import analysis
from dynascope.fixedpoints import BifurcationDiagram, find_fixed_points, sample_starts
from dynascope.readers import open_archive, read_recording
from dynascope.trainers import load_model
"""


def simulate_session(path: Path) -> None:
    """Write a MATLAB file of 32 simulated units tuned to eight directions: Poisson counts in 20 ms bins."""
    draw = np.random.default_rng(0)
    direction = draw.permutation(np.repeat(np.arange(8) * np.pi / 4, 15))
    preferred, time = np.linspace(0, 2 * np.pi, 32, endpoint=False), np.arange(0, 1, 0.02)
    tuning = np.exp(2 * (np.cos(direction[:, None] - preferred) - 1))
    response = np.where(time > 0.2, np.exp(-(time - 0.2) / 0.4), 0)
    rates = 5 + 40 * response[:, None] * tuning[:, None, :]
    scipy.io.savemat(path, {"counts": draw.poisson(0.02 * rates), "direction": direction})


def main() -> None:
    """Train, analyse, draw, and write the page."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir()
    parts = [
        "# Gallery",
        "One picture per analysis, made by `make gallery` from networks that it trains and from one simulated session "
        "(32 Poisson units tuned to eight directions). The Python lines start with",
        f"```python\n{IMPORTS}```",
        "The data:",
        "```\n" + "\n".join(f"dynascope {command}" for command in PREPARATION) + "\n```",
    ]
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            simulate_session(Path("session.mat"))
            for command in PREPARATION:
                _command(command)
            parts += [_made(number, entry) for number, entry in enumerate(ENTRIES, 1)]
        finally:
            os.chdir(before)
    (HERE / "gallery.md").write_text("\n\n".join(parts) + "\n")


def _made(number: int, entry: Entry) -> str:
    name = f"{number:02d}-{entry.title.split(',')[0].lower().replace(' ', '-')}"
    command, python = (text.replace("OUT", name) for text in (entry.command, entry.python))
    _command(command)
    shutil.copy(entry.picture.replace("OUT", name), PICTURES / f"{name}.png")
    said = subprocess.run([sys.executable, "-c", IMPORTS + python], capture_output=True, text=True, check=True).stdout
    return "\n\n".join(
        [
            f"## {entry.title}",
            entry.shows,
            f"![{entry.title}](gallery/{name}.png)",
            f"```\ndynascope {command}\n```",
            f"```python\n{python}\n```",
            f"```\n{said.rstrip()}\n```",
        ]
    )


def _command(command: str) -> None:
    print(f"dynascope {command}", flush=True)
    with contextlib.redirect_stdout(io.StringIO()):
        code = run([*shlex.split(command), "--quiet"])
    if code:
        raise SystemExit(f"exit code {code}")


if __name__ == "__main__":
    main()
