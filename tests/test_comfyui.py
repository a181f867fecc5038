"""The ComfyUI nodes, loaded and run as ComfyUI does, with stand-ins for what is ComfyUI's own."""

import importlib.util
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from clips import even_times, make_clip, numbers, picture, shown_packets, tiny_film
from phonofilm.errors import PhonofilmError
from phonofilm.media.frames import decode_frames
from phonofilm.media.probe import probe
from phonofilm.types import FrameRequest

ROOT = Path(__file__).parents[1]
PACK = ROOT / "comfyui"
RATE_HZ = Fraction(12)
KINDS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


class VideoFromFile:
    """Stands in for ComfyUI's: knows its file and copies it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def save_to(self, path: str) -> None:
        Path(path).write_bytes(Path(self.path).read_bytes())


class ProgressBar:
    told: list[tuple[int, int]] = []  # noqa: RUF012

    def __init__(self, total: int) -> None:
        self.total = total

    def update_absolute(self, value: int, total: int) -> None:
        assert 0 <= value <= total == self.total
        self.told.append((value, total))


class Interrupted(Exception):  # noqa: N818
    pass


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
    vars(modules["comfy_api.latest"])["InputImpl"] = type("InputImpl", (), {"VideoFromFile": VideoFromFile})
    vars(modules["folder_paths"])["get_temp_directory"] = lambda: str(tmp_path / "temp")
    return root


def load_pack() -> ModuleType:
    """As ComfyUI loads a folder of `custom_nodes`: under its path as a name, with its folder for relative imports."""
    name = str(PACK).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pack() -> Iterator[ModuleType]:
    module = load_pack()
    yield module
    for name in [name for name in sys.modules if name.startswith(module.__name__)]:
        del sys.modules[name]


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
    result: tuple[Any, ...] = getattr(node(), node.FUNCTION)(**inputs)
    assert len(result) == len(node.RETURN_TYPES)
    for value, returned in zip(result, node.RETURN_TYPES, strict=True):
        if returned == "AUDIO":
            assert value["waveform"].ndim == 3
            assert value["waveform"].dtype == torch.float32
        elif returned in KINDS:
            assert type(value) is KINDS[returned]
    return result


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


@pytest.mark.parametrize("kind", ["video", "images"])
def test_sound_for_a_picture(pack: ModuleType, comfy: ModuleType, clip: Path, frames: torch.Tensor, kind: str) -> None:
    picture_in: dict[str, Any] = (
        {"video": VideoFromFile(str(clip))} if kind == "video" else {"images": frames, "fps": float(RATE_HZ)}
    )
    asked = {"model": tiny_film(), "prompt": " rain ", "negative": "", "seed": 3, "loudness": "none", **picture_in}
    film, mix, effects, music, dialogue, sheet = run(pack, "PhonofilmAddSound", **asked)
    count = mix["sample_rate"] * 2
    assert [sound["waveform"].shape for sound in (mix, effects, music, dialogue)] == [(1, 2, count)] * 4
    assert torch.allclose(mix["waveform"], effects["waveform"], atol=2**-20)
    assert not music["waveform"].any()
    assert not dialogue["waveform"].any()
    written = probe(Path(film.path))
    assert written.audio is not None
    assert float(written.duration_s) == pytest.approx(2, abs=0.01)
    if kind == "video":
        assert shown_packets(Path(film.path)) == shown_packets(clip), "the picture is copied"
    else:
        seen = decode_frames(written, [FrameRequest(None, written.video.width, written.video.height)])[0]
        assert numbers(seen.pixels) == list(range(24))
    assert json.loads(sheet)["clip"]["duration_s"] == pytest.approx(2, abs=0.01)
    assert ProgressBar.told == sorted(ProgressBar.told)
    assert ProgressBar.told[-1][0] == ProgressBar.told[-1][1]

    again = run(pack, "PhonofilmAddSound", **asked)[1]
    other = run(pack, "PhonofilmAddSound", **asked | {"seed": 4})[1]
    assert torch.equal(again["waveform"], mix["waveform"])
    assert not torch.equal(other["waveform"], mix["waveform"])

    marked, take, report = run(pack, "PhonofilmDetectWatermark", audio=mix)
    assert marked
    assert re.fullmatch("[0-9a-f]{4}", take)
    assert json.loads(report)["model"] == "tiny"
    noise = {
        "waveform": torch.randn(1, 2, count, generator=torch.Generator().manual_seed(1)) / 8,
        "sample_rate": 44_100,
    }
    assert run(pack, "PhonofilmDetectWatermark", audio=noise)[0] is False


def test_an_edited_cue_sheet_is_followed(pack: ModuleType, comfy: ModuleType, frames: torch.Tensor) -> None:
    seen, hits = run(pack, "PhonofilmSpot", model=tiny_film(), images=frames, fps=12.0)
    sheet = json.loads(seen)
    assert hits == sum(cue["start_s"] == cue["end_s"] for cue in sheet["cues"])
    sheet["cues"] = [{"start_s": 0.75, "end_s": 0.75, "strength": 1.0, "place": 0.0, "label": "hit"}]
    asked = {"model": tiny_film(), "prompt": "", "negative": "", "seed": 0, "images": frames, "fps": 12.0}
    followed = json.loads(run(pack, "PhonofilmAddSound", **asked, cues=json.dumps(sheet))[5])
    assert [cue["start_s"] for cue in followed["cues"]] == [0.75]


def test_odd_sizes_grow_and_alpha_is_left_out(pack: ModuleType, comfy: ModuleType) -> None:
    images = torch.rand(12, 33, 47, 4, generator=torch.Generator().manual_seed(2))
    film = run(pack, "PhonofilmAddSound", model=tiny_film(), prompt="", negative="", seed=0, images=images, fps=23.976)[
        0
    ]
    written = probe(Path(film.path))
    assert (written.video.width, written.video.height) == (48, 34)
    assert written.video.average_rate_hz == Fraction(24_000, 1001)


@pytest.mark.parametrize(("fps", "rate"), [(24.0, "24"), (23.976, "24000/1001"), (29.97, "30000/1001"), (12.5, "25/2")])
def test_a_rate_with_few_decimals_stands_for_the_exact_one(pack: ModuleType, fps: float, rate: str) -> None:
    assert sys.modules[f"{pack.__name__}.values"].frame_rate(fps) == Fraction(rate)


def test_what_is_wrong_is_said_in_one_line(pack: ModuleType, comfy: ModuleType, frames: torch.Tensor) -> None:
    add = {"model": tiny_film(), "prompt": "", "negative": "", "seed": 0}
    video = VideoFromFile("nowhere.mp4")
    sound = {"waveform": torch.zeros(2, 1, 100), "sample_rate": 8000}
    for kind, inputs, told in (
        ("PhonofilmAddSound", add, "neither"),
        ("PhonofilmAddSound", add | {"video": video, "images": frames}, "both"),
        ("PhonofilmAddSound", add | {"images": frames[0]}, "shape"),
        ("PhonofilmAddSound", add | {"images": frames, "cues": "{"}, "cue sheet"),
        ("PhonofilmAddSound", add | {"images": frames, "voices": "ANNA"}, "voices"),
        ("PhonofilmDetectWatermark", {"audio": sound}, "shape (2, 1, 100)"),
        ("PhonofilmDetectWatermark", {"audio": None}, "no sound"),
    ):
        with pytest.raises(PhonofilmError, match=re.escape(told)) as error:
            run(pack, kind, **inputs)
        assert "\n" not in str(error.value)


def test_the_cancel_button_is_heeded(pack: ModuleType, comfy: Any, frames: torch.Tensor, tmp_path: Path) -> None:
    comfy.stopped = True
    with pytest.raises(Interrupted):
        run(pack, "PhonofilmAddSound", model=tiny_film(), prompt="", negative="", seed=0, images=frames, fps=12.0)
    assert not list(tmp_path.rglob("*.mp4"))


def test_the_model_is_loaded_by_name(pack: ModuleType, comfy: ModuleType) -> None:
    (film,) = run(pack, "PhonofilmLoadModel", name="mini", device="cpu")
    assert film.model == "mini"
    with pytest.raises(PhonofilmError, match="/nowhere is no folder"):
        run(pack, "PhonofilmLoadModel", name="mmaudio-small-16k", weights_dir="/nowhere")


def test_without_the_package_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phonofilm", None)
    with pytest.raises(ImportError, match="need the package phonofilm") as error:
        load_pack()
    assert "\n" not in str(error.value)


def test_the_example_workflow_runs(pack: ModuleType, comfy: ModuleType, clip: Path) -> None:
    """As the page sends it: widgets fill the inputs that no link fills, in their order."""
    flow = json.loads((PACK / "example_workflows" / "add_sound_to_a_video.json").read_text(encoding="utf-8"))
    links = {link[0]: link for link in flow["links"]}
    results: dict[int, tuple[Any, ...]] = {}
    ends: dict[str, list[Any]] = {}
    for node in sorted(flow["nodes"], key=lambda node: node["order"]):
        linked = {}
        for place, entry in enumerate(node["inputs"]):
            if entry["link"] is not None:
                _, source, slot, target, target_slot, kind = links[entry["link"]]
                assert (target, target_slot, kind) == (node["id"], place, entry["type"])
                linked[entry["name"]] = results[source][slot]
        if node["type"] == "LoadVideo":
            results[node["id"]] = (VideoFromFile(str(clip)),)
        elif node["type"] in pack.NODE_CLASS_MAPPINGS:
            made = pack.NODE_CLASS_MAPPINGS[node["type"]]
            assert [(entry["name"], entry["type"]) for entry in node["outputs"]] == list(
                zip(made.RETURN_NAMES, made.RETURN_TYPES, strict=True)
            )
            values = widgets(made.INPUT_TYPES(), node["widgets_values"])
            if node["type"] == "PhonofilmLoadModel":
                assert values["name"] == "mini"
                results[node["id"]] = (tiny_film(),)
            else:
                results[node["id"]] = run(pack, node["type"], **values | linked)
        else:
            ends.setdefault(node["type"], []).extend(linked.values())
    assert set(ends) == {"SaveVideo", "SaveAudio", "PreviewAny"}
    assert probe(Path(ends["SaveVideo"][0].path)).audio is not None
    assert json.loads(ends["PreviewAny"][1])["marked"] is True


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


def test_its_requirements_are_those_of_the_package_without_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["music"], *extras["voice"]]
    lines = (PACK / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        line for line in wanted if not line.startswith("torch==")
    ]
    assert (
        tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == project["version"]
    )
