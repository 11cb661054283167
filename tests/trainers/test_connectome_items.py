"""Item banks: the digits that come with the tasks, users' files, draws without replacement."""

import h5py
import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.trainers.connectome import digits
from dynascope.trainers.connectome.items import ItemBank, draw_distinct, read_item_bank

CODES = np.arange(12.0).reshape(4, 3)
LABELS = np.array([0, 1, 1, 0])


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The digits bank, made here, and the directory in which it was kept."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        digits.digit_codes.cache_clear()
        state = torch.random.get_rng_state()
        bank = digits.digit_codes()
        assert torch.equal(torch.random.get_rng_state(), state)
    digits.digit_codes.cache_clear()
    return bank, folder


def test_digit_codes_resemble_the_published_bank(kept):
    """The statistics of the table in the specification: held-out codes after rescaling each."""
    from sklearn.model_selection import cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    bank = kept[0]
    assert bank.codes.shape == (899, 50)
    assert np.bincount(bank.labels).min() >= 80
    assert bank.attrs["held_out_accuracy"] == pytest.approx(0.97, abs=0.02)
    codes = bank.rescaled_rows().codes
    assert (codes < 1e-6).mean() == pytest.approx(0.503, abs=0.08)
    assert cross_val_score(KNeighborsClassifier(5), codes, bank.labels).mean() == pytest.approx(0.967, abs=0.02)
    values = np.linalg.eigvalsh(np.cov(codes.T))
    assert values.sum() ** 2 / np.square(values).sum() == pytest.approx(6.7, abs=1.2)


def test_digit_codes_are_kept_and_found_again(kept, monkeypatch):
    bank, folder = kept
    assert [path.suffix for path in (folder / "dynascope").iterdir()] == [".npz"]
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setattr(digits, "_encoded", lambda: pytest.fail("made again"))
    digits.digit_codes.cache_clear()
    again = digits.digit_codes()
    digits.digit_codes.cache_clear()
    assert again.digest == bank.digest
    assert again.attrs == bank.attrs


@pytest.mark.parametrize("contents", [b"", b"PK\x03\x04 broken", b"\x93NUMPY", None])
def test_a_damaged_or_forbidden_cache_is_no_obstacle(kept, tmp_path, monkeypatch, contents):
    bank = kept[0]
    if contents is None:
        (tmp_path / "dynascope").write_text("a file where the directory should be")
    else:
        (tmp_path / "dynascope").mkdir()
        (tmp_path / "dynascope" / "digits-codes-1.npz").write_bytes(contents)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(digits, "_encoded", lambda: bank)
    digits.digit_codes.cache_clear()
    assert digits.digit_codes().digest == bank.digest
    digits.digit_codes.cache_clear()


