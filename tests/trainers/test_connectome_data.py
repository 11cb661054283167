"""Connectomes as data: fingerprints of the packaged ones, files of the original, hostile files, tables, densities."""

import numpy as np
import pytest

from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers.connectome.data import Connectome, load_connectome
from dynascope.trainers.connectome.densities import scale_densities
from dynascope.trainers.connectome.edge_lists import read_edge_list
from dynascope.trainers.connectome.graph import degrees, reciprocity, spectral_radius
from dynascope.trainers.connectome.names_list import read_names_list
from dynascope.trainers.connectome.sources import PACKAGED, SOURCES

# What is known of the study's files: areas, connections, smallest and largest weight, sum, sum of squares, extremes of
# row sums, column sums, out-degrees and in-degrees, share of reciprocal connections.
MACAQUE = (29, 536, 2.64e-06, 0.763348, 14.682001, 3.942935, (0.051885, 1.352300), (0.174267, 0.951170))
MOUSE = (56, 1975, 7.27842e-04, 7.004206, 435.689967, 620.848, (0.117832, 38.094700), (0.190736, 24.903446))
FLY = (49, 1950, 1.0, 4476.646, 342767.725, 2.723235e8, (350.454, 20027.299), (353.535, 23712.347))


@pytest.mark.parametrize(
    ("name", "known", "out_degrees", "in_degrees", "radius", "reciprocal", "cut"),
    [
        ("Macaque_Normalized", MACAQUE, (8, 25), (8, 28), 0.850434, 0.799, 5e-7),
        ("Mouse_Ypma_Oh", MOUSE, (3, 52), (12, 53), 14.748784, 0.742, 1e-7),
        ("Drosophila", FLY, (16, 48), (22, 48), 10795.415, 0.920, 1e-6),
    ],
)
def test_packaged_connectomes_have_the_fingerprints_of_the_published_ones(
    name, known, out_degrees, in_degrees, radius, reciprocal, cut
):
    connectome = load_connectome(name)
    c = connectome.weights
    n, connections, least, largest, total, squares, rows, columns = known
    slack = 60 * cut + 5e-7 * max(1, largest)  # of a sum over an area: cut digits, and rounding of the known value
    assert c.shape == (n, n)
    assert np.count_nonzero(c) == connections
    assert not np.diag(c).any()
    assert c[c > 0].min() == pytest.approx(least, abs=1e-7 if least < 1e-3 else cut)
    assert c.max() == pytest.approx(largest, abs=slack)
    assert c.sum() == pytest.approx(total, abs=connections * cut)
    assert (c**2).sum() == pytest.approx(squares, rel=1e-6)
    for sums, extremes in ((c.sum(1), rows), (c.sum(0), columns)):
        np.testing.assert_allclose((sums.min(), sums.max()), extremes, rtol=0, atol=slack)
    for found, extremes in zip(degrees(c), (out_degrees, in_degrees), strict=True):
        assert (found.min(), found.max()) == extremes
    assert spectral_radius(c) == pytest.approx(radius, rel=1e-6)
    assert reciprocity(c) == pytest.approx(reciprocal, abs=0.0005)
    assert connectome.citation == SOURCES[name].citation
    assert connectome.densities is None


def test_area_names_are_the_published_ones():
    macaque = load_connectome("Macaque_Normalized")
    assert macaque.names == SOURCES["Macaque_Normalized"].names
    # V2 is where most of what V1 receives comes from, and rows are sources.
    into_v1 = macaque.weights[:, macaque.names.index("V1")]
    assert macaque.names[into_v1.argmax()] == "V2"
    fly = load_connectome("Drosophila").names
    assert {"AL", "al", "EB", "FB", "NOD"} <= set(fly)
    assert len(set(fly)) == 49


def test_transposing_exchanges_sources_and_targets():
    straight, turned = (load_connectome("Mouse_Ypma_Oh", transpose=turn) for turn in (False, True))
    np.testing.assert_array_equal(turned.weights, straight.weights.T)
    assert not np.array_equal(turned.weights, straight.weights)


