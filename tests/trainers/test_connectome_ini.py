"""Published configuration files: the three templates, defaults, the order of combinations, and hostile files."""

import itertools
import json

import pytest

from dynascope.errors import ConfigurationError
from dynascope.trainers import Settings
from dynascope.trainers.connectome.experiment import FAMILY
from dynascope.trainers.connectome.ini import read_ini
from dynascope.trainers.connectome.ini_sections import neurons_per_area

HEAD = """\
# paths of the author
[paths]
path_to_network = {network}
path_to_results = {results}
pretrained =

[net]
net_name = Marmoset_Normalized
rnn_size = 55
nr_neurons = 4
rand_partition = True
random_w = False

[trainvalidate]
epochs = 500
iterations = 5
init = default
freeze_layer = False
remap_w = True

[trialparams]
trial_params = {trials}

[combosparams]
combos_params = {combos}

[pretrainedparams]
pretrained_epoch = 0
pretrained_iteration = 0
"""
SEQUENCE = '{"task_name": "seq_mem", "nr_of_trials": 500, "train_size": 0.8}'
N_BACK = '{"task_name": "nback_mem", "nr_of_trials": 500, "trial_length": 5, "train_size": 0.8}'
PICTURES = '{"task_name": "pic_latent_mem", "nr_of_trials": 500, "trial_length": 5, "train_size": 0.8, "rescale": True}'
GRID = '{{"lr": [0.0001, 0.000001], "nonlinearity": ["relu", "tanh"], "optimizer": ["Adam", "RMSprop"], {}}}'
PATTERNS = GRID.format('"pattern_length": [3, 5, 10]')
BACKS = GRID.format('"n_back": [2, 3, 4]')
SMALL = '{"lr": [0.001], "nonlinearity": ["tanh"], "optimizer": ["SGD"], "pattern_length": [2]}'


@pytest.fixture
def ini(tmp_path):
    """Write a file and read it; ``change`` maps texts of the template to others."""

    def read(trials=SEQUENCE, combos=PATTERNS, change=(), network=None, **append):
        text = HEAD.format(
            network=tmp_path if network is None else network, results="out", trials=trials, combos=combos
        )
        for old, new in dict(change).items():
            assert old in text
            text = text.replace(old, new)
        for section, body in append.items():
            text += f"\n[{section}]\n{body}\n"
        path = tmp_path / "config.ini"
        path.write_text(text, encoding="utf-8")
        return read_ini(path)

    return read


@pytest.mark.parametrize(
    ("trials", "combos", "task", "parameter", "values", "sizes"),
    [
        (SEQUENCE, PATTERNS, "seq_mem", "pattern_length", [3, 5, 10], (400, 100)),
        (N_BACK, BACKS, "nback_mem", "n_back", [2, 3, 4], (800, 200)),
        (PICTURES, BACKS, "pic_latent_mem", "n_back", [2, 3, 4], (800, 200)),
    ],
)
def test_templates(ini, tmp_path, trials, combos, task, parameter, values, sizes):
    found = ini(trials, combos)
    assert found.task == task
    assert found.notes == ()
    assert found.combos == list(itertools.product([1e-4, 1e-6], ["relu", "tanh"], ["Adam", "RMSprop"], values))
    assert found.combos[:4] == [(1e-4, "relu", "Adam", v) for v in values] + [(1e-4, "relu", "RMSprop", values[0])]
    tables = found.tables(found.combos[-1])
    assert tables["task"][parameter] == values[-1]
    assert (tables["training"]["n_trials"], tables["training"]["validation_trials"]) == sizes
    assert tables["training"]["learning_rate"] == 1e-6
    assert tables["training"]["optimizer"] == "rmsprop"
    assert (tables["training"]["epochs"], tables["training"]["batch_size"]) == (500, 128)
    assert tables["training"]["frozen"] == []
    assert tables["training"]["stop_loss"] is None
    model = tables["model"]
    assert model["nonlinearity"] == "tanh"
    assert model["connectome"] == "Marmoset_Normalized"
    assert model["directory"] == str(tmp_path)
    assert model["neurons_per_area"] == 4
    assert model["heterogeneous"] is True
    assert model["remap"] is True
    assert model["randomize"] == "none"
    assert model["initialization"] == "default"
    assert (found.net.rnn_size, found.train.iterations, found.pretrained.pretrained_epoch) == (55, 5, 0)
    assert found.text.startswith("# paths of the author")