def test_encoder_has_not_seen_its_images(kept):
    """Codes come from as many images as are held out, of the right labels, and not from the training half."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    labels = train_test_split(load_digits().target, train_size=0.5, stratify=load_digits().target, random_state=0)[1]
    np.testing.assert_array_equal(kept[0].labels, labels)


def test_digit_images():
    bank = digits.digit_images()
    assert bank.codes.shape == (1797, 64)
    assert bank.codes.max() == 16
    assert bank.divided_by_largest().codes.max() == 1


# --- files ---


def written(folder, kind, codes=CODES, labels=LABELS):
    path = folder / f"bank.{kind}"
    if kind == "npz":
        np.savez(path, codes=codes, labels=labels)
    elif kind == "pt":
        torch.save((torch.tensor(codes), torch.tensor(labels)), path)
    else:
        with h5py.File(path, "w") as file:
            file["codes"], file["labels"] = codes, labels
    return path


@pytest.mark.parametrize("kind", ["npz", "pt", "h5", "hdf5"])
def test_users_banks(tmp_path, kind):
    found = read_item_bank(written(tmp_path, kind))
    np.testing.assert_array_equal(found.codes, CODES)
    assert found.labels.tolist() == LABELS.tolist()
    assert (found.codes.dtype, found.labels.dtype) == (np.float32, np.int64)
    assert found.n_features == 3


def test_images_are_flattened(tmp_path):
    path = written(tmp_path, "npz", CODES.reshape(4, 3, 1).repeat(2, axis=2).astype(np.uint8))
    assert read_item_bank(path).codes.shape == (4, 6)


@pytest.mark.parametrize("kind", ["npz", "pt", "h5"])
@pytest.mark.parametrize(
    ("codes", "labels", "message"),
    [
        (np.where(CODES == 5, np.nan, CODES), LABELS, "found nan at item 1, feature 2"),
        (CODES, LABELS[:3], "labels: expected 4 whole numbers"),
        (CODES, LABELS + 0.5, "labels: expected 4 whole numbers"),
        (CODES, np.zeros(4), "at least 2 classes"),
        (CODES[:, 0], LABELS, r"codes: expected numbers \(item, feature\)"),
    ],
)
def test_unusable_banks_are_refused(tmp_path, kind, codes, labels, message):
    with pytest.raises(InputError, match=message):
        read_item_bank(written(tmp_path, kind, codes, labels))


def test_files_that_are_no_banks_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", codes=CODES)
    torch.save({"codes": torch.zeros(3)}, tmp_path / "other.pt")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["codes"] = CODES
    (tmp_path / "text.csv").write_text("1,2")
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    (tmp_path / "broken.pt").write_bytes(b"no archive")
    np.savez(tmp_path / "objects.npz", codes=np.array([{}, {}]), labels=np.zeros(2))
    for name in ("other.npz", "other.pt", "other.h5", "text.csv", "broken.npz", "broken.pt", "objects.npz", "none.pt"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read_item_bank(tmp_path / name)


class Harmful:
    """Touches a file when it is unpacked by a reader that trusts it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_nothing_in_a_torch_file_is_executed(tmp_path):
    torch.save((Harmful(tmp_path / "harm"), torch.zeros(2)), tmp_path / "harmful.pt")
    with pytest.raises(InputError, match="no torch file of tensors"):
        read_item_bank(tmp_path / "harmful.pt")
    assert not (tmp_path / "harm").exists()


def test_a_torch_file_cannot_claim_more_than_it_holds(tmp_path):
    torch.save((torch.zeros(1).expand(2**20, 2**20), torch.zeros(2)), tmp_path / "large.pt")
    with pytest.raises(InputError, match="expected a dense one of fewer bytes"):
        read_item_bank(tmp_path / "large.pt")


# --- numbers ---


def test_rows_are_rescaled_on_their_own():
    found = ItemBank([[1, 3, 2], [0, 0, 0], [-5, 5, 0]], [0, 1, 0], "here").rescaled_rows().codes
    np.testing.assert_allclose(found, [[0, 1, 0.5], [0.5, 0.5, 0.5], [0, 1, 0.5]], atol=1e-6)


def test_digest_tells_banks_apart():
    one, other = ItemBank(CODES, LABELS, "a"), ItemBank(CODES + 1, LABELS, "a")
    assert one.digest == ItemBank(CODES, LABELS, "b").digest != other.digest


@pytest.mark.parametrize("n", [1, 2, 3])
def test_distinct_draws_are_uniform_over_ordered_choices(n):
    drawn = draw_distinct(np.full(24_000, 4), n, np.random.default_rng(0))
    choices, counts = np.unique(drawn, axis=0, return_counts=True)
    expected = [4, 12, 24][n - 1]
    assert len(choices) == expected
    assert all(len(set(row)) == n for row in choices.tolist())
    # Standard error of a count of c: at most √c.
    assert np.abs(counts - 24_000 / expected).max() < 5 * np.sqrt(24_000 / expected)


def test_distinct_draws_fit_their_sizes():
    drawn = draw_distinct(np.array([3, 5, 100]), 3, np.random.default_rng(1))
    assert sorted(drawn[0].tolist()) == [0, 1, 2]
    assert drawn[1].max() < 5


def test_draws_outside_a_class_reach_every_other_item():
    bank = ItemBank(np.eye(6), [1, 0, 2, 1, 0, 2], "here")
    items = np.repeat([0, 1, 2], 400)
    drawn = bank.draw_outside_class(items, 2, np.random.default_rng(0))
    for item, others in ((0, {1, 2, 4, 5}), (1, {0, 2, 3, 5}), (2, {0, 1, 3, 4})):
        values, counts = np.unique(drawn[items == item], return_counts=True)
        assert set(values) == others
        assert counts.min() > 140
    outside = bank.draw_outside_item(items, 5, np.random.default_rng(0))
    assert all(sorted([item, *row]) == list(range(6)) for item, row in zip(items, outside.tolist(), strict=True))