@pytest.mark.parametrize("name", sorted(set(SOURCES) - set(PACKAGED)))
def test_a_connectome_that_is_not_packaged_is_refused_with_the_place_to_get_it(name):
    with pytest.raises(InputError, match=r"C_" + name + r".*bio2art.*'directory'"):
        load_connectome(name)


def test_an_unknown_connectome_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="did you mean 'Macaque_Normalized'"):
        load_connectome("Macaque_Normalised")


# Pickles of lists of str as Python writes them, protocols 0, 2 and 4; the last two repeat a name by reference.
LISTS = [
    (b"(lp0\nVV1\np1\naV9/46d\np2\na.", ("V1", "9/46d")),
    (b"(lp0\nS'V1'\np1\naS'9/46d'\np2\na.", ("V1", "9/46d")),
    (b"\x80\x02]q\x00(X\x02\x00\x00\x00V1q\x01X\x03\x00\x00\x00\xc4\x83mq\x02e.", ("V1", "ăm")),
    (b"\x80\x04\x95\x11\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x02V1\x94\x8c\x03F-1\x94e.", ("V1", "F-1")),
    (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x02AL\x94\x8c\x01x\x94h\x01e.", ("AL", "x", "AL")),
    (b"(lp0\nVAL\np1\naVx\np2\nag1\na.", ("AL", "x", "AL")),
]

HOSTILE = {
    "runs a command": b"cos\nsystem\n(S'echo hi'\ntR.",
    "runs a command from a list": b"(lp0\nVV1\np1\nacos\nsystem\n(S'echo hi'\ntRa.",
    "protocol 4 global": b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x02ls\x94\x85\x94R\x94.",
    "builds an object": b"\x80\x02]q\x00(X\x01\x00\x00\x00aq\x01cbuiltins\nobject\nq\x02)\x81q\x03e.",
    "persistent id": b"(lp0\nPV1\na.",
    "extension": b"\x80\x02]\x82\x01a.",
    "list in a list": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x01a\x94]\x94\x8c\x01b\x94ae.",
    "list in itself": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x01a\x94h\x00e.",
    "dictionary": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x01a\x94}\x94e.",
    "tuple": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94\x8c\x01b\x94\x86\x94.",
    "number": b"\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00]\x94K\x01a.",
    "no list": b"\x80\x04\x8c\x02V1\x94.",
    "cut short": b"\x80\x04\x95\x11\x00\x00\x00\x00\x00\x00\x00]\x94(\x8c\x02V1\x94\x8c",
    "promises more than it holds": b"\x80\x04]\x94(\x8d\xff\xff\xff\xff\xff\xff\xff\x7fV1e.",
    "empty": b"",
    "text": b"V1\nV2\n",
    "too large": b"\x80\x02](" + b"X\x01\x00\x00\x00a" * 170_000 + b"e.",
}


@pytest.mark.parametrize(("content", "names"), LISTS)
def test_pickled_lists_of_names_are_read(tmp_path, content, names):
    path = tmp_path / "names.lst"
    path.write_bytes(content)
    assert read_names_list(path) == names


@pytest.mark.parametrize("kind", HOSTILE)
def test_anything_but_a_list_of_names_is_refused(tmp_path, kind, capfd):
    path = tmp_path / "names.lst"
    path.write_bytes(HOSTILE[kind])
    reason = "the file is larger" if kind == "too large" else ""
    with pytest.raises(InputError, match=r"names\.lst.*" + reason):
        read_names_list(path)
    assert capfd.readouterr().out == ""


def save(directory, name, weights, names=None, densities=None):
    np.save(directory / f"C_{name}.npy", weights)
    if names is not None:
        (directory / f"Names_{name}.lst").write_bytes(names)
    if densities is not None:
        np.save(directory / f"ND_{name}.npy", densities)


