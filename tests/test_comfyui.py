"""The ComfyUI nodes, loaded and run as ComfyUI does, with stand-ins for what is ComfyUI's own."""

import importlib.util
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from clips import even_times, make_clip, picture, shown_packets, tiny_film
from phonofilm.errors import CueError, InputError, PhonofilmError
from phonofilm.media.frames import decode_frames
from phonofilm.media.probe import probe
from phonofilm.types import FrameRequest

ROOT = Path(__file__).parents[1]
PACK = ROOT / "comfyui"
FLOWS = sorted((PACK / "example_workflows").glob("*.json"))
RATE_HZ = Fraction(12)
KINDS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


@dataclass(frozen=True)
class VideoComponents:
    images: torch.Tensor
    frame_rate: Fraction
    audio: dict[str, Any] | None = None


class VideoFromFile:
    """Stands in for ComfyUI's: knows its file and copies it, but for containers that refuse or spoil it."""

    refused: tuple[str, ...] = ()
    spoiled: tuple[str, ...] = ()

    def __init__(self, path: str) -> None:
        self.path = path

    def save_to(self, path: str) -> None:
        if Path(path).suffix in self.refused:
            raise ValueError("the codec is not\nsupported in this container")
        data = Path(self.path).read_bytes()
        Path(path).write_bytes(data[:100] if Path(path).suffix in self.spoiled else data)

    def get_components(self) -> VideoComponents:
        return VideoComponents(pictures_of(Path(self.path)), probe(Path(self.path)).video.average_rate_hz)


class VideoFromComponents:
    """Stands in for ComfyUI's: keeps what it was made of."""

    def __init__(self, components: VideoComponents) -> None:
        self.components = components

    def get_components(self) -> VideoComponents:
        return self.components


class ProgressBar:
    told: list[tuple[int, int]] = []  # noqa: RUF012

    def __init__(self, total: int) -> None:
        self.total = total

    def update_absolute(self, value: int, total: int) -> None:
        assert 0 <= value <= total == self.total
        self.told.append((value, total))


class Interrupted(Exception):  # noqa: N818
    pass


def pictures_of(path: Path) -> torch.Tensor:
    """(F, H, W, 3) 0..1, all frames of a film."""
    info = probe(path)
    frames = decode_frames(info, [FrameRequest(None, info.video.width, info.video.height)])[0]
    return torch.from_numpy(frames.pixels.astype(np.float32) / 255)


@pytest.fixture
def comfy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """What ComfyUI offers to nodes; `comfy.stopped` presses its cancel button."""
    names = ("comfy", "comfy.utils", "comfy.model_management", "comfy_api", "comfy_api.latest", "folder_paths")
    modules = {name: ModuleType(name) for name in names}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    root: Any = modules["comfy"]
    root.stopped = False

    def stop() -> None:
        if root.stopped:
            raise Interrupted

    ProgressBar.told.clear()
    vars(modules["comfy.utils"])["ProgressBar"] = ProgressBar
    vars(modules["comfy.model_management"])["throw_exception_if_processing_interrupted"] = stop
    vars(root)["model_management"] = modules["comfy.model_management"]
    videos = {"VideoFromFile": VideoFromFile, "VideoFromComponents": VideoFromComponents}
    vars(modules["comfy_api.latest"])["InputImpl"] = type("InputImpl", (), videos)
    vars(modules["comfy_api.latest"])["Types"] = type("Types", (), {"VideoComponents": VideoComponents})
    vars(modules["folder_paths"])["get_temp_directory"] = lambda: str(tmp_path / "temp")
    return modules["comfy"]


def load_pack() -> ModuleType:
    """As ComfyUI loads a folder of `custom_nodes`: its __init__.py, under the folder's path as a name."""
    name = str(PACK).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def forget_pack() -> None:
    for name in [name for name in sys.modules if name.startswith(str(PACK).replace(".", "_x_"))]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def pack() -> Iterator[ModuleType]:
    yield load_pack()
    forget_pack()


