"""Signed provenance: a C2PA manifest (Content Credentials, specification 2.1) inside a finished file.

It says in a form that machines read that the sound was made by a trained model, by which one, and which watermark binds
the sound to this statement should the manifest be stripped. Any later change of the file breaks the signature, and most
programs drop the manifest when they save: it is the watermark that stays.
"""

import json
import logging
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from phonofilm.disk import disk_is_full, way_out, writer
from phonofilm.errors import OptionError, OutputError
from phonofilm.mark.certificate import MISSING_EXTRA, Identity

logger = logging.getLogger(__name__)

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC digital source types: all of the file is generated, or generated sound was put to somebody's picture."""
DESCRIPTIONS = {
    GENERATED: "sound generated from words",
    COMPOSITE: "sound generated for the picture",
    "": "the clip's own sound, set to the level of the mix and watermarked",
}
"""By source type, "" where nothing is generated."""
SOFT_BINDING = "org.phonofilm.watermark.1"
GENERATION = "org.phonofilm.generation"
SIGNED_SUFFIXES = (".mp4", ".mov", ".m4v", ".m4a", ".wav", ".mp3", ".flac", ".avi")
"""Containers that the specification (appendix A) has a place in and the library can write."""


class Content(Enum):
    """What a file holds, as an IPTC source type; of the clip's own sound alone we do not know where it comes from."""

    GENERATED = GENERATED
    COMPOSITE = COMPOSITE
    OWN = ""


@dataclass(frozen=True)
class Claim:
    """What a manifest states. watermark: the payload in the sound, None where it could not be marked. prompt: only when
    its maker wants it known."""

    title: str
    model: str
    version: str
    seed: int
    watermark: bytes | None
    prompt: str | None


@dataclass(frozen=True)
class Credentials:
    """What the manifest in a file says, ours or anybody's. state: "valid", "trusted" or "invalid".

    generated: the file says of itself that a trained model made it or part of it. model: "" where none is named.
    """

    state: str
    signer: str
    software: str
    generated: bool
    model: str
    prompt: str | None
    actions: tuple[str, ...]


def can_sign() -> bool:
    """Whether the packages of the extra are there."""
    return find_spec("c2pa") is not None and find_spec("cryptography") is not None


def sign(
    path: Path, claim: Claim, identity: Identity, clip: Path | None = None, content: Content | None = None
) -> bool:
    """Put a signed manifest into the file at `path`, which is replaced whole; False where its container has no place.

    clip: the file that the picture, or some of the sound, was taken from; it becomes the parent, with its own
    credentials if it has some. content: None for what was generated, together with something of the clip's where there
    is one. The clip's own sound is opened, not created: False where the clip cannot be a parent.

    Raises OptionError without the extra or when the certificate is refused, OutputError when the file cannot be
    written; the file is then as it was.
    """
    if path.suffix.lower() not in SIGNED_SUFFIXES:
        return False
    try:
        import c2pa
    except ImportError as error:
        raise OptionError(MISSING_EXTRA) from error
    # Only what the library can read can be a parent; a manifest that opens nothing must create.
    parent = clip if clip is not None and clip.suffix.lower() in SIGNED_SUFFIXES else None
    content = content or (Content.GENERATED if clip is None else Content.COMPOSITE)
    if content is Content.OWN and parent is None:
        return False
    partial = path.with_name(f".{path.stem}.{writer()}.signing{path.suffix}")
    signer = c2pa.C2paSignerInfo(identity.algorithm.encode(), identity.certificates, identity.key, None)
    try:
        with c2pa.Signer.from_info(signer) as hand, c2pa.Builder(_manifest(claim, parent, content)) as builder:
            if parent is not None:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
                with parent.open("rb") as file:
                    ingredient = {"title": _unicode(parent.name), "relationship": "parentOf"}
                    builder.add_ingredient(ingredient, parent.suffix.lower()[1:], file)
            builder.sign_file(path, partial, hand)
        partial.replace(path)
    except (c2pa.C2paError, UnicodeError) as error:  # the library takes only names that are Unicode
        raise _refused(path, error) from error
    except OSError as error:
        raise OutputError(
            f"cannot write {partial} ({error.strerror or error}); {way_out(error, path.parent)}"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return True


def _refused(path: Path, error: Exception) -> OptionError | OutputError:
    """What to say of a file that the library would not sign."""
    told = _unicode(path.name)
    if told != path.name:
        return OptionError(f"{told} could not be signed (its name is no Unicode text); rename the clip or the output")
    if disk_is_full(path.parent):  # the library does not always say so
        return OutputError(f"{path} could not be signed (the disk is full); free some space or choose another folder")
    return OptionError(f"{path.name} could not be signed ({error}); check the certificate or turn credentials off")


def _unicode(name: str) -> str:
    """A file name without what is no Unicode text."""
    return name.encode("utf-8", "replace").decode()


def read_credentials(path: Path) -> Credentials | None:
    """The manifest in a file, None where there is none or the packages to read it are not installed."""
    if not can_sign():
        return None
    import c2pa

    try:
        with c2pa.Reader(str(path)) as reader:
            store, state = json.loads(reader.json()), str(reader.get_validation_state()).lower()
    except c2pa.C2paError as error:
        logger.debug("no credentials in %s: %s", path, error)
        return None
    manifest = store["manifests"][store["active_manifest"]]
    assertions = {entry["label"]: entry["data"] for entry in manifest["assertions"]}
    actions = [action for label, data in assertions.items() if "actions" in label for action in data["actions"]]
    generation = assertions.get(GENERATION, {})
    software = [entry["name"] for entry in manifest.get("claim_generator_info", [])]
    return Credentials(
        state=state,
        signer=manifest.get("signature_info", {}).get("issuer") or "nobody named",
        software=", ".join(software),
        generated=any(action.get("digitalSourceType") in (GENERATED, COMPOSITE) for action in actions),
        model=generation.get("model", ""),
        prompt=generation.get("prompt"),
        actions=tuple(action["action"] for action in actions),
    )


def _manifest(claim: Claim, parent: Path | None, content: Content) -> dict[str, Any]:
    """The manifest's definition as c2pa-rs takes it. What is not generated names no source type, model or seed."""
    agent = {"name": "phonofilm", "version": claim.version}
    made: dict[str, Any] = {
        "action": "c2pa.created" if parent is None else "c2pa.edited",
        "softwareAgent": agent,
        "description": DESCRIPTIONS[content.value],
    }
    if content is not Content.OWN:
        made["digitalSourceType"] = content.value
    actions = [made]
    assertions: list[dict[str, Any]] = [{"label": "c2pa.actions", "data": {"actions": actions}}]
    if claim.watermark is not None:
        actions.append({"action": "c2pa.watermarked.bound", "softwareAgent": agent})
        binding = {"alg": SOFT_BINDING, "blocks": [{"scope": {}, "value": claim.watermark.hex()}]}
        assertions.append({"label": "c2pa.soft-binding", "data": binding})
    generation: dict[str, Any] = {"model": claim.model, "seed": claim.seed}
    if claim.prompt is not None:
        generation["prompt"] = claim.prompt
    if content is not Content.OWN:
        assertions.append({"label": GENERATION, "data": generation})
    return {"claim_generator_info": [agent], "title": claim.title, "assertions": assertions}