def test_files_of_the_original_are_read(tmp_path):
    weights = np.asfortranarray([[0, 0.5], [0.25, 0]])
    save(tmp_path, "Mine", weights, LISTS[0][0], np.array([3.0, np.nan]))
    found = load_connectome("Mine", tmp_path)
    np.testing.assert_array_equal(found.weights, weights)
    assert found.names == ("V1", "9/46d")
    np.testing.assert_array_equal(found.densities, [3, np.nan])
    assert found.source == str(tmp_path.resolve())


def test_names_are_the_published_ones_or_numbers_where_a_directory_has_none(tmp_path):
    save(tmp_path, "Mine", np.ones((2, 2)))
    assert load_connectome("Mine", tmp_path).names == ("area 0", "area 1")
    save(tmp_path, "Mouse_Gamanut_Normalized", np.ones((19, 19)))
    assert load_connectome("Mouse_Gamanut_Normalized", tmp_path).names[-2:] == ("V1", "VISC")


def test_packaged_files_are_read_from_a_directory_too(tmp_path):
    np.savez(tmp_path / "Mine.npz", C=np.eye(2), names=np.array(["a", "b"]), density=np.array([1, 2]))
    found = load_connectome("Mine", tmp_path)
    assert found.names == ("a", "b")
    np.testing.assert_array_equal(found.densities, [1.0, 2.0])


class Sesame:
    """An object whose unpickling would be noticed."""

    def __reduce__(self):
        return print, ("unpickled",)


def test_objects_in_arrays_are_never_unpickled(tmp_path, capfd):
    np.save(tmp_path / "C_Mine.npy", np.array([[Sesame()]]), allow_pickle=True)
    with pytest.raises(InputError, match=r"C_Mine\.npy"):
        load_connectome("Mine", tmp_path)
    np.savez(tmp_path / "Other.npz", C=np.eye(1), names=np.array([Sesame()], dtype=object))
    with pytest.raises(InputError, match=r"Other\.npz"):
        load_connectome("Other", tmp_path)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"cos\nsystem\n(S'echo hi'\ntR."])
def test_damaged_arrays_are_refused(tmp_path, content):
    (tmp_path / "C_Mine.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"C_Mine\.npy"):
        load_connectome("Mine", tmp_path)
    (tmp_path / "Mine.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"Mine\.npz"):
        load_connectome("Mine", tmp_path)


def test_an_array_that_promises_more_than_its_file_holds_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "C_Mine.npy"
    np.save(path, np.zeros((10, 10)))
    path.write_bytes(path.read_bytes().replace(b"(10, 10), ", b"(9999999,)"))
    with pytest.raises(InputError, match=r"C_Mine\.npy"):
        load_connectome("Mine", tmp_path)


def test_a_directory_without_the_connectome_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"C_Mine\.npy or Mine\.npz"):
        load_connectome("Mine", tmp_path)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones((2, 3)), "square"),
        (np.ones(2), "square"),
        (np.zeros((0, 0)), "square"),
        ([[0, -1], [1, 0]], "at least 0"),
        ([[0, np.nan], [1, 0]], "1 weights that are not finite"),
        ([[0, 1j], [1, 0]], "real numbers"),
        ([["a", "b"], ["c", "d"]], "real numbers"),
    ],
)
def test_weights_that_are_none_are_refused(weights, message):
    with pytest.raises(InputError, match=message):
        Connectome(name="Mine", weights=np.array(weights), names=("a", "b"))


def test_names_and_densities_must_fit_the_areas():
    with pytest.raises(InputError, match=r"found 2 \(1 of them different\)"):
        Connectome(name="Mine", weights=np.ones((2, 2)), names=("a", "a"))
    with pytest.raises(InputError, match="expected 2 different names, found 1"):
        Connectome(name="Mine", weights=np.ones((2, 2)), names=("a",))
    with pytest.raises(InputError, match="densities"):
        Connectome(name="Mine", weights=np.ones((2, 2)), names=("a", "b"), densities=np.ones(3))


# Densities


