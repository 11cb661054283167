"""Foreign HDF5 files made to do harm, or damaged: one clear refusal, quickly, and nothing outside the file is read."""

import resource
import time

import h5py
import numpy as np
import nwb_files
import pytest

from dynascope.errors import ArchiveError, InputError
from dynascope.readers import read_recording
from dynascope.readers.guest import Guest
from dynascope.readers.heaps import check_heaps
from dynascope.readers.limits import MAX_DEPTH


def external_link(file):
    del file["units/spike_times"]
    file["units/spike_times"] = h5py.ExternalLink("/etc/hostname", "/x")


def link_out_of_a_group(file):
    del file["intervals/trials"]
    file["intervals/trials"] = h5py.ExternalLink("other.h5", "/trials")


def soft_link_circle(file):
    del file["units/id"]
    file["units/id"] = h5py.SoftLink("/units/other")
    file["units/other"] = h5py.SoftLink("/units/id")


def external_storage(file):
    del file["units/spike_times"]
    file["units"].create_dataset("spike_times", (4,), "f8", external=[("/etc/hostname", 0, 32)])


def virtual_dataset(file):
    del file["units/spike_times"]
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "x", shape=(4,))
    file["units"].create_virtual_dataset("spike_times", layout)


def claims_128_gib(file):
    del file["units/spike_times"]
    file["units"].create_dataset("spike_times", (2**34,), "f8", chunks=(2**20,), compression="gzip")


def claims_a_huge_chunk(file):
    del file["units/spike_times"]
    file["units"].create_dataset("spike_times", (7,), "f8", maxshape=(None,), chunks=(2**28,), compression="gzip")


def index_beyond_the_spikes(file):
    file["units/spike_times_index"][:] = [4, 4, 200]


def falling_index(file):
    file["units/spike_times_index"][:] = [4, 3, 7]


def no_identifiers(file):
    del file["units/id"]


def deep_groups(file):
    group = file["processing"]
    for _ in range(MAX_DEPTH + 2):
        group = group.create_group("deeper")


def spikes_are_text(file):
    del file["units/spike_times"]
    nwb_files.column(file["units"], "spike_times", np.array(["a"] * 7))


def spikes_are_lists(file):
    del file["units/spike_times"]
    file["units"].create_dataset("spike_times", (7,), h5py.vlen_dtype("f8"))


def nan_spike(file):
    file["units/spike_times"][2] = np.nan


CASES = [
    (external_link, "/units/spike_times: found an external link, expected data in this file"),
    (link_out_of_a_group, "/intervals/trials: found an external link"),
    (soft_link_circle, "found more than 8 links, one to the next"),
    (external_storage, "/units/spike_times: found data stored in another file"),
    (virtual_dataset, "/units/spike_times: found a virtual dataset"),
    (claims_128_gib, "/units/spike_times: found 0 bytes that claim to hold 137438953472"),
    (claims_a_huge_chunk, r"/units/spike_times: found chunks of shape \(268435456,\)"),
    (index_beyond_the_spikes, "/units/spike_times_index: found 3 ends up to 200, expected 3 that rise to at most 7"),
    (falling_index, "/units/spike_times_index: found 3 ends up to 7"),
    (no_identifiers, "/units: found no column 'id'"),
    (deep_groups, "found nesting 33 levels deep, expected at most 32"),
    (spikes_are_text, "/units/spike_times: found values of type .*, expected numbers"),
    (spikes_are_lists, "/units/spike_times: found values of type variable-length data"),
    (nan_spike, r"spike_times\[0\]\[2\] is nan"),
]


@pytest.mark.parametrize(("evil", "words"), CASES, ids=[evil.__name__ for evil, _ in CASES])
def test_hostile_sessions_are_refused(evil, words, tmp_path):
    def fill(file):
        nwb_files.session(file)
        evil(file)

    path = nwb_files.write(tmp_path / "evil.nwb", fill)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(InputError, match=words) as error:
        read_recording(path, max_bytes=2**30)
    assert str(error.value).startswith(f"{path}: ")
    assert time.process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_a_group_inside_itself_is_walked_once(tmp_path):
    def fill(file):
        nwb_files.session(file)
        file["processing/again"] = file["processing"]

    assert read_recording(nwb_files.write(tmp_path / "circle.nwb", fill)).n_units == 3


def test_links_within_the_file_are_followed(tmp_path):
    def fill(file):
        nwb_files.session(file)
        file.move("units/spike_times", "spikes")
        file["units/spike_times"] = h5py.SoftLink("/spikes")
        file["acquisition/broken"] = h5py.SoftLink("/nowhere")
        file["acquisition/elsewhere"] = h5py.ExternalLink("raw.nwb", "/acquisition/raw")

    assert read_recording(nwb_files.write(tmp_path / "links.nwb", fill)).activity[0].sum() != 0


def test_one_text_many_times_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "texts.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=["y" * 2**20] * 64, dtype=h5py.string_dtype())
    with Guest(path, 2**24) as guest, pytest.raises(ArchiveError, match="/x: found more than 16777216 bytes of data"):
        guest.read(guest.find("/x"))


def test_terminal_commands_in_text_are_made_harmless(tmp_path):
    def fill(file):
        nwb_files.session(file)
        file["identifier"][()] = "\x1b[31mred"

    assert read_recording(nwb_files.write(tmp_path / "a.nwb", fill)).attrs["identifier"] == "\ufffd[31mred"


def test_a_heap_in_which_the_library_would_never_end_is_refused(tmp_path):
    path = nwb_files.write(tmp_path / "session.nwb")
    content = bytearray(path.read_bytes())
    at = content.find(b"GCOL")
    assert at > 0
    check_heaps(path)
    content[at + 64 : at + 1024] = bytes(960)
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="found a heap of texts whose parts have no size"):
        check_heaps(path)
    with pytest.raises(ArchiveError, match=r"nwb: unreadable HDF5 \(byte \d+: found a heap"):
        read_recording(path)


def test_damaged_sessions_are_read_or_refused(tmp_path):
    path = nwb_files.write(tmp_path / "session.nwb")
    original = path.read_bytes()
    draw = np.random.default_rng(0)
    refused = 0
    for number in range(150):
        content = bytearray(original)
        if number % 3 == 0:
            at = int(draw.integers(len(content) // 512)) * 512
            content[at : at + 512] = bytes(len(content[at : at + 512]))
        elif number % 3 == 1:
            for at in draw.integers(len(content), size=20):
                content[at] ^= 1 << int(draw.integers(8))
        else:
            content = content[: int(draw.integers(len(content)))]
        path.write_bytes(content)
        try:
            read_recording(path, format="nwb", max_bytes=10**8)
        except InputError as error:
            refused += 1
            assert str(error).startswith(str(path))  # noqa: PT017  (whether it is refused depends on the draw)
    assert refused > 60
