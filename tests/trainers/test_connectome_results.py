"""Published result folders: written and read back, by our programs and by plain torch and NumPy."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.trainers.connectome import tensor_files
from dynascope.trainers.connectome.results_folder import (
    STATE_DICT,
    Curves,
    checkpoint_path,
    combo_text,
    read_checkpoint,
    read_curves,
    read_index,
    write_checkpoint,
    write_curves,
    write_index,
)

COMBOS = [(0.0001, "relu", "Adam", 3), (1e-06, "tanh", "RMSprop", 10)]


def curves(seed=0, shape=(2, 5)):
    return np.random.default_rng(seed).random(shape)


def state(units=4, inputs=2, outputs=3):
    rng = np.random.default_rng(0)
    shapes = ((units, inputs), (units, units), (units,), (units,), (outputs, units), (outputs,))
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in zip(STATE_DICT, shapes, strict=True)}


# --- index ---


def test_index_is_the_published_text(tmp_path):
    path = write_index(tmp_path / "made" / "here", COMBOS)
    assert path.read_text() == "0 (0.0001, 'relu', 'Adam', 3)\n1 (1e-06, 'tanh', 'RMSprop', 10)\n"
    assert read_index(path.parent) == COMBOS


def test_numpy_numbers_are_written_as_numbers():
    assert combo_text((np.float64(1e-4), "relu", "Adam", np.int64(3))) == "(0.0001, 'relu', 'Adam', 3)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 (0.1, 'relu'\n",
        "1 (0.1, 'relu', 'Adam', 3)\n",
        "0 __import__('os').getcwd()\n",
        "0 [0.1]\n",
        "0 (0.1, ['relu'])\n",
        "0 ()\n",
        "0 (0.1,)\n2 (0.2,)\n",
        "0 (0.1, 'a\\x00b')\n",
        "0 " + "(" * 50_000 + "\n",
    ],
    ids=range(10),
)
def test_other_indices_are_refused(tmp_path, text):
    (tmp_path / "folder_index.txt").write_text(text)
    with pytest.raises(InputError, match=r"folder_index\.txt"):
        read_index(tmp_path)


def test_folders_without_an_index_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"folder_index\.txt: cannot read"):
        read_index(tmp_path)


# --- curves ---


def test_curves_survive(tmp_path):
    given = Curves(curves(), curves(1), curves(2), curves(3))
    inside = write_curves(tmp_path, 7, given)
    assert sorted(path.name for path in inside.iterdir()) == [
        "train_loss_all.npy", "train_metrics_all.npy", "validate_loss_all.npy", "validate_metrics_all.npy",
    ]  # fmt: skip
    loss = np.load(tmp_path / "7" / "validate_loss_all.npy", allow_pickle=False)
    assert loss.dtype == np.float64
    np.testing.assert_array_equal(loss, given.validate_loss)
    found = read_curves(tmp_path, 7)
    for name, array in given.given().items():
        np.testing.assert_array_equal(getattr(found, name), array)


def test_curves_of_the_published_program_lack_metrics(tmp_path):
    (tmp_path / "0").mkdir()
    np.save(tmp_path / "0" / "train_loss_all.npy", np.asfortranarray(curves()))
    np.save(tmp_path / "0" / "validate_loss_all.npy", curves(1))
    found = read_curves(tmp_path, 0)
    assert found.train_metrics is None
    assert found.validate_metrics is None
    np.testing.assert_array_equal(found.train_loss, curves())


def test_faulty_curves_are_refused(tmp_path):
    write_curves(tmp_path, 0, Curves(curves(), curves()))
    path = tmp_path / "0" / "validate_loss_all.npy"
    for array, message in (
        (curves(shape=(2, 6)), "of one shape"),
        (curves().ravel(), "of one shape"),
        (np.array([["a"] * 5] * 2), "expected numbers"),
    ):
        np.save(path, array)
        with pytest.raises(InputError, match=message):
            read_curves(tmp_path, 0)
    np.save(path, np.array([[{}] * 5] * 2, dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="no array of numbers"):
        read_curves(tmp_path, 0)
    for contents in (b"", b"\x93NUMPY\x01\x00 cut"):
        path.write_bytes(contents)
        with pytest.raises(InputError, match=r"validate_loss_all\.npy"):
            read_curves(tmp_path, 0)
    path.unlink()
    with pytest.raises(InputError, match=r"validate_loss_all\.npy: cannot read"):
        read_curves(tmp_path, 0)


def test_curves_are_checked_before_they_are_written():
    with pytest.raises(InputError, match="validate_loss: expected numbers"):
        Curves(curves(), curves(shape=(3, 5)))
    with pytest.raises(InputError, match="train_loss"):
        Curves(np.zeros((0, 5)), np.zeros((0, 5)))


# --- checkpoints ---


def test_checkpoints_survive_and_load_into_plain_torch(tmp_path):
    given = state()
    path = write_checkpoint(tmp_path, 2, 30, 1, given)
    assert path == tmp_path / "2" / "model_state_dict_epoch_30_iter_1.pth" == checkpoint_path(tmp_path, 2, 30, 1)
    module = torch.nn.ModuleDict({"rnn": torch.nn.RNN(2, 4), "fc": torch.nn.Linear(4, 3)})
    module.load_state_dict(torch.load(path, weights_only=True))
    np.testing.assert_array_equal(module["rnn"].weight_hh_l0.detach(), given["rnn.weight_hh_l0"])
    found = read_checkpoint(path)
    assert [*found] == list(STATE_DICT)
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.float32


def test_checkpoints_of_plain_torch_are_read(tmp_path):
    module = torch.nn.ModuleDict({"rnn": torch.nn.RNN(2, 4, batch_first=True), "fc": torch.nn.Linear(4, 1)})
    torch.save(module.state_dict(), tmp_path / "a.pth")
    torch.save(module.state_dict(), tmp_path / "b.pth", _use_new_zipfile_serialization=False)
    for name in ("a.pth", "b.pth"):
        found = read_checkpoint(tmp_path / name)
        np.testing.assert_array_equal(found["fc.weight"], module["fc"].weight.detach())


@pytest.mark.parametrize("name", STATE_DICT)
def test_incomplete_states_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        write_checkpoint(tmp_path, 0, 0, 0, {key: value for key, value in state().items() if key != name})
    assert not list(tmp_path.glob("**/*.pth"))
    tensor_files.write(tmp_path / "odd.pth", {**state(), name: np.zeros((5, 5, 5), np.float32)})
    with pytest.raises(InputError, match=r"odd\.pth.*has shape"):
        read_checkpoint(tmp_path / "odd.pth")
    tensor_files.write(tmp_path / "whole.pth", {**state(), name: np.zeros(4, np.int64)})
    with pytest.raises(InputError, match="floating-point"):
        read_checkpoint(tmp_path / "whole.pth")


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    torch.save(torch.nn.Linear(1, 1), tmp_path / "module.pth")  # a whole module is code, not numbers
    path = write_checkpoint(tmp_path, 0, 0, 0, state())
    (tmp_path / "cut.pth").write_bytes(path.read_bytes()[:-200])
    for name in ("tensor.pth", "module.pth", "cut.pth", "none.pth"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read_checkpoint(tmp_path / name)


def test_archives_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    path = write_checkpoint(tmp_path, 0, 0, 0, state())
    monkeypatch.setattr(tensor_files, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="expected at most 100"):
        read_checkpoint(path)


def test_half_written_files_never_appear(tmp_path, monkeypatch):
    write_checkpoint(tmp_path, 0, 0, 0, state())
    before = sorted(path.name for path in (tmp_path / "0").iterdir())
    monkeypatch.setattr("dynascope.files.os.replace", lambda *_: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        write_checkpoint(tmp_path, 0, 10, 0, state())
    with pytest.raises(OSError, match="killed"):
        write_curves(tmp_path, 0, Curves(curves(), curves()))
    assert sorted(path.name for path in (tmp_path / "0").iterdir()) == before
