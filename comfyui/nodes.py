"""The nodes. All of them call Phonofilm's one pipeline; what they hand on was written, and marked, by it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from phonofilm import Phonofilm, Take, detect
from phonofilm.cues import CueSheet
from phonofilm.detection import facts
from phonofilm.settings import LOUDNESS_TARGETS, AddOptions
from phonofilm.weights.registry import MODELS

from .progress import Report
from .values import (
    HIGHEST_HZ,
    LOWEST_HZ,
    Audio,
    audio_of,
    certainty,
    clip_of,
    film_path,
    frame_rate,
    silence_like,
    video_from_file,
    video_from_images,
    workshop,
    write_audio,
)

CATEGORY = "audio/phonofilm"
MODEL = "PHONOFILM_MODEL"
SHEET, TRANSCRIPT = "cues.json", "dialogue.txt"
TESTING = "tiny"
"""Random numbers, for tests of programs."""
MIX = "mix"
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
    rate = {"default": 24.0, "min": LOWEST_HZ, "max": HIGHEST_HZ, "step": 0.001, "tooltip": "Images a second."}
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
        "The picture with the mix; its packets are copied, images stay images.",
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
        report = Report()
        with workshop() as folder:
            clip = clip_of(folder, video, images, fps, report)
            take = model.add_sound(
                clip,
                folder / (f"film{clip.suffix}" if images is None else f"{MIX}.wav"),
                cues=_written(cues, folder / SHEET),
                audio_only=images is not None,
                prompt=prompt.strip(),
                negative=negative.strip(),
                seed=seed,
                steps=steps,
                guidance=guidance,
                sync=sync,
                loudness=loudness,
                music=music.strip(),
                dialogue=_written(dialogue, folder / TRANSCRIPT) or "",
                voices=voices.strip(),
                stems=True,
                progress=report,
            )[0]
            mix, *layers = _sounds(take)
            film = _kept(take.path) if images is None else video_from_images(images, mix, frame_rate(fps))
        sheet = "" if take.cues is None else take.cues.to_json()
        return film, mix, layers[0], layers[1], layers[2], sheet


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
        report = Report()
        with workshop() as folder:
            sheet: CueSheet = model.spot(clip_of(folder, video, images, fps, report), report)
        return sheet.to_json(), len(sheet.events)


class DetectWatermark:
    """Is a sound ours?"""

    DESCRIPTION = "Looks for Phonofilm's watermark in a sound, and reads it."
    CATEGORY = CATEGORY
    FUNCTION = "detect"
    RETURN_TYPES = ("BOOLEAN", "FLOAT", "STRING", "STRING")
    RETURN_NAMES = ("marked", "confidence", "take", "report")
    OUTPUT_TOOLTIPS = (
        "Whether it is marked; the chance of an error is below 1e-9.",
        "Decimal places of the chance of an error: 9 or more is marked, 0 is nothing seen.",
        "The name of the take; empty where it cannot be read.",
        "All that was found (JSON).",
    )

    @classmethod
    def INPUT_TYPES(cls) -> Types:  # noqa: N802
        return {
            "required": {"audio": ("AUDIO",)},
            "optional": {"key": ("STRING", {"default": "", "tooltip": "File with a secret to look for as well."})},
        }

    def detect(self, audio: Audio, key: str = "") -> tuple[bool, float, str, str]:
        with workshop() as folder:
            path = folder / "sound.wav"
            write_audio(audio, path)
            verdict = detect(path, [key.strip()] if key.strip() else [])
        found = facts(verdict)
        sure = 0.0 if verdict.detection is None else certainty(verdict.detection.log10_chance)
        return verdict.marked, sure, found.get("take") or "", json.dumps(found, indent=2)


def _written(content: str, path: Path) -> Path | None:
    """Text in a file, None where there is none."""
    if not content.strip():
        return None
    path.write_text(content, encoding="utf-8")
    return path


def _sounds(take: Take) -> list[Audio]:
    """The mix and each stem, read back from what was written; silence where there is none."""
    mix = audio_of(take.stems.get(MIX, take.path))
    return [mix, *(audio_of(take.stems[stem]) if stem in take.stems else silence_like(mix) for stem in STEMS)]


def _kept(path: Path) -> Any:
    """A film as VIDEO, moved to where it outlives this run."""
    film = film_path(path.suffix)
    shutil.move(path, film)
    return video_from_file(film)


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
