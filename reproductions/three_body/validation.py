"""Figure 3 of the three-body study: whether the tensor of a trained network is low-rank, or its dynamics are.

Full three-body networks hold three bits. Their tensor is truncated in several ways, and low-rank students are trained
to reproduce their states (LINT); accuracy by rank says which of the two descriptions is the short one. Then the
equivalence of tensors: two rank-1 networks with the same dynamics differ in W and agree in the part of it that acts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ... import plotting
from ...analysis import TensorComparison, smallest_sufficient_rank, truncate_tensor
from ...trainers import Model, Settings
from ...trainers.imitation import read_teacher
from ...trainers.loop import TrainingLoop
from ...trainers.task import Batch, Trials
from ..archives import load_network
from ..recovery import compared_tensors
from ..study import Findings, FindingsTable, Scale, Study, Workbench

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANKS = (1, 2, 3, 4, 5, 6)
UNITS = 30
_ACCEPTED = 0.95
_ROUNDS = 6

# Mean accuracy of 30 runs (26 distinct) by rank.
PUBLISHED = {
    "LINT": (0.6991, 0.8542, 0.9769, 0.9807, 0.9919, 0.9902),
    "slice-TCA": (0.6026, 0.6841, 0.7470, 0.7988, 0.8385, 0.8779),
    "tensor train": (0.5505, 0.6261, 0.7012, 0.7711, 0.8244, 0.8623),
    "TCA (CP)": (0.5398, 0.6187, 0.6714, 0.7501, 0.7848, 0.7936),
}
# How each is computed here. (R, 0, 0) slice-TCA is the tensor train's optimum, reached exactly; most published rows of
# it agree, five were probably made with slices along all axes. Those without a published row are additions of ours.
TRUNCATIONS: dict[str, dict[str, Any]] = {
    "slice-TCA": {"method": "slice"},
    "tensor train": {"method": "tt"},
    "TCA (CP)": {"method": "cp"},
    "slice-TCA (R,R,R)": {"method": "slice", "along": 3},
    "Tucker (R,R,R)": {"method": "tucker"},
    "tensor train of W − W₀": {"method": "tt", "from_start": True},
    "symmetrised, SVD": {"method": "svd", "symmetrize": True},
    "symmetrised, SVD axis 1": {"method": "svd", "axis": 1, "symmetrize": True},
}


def run(bench: Workbench) -> Findings:
    """Train teachers and students, truncate the teachers' tensors, and compare the effective tensors."""
    teachers = _teachers(bench)
    students = [(teacher, rank) for teacher in teachers for rank in RANKS]
    paths = bench.train([_student(bench, *one) for one in students], "LINT students", trials=4)
    accuracy: dict[str, np.ndarray] = {"LINT": np.zeros((len(teachers), len(RANKS)))}
    for (teacher, rank), path in zip(students, paths, strict=True):
        row = teachers.index(teacher), rank - 1
        accuracy["LINT"][row] = _accuracy(load_network(path), read_teacher(str(teacher)))
    bench.note("truncating the tensors")
    for name, options in TRUNCATIONS.items():
        accuracy[name] = np.array([[truncated_accuracy(t, rank, **options) for rank in RANKS] for t in teachers])
    own = [_accuracy(read_teacher(str(t)).model, read_teacher(str(t))) for t in teachers]
    compared = _equivalence(bench)
    figure = plotting.save(_figure(accuracy), bench.output / "figure.png")
    tables = [_table(accuracy, own), _equivalence_table(compared)]
    values = {"accuracy": {name: rows.tolist() for name, rows in accuracy.items()}, "teachers": own}
    return Findings(tables, _remarks(accuracy), [figure], values)


def _teachers(bench: Workbench) -> list[Path]:
    """Return full three-body networks with a training accuracy of at least 0.95, drawn again until there are enough."""
    accepted: list[Path] = []
    for attempt in range(_ROUNDS):
        needed = bench.runs - len(accepted)
        seeds = [1000 * bench.seed + 100 * attempt + number for number in range(needed)]
        for path in bench.train([_teacher(bench, seed) for seed in seeds], f"teachers round {attempt}", trials=16):
            if _accuracy(load_network(path), read_teacher(str(path))) >= _ACCEPTED:
                accepted.append(path)
        if len(accepted) == bench.runs:
            return accepted
    bench.note(f"only {len(accepted)} teachers reached an accuracy of {_ACCEPTED}; the last ones stand in")
    return accepted + [path] * (bench.runs - len(accepted))


