"""The plot style: same figure, same bytes; unknown formats refused; colours by class."""

import pytest

from dynascope import plotting
from dynascope.errors import ConfigurationError, InputError


def drawn():
    figure = plotting.figure()
    figure.axes[0].plot([0, 1], [1, 0])
    return figure


@pytest.mark.parametrize("kind", plotting.FORMATS)
def test_the_same_figure_is_the_same_file(tmp_path, kind):
    first, second = (plotting.save(drawn(), tmp_path / f"{n}.{kind}").read_bytes() for n in "ab")
    assert first == second


def test_unknown_formats_and_places_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="unknown figure format 'jpg'"):
        plotting.save(drawn(), tmp_path / "a.jpg")
    with pytest.raises(InputError, match="cannot write there"):
        plotting.save(drawn(), tmp_path / "absent" / "a.png")


def test_a_network_class_has_one_colour():
    assert (
        plotting.network_colour("lowrank_tbrnn")
        == plotting.network_colour("tbrnn")
        == plotting.NETWORK_COLOURS["tbrnn"]
    )
    assert plotting.network_colour("rnn") != plotting.network_colour("tbrnn")
    assert plotting.network_colour("something else") == plotting.GREY
