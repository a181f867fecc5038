"""What was found in a file, as `phonofilm detect --json` says it."""

from typing import Any

from phonofilm.detection import Verdict
from phonofilm.mark.payload import Payload
from phonofilm.weights.registry import model_called


def verdict_view(verdict: Verdict) -> dict[str, Any]:
    """One file's verdict, without its name."""
    found, credentials = verdict.detection, verdict.credentials
    view: dict[str, Any] = {"marked": verdict.marked, "duration_s": round(verdict.duration_s, 3)}
    if found is not None:
        view |= {"chance": found.chance, "log10_chance": round(found.log10_chance, 2), "score": round(found.score, 2)}
    if found is not None and found.marked:
        view |= {"key": found.key, **_payload(found.payload)}
        view |= {"tempo": round(found.tempo, 4), "semitones": round(found.semitones, 2)}
        view["spans"] = [
            {"start_s": span.start_s, "end_s": round(span.end_s, 3), **_payload(span.payload)} for span in found.spans
        ]
    view["credentials"] = credentials and {
        "state": credentials.state,
        "signer": credentials.signer,
        "software": credentials.software,
        "generated": credentials.generated,
        "model": credentials.model,
        "prompt": credentials.prompt,
    }
    return view


def _payload(payload: Payload | None) -> dict[str, Any]:
    if payload is None:
        return {"model": None, "made": None, "take": None}
    return {"model": model_called(payload.model), "made": payload.made, "take": payload.take_id}
