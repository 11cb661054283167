"""Published studies, run again: what a study is, the workbench it trains and computes on, and what it reports.

A study is one module with a ``STUDY``. It asks its workbench for trained networks and other computations, which are
done on all processors, kept in the output directory by what determines them and never done twice, and returns
findings: tables with our figures beside the published ones.
"""

import dataclasses
import importlib
import platform
import resource
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files, plotting
from ..errors import DynascopeError, InputError, unknown_name
from ..trainers import Settings
from ..trainers.sweeps import SweepReport, Task, can_share_a_batch, run_tasks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Name → module under reproductions/ that holds its STUDY; imported only when chosen.
STUDIES = {
    "three-body.validation": "three_body.validation",
    "three-body.solution-space": "three_body.solution_space",
    "three-body.teacher-student": "three_body.teacher_student",
    "three-body.multifate": "three_body.multifate",
    "three-body.context": "three_body.context",
    "spiking.learning-rules": "spiking.learning_rules",
    "maturation.learning": "maturation.learning",
    "maturation.emergence": "maturation.emergence",
    "maturation.dpca": "maturation.dpca",
    "maturation.pca": "maturation.pca",
    "maturation.unit": "maturation.unit",
    "maturation.similarity": "maturation.similarity",
    "maturation.stage-psth": "maturation.stage_psth",
    "maturation.delay-growth": "maturation.delay_growth",
    "maturation.tuning": "maturation.tuning",
    "maturation.periods": "maturation.periods",
    "maturation.distractors": "maturation.distractors",
    "maturation.saccades": "maturation.saccades",
    "maturation.directions": "maturation.directions",
    "maturation.decoding": "maturation.decoding",
    "connectome.strategies": "connectome.strategies",
    "connectome.bio-versus-random": "connectome.bio_versus_random",
    "prc.lnl": "prc.lnl",
    "prc.sodium": "prc.sodium",
    "prc.nmda": "prc.nmda",
    "prc.loop": "prc.loop",
    "prc.memorise": "prc.memorise",
    "prc.digits": "prc.digits",
}
SCALES = ("small", "paper")

_TRAIN = "dynascope.trainers.sweeps.networks:train_networks"


@dataclasses.dataclass(frozen=True)
class Scale:
    """One size of a study: how many runs by default, and the budget, named numbers that the study reads."""

    runs: int
    budget: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Study:
    """A published study that can be run again.

    ``source`` is the publication; ``run`` does the work on a :class:`Workbench` and returns :class:`Findings`. Studies
    with ``shares_work`` keep networks beside their output directory, so that sister studies find them.
    """

    name: str
    title: str
    source: str
    scales: Mapping[str, Scale]
    run: "Callable[[Workbench], Findings]"
    shares_work: bool = False