def test_task_table_has_what_the_task_knows(ini):
    assert ini().tables((1e-4, "relu", "Adam", 3))["task"] == {"pattern_length": 3}
    assert ini(N_BACK, BACKS).tables((1e-4, "relu", "Adam", 3))["task"] == {
        "n_back": 3, "trial_length": 5, "lures": 0.0,
    }  # fmt: skip
    pictures = ini(PICTURES, BACKS).tables((1e-4, "relu", "Adam", 3))["task"]
    assert pictures == {"n_back": 3, "trial_length": 5, "lures": 0.0, "rescale": True, "items": ""}


def test_missing_keys_have_the_published_defaults(tmp_path):
    path = tmp_path / "config.ini"
    path.write_text(
        f"[paths]\npath_to_results: out\n[net]\nNet_Name = Macaque_Normalized\n"
        f"[trialparams]\ntrial_params = {SEQUENCE}\n[combosparams]\ncombos_params = {SMALL}\n"
    )
    found = read_ini(path)
    assert (found.net.rnn_size, found.net.nr_neurons, found.net.rand_partition, found.net.random_w) == (
        None, "4", True, False,
    )  # fmt: skip
    train = found.train
    assert (train.epochs, train.iterations, train.init, train.freeze_layer, train.remap_w) == (
        500, 5, "default", False, True,
    )  # fmt: skip
    assert (found.pretrained.pretrained_epoch, found.pretrained.pretrained_iteration) == (0, 0)
    assert found.pretrained_checkpoint(0) is None
    assert found.paths.path_to_network == ""
    assert any("packaged connectomes" in note for note in found.notes)


@pytest.mark.parametrize("word", ["1", "yes", "TRUE", "On"])
@pytest.mark.parametrize("opposite", ["0", "No", "false", "OFF"])
def test_booleans(ini, word, opposite):
    change = {"random_w = False": f"random_w = {word}", "remap_w = True": f"remap_w = {opposite}"}
    found = ini(change={**change, "freeze_layer = False": f"freeze_layer = {word}"})
    tables = found.tables(found.combos[0])
    assert (tables["model"]["randomize"], tables["model"]["remap"]) == ("published", False)
    assert tables["training"]["frozen"] == ["recurrent_weight"]


def test_percent_signs_and_continuations(ini, tmp_path):
    folder = tmp_path / "100%(name)s%"
    folder.mkdir()
    combos = (
        '{"lr": [0.001],\n   # a comment\n   "nonlinearity": ["tanh"],\n  "optimizer": ["SGD"], "pattern_length": [2]}'
    )
    found = ini(combos=combos, network=folder, change={"path_to_results = out": "path_to_results = %(x)s 50%"})
    assert found.paths.path_to_network == str(folder)
    assert found.paths.path_to_results == "%(x)s 50%"
    assert found.combos == [(0.001, "tanh", "SGD", 2)]


def test_json_is_read_too(ini):
    assert ini(trials=json.dumps({**json.loads(SEQUENCE), "rescale": True})).trials.rescale is True


@pytest.mark.parametrize(("word", "expected"), [('"True"', True), ('"False"', False), ("False", False)])
def test_rescale_may_be_a_word(ini, word, expected):
    assert ini(PICTURES.replace("True", word), BACKS).trials.rescale is expected


def test_order_of_columns_is_the_order_of_the_file(ini):
    combos = '{"optimizer": ["Adam", "SGD"], "pattern_length": [2, 3], "lr": [0.1], "nonlinearity": ["relu"]}'
    found = ini(combos=combos)
    assert found.combos[1] == ("Adam", 3, 0.1, "relu")
    assert found.tables(found.combos[1])["training"]["learning_rate"] == 0.1
    assert found.tables(found.combos[1])["task"] == {"pattern_length": 3}
    assert any("differs from the published" in note for note in found.notes)