@pytest.fixture
def values(pack: ModuleType) -> ModuleType:
    """The pack's own hands."""
    return sys.modules[f"{pack.__name__}.values"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return make_clip(folder / "clip.mp4", even_times(24, RATE_HZ), rate_hz=RATE_HZ, sound="click")


@pytest.fixture(scope="module")
def frames() -> torch.Tensor:
    """(F, H, W, 3), two seconds of RATE_HZ."""
    return torch.from_numpy(np.stack([picture(k) for k in range(24)]).astype(np.float32) / 255)


def run(pack: ModuleType, kind: str, **inputs: Any) -> tuple[Any, ...]:
    """Check what goes in as ComfyUI does, and what comes out against what the node says it returns."""
    node = pack.NODE_CLASS_MAPPINGS[kind]
    types = node.INPUT_TYPES()
    known = types["required"] | types.get("optional", {})
    assert set(inputs) <= set(known)
    for name in types["required"]:
        default = types["required"][name][1].get("default") if len(types["required"][name]) > 1 else None
        inputs.setdefault(name, default)
    for name, value in inputs.items():
        wanted, *rest = known[name]
        if isinstance(wanted, list):
            assert value in wanted
        elif wanted in KINDS and not (rest and rest[0].get("forceInput")):
            assert rest[0].get("min", value) <= value <= rest[0].get("max", value)
    with torch.inference_mode():  # in which ComfyUI runs all nodes
        result: tuple[Any, ...] = getattr(node(), node.FUNCTION)(**inputs)
    assert len(result) == len(node.RETURN_TYPES)
    for value, returned in zip(result, node.RETURN_TYPES, strict=True):
        if returned == "AUDIO":
            assert value["waveform"].ndim == 3
            assert value["waveform"].dtype == torch.float32
        elif returned == "VIDEO":
            assert isinstance(value, VideoFromFile | VideoFromComponents)
        elif returned in KINDS:
            assert type(value) is KINDS[returned]
    return result


def asked(**more: Any) -> dict[str, Any]:
    """What Add Sound needs, and more."""
    return {"model": tiny_film(), "prompt": "", "negative": "", "seed": 0, **more}


def check_sounds(result: tuple[Any, ...], seconds: int) -> None:
    """The mix is as long as the picture, the effects are all of it, and the other stems are silent."""
    mix, effects, music, dialogue = (sound["waveform"] for sound in result[1:5])
    count = result[1]["sample_rate"] * seconds
    assert [sound.shape for sound in (mix, effects, music, dialogue)] == [(1, 2, count)] * 4
    assert torch.allclose(mix, effects, atol=2**-20)
    assert mix.any()
    assert not music.any()
    assert not dialogue.any()
    assert json.loads(result[5])["clip"]["duration_s"] == pytest.approx(seconds, abs=0.01)


def test_every_node_is_what_comfyui_expects(pack: ModuleType) -> None:
    assert set(pack.NODE_CLASS_MAPPINGS) == set(pack.NODE_DISPLAY_NAME_MAPPINGS)
    for name, node in pack.NODE_CLASS_MAPPINGS.items():
        types = node.INPUT_TYPES()
        assert set(types) <= {"required", "optional", "hidden"}, name
        parameters = inspect.signature(getattr(node, node.FUNCTION)).parameters
        optional = types.get("optional", {})
        assert set(parameters) - {"self"} == set(types["required"]) | set(optional), name
        assert all(parameters[key].default is not inspect.Parameter.empty for key in optional), name
        assert node.CATEGORY.startswith("audio/")
        assert len(node.RETURN_NAMES) == len(node.RETURN_TYPES)
        assert len(getattr(node, "OUTPUT_TOOLTIPS", node.RETURN_TYPES)) == len(node.RETURN_TYPES)
        for kind, *rest in (types["required"] | optional).values():
            assert isinstance(kind, list | str)
            assert not rest or "default" not in rest[0] or not isinstance(kind, list) or rest[0]["default"] in kind


def test_sound_for_a_video(pack: ModuleType, comfy: ModuleType, clip: Path) -> None:
    result = run(pack, "PhonofilmAddSound", **asked(video=VideoFromFile(str(clip)), loudness="none"))
    check_sounds(result, 2)
    film = Path(result[0].path)
    assert probe(film).audio is not None
    assert float(probe(film).duration_s) == pytest.approx(2, abs=0.01)
    assert shown_packets(film) == shown_packets(clip), "the picture is copied"
    assert ProgressBar.told == sorted(ProgressBar.told)
    assert ProgressBar.told[-1][0] == ProgressBar.told[-1][1]


@pytest.mark.thorough
def test_sound_for_images(pack: ModuleType, comfy: ModuleType, frames: torch.Tensor) -> None:
    """The same seed gives the same samples, another one others; the mark is found."""
    frames = frames[: int(RATE_HZ)]
    wanted = asked(images=frames, fps=float(RATE_HZ), prompt=" rain ", seed=3)
    first = run(pack, "PhonofilmAddSound", **wanted)
    check_sounds(first, 1)
    film, mix = first[0].get_components(), first[1]
    assert torch.equal(film.images, frames)
    assert film.frame_rate == RATE_HZ
    assert film.audio is mix
    assert torch.equal(run(pack, "PhonofilmAddSound", **wanted)[1]["waveform"], mix["waveform"])
    other = run(pack, "PhonofilmAddSound", **wanted | {"seed": 4})[1]["waveform"]
    assert not torch.equal(other, mix["waveform"])

    for sound in first[1:3]:
        marked, confidence, take, report = run(pack, "PhonofilmDetectWatermark", audio=sound)
        assert marked
        assert confidence >= 9
        assert re.fullmatch("[0-9a-f]{4}", take)
        assert json.loads(report)["model"] == "tiny"
    noise = torch.randn(mix["waveform"].shape, generator=torch.Generator().manual_seed(1)) / 8
    for unmarked in (noise, torch.zeros_like(noise)):
        sound = {"waveform": unmarked, "sample_rate": mix["sample_rate"]}
        marked, confidence, take, _ = run(pack, "PhonofilmDetectWatermark", audio=sound)
        assert not marked
        assert 0 <= confidence < 9
        assert take == ""


@pytest.mark.thorough
def test_an_edited_cue_sheet_is_followed(pack: ModuleType, comfy: ModuleType, frames: torch.Tensor) -> None:
    seen, hits = run(pack, "PhonofilmSpot", model=tiny_film(), images=frames, fps=12.0)
    sheet = json.loads(seen)
    assert hits == sum(cue["start_s"] == cue["end_s"] for cue in sheet["cues"])
    sheet["cues"] = [{"start_s": 0.75, "end_s": 0.75, "strength": 1.0, "place": 0.0, "label": "hit"}]
    followed = run(pack, "PhonofilmAddSound", **asked(images=frames, fps=12.0, cues=json.dumps(sheet)))[5]
    assert [cue["start_s"] for cue in json.loads(followed)["cues"]] == [0.75]
    with pytest.raises(CueError, match=r"made for '(clip-\w{6}.mp4)', not for '(?!\1)clip-\w{6}.mp4'"):
        run(pack, "PhonofilmAddSound", **asked(images=1 - frames, fps=12.0, cues=json.dumps(sheet)))


@pytest.mark.parametrize("size", [(48, 64), (33, 47)])
def test_images_are_written_without_loss(values: ModuleType, tmp_path: Path, size: tuple[int, int]) -> None:
    """Also in odd sizes, beyond 0..1, with alpha, which is left out, and with what is no number."""
    images = torch.rand(12, *size, 4, generator=torch.Generator().manual_seed(2)) * 1.2 - 0.1
    images[0, 0, 0] = torch.nan
    told: list[float] = []
    values.write_images(
        images, values.frame_rate(23.976), tmp_path / "clip.mp4", lambda _stage, share: told.append(share)
    )
    info = probe(tmp_path / "clip.mp4")
    assert info.duration_s == Fraction(12 * 1001, 24_000)
    wanted = (images[..., :3].nan_to_num(0).clamp(0, 1) * 255).round() / 255
    assert torch.equal(pictures_of(tmp_path / "clip.mp4"), wanted)
    assert told == [pytest.approx((k + 1) / 12) for k in range(12)]


def test_a_film_of_odd_images_can_be_encoded(values: ModuleType, comfy: ModuleType) -> None:
    images = torch.rand(3, 33, 47, 4)
    film = values.video_from_images(images, {}, Fraction(8)).get_components()
    assert torch.equal(film.images, images[:, :32, :46, :3])
    assert film.images.data_ptr() == images.data_ptr(), "nothing is copied"


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(24.0, "24"), (23.976, "24000/1001"), (29.97, "30000/1001"), (12.5, "25/2"), (24000 / 1001, "24000/1001")],
)
def test_a_rate_with_few_decimals_stands_for_the_exact_one(values: ModuleType, fps: float, rate: str) -> None:
    assert values.frame_rate(fps) == Fraction(rate)