@dataclasses.dataclass(frozen=True)
class FindingsTable:
    """One table: a header, rows of words, and what a reader must know to read it."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """Return the table in Markdown, columns aligned for reading as plain text."""
        rows = [[str(cell) for cell in row] for row in (self.header, *self.rows)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self.header))]
        lines = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
        ]
        lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
        note = f"\n\n{self.note}" if self.note else ""
        return f"### {self.title}\n\n" + "\n".join(lines) + note


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a study found: tables, sentences on what holds and what does not, files of figures and numbers.

    ``values`` are the figures of the tables as plain numbers, for programs.
    """

    tables: Sequence[FindingsTable]
    remarks: Sequence[str] = ()
    files: Sequence[Path] = ()
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class Workbench:
    """Where a study works: its size, its output directory, and the workers that train and compute for it.

    Attributes
    ----------
    output : directory; networks and results of computations live in ``output/work``, or beside it where studies share
        them
    runs, seed : how often the study is repeated, and the seed from which all others follow
    budget : the numbers of the chosen scale
    data : folder or file of the user, for studies of recordings that are not ours to give away
    """

    def __init__(
        self,
        study: Study,
        output: str | Path,
        *,
        scale: str = "small",
        runs: int | None = None,
        seed: int = 0,
        data: str | None = None,
        executor: str = "local",
        workers: int | None = None,
        note: Callable[[str], None] = lambda text: None,
        progress: Callable[[int, int, int], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        if scale not in study.scales:
            raise InputError(unknown_name("scale", scale, study.scales))
        if runs is not None and runs < 1:
            raise InputError(f"runs: expected at least 1, found {runs}")
        self.study, self.scale, self.seed, self.data = study, scale, seed, data
        self.output = files.make_directory(Path(output))
        self.runs = runs or study.scales[scale].runs
        self.budget = study.scales[scale].budget
        self.note = note
        self._engine: dict[str, Any] = {
            "executor": executor,
            "workers": workers,
            "progress": progress,
            "should_stop": should_stop,
        }
        self._seconds: dict[str, float] = {}

    def train(
        self,
        settings: Sequence[Settings],
        what: str,
        *,
        trials: int = 128,
        seed: int = 0,
    ) -> list[Path]:
        """Return the archives of networks with these settings, in their order; each is trained once.

        Parameters
        ----------
        settings : of one network each (``members`` 1)
        what : what is being trained, in words
        trials, seed : test trials in each archive, and their seed: the same for all, so that activity compares
        """
        tasks = [
            Task(
                _TRAIN,
                {"settings": one.as_mapping(), "export": {"trials": trials, "seed": seed}},
                options={"what": what, "network": str(index)},
                batch=_batch(one),
            )
            for index, one in enumerate(settings)
        ]
        return self.compute(tasks, f"training {what}")

    def save(self, drawn: "Mapping[str, Figure]") -> list[Path]:
        """Write figures (name → figure) into the output directory and return their paths."""
        return [plotting.save(figure, self.output / f"{name}.png") for name, figure in drawn.items()]

    def compute(self, tasks: Sequence[Task], what: str) -> list[Path]:
        """Return the output files of tasks, in their order; those that exist are not computed again.

        Raises
        ------
        DynascopeError
            If a task failed; the message names its log.
        """
        self.note(f"{what}: {len(tasks)} in {self.work}")
        report = run_tasks(tasks, self.work / _slug(what), **self._engine)
        failed = report.with_status("failed")
        if failed:
            raise DynascopeError(f"{what}: {len(failed)} of {len(tasks)} failed, such as {failed[0]['log']}")
        self._account(report)
        return [report.path(task.identity) for task in tasks]

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs; what differs in no more than a setting is trained from the same seed in one run."""
        return [1000 * self.seed + number for number in range(self.runs)]

    @property
    def work(self) -> Path:
        """Directory of networks and computations."""
        return (self.output.parent if self.study.shares_work else self.output) / "work"

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of everything that the findings rest on, whenever and by whichever process it was done."""
        own = resource.getrusage(resource.RUSAGE_SELF)
        return sum(self._seconds.values()) + own.ru_utime + own.ru_stime

    def _account(self, report: SweepReport) -> None:
        for row in report.rows:
            self._seconds[row["identity"]] = float(row.get("cpu_seconds", 0.0))


def _batch(settings: Settings) -> str:
    """Return the name of the batch that a network may be trained in: all settings but the seed."""
    return dataclasses.replace(settings, seed=0).identity if can_share_a_batch(settings) else ""


def _slug(what: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in what).strip("-")


def get_study(name: str) -> Study:
    """Return the study of that name; underscores and hyphens are the same.

    Raises
    ------
    InputError
        If there is none; the nearest valid name is suggested.
    """
    name = name.replace("_", "-")
    if name not in STUDIES:
        raise InputError(unknown_name("study", name, STUDIES))
    study = importlib.import_module(f".{STUDIES[name]}", package=__package__).STUDY
    assert isinstance(study, Study)
    return study


def report(findings: Findings, bench: Workbench) -> str:
    """Return the findings as Markdown, with date, seed, runs, budget, CPU time and machine."""
    study = bench.study
    budget = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in bench.budget.items())
    head = [
        f"# {study.title}",
        f"`dynascope reproduce {study.name} --scale {bench.scale} --runs {bench.runs} --seed {bench.seed}`",
        f"Source: {study.source}",
        f"{datetime.now(UTC):%Y-%m-%d}; {bench.runs} runs, seed {bench.seed}; {budget}; "
        f"{bench.cpu_seconds / 60:.0f} min of CPU time, {platform.machine()}, no GPU.",
    ]
    parts = [*head, *(table.markdown() for table in findings.tables)]
    parts += [f"- {remark}" for remark in findings.remarks]
    return "\n\n".join(parts) + "\n"


def run_study(bench: Workbench) -> tuple[Findings, str]:
    """Run a study and return its findings and its report, which is also written to ``output/report.md``."""
    findings = bench.study.run(bench)
    text = report(findings, bench)
    files.write_text(bench.output / "report.md", text)
    return findings, text
