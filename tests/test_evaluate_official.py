"""The field's measures from files to figures, with small networks of random numbers."""

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from clips import even_times, make_clip
from judge_networks import small_networks, write_files
from phonofilm.cli import main as cli
from phonofilm.errors import InputError, MediaError, ModelError, OptionError
from phonofilm.evaluate.official import MEASURES, Official, measure_official
from phonofilm.evaluate.official_pairs import Pair, pair_up
from phonofilm.judges.synchformer import OFFSETS_S, SynchformerJudge
from phonofilm.weights.official import JUDGES, address

NAMES = [
    "FD_PaSST",
    "KL_PaSST",
    "IS_PaSST",
    "FD_PANNs",
    "KL_PANNs",
    "IS_PANNs",
    "FD_VGG",
    "IB-score",
    "DeSync",
    "LAION-CLAP",
]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small_networks(monkeypatch)
    monkeypatch.setenv("PHONOFILM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("PHONOFILM_WEIGHTS_DIR", raising=False)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("judges"))


def write_sounds(folder: Path, count: int, seconds: float, seed: int, rate_hz: int = 16_000) -> Path:
    """Noises of different colours."""
    folder.mkdir()
    generator = np.random.default_rng(seed)
    for index in range(count):
        samples = generator.normal(size=int(seconds * rate_hz))
        for _ in range(index % 4):
            samples = np.convolve(samples, [0.5, 0.5], "same")
        soundfile.write(folder / f"{index:02}.wav", 0.1 * samples, rate_hz)
    return folder


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films of 5 s with sound in made/, two sounds of the same names in real/, captions in words.tsv."""
    folder = tmp_path_factory.mktemp("material")
    write_sounds(folder / "real", 2, 5.18, seed=1)
    (folder / "made").mkdir()
    for index in range(2):
        times = even_times(130, Fraction(25))
        make_clip(folder / "made" / f"{index:02}.mp4", times, sound="stereo", click_s=1.0 + index)
    (folder / "words.tsv").write_text("name\tcaption\n00\ta dog barks\n01\train\n", encoding="utf-8")
    return folder


def by_name(result: Official) -> dict[str, float]:
    return {figure.name: figure.value for figure in result.figures}


@pytest.mark.thorough
def test_everything_is_measured_where_everything_is_there(material: Path, weights: Path) -> None:
    pairs = pair_up([material / "made"], material / "real", material / "words.tsv")
    stages = []
    result = measure_official(pairs, weights, length_s=5.0, progress=lambda stage, _share: stages.append(stage))
    values = by_name(result)
    assert [*values] == [name for name in NAMES if not name.startswith("IS")]
    assert [name for name, _ in result.left_out] == ["IS_PaSST", "IS_PANNs"]
    assert all("2 sounds are too few" in reason for _, reason in result.left_out)
    assert all(values[name] >= 0 for name in values if name.startswith(("FD", "KL")))
    assert 0 <= values["DeSync"] <= 2
    assert all(-1 <= values[name] <= 1 for name in ("IB-score", "LAION-CLAP"))
    assert {figure.count for figure in result.figures} == {2}
    assert set(result.files) == set(JUDGES) == set(MEASURES)
    assert {"PaSST", "PaSST, real", "ImageBind, pictures", "Synchformer"} <= set(stages)
    json.dumps(result.as_dict())


@pytest.mark.thorough
def test_a_set_is_at_no_distance_from_itself(tmp_path: Path, weights: Path) -> None:
    sounds = write_sounds(tmp_path / "sounds", 20, 2.1, seed=2)
    result = measure_official(pair_up([sounds], sounds), weights, length_s=2.0)
    values = by_name(result)
    assert [*values] == NAMES[:7]
    for name in ("FD_PaSST", "FD_PANNs", "FD_VGG", "KL_PaSST", "KL_PANNs"):
        assert values[name] == pytest.approx(0.0, abs=1e-6)
    assert all(1 <= values[name] <= 527 for name in ("IS_PaSST", "IS_PANNs"))
    reasons = dict(result.left_out)
    assert reasons["IB-score"] == "needs 4 s of every film, and 2 s are compared"
    assert reasons["DeSync"] == "needs 4.8 s of every film, and 2 s are compared"
    assert reasons["LAION-CLAP"] == "needs a caption to every film; give captions"


@pytest.mark.thorough
def test_the_order_of_the_films_does_not_matter(tmp_path: Path) -> None:
    weights = write_files(tmp_path / "judges", "panns", "vggish")
    made, real = (write_sounds(tmp_path / name, 20, 1.1, seed) for seed, name in enumerate(("made", "real")))
    files = sorted(made.iterdir())
    forwards = measure_official(pair_up(files, real), weights, length_s=1.0)
    backwards = measure_official(pair_up(files[::-1], real), weights, length_s=1.0)
    assert by_name(forwards) == by_name(backwards)
    assert by_name(forwards)["FD_VGG"] > 1e-6
    there, back = by_name(forwards), by_name(measure_official(pair_up([real], made), weights, length_s=1.0))
    for name in ("FD_PANNs", "FD_VGG"):
        assert there[name] == pytest.approx(back[name], rel=1e-6)


@pytest.mark.thorough
def test_desync_takes_the_first_and_the_last_piece(
    material: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(_judge: SynchformerJudge, seen: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        compared.append((seen, heard))
        chosen = 4 if len(compared) % 2 else 13
        return torch.eye(21)[None, chosen]

    monkeypatch.setattr(SynchformerJudge, "compare", compare)
    pairs = pair_up([material / "made"], material / "real")
    result = measure_official(pairs, weights, length_s=5.15)
    assert by_name(result)["DeSync"] == pytest.approx((abs(OFFSETS_S[4]) + abs(OFFSETS_S[13])) / 2)
    (seen, heard), (late_seen, late_heard) = compared[:2]
    assert seen.shape == (1, 14, 8, 24)
    assert heard.shape == (1, 14, 6, 24)
    # 5.15 s hold fifteen segments: the pieces are one apart.
    assert torch.equal(seen[:, 1:], late_seen[:, :-1])
    assert torch.equal(heard[:, 1:], late_heard[:, :-1])


@pytest.mark.thorough
def test_the_picture_may_be_the_reference_s(material: Path, weights: Path) -> None:
    turned = measure_official(pair_up([material / "real"], material / "made"), weights, length_s=5.0)
    assert {"IB-score", "DeSync"} <= set(by_name(turned))
    alone = measure_official(pair_up([material / "real"], material / "real"), weights, length_s=5.0)
    reasons = dict(alone.left_out)
    assert (
        reasons["DeSync"]
        == reasons["IB-score"]
        == ("there is no picture to 00, 01; give films, or films as references")
    )


def test_only_networks_that_are_there_are_asked(material: Path, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "some", "vggish")
    result = measure_official(pair_up([material / "made"], material / "real"), folder, length_s=5.0)
    assert [*by_name(result)] == ["FD_VGG"]
    assert [name for name, _ in result.left_out] == [name for name in NAMES if name != "FD_VGG"]
    for name, judge in {"KL_PANNs": "panns", "DeSync": "synchformer", "LAION-CLAP": "clap"}.items():
        reason = dict(result.left_out)[name]
        assert JUDGES[judge].file.name in reason
        assert address(JUDGES[judge].file) in reason
    assert result.files == {"vggish": folder / JUDGES["vggish"].file.name}


def test_errors_name_the_file(material: Path, weights: Path, tmp_path: Path) -> None:
    pairs = pair_up([material / "made"], material / "real")
    with pytest.raises(MediaError, match=r"00\.wav has 5\.18 s of sound and 5\.2 s are compared"):
        measure_official(pairs, weights, length_s=5.2)
    with pytest.raises(OptionError, match=r"length is 0\.5 s"):
        measure_official(pairs, weights, length_s=0.5)
    with pytest.raises(OptionError, match="length is nan s"):
        measure_official(pairs, weights, length_s=float("nan"))
    with pytest.raises(ModelError, match="is no folder"):
        measure_official(pairs, tmp_path / "nowhere")
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    with pytest.raises(MediaError, match=r"broken\.wav"):
        measure_official([Pair("broken", broken, broken)], weights, length_s=1.0)


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def phonofilm(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in this process: exit code, what it printed, what it complained about."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["phonofilm", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        return int(caught.value.code or 0), printed.out, printed.err

    return call


@pytest.mark.thorough
def test_the_command_prints_a_row_a_measure(phonofilm: Call, material: Path, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "some", "vggish", "panns")
    arguments = ["evaluate", "official", str(material / "made"), "--reference", str(material / "real")]
    arguments += ["--weights-dir", str(folder), "--length", "5"]
    code, out, err = phonofilm(*arguments)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["measure", "value", "unit", "better", "sounds"]
    assert [line.split()[0] for line in lines[1:4]] == ["FD_PANNs", "KL_PANNs", "FD_VGG"]
    left = [line for line in lines if line.startswith("left out: ")]
    assert len(left) == len(NAMES) - 3
    assert any("wants the file imagebind_huge.pth" in line for line in left)

    told = json.loads(phonofilm(*arguments, "--json")[1])
    assert [figure["name"] for figure in told["figures"]] == ["FD_PANNs", "KL_PANNs", "FD_VGG"]
    assert told["figures"][0].keys() == {"name", "value", "better", "unit", "count"}
    assert {row["name"] for row in told["left_out"]} == set(NAMES) - {"FD_PANNs", "KL_PANNs", "FD_VGG"}


def test_the_command_fails_in_one_line(phonofilm: Call, material: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", "official", str(material / "made"), "--reference"]
    code, out, err = phonofilm(*arguments, material / "real", "--weights-dir", tmp_path, "--length", "5")
    assert code == 1
    assert "left out: DeSync: wants the file synchformer_state_dict.pth" in out
    assert "nothing was measured: FD_PaSST wants the file passt-s-f128-p16-s10-ap.476-swa.pt" in err
    assert len(err.strip().splitlines()) == 1
    code, _, err = phonofilm(*arguments, tmp_path, "--weights-dir", tmp_path)
    assert code == 1
    assert "have no reference of the same name" in err


def test_a_take_finds_the_clip_that_it_was_made_of(tmp_path: Path) -> None:
    made, real = tmp_path / "made", tmp_path / "real"
    made.mkdir()
    real.mkdir()
    for name in ("a.sound.mp4", "b.redo.mp4", "c.sound.2.mp4", "d.mp4", "e.sound.mp4"):
        (made / name).write_bytes(b"")
    for name in ("a", "b", "c", "d", "e.sound"):
        (real / f"{name}.mp4").write_bytes(b"")
    assert [pair.name for pair in pair_up([made], real)] == ["a", "b", "c", "d", "e.sound"]
    (made / "a.sound.1.mp4").write_bytes(b"")
    with pytest.raises(InputError, match="are of one clip"):
        pair_up([made], real)
