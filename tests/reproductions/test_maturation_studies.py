"""The sweep file of the hyper-parameter studies names every published network once."""

from collections import Counter
from pathlib import Path

from dynascope import reproductions
from dynascope.trainers import Settings
from dynascope.trainers.sweeps import read_grid

GRID = Path(reproductions.__file__).parent / "maturation" / "studies.toml"


def test_every_published_study_is_in_the_sweep_once():
    settings = [task.payload["settings"] for task in read_grid(GRID)]
    assert len(settings) == 27
    assert len({task.identity for task in read_grid(GRID)}) == 27
    shared = {"training": {"stop_trials": 3_500_000, "keep_every": 4}}
    main = Settings.resolve("oculomotor", "all_new", shared).as_mapping()
    assert main in settings
    changes = Counter()
    for one in settings:
        if one["task_name"] != "all_new":
            changes[one["task_name"]] += 1
            continue
        for table in ("model", "task", "training"):
            for name, value in one[table].items():
                if value != main[table][name]:
                    changes[f"{name}={value}"] += 1
    assert changes["n_units=1024"] == changes["activation=elu"] == changes["recurrent_start=identity"] == 1
    assert changes["learning_rate=0.1"] == changes["rules=['odr', 'odrd']"] == changes["kind=leaky_gru"] == 1
    assert changes["all_new_odr15000"] == changes["mix_p_mon_6tasks"] == 1
    assert main["model"]["activation"] == "softplus"
    assert main["training"]["stop_performance"] == 0.95