def test_unknown_keys_are_noted(ini):
    trials = SEQUENCE.replace("}", ', "trial_length": 5, "colour": 3}')
    found = ini(trials, change={"iterations = 5": "iterations = 5\nnotes = mine"}, extra="a = 1")
    assert list(found.notes) == ["[extra]: section ignored", "[trainvalidate] notes: ignored",
                                 "trial_params colour: ignored"]  # fmt: skip


def test_extensions(ini):
    own = "seed = 7\nlures = 0.5\ntopology = degrees\ninit_strict = yes\ntarget_sparsity = 0.5\ndtype = float64\n"
    own += "checkpoint_interval = 50\nkeep_diag = on\ntranspose_recurrent = 1\ndale = 0.5"
    found = ini(N_BACK, BACKS, dynascope=own)
    tables = found.tables(found.combos[0])
    assert found.extensions.seed == 7
    assert tables["task"]["lures"] == 0.5
    model = tables["model"]
    assert (model["randomize"], model["strict_initialization"], model["sparsity"]) == ("degrees", True, 0.5)
    assert (model["self_connections"], model["reverse"]) == (True, False)
    assert (model["dale"], model["spectral_radius"], model["template_seed"]) == (0.5, None, 7)
    assert (tables["training"]["keep_every"], tables["training"]["dtype"]) == (50, "float64")


@pytest.mark.parametrize(("trials", "combos", "n_inputs"), [(SEQUENCE, PATTERNS, 2), (PICTURES, BACKS, 51)])
def test_tables_are_those_of_the_family(ini, trials, combos, n_inputs):
    """Every option that a file can set is one that the family knows."""
    change = {"Marmoset_Normalized": "Macaque_Normalized", "rnn_size = 55": "rnn_size = 29"}
    found = ini(trials, combos, {**change, "freeze_layer = False": "freeze_layer = True"}, network="none")
    settings = Settings.resolve(FAMILY, found.task, found.tables(found.combos[-1]))
    assert (settings.model["n_inputs"], settings.model["n_units"]) == (n_inputs, 116)
    assert settings.training.frozen == ("recurrent_weight",)
    assert set(settings.training.frozen) < set(settings.get_family().model(settings.model).weights)
    assert (settings.training.optimizer, settings.training.keep_best) == ("rmsprop", False)


def test_pretrained_checkpoints_keep_the_combination(ini):
    found = ini(change={"pretrained =": "pretrained = earlier", "pretrained_epoch = 0": "pretrained_epoch = 200"})
    assert str(found.pretrained_checkpoint(3)) == "earlier/3/model_state_dict_epoch_200_iter_0.pth"


def test_number_of_areas(ini):
    found = ini()
    found.check_areas(55)
    with pytest.raises(ConfigurationError, match="rnn_size = 55: Marmoset_Normalized has 29 areas"):
        found.check_areas(29)
    ini(change={"rnn_size = 55": ""}).check_areas(29)


