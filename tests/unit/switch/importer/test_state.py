"""The state file: what was answered is kept, a damaged end is cut off."""

from pathlib import Path

import pytest

from switch.importer.state import _ENCODE, Progress, StateFile, StateRefused, Wave, _framed

WAVES = [
    Wave(number, b"rows", b"co", b"s", bytes([number]) * 16, number, b"mark", bytes([16 + number]) * 16)
    for number in range(4)
]

FILE = b"a file of sixtee"


def _write(path: Path, waves: list[Wave], identity: bytes = b"import") -> None:
    with StateFile(path, FILE, identity) as state:
        state.read()
        for wave in waves:
            state.append(wave)


def _read(path: Path, identity: bytes = b"import", file: bytes = FILE) -> list[Wave]:
    with StateFile(path, file, identity) as state:
        return state.read().waves


def test_a_wave_that_was_begun_says_when_it_was_sent_first(tmp_path: Path) -> None:
    path, found = tmp_path / "state", []
    for at_ms in (1_000, 2_000):
        with StateFile(path, FILE, b"import") as state:
            found.append(state.read())
            state.begin(len(found[-1].waves), at_ms)
    with StateFile(path, FILE, b"import") as state:
        found.append(state.read())
        state.append(WAVES[0])
    with StateFile(path, FILE, b"import") as state:
        found.append(state.read())
    assert found == [Progress([], None), Progress([], 1_000), Progress([], 2_000), Progress(WAVES[:1], None)]


def test_waves_are_read_back_and_more_can_follow(tmp_path: Path) -> None:
    path = tmp_path / "state"
    _write(path, WAVES[:2])
    _write(path, WAVES[2:])
    assert _read(path) == WAVES


def test_waves_that_were_noted_before_they_had_marks_are_read(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with StateFile(path, FILE, b"import") as state:
        state.read()
        state._write(_ENCODE([0, b"rows", b"co", b"s", bytes(16), 7]))
        state.begin(1, 1_000)
    _write(path, WAVES[1:2])
    assert _read(path) == [Wave(0, b"rows", b"co", b"s", bytes(16), 7, None, b""), WAVES[1]]


@pytest.mark.parametrize("lost", range(1, 40))
def test_a_torn_end_is_cut_off_and_written_anew(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "state"
    _write(path, WAVES)
    path.write_bytes(path.read_bytes()[:-lost])
    assert _read(path) == WAVES[:3]
    _write(path, WAVES[3:])
    assert _read(path) == WAVES


def test_a_damaged_record_ends_what_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "state"
    _write(path, WAVES)
    data = bytearray(path.read_bytes())
    data[data.index(bytes([1]) * 16)] ^= 0xFF
    path.write_bytes(data)
    assert _read(path) == WAVES[:1]


NOTES = b"Ask the bank about March.\n"


@pytest.mark.parametrize("kind", ["another file's", "a note", "a damaged beginning", "a later version"])
def test_what_is_not_the_state_of_this_import_is_refused_and_left_as_it_is(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "state"
    _write(path, WAVES)
    noted = path.read_bytes()
    if kind == "a note":
        path.write_bytes(NOTES)
    elif kind == "a damaged beginning":
        path.write_bytes(noted[:9] + b"?" + noted[10:])
    elif kind == "a later version":
        path.write_bytes(_framed(b"\x09" + bytes(35)) + noted[44:])
    before = path.read_bytes()
    file = b"another file" if kind == "another file's" else FILE
    words = "of another file" if kind == "another file's" else "no state file of an import"
    with pytest.raises(StateRefused, match=words):
        _read(path, file=file)
    assert path.read_bytes() == before


@pytest.mark.parametrize("length", range(44))
def test_a_beginning_that_was_torn_notes_nothing_and_is_written_anew(length: int, tmp_path: Path) -> None:
    path = tmp_path / "state"
    _write(path, [])
    path.write_bytes(path.read_bytes()[:length])
    _write(path, WAVES)
    assert _read(path) == WAVES


def test_a_state_file_of_another_file_that_notes_nothing_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "state"
    _write(path, [])
    assert _read(path, file=b"another file") == []


def test_what_is_noted_of_a_file_for_other_wallets_is_kept_and_does_not_fit(tmp_path: Path) -> None:
    """It was begun anew, and with it every row was sent again, whether its key was still remembered or not."""
    path = tmp_path / "state"
    _write(path, WAVES)
    noted = path.read_bytes()
    with StateFile(path, FILE, b"another") as state:
        assert state.read() == Progress(WAVES, None, fits=False)
    assert path.read_bytes() == noted and _read(path) == WAVES
    _write(path.with_name("empty"), [])
    assert _read(path.with_name("empty"), b"another") == []


def test_a_state_file_that_does_not_say_of_which_file_it_is_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with StateFile(path, FILE, b"import") as state:
        state._header = state._header_before
        state.read()
        state.append(WAVES[0])
    assert _read(path) == WAVES[:1]
    with StateFile(path, FILE, b"another") as state:
        assert state.read() == Progress(WAVES[:1], None, fits=False)


def test_waves_with_a_gap_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "state"
    _write(path, [WAVES[0], WAVES[2]])
    assert _read(path) == WAVES[:1]
