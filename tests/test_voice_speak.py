"""Voices: who gets which, eSpeak's sound and times, Kokoro behind a stand-in."""

import itertools
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from phonofilm.errors import InputError, MissingExtraError, ModelError, OptionError
from phonofilm.voice.echo_times import times_like
from phonofilm.voice.engines import load_engine
from phonofilm.voice.espeak import EspeakVoice
from phonofilm.voice.kokoro import MODEL, VOICES, KokoroVoice
from phonofilm.voice.speak import Spoken, assign_voices, parse_voices
from voice_parts import LetterVoice


def test_speakers_get_different_voices_always_the_same() -> None:
    voices, notes = assign_voices(("ANNA", "BEN"), LetterVoice(), {})
    assert voices == {"ANNA": "low", "BEN": "high"}
    assert notes == ()
    voices, _ = assign_voices(("ANNA", "BEN"), LetterVoice(), {"ben": "low"})
    assert voices == {"ANNA": "high", "BEN": "low"}
    voices, notes = assign_voices(("A", "B", "C", "D"), LetterVoice(), {})
    assert len(voices) == 4
    assert "fewer voices" in notes[0]


def test_wrong_overrides_are_errors() -> None:
    assert parse_voices(["ANNA=f2", " BEN = de+m3 "]) == {"ANNA": "f2", "BEN": "de+m3"}
    for bad in (["ANNA"], ["ANNA="], ["A=low", "a=high"]):
        with pytest.raises(OptionError):
            parse_voices(bad)
    with pytest.raises(OptionError, match="the speakers are ANNA"):
        assign_voices(("ANNA",), LetterVoice(), {"BEN": "low"})
    with pytest.raises(OptionError, match="has no voice"):
        assign_voices(("ANNA",), LetterVoice(), {"ANNA": "shrill"})
    with pytest.raises(OptionError, match="choose one of"):
        load_engine("siri", Path())


@pytest.fixture(scope="module")
def espeak() -> EspeakVoice:
    pytest.importorskip("espeakng_loader")
    engine = load_engine("espeak", Path())
    assert isinstance(engine, EspeakVoice)
    return engine


def test_espeak_times_lie_in_its_sound(espeak: EspeakVoice) -> None:
    spoken = espeak.speak("Pepper, maybe bin blue", "m3", 1.0)
    assert spoken.samples.dtype == np.float32
    assert 0.1 < np.abs(spoken.samples).max() <= 1
    assert [word.text.strip(",") for word in spoken.words] == ["Pepper", "maybe", "bin", "blue"]
    assert {"p", "m", "b"} <= {mark.text for mark in spoken.phonemes}
    for marks in (spoken.words, spoken.phonemes):
        assert all(mark.start_s < mark.end_s for mark in marks)
        assert all(one.end_s <= other.start_s + 1e-9 for one, other in itertools.pairwise(marks))
        assert marks[0].start_s >= 0
        assert marks[-1].end_s <= spoken.duration_s + 1e-9


def test_espeak_says_the_same_again_and_differs_by_voice_and_rate(espeak: EspeakVoice) -> None:
    one = espeak.speak("good morning", "f2", 1.0)
    np.testing.assert_array_equal(one.samples, espeak.speak("good morning", "f2", 1.0).samples)
    assert not np.array_equal(one.samples, espeak.speak("good morning", "m3", 1.0).samples)
    quick, slow = (espeak.speak("good morning", "f2", rate).duration_s for rate in (1.4, 0.7))
    assert quick < one.duration_s < slow


def test_espeak_refuses_in_one_line(espeak: EspeakVoice) -> None:
    assert espeak.knows("f2")
    assert espeak.knows("de+m3")
    assert not any(espeak.knows(voice) for voice in ("", "zz", "../f2", "xx+f2", "en-us"))
    with pytest.raises(OptionError, match="no voice"):
        espeak.speak("hello", "nobody", 1.0)
    with pytest.raises(OptionError, match="rate"):
        espeak.speak("hello", "f2", 9.0)
    with pytest.raises(InputError, match="nothing in"):
        espeak.speak("...", "f2", 1.0)


def test_without_the_extra_espeak_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from phonofilm.voice import espeak

    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingExtraError, match=r"phonofilm\[voice\]"):
        espeak.EspeakVoice()


def test_times_are_carried_to_another_voice(espeak: EspeakVoice) -> None:
    text = "bin blue at f two now"
    known, other = espeak.speak(text, "m3", 1.0), espeak.speak(text, "f4", 0.8)
    found = times_like(other.samples, other.rate_hz, known)
    assert [mark.text for mark in found.words] == [mark.text for mark in other.words]
    late = [abs(one.start_s - two.start_s) for one, two in zip(found.words, other.words, strict=True)]
    assert max(late) < 0.06


class _StandIn:
    """The interface of kokoro_onnx.Kokoro 0.6.1, speaking with eSpeak."""

    def __init__(self, model: str, voices: str) -> None:
        assert Path(model).is_file()
        assert Path(voices).is_file()
        self.timed = True

    def get_voices(self) -> list[str]:
        return ["af_bella", "af_nova", "am_adam", "bm_fable", "jf_alpha"]

    def create_timed(self, text: str, voice: str, speed: float, lang: str) -> tuple[np.ndarray, int, list[object]]:
        if not any(map(str.isalpha, text)):
            raise ValueError("no phonemes")
        spoken: Spoken = EspeakVoice().speak(text, "f4", speed)
        timings = [types.SimpleNamespace(phoneme=m.text, start=m.start_s, end=m.end_s) for m in spoken.phonemes]
        return spoken.samples, spoken.rate_hz, timings if self.timed else []


def test_kokoro_behind_a_stand_in(espeak: EspeakVoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="download from"):
        load_engine("kokoro", tmp_path)
    folder = tmp_path / "kokoro"
    folder.mkdir()
    (folder / MODEL).write_bytes(b"x")
    (folder / VOICES).write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "kokoro_onnx", None)
    with pytest.raises(MissingExtraError, match="pip install kokoro-onnx"):
        load_engine("kokoro", tmp_path)
    module = types.ModuleType("kokoro_onnx")
    module.Kokoro = _StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kokoro_onnx", module)
    engine = KokoroVoice(folder)
    assert engine.voices == ("af_bella", "am_adam", "af_nova", "bm_fable")
    timed = engine.speak("bin blue now", "bm_fable", 1.0)
    assert [mark.text for mark in timed.words] == ["bin", "blue", "now"]
    engine._kokoro.timed = False
    guessed = engine.speak("bin blue now", "bm_fable", 1.0)
    assert len(guessed.phonemes) > 5
    assert guessed.phonemes[0].text == "b"
    with pytest.raises(OptionError, match="no voice"):
        engine.speak("hello", "jf_alpha", 1.0)
    with pytest.raises(InputError):
        engine.speak("...", "af_bella", 1.0)
