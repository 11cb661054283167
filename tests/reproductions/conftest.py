"""A workbench of the maturation studies with one network that has barely been trained, trained once for all tests."""

import dataclasses

import pytest

from dynascope.reproductions.study import Scale, Workbench, get_study

BUDGET = {"units": 16, "recurrent_gain": 1.0, "stop_trials": 4000, "checkpoints": 5}


@pytest.fixture(scope="session")
def maturation(tmp_path_factory):
    """Return the workbench of a maturation study by name; all of them share their network."""
    folder = tmp_path_factory.mktemp("maturation")

    def workbench(name="learning"):
        study = dataclasses.replace(get_study(f"maturation.{name}"), scales={"small": Scale(1, BUDGET)})
        return Workbench(study, folder / name, executor="serial")

    return workbench
