"""The MIDI file: what is played, when, on what, with the tempo map; whole or not there."""

from pathlib import Path

import pytest

from phonofilm.errors import OutputError
from phonofilm.score.compose import compose
from phonofilm.score.midi import write_midi
from phonofilm.score.piece import Score
from score_requests import mood_reader, request


@pytest.fixture(scope="module")
def piece() -> Score:
    return compose(request(), mood_reader()("orchestral overture"), 2)


def test_a_reader_finds_the_piece_again(piece: Score, tmp_path: Path) -> None:
    pretty_midi = pytest.importorskip("pretty_midi")
    path = tmp_path / "score.mid"
    write_midi(piece, path)
    read = pretty_midi.PrettyMIDI(str(path))
    assert [part.name for part in read.instruments] == [part.name for part in piece.parts]
    for ours, theirs in zip(piece.parts, read.instruments, strict=True):
        assert (theirs.program, theirs.is_drum) == (ours.programme, ours.drums)
        found = sorted((note.start, note.pitch, note.velocity) for note in theirs.notes)
        wanted = sorted((note.start_s, note.pitch, note.velocity) for note in ours.notes)
        assert len(found) == len(wanted)
        for (start_s, *note), (wanted_s, *wanted_note) in zip(found, wanted, strict=True):
            assert start_s == pytest.approx(wanted_s, abs=0.002)
            assert note == wanted_note
    times_s, tempi = read.get_tempo_changes()
    assert list(times_s)[-1] == pytest.approx(piece.tempo.final_s, abs=0.002)
    assert tempi[-1] == pytest.approx(piece.tempo_bpm, rel=1e-4)
    downbeats_s = [float(time_s) for time_s in read.get_downbeats()]
    for wanted_s in piece.tempo.downbeats_s:
        assert min(abs(wanted_s - time_s) for time_s in downbeats_s) < 0.003


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(piece: Score, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_midi(piece, tmp_path / "missing" / "score.mid")
    (tmp_path / "taken.mid").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_midi(piece, tmp_path / "taken.mid")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.mid"]
