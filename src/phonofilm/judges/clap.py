"""LAION-CLAP by the library transformers, out of a folder in that library's layout: sound and sentences in one space.

LAION-CLAP: Wu et al. 2023, https://arxiv.org/abs/2211.06687. Its sound half is HTSAT over a log-mel spectrogram of
10 s, its text half RoBERTa.

Dimension letters: B batch, S samples, E width of the common space.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from phonofilm.errors import MissingExtraError, ModelError

RATE_HZ = 48000
LONGEST_S = 10.0
"""Longer sound would be cut at random."""
FILES = ("config.json", "preprocessor_config.json")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TOKENS = ("tokenizer.json", "vocab.json")


@contextmanager
def _silence() -> Iterator[None]:
    """The library draws progress and logs while it reads; what is wrong is said by us, in one line."""
    from transformers.utils import logging as transformers_logging

    talk: Any = transformers_logging
    level, bars = talk.get_verbosity(), talk.is_progress_bar_enabled()
    talk.set_verbosity(logging.CRITICAL)
    talk.disable_progress_bar()
    try:
        yield
    finally:
        talk.set_verbosity(level)
        if bars:
            talk.enable_progress_bar()


class Clap:
    """The network with what makes its input. Read-only after loading."""

    def __init__(self, model: Any, hearing: Any, reading: Any) -> None:
        self._model, self._hearing, self._reading = model, hearing, reading

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> "Clap":
        """From a folder that holds configuration, weights and tokenizer; nothing is fetched.

        Raises MissingExtraError without transformers, ModelError when files are missing, damaged, or not this kind of
        network.
        """
        missing = [name for name in FILES if not (folder / name).is_file()]
        missing += [f"{a} or {b}" for a, b in (WEIGHTS, TOKENS) if not any((folder / n).is_file() for n in (a, b))]
        if missing:
            raise ModelError(f"{folder} lacks {', '.join(missing)}; put the whole published folder there")
        try:
            from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel
        except ImportError as error:
            raise MissingExtraError(
                "LAION-CLAP needs the library transformers; run 'pip install phonofilm[official]'"
            ) from error
        with _silence():
            try:
                model, told = cast(Any, ClapModel).from_pretrained(
                    folder, local_files_only=True, output_loading_info=True
                )
                hearing = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
                reading = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            except Exception as error:  # the library lets the errors of all its readers through
                reason = " ".join(str(error).split())[:200]
                raise ModelError(f"{folder} cannot be read as LAION-CLAP ({reason}); fetch it again") from error
        # The library fills what a file lacks with random numbers, and only logs it. Tables of indices it makes itself.
        numbers = {key for key, value in model.state_dict().items() if value.is_floating_point()}
        faults = {*told["missing_keys"], *(entry[0] for entry in told["mismatched_keys"])} & numbers
        if faults:
            raise ModelError(
                f"{folder} is not the network its config.json says, {len(faults)} entries are missing or of another "
                f"shape ({', '.join(sorted(faults)[:3])}); fetch it again"
            )
        return cls(model.to(device).eval().requires_grad_(False), hearing, reading)

    @torch.no_grad()
    def hear(self, samples: Tensor) -> Tensor:
        """Samples (S,) at 48 kHz, full scale 1, 10 s at most → (E,) of length 1.

        What is shorter than 10 s is repeated as often as it fits whole and followed by silence, as in the original.
        """
        assert len(samples) <= LONGEST_S * RATE_HZ, f"{len(samples)} samples are more than {LONGEST_S} s"
        ready = self._hearing(samples.cpu().numpy(), sampling_rate=RATE_HZ, return_tensors="pt")
        made = self._model.get_audio_features(**ready.to(self._model.device))
        return self._unit(made)[0]

    @torch.no_grad()
    def read(self, sentences: Sequence[str]) -> Tensor:
        """(B, E) of length 1. Sentences are cut at 77 tokens, as in the original."""
        ready = self._reading(
            list(sentences), padding="max_length", truncation=True, max_length=77, return_tensors="pt"
        )
        ready = {name: ready[name].to(self._model.device) for name in ("input_ids", "attention_mask")}
        return self._unit(self._model.get_text_features(**ready))

    @staticmethod
    def _unit(made: Any) -> Tensor:
        # Up to its version 4 the library gave the vectors themselves, since then a record that holds them.
        vectors: Tensor = made if isinstance(made, Tensor) else made.pooler_output
        return torch.nn.functional.normalize(vectors, dim=-1)
