"""Classes of mixed selectivity on planted units, and their error rate on units without any."""

import numpy as np
import pytest

from dynascope.analysis import MixedSelectivity, anova, mixed_selectivity
from dynascope.analysis.selectivity.mixed import CLASSES
from dynascope.errors import ConfigurationError, InputError

A, B = np.tile([0, 1, 2], 40), np.repeat([0, 1], 60)


def planted():
    """Units by kind: untuned, pure a, pure b, linear, nonlinear; 20 of each."""
    rng = np.random.default_rng(0)
    means = [0 * A, A, 1.5 * B, A + 1.5 * B, A * B]
    return np.concatenate([mean[:, None] + 0.7 * rng.standard_normal((120, 20)) for mean in means], axis=1)


@pytest.mark.parametrize("correction", ["fdr_bh", "holm", "familywise", None])
def test_planted_classes(correction):
    table = anova(planted(), {"a": A, "b": B}, permutations=200 if correction == "familywise" else 0)
    found = mixed_selectivity(table, correction=correction)
    names = np.array(CLASSES)[found.classes].reshape(5, 20)
    for kind, expected in enumerate(("untuned", "pure", "pure", "linear mixed", "nonlinear mixed")):
        assert (names[kind] == expected).mean() >= 0.8
    assert found.pure()["a"] >= 16
    assert found.pure()["b"] >= 16
    assert sum(found.counts().values()) == 100


def test_without_any_effect_nearly_all_are_untuned():
    values = np.random.default_rng(1).standard_normal((120, 3000))
    found = mixed_selectivity(anova(values, {"a": A, "b": B}))
    assert found.counts()["untuned"] >= 2990


def test_untestable_units_have_classes_of_their_own(tmp_path):
    values = planted()[:, :3]
    values[:, 1], values[:, 2] = A + 2 * B, 1
    found = mixed_selectivity(anova(values, {"a": A, "b": B}))
    assert [CLASSES[code] for code in found.classes] == ["untuned", "deterministic", "constant"]
    assert "deterministic    1 of 3" in found.summary()
    loaded = MixedSelectivity.load(found.save(tmp_path / "a.h5"))
    assert loaded.to_dict() == found.to_dict()
    assert found.plot().get_xlabel() == "units"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mixed_selectivity(anova(planted(), A)), InputError, "^table: has no interaction"),
        (lambda: mixed_selectivity(both(), correction="familywise"), InputError, "^table: has no familywise p-values"),
        (lambda: mixed_selectivity(both(), correction="none"), InputError, "unknown correction 'none'"),
        (lambda: mixed_selectivity(both(), alpha=5), ConfigurationError, "^alpha: expected a number between 0 and 1"),
    ],
)
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call()


def both():
    return anova(planted(), {"a": A, "b": B})