def _teacher(bench: Workbench, seed: int) -> Settings:
    tables: dict[str, dict[str, Any]] = {
        "model": {"kind": "tbrnn", "mode": "disc", "form": "voltage", "input_bias": True, "output_bias": True},
        "task": {"n_bits": 3},
        "training": {
            "learning_rate": bench.budget["teacher_rate"],
            "learning_rate_end": bench.budget["teacher_rate"] / 5,
            "epochs": bench.budget["teacher_epochs"],
        },
    }
    return Settings.resolve("three_body", "flip_flop", tables, seed=seed)


def _student(bench: Workbench, teacher: Path, rank: int) -> Settings:
    tables: dict[str, dict[str, Any]] = {
        "model": {"kind": "lowrank_tbrnn", "rank": rank},
        "task": {"teacher": str(teacher), "match": "states"},
        "training": {
            "learning_rate": bench.budget["student_rate"],
            "learning_rate_end": None,
            "epochs": bench.budget["student_epochs"],
        },
    }
    return Settings.resolve("three_body", "imitation", tables, seed=1000 * bench.seed)


def _accuracy(model: Model, teacher: Any) -> float:
    """Return the share of right signs on the teacher's training set, as published (chance is 0.5)."""
    trials: Trials = teacher.training_trials(teacher.settings["training"]["n_trials"])
    batch = Batch.of([trials], dtype=model.dtype)
    with torch.no_grad():
        outputs = model(batch.inputs[0]).outputs
        return float(teacher.task.performance(outputs[None], batch).mean())


def truncated_accuracy(path: Path, rank: int, *, along: int = 0, from_start: bool = False, **options: Any) -> float:
    """Return the accuracy of a teacher whose tensor is replaced by one of low rank.

    ``along`` 3 repeats the rank; ``from_start`` truncates what training has added to the initial weights.
    """
    model = load_network(path)
    if from_start:
        options["baseline"] = _initial_tensor(path)
    tensor = truncate_tensor(model.arrays()["three_body"], (rank,) * along if along else rank, **options)
    model.load_arrays({**model.arrays(), "three_body": tensor})
    return _accuracy(model, read_teacher(str(path)))


def _initial_tensor(path: Path) -> np.ndarray:
    """Return the tensor with which the training of the network in an archive began, drawn again."""
    settings = Settings.from_mapping(read_teacher(str(path)).settings or {})
    tensor: np.ndarray = TrainingLoop(settings).model.arrays()["three_body"][0]
    return tensor


def _equivalence(bench: Workbench) -> list[TensorComparison]:
    """Return the comparisons of rank-1 teachers with rank-1 students, left factors orthogonal to the inputs."""
    shared = {"kind": "lowrank_tbrnn", "hard_orth": True}
    training = {"learning_rate": 5e-4, "learning_rate_end": None, "epochs": bench.budget["rank_one_epochs"]}
    tables: dict[str, dict[str, Any]] = {
        "model": {**shared, "input_bias": True, "output_bias": True},
        "training": training,
    }
    settings = [Settings.resolve("three_body", "flip_flop", tables, seed=bench.seed + n) for n in range(bench.runs)]
    teachers = bench.train(settings, "rank-1 teachers", trials=16)
    lint = {
        "learning_rate": 1e-2,
        "learning_rate_end": 1e-3,
        "learning_rate_epochs": None,
        "epochs": 3 * bench.budget["rank_one_epochs"],
    }
    students = [
        Settings.resolve(
            "three_body",
            "imitation",
            {"model": shared, "task": {"teacher": str(path), "match": "states"}, "training": lint},
        )
        for path in teachers
    ]
    paths = bench.train(students, "rank-1 students", trials=16)
    return [
        compared_tensors(load_network(one), load_network(other)) for one, other in zip(teachers, paths, strict=True)
    ]