def test_rank_scaling_counts_up_from_the_least_dense_area():
    densities = np.random.default_rng(0).permutation(np.linspace(64917, 159450, 55))
    for z, total in ((1, 1540), (2, 3080)):
        sizes = scale_densities(densities, z)
        assert sizes.sum() == total
        assert sizes[densities.argmax()] == 55 * z
        assert sizes[densities.argmin()] == z
    np.testing.assert_array_equal(scale_densities([5, 3, 5, 1]), [3, 2, 4, 1])


def test_ratio_scaling_rounds_half_to_even():
    np.testing.assert_array_equal(scale_densities([2, 5, 7, 3, 2], method="ratio"), [1, 2, 4, 2, 1])
    np.testing.assert_array_equal(scale_densities([2, 5, 7, 3, 2], 2, method="ratio"), [2, 5, 7, 3, 2])


def test_unknown_densities_need_a_rule():
    densities = [1, np.nan, 2, 9]
    with pytest.raises(InputError, match="1 of 4 areas"):
        scale_densities(densities)
    np.testing.assert_array_equal(scale_densities(densities, method="ratio", fill="mean"), [1, 4, 2, 9])
    np.testing.assert_array_equal(scale_densities(densities, method="ratio", fill="median"), [1, 2, 2, 9])
    with pytest.raises(InputError, match="every area"):
        scale_densities([np.nan], fill="mean")


@pytest.mark.parametrize(
    ("densities", "options", "error"),
    [
        ([1, 0], {}, InputError),
        ([1, np.inf], {}, InputError),
        ([], {}, InputError),
        ([1, 2], {"method": "log"}, ConfigurationError),
        ([1, 2], {"fill": "zero"}, ConfigurationError),
        ([1, 2], {"seed_number": 0}, ConfigurationError),
        ([1, 2], {"seed_number": 1.5}, ConfigurationError),
    ],
)
def test_impossible_densities_are_refused(densities, options, error):
    with pytest.raises(error):
        scale_densities(densities, **options)


# Tables of connections


def table(tmp_path, text):
    path = tmp_path / "edges.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_becomes_a_matrix_in_order_of_first_appearance(tmp_path):
    path = table(tmp_path, "V2, V1, x, 0.5, note\n V1,LGN,x,2,note\n\nV1,,x,7,note\nLGN ,V2,x,3,note\nV2,V1,x,4,note\n")
    found = read_edge_list(path)
    assert found.names == ("V2", "V1", "LGN")
    np.testing.assert_array_equal(found.weights, [[0, 4, 0], [0, 0, 2], [3, 0, 0]])
    summed = read_edge_list(path, duplicates="sum", value_column=-2)
    np.testing.assert_array_equal(summed.weights, [[0, 4.5, 0], [0, 0, 2], [3, 0, 0]])


def test_a_header_is_skipped_only_when_told(tmp_path):
    path = table(tmp_path, "from,to,weight,distance\na,b,1,10\nb,a,2,20\n")
    np.testing.assert_array_equal(read_edge_list(path, header=True).weights, [[0, 10], [20, 0]])
    np.testing.assert_array_equal(read_edge_list(path, header=True, value_column=2).weights, [[0, 1], [2, 0]])
    with pytest.raises(InputError, match="header"):
        read_edge_list(path)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "found none"),
        ("a,b\n", {}, "no column"),
        ("a,b,1\na,c\n", {"value_column": 2}, "line 2"),
        ("a,b,x\n", {"value_column": 2}, "'x'"),
        ("a,b,inf\n", {"value_column": 2}, "'inf'"),
        ("a,b,-1\n", {}, "at least 0"),
        ("a,b,1\n", {"duplicates": "first"}, "did you mean|valid"),
    ],
)
def test_tables_that_make_no_connectome_are_refused(tmp_path, text, options, message):
    with pytest.raises(InputError, match=message):
        read_edge_list(table(tmp_path, text), **options)


def test_a_table_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_edge_list(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot read"):
        read_edge_list(tmp_path / "binary.csv")
