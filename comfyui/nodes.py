"""The nodes. All of them call Phonofilm's one pipeline; what they hand on was written, and marked, by it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from phonofilm import Phonofilm, detect
from phonofilm.cues import CueSheet
from phonofilm.detection import facts
from phonofilm.settings import LOUDNESS_TARGETS, AddOptions
from phonofilm.weights.registry import MODELS

from .progress import Report
from .values import Audio, audio_of, clip_of, film_path, silence_like, video_of, write_audio

CATEGORY = "audio/phonofilm"
MODEL = "PHONOFILM_MODEL"
FILM, SHEET = "film.mp4", "cues.json"
TESTING = "tiny"
"""Random numbers, for tests of programs."""
STEMS = ("effects", "music", "dialogue")
DEVICES = ["auto", "cpu", "cuda", "mps"]
PRECISIONS = ["auto", "float32", "bfloat16"]
DEFAULTS = AddOptions()
HELP = {name: field.metadata["help"] for name, field in AddOptions.__dataclass_fields__.items()}
LIMITS = {
    name: {"min": field.metadata["low"], "max": field.metadata["high"]}
    for name, field in AddOptions.__dataclass_fields__.items()
    if field.metadata["low"] is not None
}

Types = dict[str, dict[str, Any]]


def text(name: str, lines: bool = False) -> tuple[str, dict[str, Any]]:
    return "STRING", {"default": getattr(DEFAULTS, name), "multiline": lines, "tooltip": HELP[name]}


def number(kind: str, name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return kind, {"default": getattr(DEFAULTS, name), **LIMITS[name], "tooltip": HELP[name], **more}


def picture() -> dict[str, Any]:
    """Inputs of which one picture is connected."""
    rate = {"default": 24.0, "min": 1.0, "max": 240.0, "step": 0.001, "tooltip": "Frames a second of the images."}
    return {
        "video": ("VIDEO", {"tooltip": "The picture; what sound it has is replaced."}),
        "images": ("IMAGE", {"tooltip": "The picture as frames, in place of a video."}),
        "fps": ("FLOAT", rate),
    }


class LoadModel:
    """A model, loaded once and handed to the other nodes."""

    DESCRIPTION = "Loads a sound model. 'mini' is inside the package; fetch others with 'phonofilm models pull NAME'."
    CATEGORY = CATEGORY
    FUNCTION = "load"
    RETURN_TYPES = (MODEL,)
    RETURN_NAMES = ("model",)

    @classmethod
    def INPUT_TYPES(cls) -> Types:  # noqa: N802
        return {
            "required": {
                "name": (
                    [name for name in MODELS if name != TESTING],
                    {"default": "mini", "tooltip": "MMAudio's weights are for non-commercial use."},
                ),
                "device": (DEVICES, {"default": "auto", "tooltip": "auto takes the fastest that is there."}),
            },
            "optional": {
                "precision": (PRECISIONS, {"default": "auto", "tooltip": "Of the matrix products."}),
                "weights_dir": ("STRING", {"default": "", "tooltip": "A folder with MMAudio's published files."}),
            },
        }

    def load(self, name: str, device: str, precision: str = "auto", weights_dir: str = "") -> tuple[Phonofilm]:
        return (Phonofilm.load(name, device, precision=precision, weights_dir=weights_dir.strip() or None),)


class AddSound:
    """Sound for a picture: the film with it, the mix, its stems, and the cues that were followed."""

    DESCRIPTION = "Gives a silent picture its sound, in time with what is seen. Every sound is watermarked."
    CATEGORY = CATEGORY
    FUNCTION = "add"
    RETURN_TYPES = ("VIDEO", "AUDIO", "AUDIO", "AUDIO", "AUDIO", "STRING")
    RETURN_NAMES = ("video", "mix", "effects", "music", "dialogue", "cues")
    OUTPUT_TOOLTIPS = (
        "The picture, untouched, with the mix.",
        "Everything together.",
        "Effects and ambience alone.",
        "Music alone; silence where there is none.",
        "Dialogue alone; silence where there is none.",
        "The cue sheet (JSON): edit it and connect it to 'cues'.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> Types:  # noqa: N802
        return {
            "required": {
                "model": (MODEL,),
                "prompt": text("prompt", lines=True),
                "negative": text("negative"),
                "seed": number("INT", "seed", control_after_generate=True),
            },
            "optional": {
                **picture(),
                "cues": ("STRING", {"forceInput": True, "tooltip": "A cue sheet (JSON) to follow instead."}),
                "music": text("music"),
                "dialogue": (
                    "STRING",
                    {"default": "", "multiline": True, "tooltip": "Transcript: SRT, WebVTT, or lines 'NAME: words'."},
                ),
                "voices": text("voices"),
                "loudness": ([*LOUDNESS_TARGETS, "none"], {"default": DEFAULTS.loudness, "tooltip": HELP["loudness"]}),
                "steps": number("INT", "steps"),
                "guidance": number("FLOAT", "guidance", step=0.1),
                "sync": number("FLOAT", "sync", step=0.05),
            },
        }

    def add(
        self,
        model: Phonofilm,
        prompt: str,
        negative: str,
        seed: int,
        video: Any = None,
        images: Any = None,
        fps: float = 24.0,
        cues: str = "",
        music: str = "",
        dialogue: str = "",
        voices: str = "",
        loudness: str = "web",
        steps: int = 0,
        guidance: float = 0.0,
        sync: float = 1.0,
    ) -> tuple[Any, Audio, Audio, Audio, Audio, str]:
        with tempfile.TemporaryDirectory(prefix="phonofilm-") as name:
            folder = Path(name)
            take = model.add_sound(
                clip_of(folder, video, images, fps),
                folder / FILM,
                cues=_written(cues, folder / SHEET),
                prompt=prompt.strip(),
                negative=negative.strip(),
                seed=seed,
                steps=steps,
                guidance=guidance,
                sync=sync,
                loudness=loudness,
                music=music.strip(),
                dialogue=_written(dialogue, folder / "dialogue.txt") or "",
                voices=voices.strip(),
                stems=True,
                progress=Report(),
            )[0]
            mix = audio_of(take.stems["mix"])
            layers = {stem: audio_of(take.stems[stem]) for stem in STEMS if stem in take.stems}
            film = film_path()
            shutil.move(take.path, film)
        effects, score, words = (layers.get(stem) or silence_like(mix) for stem in STEMS)
        sheet = "" if take.cues is None else take.cues.to_json()
        return video_of(film), mix, effects, score, words, sheet


class Spot:
    """What is seen and when."""

    DESCRIPTION = "Finds what strikes and moves in a picture, and when: a cue sheet to read, edit and follow."
    CATEGORY = CATEGORY
    FUNCTION = "spot"
    RETURN_TYPES = ("STRING", "INT")
    RETURN_NAMES = ("cues", "hits")
    OUTPUT_TOOLTIPS = ("The cue sheet (JSON).", "How many hits were found.")

    @classmethod
    def INPUT_TYPES(cls) -> Types:  # noqa: N802
        return {"required": {"model": (MODEL,)}, "optional": picture()}

    def spot(self, model: Phonofilm, video: Any = None, images: Any = None, fps: float = 24.0) -> tuple[str, int]:
        with tempfile.TemporaryDirectory(prefix="phonofilm-") as folder:
            sheet: CueSheet = model.spot(clip_of(Path(folder), video, images, fps), Report())
        return sheet.to_json(), len(sheet.events)


class DetectWatermark:
    """Is a sound ours?"""

    DESCRIPTION = "Looks for Phonofilm's watermark in a sound, and reads it."
    CATEGORY = CATEGORY
    FUNCTION = "detect"
    RETURN_TYPES = ("BOOLEAN", "STRING", "STRING")
    RETURN_NAMES = ("marked", "take", "report")
    OUTPUT_TOOLTIPS = (
        "Whether it is marked; the chance of an error is below 1e-9.",
        "The name of the take; empty where it cannot be read.",
        "All that was found (JSON).",
    )

    @classmethod
    def INPUT_TYPES(cls) -> Types:  # noqa: N802
        return {
            "required": {"audio": ("AUDIO",)},
            "optional": {"key": ("STRING", {"default": "", "tooltip": "File with a secret to look for as well."})},
        }

    def detect(self, audio: Audio, key: str = "") -> tuple[bool, str, str]:
        with tempfile.TemporaryDirectory(prefix="phonofilm-") as folder:
            path = Path(folder) / "sound.wav"
            write_audio(audio, path)
            verdict = detect(path, [key.strip()] if key.strip() else [])
        found = facts(verdict)
        return verdict.marked, found.get("take") or "", json.dumps(found, indent=2)


def _written(content: str, path: Path) -> Path | None:
    """Text in a file, None where there is none."""
    if not content.strip():
        return None
    path.write_text(content, encoding="utf-8")
    return path


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "PhonofilmLoadModel": LoadModel,
    "PhonofilmAddSound": AddSound,
    "PhonofilmSpot": Spot,
    "PhonofilmDetectWatermark": DetectWatermark,
}
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "PhonofilmLoadModel": "Phonofilm Load Model",
    "PhonofilmAddSound": "Phonofilm Add Sound",
    "PhonofilmSpot": "Phonofilm Spot Cues",
    "PhonofilmDetectWatermark": "Phonofilm Detect Watermark",
}