def _table(accuracy: dict[str, np.ndarray], own: Sequence[float]) -> FindingsTable:
    rows = []
    for name, values in accuracy.items():
        published = PUBLISHED.get(name)
        cells = []
        for index in range(len(RANKS)):
            error = f" ± {values[:, index].std() / np.sqrt(len(values)):.3f}" if len(values) > 1 else ""
            theirs = f" ({published[index]:.3f})" if published else ""
            cells.append(f"{values[:, index].mean():.3f}{error}{theirs}")
        rank, low, high = smallest_sufficient_rank(values, _ACCEPTED)
        limit = RANKS[-1]
        words = f">{limit}" if np.isnan(rank) else f"{rank:.0f}"
        bounds = [f">{limit}" if bound > limit else f"{bound:.0f}" for bound in (low, high)]
        rows.append([name, *cells, f"{words} [{bounds[0]}, {bounds[1]}]"])
    note = (
        f"Mean accuracy on the teachers' training sets ± s.e.m. (published mean of 30 runs); the teachers themselves: "
        f"{', '.join(f'{value:.3f}' for value in own)}. Last column: smallest rank whose mean exceeds 0.95, with a "
        "bootstrap interval over runs."
    )
    header = ["method", *(f"rank {rank}" for rank in RANKS), "sufficient rank"]
    return FindingsTable("Figure 3(b): accuracy by rank, 3-bit flip-flop", header, rows, note)


def _equivalence_table(compared: Sequence[TensorComparison]) -> FindingsTable:
    def shown(name: str) -> str:
        return ", ".join(f"{getattr(one, name):.3f}" for one in compared)

    rows = [
        ["W, canonical order", shown("canonical"), "0.583"],
        ["W, symmetrised", shown("symmetrized"), "0.568"],
        ["effective W, canonical order", shown("effective_canonical"), "0.997"],
        ["effective W, symmetrised", shown("effective_symmetrized"), "0.995"],
    ]
    note = "Cosines of teacher and student, one number per run; published: one stored pair."
    return FindingsTable("Figure 3(c): equivalence of tensors, rank 1", ["tensor", "ours", "published"], rows, note)


def _remarks(accuracy: dict[str, np.ndarray]) -> list[str]:
    means = {name: values.mean(axis=0) for name, values in accuracy.items()}
    best = max((values[2], name) for name, values in means.items() if name in PUBLISHED and name != "LINT")
    above = "above" if means["LINT"][2] > best[0] else "NOT above"
    rank_two = means["LINT"][1]
    within = "inside" if 0.83 <= rank_two <= 0.89 else "OUTSIDE"
    every_axis = means["slice-TCA (R,R,R)"][2]
    numbers = 9 * (UNITS + UNITS**2)
    return [
        f"At rank 3 LINT ({means['LINT'][2]:.3f}) is {above} every published truncation: the best, {best[1]}, reaches "
        f"{best[0]:.3f}.",
        f"Accuracy of LINT at rank 2: {rank_two:.3f}, {within} 0.83 to 0.89.",
        f"Slices along all axes, slice-TCA (3,3,3), reach {every_axis:.3f} with {numbers} numbers; LINT at rank 3 has "
        f"{9 * UNITS}, the tensor {UNITS**3}.",
    ]


def _figure(accuracy: dict[str, np.ndarray]) -> "Figure":
    figure = plotting.figure(width=6.6, height=3.4)
    ax = figure.axes[0]
    styles = {"LINT": (plotting.NETWORK_COLOURS["tbrnn"], "o-")}
    for name, values in accuracy.items():
        colour, line = styles.get(name, (None, ".--" if name.startswith("symmetrised") else ".-"))
        error = values.std(axis=0) / np.sqrt(len(values))
        ax.errorbar(RANKS, values.mean(axis=0), error, fmt=line, color=colour, label=name, linewidth=1.2)
    ax.plot(RANKS, PUBLISHED["LINT"], "x", color=plotting.INK, label="LINT, published")
    ax.axhline(_ACCEPTED, color=plotting.GREY, linewidth=0.8, linestyle=":")
    ax.set(xlabel="rank", ylabel="accuracy (chance 0.5)", ylim=(0.45, 1.02), xticks=RANKS)
    figure.legend(loc="outside right upper", fontsize="small", frameon=False)
    return figure


STUDY = Study(
    name="three-body.validation",
    title="Low-rank dynamics of a full-rank tensor (Figure 3)",
    source="“Beyond linear summation: Three-Body RNNs for modeling complex neural and biological systems”, Figure 3",
    scales={
        "small": Scale(
            4,
            {
                "teacher_epochs": 5000,
                "teacher_rate": 1e-3,
                "student_epochs": 30_000,
                "student_rate": 1e-3,
                "rank_one_epochs": 10_000,
            },
        ),
        "paper": Scale(
            30,
            {
                "teacher_epochs": 10_000,
                "teacher_rate": 5e-4,
                "student_epochs": 30_000,
                "student_rate": 1e-3,
                "rank_one_epochs": 10_000,
            },
        ),
    },
    run=run,
)