def test_neurons_of_areas():
    assert neurons_per_area(" 4 ") == 4
    assert neurons_per_area("4,4, 10") == (4, 4, 10)
    assert neurons_per_area("ratio: 2") == "ratio:2"
    for text in ("0", "", "4,", "-1", "rank:0", "rank:x", "order:2", "4.5", "1,0", "²"):
        with pytest.raises(ConfigurationError, match="nr_neurons"):
            neurons_per_area(text)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch /tmp/harm')",
        '{"lr": [__import__("os").getpid()], "nonlinearity": ["tanh"], "optimizer": ["SGD"], "pattern_length": [2]}',
        "open('/etc/passwd').read()",
        "dict(lr=[0.1])",
        "[x for x in (1, 2)]",
        "(" * 100_000,
        "[" * 5_000 + "]" * 5_000,
        "9" * 10_000,
        "",
        "{'lr': [0.1]",
    ],
    ids=range(10),
)
@pytest.mark.parametrize("key", ["trials", "combos"])
def test_code_in_literals_is_refused(ini, key, text):
    with pytest.raises(ConfigurationError, match=r"config\.ini"):
        ini(**{key: text})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net_name = Marmoset_Normalized": ""}, r"\[net\] needs a value for net_name"),
        ({"path_to_results = out": ""}, r"\[paths\] needs a value for path_to_results"),
        ({"path_to_results = out": "path_to_results ="}, "expected a folder, found nothing"),
        ({"rnn_size = 55": "rnn_size = many"}, r"\[net\] rnn_size = 'many': expected a whole number"),
        ({"epochs = 500": "epochs = 0"}, "epochs = 0: expected a number above 0"),
        ({"epochs = 500": "epochs = 500 # inline"}, "expected a whole number"),
        ({"init = default": "init = kaiming"}, "unknown trainvalidate.init 'kaiming'"),
        ({"remap_w = True": "remap_w = maybe"}, r"\[trainvalidate\] remap_w = 'maybe': expected one of 1, yes"),
        ({"nr_neurons = 4": "nr_neurons = 4.5"}, "nr_neurons = '4.5'"),
        ({"[trialparams]": "[other]"}, r"\[trialparams\] needs a value for trial_params"),
        ({"[net]": "net"}, "not a configuration of sections and keys"),
        ({"init = default": "init = default\ninit = he"}, "not a configuration"),
        ({"nr_of_trials\": 500": "nr_of_trials\": 0"}, "nr_of_trials = 0"),
        ({"\"train_size\": 0.8": "\"train_size\": 1.0"}, "train_size = 1.0"),
        ({"\"train_size\": 0.8": "\"train_size\": 1e999"}, "train_size = inf"),
        ({"\"task_name\": \"seq_mem\", ": ""}, "trial_params: needs a value for task_name"),
        ({"seq_mem": "seq_men"}, "did you mean 'seq_mem'"),
        ({"\"lr\": [0.0001, 0.000001]": "\"lr\": []"}, "lr = .*expected a list of at least one value"),
        ({"\"lr\": [0.0001, 0.000001]": "\"lr\": 0.1"}, "lr = 0.1: expected a list"),
        ({"\"lr\": [0.0001, 0.000001]": "\"lr\": [-1]"}, "a learning rate above 0"),
        ({"\"lr\": [0.0001, 0.000001]": "\"lr\": [1e999]"}, "a learning rate above 0"),
        ({"\"lr\": [0.0001, 0.000001]": "\"lr\": [True]"}, "expected a number"),
        ({"\"lr\": [0.0001, 0.000001], ": ""}, "needs a list for lr"),
        ({"\"relu\", ": "\"gelu\", "}, "unknown nonlinearity in combos_params 'gelu'"),
        ({"\"RMSprop\"": "\"Adagrad\""}, "unknown optimizer in combos_params 'Adagrad'"),
        ({"[3, 5, 10]": "[3, 0]"}, "whole number of at least 1"),
        ({"[3, 5, 10]": "[2.5]"}, "whole number of at least 1"),
        ({"\"pattern_length\"": "\"n_back\""}, "for seq_mem 'n_back'"),
    ],
)  # fmt: skip
def test_faults_are_named(ini, change, message):
    with pytest.raises(ConfigurationError, match=message):
        ini(change=change)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("sead = 3", "unknown key in \\[dynascope\\] 'sead': did you mean 'seed'"),
        ("seed = -1", "dynascope.seed = -1"),
        ("lures = 2", "lures = 2.0: expected a share"),
        ("dale = most", "dale = 'most': expected a number"),
        ("dtype = float16", "dynascope.dtype"),
        ("items = none.npz", "none.npz: not found"),
    ],
)
def test_faults_of_extensions_are_named(ini, own, message):
    with pytest.raises(ValueError, match=message):
        ini(PICTURES, BACKS, dynascope=own)


def test_n_back_needs_room(ini):
    with pytest.raises(ConfigurationError, match="n_back: found 5, expected less than trial_length = 5"):
        ini(N_BACK, BACKS.replace("4]", "5]"))


def test_files_that_are_no_configurations(tmp_path):
    (tmp_path / "binary.ini").write_bytes(b"\xff\xfe\x00[net]")
    (tmp_path / "large.ini").write_text("#" * (2**20 + 1))
    for name in ("binary.ini", "large.ini", "none.ini"):
        with pytest.raises(ConfigurationError, match=name):
            read_ini(tmp_path / name)