def test_whole_rates_stay_whole(values: ModuleType) -> None:
    assert [values.frame_rate(float(fps)) for fps in range(1, 241)] == list(range(1, 241))
    for fps in (0.0, -24.0, 241.0, float("nan")):
        with pytest.raises(InputError, match="1 to 240 are wanted"):
            values.frame_rate(fps)


def test_a_video_goes_into_a_container_that_holds_it(
    values: ModuleType, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert values.save_video(VideoFromFile(str(clip)), tmp_path) == tmp_path / "clip.mp4"
    monkeypatch.setattr(VideoFromFile, "refused", (".mp4",))
    monkeypatch.setattr(VideoFromFile, "spoiled", (".mov",))
    assert values.save_video(VideoFromFile(str(clip)), tmp_path) == tmp_path / "clip.mkv"
    monkeypatch.setattr(VideoFromFile, "refused", (".mp4", ".mov", ".mkv"))
    with pytest.raises(InputError, match="the codec is not supported in this container"):
        values.save_video(VideoFromFile(str(clip)), tmp_path)


def test_what_is_wrong_is_said_in_one_line(pack: ModuleType, comfy: ModuleType, frames: torch.Tensor) -> None:
    video = VideoFromFile("nowhere.mp4")
    rate = {"sample_rate": 8000}
    for kind, inputs, told in (
        ("PhonofilmAddSound", asked(), "neither"),
        ("PhonofilmSpot", {"model": tiny_film()}, "neither"),
        ("PhonofilmAddSound", asked(video=video, images=frames), "both"),
        ("PhonofilmAddSound", asked(video=video), "nowhere.mp4"),
        ("PhonofilmAddSound", asked(video="clip.mp4"), "type str came, a VIDEO is wanted"),
        ("PhonofilmAddSound", asked(images=frames[0]), "shape"),
        ("PhonofilmAddSound", asked(images=frames[:0]), "shape"),
        ("PhonofilmAddSound", asked(images=[frames]), "type list"),
        ("PhonofilmAddSound", asked(images=frames, cues="{"), "cue sheet cues.json"),
        ("PhonofilmAddSound", asked(images=frames, voices="ANNA"), "voices"),
        ("PhonofilmDetectWatermark", {"audio": {"waveform": torch.zeros(2, 1, 100), **rate}}, "shape (2, 1, 100)"),
        ("PhonofilmDetectWatermark", {"audio": {"waveform": torch.zeros(1, 2, 0), **rate}}, "not empty"),
        ("PhonofilmDetectWatermark", {"audio": None}, "no sound"),
    ):
        with pytest.raises(PhonofilmError, match=re.escape(told)) as error:
            run(pack, kind, **inputs)
        assert "\n" not in str(error.value)
        assert "phonofilm-" not in str(error.value), "names of temporary folders say nothing to anyone"


def test_the_cancel_button_is_heeded(pack: ModuleType, comfy: Any, frames: torch.Tensor, tmp_path: Path) -> None:
    comfy.stopped = True
    with pytest.raises(Interrupted):
        run(pack, "PhonofilmAddSound", **asked(images=frames, fps=12.0))
    assert not list(tmp_path.rglob("*.mp4"))


def test_without_a_bar_or_a_button_it_works_too(pack: ModuleType) -> None:
    sys.modules[f"{pack.__name__}.progress"].Report()("sample", 0.5)


def test_the_model_is_loaded_by_name(pack: ModuleType, comfy: ModuleType) -> None:
    (film,) = run(pack, "PhonofilmLoadModel", name="mini", device="cpu")
    assert film.model == "mini"
    with pytest.raises(PhonofilmError, match="/nowhere is no folder"):
        run(pack, "PhonofilmLoadModel", name="mmaudio-small-16k", weights_dir="/nowhere")


@pytest.mark.parametrize("missing", ["phonofilm", "soundfile"])
def test_without_the_package_one_line_says_so(monkeypatch: pytest.MonkeyPatch, pack: ModuleType, missing: str) -> None:
    """ComfyUI prints the error with all that it came from."""
    for name in [name for name in sys.modules if name.startswith(pack.__name__)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match="pip install phonofilm") as error:
        load_pack()
    assert missing in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.__suppress_context__
    forget_pack()


CORE: dict[str, tuple[str, ...]] = {
    "LoadVideo": ("VIDEO",),
    "GetVideoComponents": ("IMAGE", "AUDIO", "FLOAT", "COMBO", "COMBO"),
    "CreateVideo": ("VIDEO",),
    "SaveVideo": ("VIDEO",),
    "SaveAudioAdvanced": ("AUDIO",),
    "PreviewAny": ("STRING",),
}
"""ComfyUI's own nodes that the examples use, with what they return."""


def core_node(kind: str, clip: Path, inputs: dict[str, Any]) -> tuple[Any, ...]:
    """What ComfyUI's own node would hand on."""
    if kind == "LoadVideo":
        return (VideoFromFile(str(clip)),)
    if kind == "GetVideoComponents":
        parts = inputs["video"].get_components()
        return parts.images, parts.audio, float(parts.frame_rate), 8, "sRGB"
    if kind == "CreateVideo":
        return (VideoFromComponents(VideoComponents(inputs["images"], Fraction(inputs["fps"]), inputs["audio"])),)
    return tuple(inputs.values())


def run_flow(path: Path, node_of: Callable[[str, dict[str, Any], list[Any]], tuple[Any, ...]]) -> dict[str, list[Any]]:
    """A saved workflow as the page sends it; returns the results of each kind of node.

    node_of: called with a kind, its linked inputs and the values of its widgets.
    """
    flow = json.loads(path.read_text(encoding="utf-8"))
    links = {link[0]: link for link in flow["links"]}
    results: dict[int, tuple[Any, ...]] = {}
    kinds: dict[str, list[Any]] = {}
    for node in sorted(flow["nodes"], key=lambda node: node["order"]):
        linked = {}
        for place, entry in enumerate(node["inputs"]):
            if entry["link"] is not None:
                _, source, slot, target, target_slot, kind = links.pop(entry["link"])
                assert (target, target_slot) == (node["id"], place)
                assert entry["type"] in (kind, "*")
                linked[entry["name"]] = results[source][slot]
        results[node["id"]] = node_of(node["type"], linked, node["widgets_values"])
        assert len(results[node["id"]]) == len(node["outputs"])
        kinds.setdefault(node["type"], []).append(results[node["id"]])
    assert not links, "every link ends somewhere"
    return kinds


def widgets(types: dict[str, dict[str, Any]], values: list[Any]) -> dict[str, Any]:
    """Inputs by name; a seed is followed by what becomes of it after a run."""
    rest, found = list(values), {}
    for name, (kind, *more) in (types["required"] | types.get("optional", {})).items():
        options = more[0] if more else {}
        if (isinstance(kind, list) or kind in KINDS) and not options.get("forceInput"):
            found[name] = rest.pop(0)
            if options.get("control_after_generate"):
                assert rest.pop(0) in ("fixed", "increment", "decrement", "randomize")
    assert not rest, "every value belongs to a widget"
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_an_example_workflow_runs(pack: ModuleType, comfy: ModuleType, clip: Path, flow: Path) -> None:
    def node_of(kind: str, linked: dict[str, Any], chosen: list[Any]) -> tuple[Any, ...]:
        if kind not in pack.NODE_CLASS_MAPPINGS:
            return core_node(kind, clip, linked)
        values = widgets(pack.NODE_CLASS_MAPPINGS[kind].INPUT_TYPES(), chosen) | linked
        if kind == "PhonofilmLoadModel":
            assert values["name"] == "mini"
            return (tiny_film(),)
        return run(pack, kind, **values)

    results = run_flow(flow, node_of)
    sound = results["PhonofilmAddSound"][0]
    assert sound[1]["waveform"].shape[-1] == 2 * sound[1]["sample_rate"]
    film = results["SaveVideo"][0][0]
    if flow.stem == "add_sound_to_a_video":
        assert shown_packets(Path(film.path)) == shown_packets(clip)
        assert torch.equal(results["SaveAudioAdvanced"][0][0]["waveform"], sound[2]["waveform"])
        assert json.loads(results["PreviewAny"][1][0])["marked"] is True
    else:
        assert film.get_components().audio is sound[1]
        assert json.loads(results["PreviewAny"][0][0])["cues"] == json.loads(sound[5])["cues"]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_an_example_workflow_names_what_there_is(pack: ModuleType, flow: Path) -> None:
    saved = json.loads(flow.read_text(encoding="utf-8"))
    for node in saved["nodes"]:
        outputs = [(entry["name"], entry["type"]) for entry in node["outputs"]]
        if node["type"] in pack.NODE_CLASS_MAPPINGS:
            kind = pack.NODE_CLASS_MAPPINGS[node["type"]]
            assert outputs == list(zip(kind.RETURN_NAMES, kind.RETURN_TYPES, strict=True))
            types = kind.INPUT_TYPES()
            known = types["required"] | types.get("optional", {})
            assert all(known[entry["name"]][0] == entry["type"] for entry in node["inputs"])
        else:
            assert tuple(kind for _, kind in outputs) == CORE[node["type"]]
        for slot, entry in enumerate(node["outputs"]):
            leaving = [link[0] for link in saved["links"] if link[1:3] == [node["id"], slot]]
            assert (entry["links"] or []) == leaving


def test_the_pack_is_described() -> None:
    pack = tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert pack["tool"]["comfy"]["DisplayName"] == "Phonofilm"
    assert pack["project"]["version"] == project["version"]
    assert pack["project"]["license"]["text"] == project["license"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["music"], *extras["voice"]]
    lines = (PACK / "requirements.txt").read_text(encoding="utf-8").splitlines()
    without_torch = [line for line in wanted if not line.startswith("torch==")]
    assert [line for line in lines if not line.startswith("#")] == without_torch


def test_the_readme_lists_every_output(pack: ModuleType) -> None:
    readme = (PACK / "README.md").read_text(encoding="utf-8")
    for name, node in pack.NODE_CLASS_MAPPINGS.items():
        row = next(line for line in readme.splitlines() if f"| {pack.NODE_DISPLAY_NAME_MAPPINGS[name]} |" in line)
        assert all(f"`{output}`" in row for output in node.RETURN_NAMES), name
    assert all(flow.name in readme for flow in FLOWS)


def test_no_sound_is_made_but_by_the_pipeline() -> None:
    """The nodes know none of the rooms that make, mark or write sound; they read back what left by the one door."""
    known = set()
    for path in PACK.glob("*.py"):
        known |= set(re.findall(r"^\s*(?:from|import) (phonofilm[\w.]*)", path.read_text(encoding="utf-8"), re.M))
    allowed = {"phonofilm", "phonofilm.cues", "phonofilm.detection", "phonofilm.errors", "phonofilm.settings"}
    assert known <= allowed | {
        "phonofilm.types",
        "phonofilm.weights.registry",
        "phonofilm.media.audio",
        "phonofilm.media.probe",
    }
