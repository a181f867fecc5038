"""The published MMAudio models, part by part: each is mapped from disk when it is asked for and held by nobody here."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from phonofilm.codec.bigvgan import BIGVGAN_16K, BIGVGAN_44K, BigVgan, prepare_bigvgan
from phonofilm.codec.mel_codec import MelCodec
from phonofilm.codec.mp_vae import MP_VAE_16K, MP_VAE_44K, MpVae, prepare_mp_vae
from phonofilm.codec.spectral import MEL_16K, MEL_44K, MelConfig
from phonofilm.encoders.clip import CLIP_VIT_H14_378, ClipImage, ClipText, prepare_clip_image, prepare_clip_text
from phonofilm.encoders.synchformer import SYNCHFORMER, Synchformer, prepare_synchformer
from phonofilm.errors import ModelError
from phonofilm.flow.network import FlowConfig, FlowNetwork, load_settled, settle, settled_state
from phonofilm.flow.variants import VARIANTS
from phonofilm.weights.fetch import cache_folder, require, verify
from phonofilm.weights.foreign import check_flow, check_sums, looks_like, read_foreign
from phonofilm.weights.load import Sampling
from phonofilm.weights.prepare import prepared, prepared_path
from phonofilm.weights.registry import ModelRow

logger = logging.getLogger(__name__)
Net = TypeVar("Net", bound=nn.Module)
State = dict[str, Tensor]

PUBLISHED_SAMPLING = Sampling(steps=25, guidance=4.5, window=0, overlap=0)
"""As the authors sample. Windows are planned in seconds (`scenes/mmaudio.py`), not in latents."""
MEL_FRAMES_A_STEP = 2


def _fill(network: nn.Module, state: State) -> None:
    network.load_state_dict(state, strict=True, assign=True)


@dataclass(frozen=True)
class MmaudioParts:
    """Where the parts of one model are, and what they are loaded as."""

    row: ModelRow
    paths: dict[str, Path]
    device: torch.device
    dtype: torch.dtype
    sampling: Sampling = field(default=PUBLISHED_SAMPLING)

    @classmethod
    def find(cls, row: ModelRow, weights_dir: Path | None, device: torch.device, dtype: torch.dtype) -> "MmaudioParts":
        """The parts on this machine.

        Before the first use the licence of the weights is logged as a warning, and what every job needs is made ready
        at once: a wrong file is said before minutes are spent on encoding. Raises ModelError that says what is missing
        and how to get it, or which file is not what it should be.
        """
        parts = cls(row, require(row, weights_dir), device, dtype)
        here = cls(row, parts.paths, torch.device("cpu"), dtype)
        if not parts._prepared_path("flow", "flow").exists():
            logger.warning("%s, weights: %s", row.name, row.weights_licence)
            here.flow()
        if not all(parts._prepared_path(part, part).exists() for part in ("vae", "vocoder")):
            here.codec()
        return parts

    @property
    def mel(self) -> MelConfig:
        """The spectrogram that autoencoder and vocoder speak."""
        return MEL_16K if self.row.variant.endswith("16k") else MEL_44K

    @property
    def rate_hz(self) -> int:
        return self.mel.rate_hz

    @property
    def samples_a_step(self) -> int:
        """Audio samples that one latent step stands for."""
        return MEL_FRAMES_A_STEP * self.mel.hop

    def identity(self, *parts: str) -> str:
        """What the output of these parts depends on besides their input: the files and the dtype of products."""
        return " ".join(self._prepared_path(part, part).name for part in parts)

    def flow(self) -> FlowNetwork:
        """Conditions and noise → velocity."""
        config = VARIANTS[self.row.variant]

        def pieces(state: State) -> Iterator[State]:
            check_flow(state, self.row.variant)
            del state
            return _settled_pieces(lambda: read_foreign(self.paths["flow"], "flow"), config, self.dtype)

        return self._part(lambda: FlowNetwork(config, self.dtype), "flow", "flow", pieces, load_settled)

    def codec(self) -> MelCodec:
        """Latents → waveform."""
        small = self.row.variant.endswith("16k")
        vae_config, vocoder_config = (MP_VAE_16K, BIGVGAN_16K) if small else (MP_VAE_44K, BIGVGAN_44K)
        vae = self._part(
            lambda: MpVae(vae_config, False, self.dtype),
            "vae",
            "vae",
            lambda state: iter([self._rounded(prepare_mp_vae(state, vae_config, False))]),
        )
        vocoder = self._part(
            lambda: BigVgan(vocoder_config, self.dtype),
            "vocoder",
            "vocoder",
            lambda state: iter([self._rounded(prepare_bigvgan(state, vocoder_config))]),
        )
        return MelCodec(vae, vocoder, self.mel)

    def clip_image(self) -> ClipImage:
        """Frames → what is in them."""
        return self._part(
            lambda: ClipImage(CLIP_VIT_H14_378, self.dtype),
            "clip",
            "clip-image",
            lambda state: iter([prepare_clip_image(state, CLIP_VIT_H14_378, self.dtype)]),
        )

    def clip_text(self) -> ClipText:
        """Tokens → what they mean."""
        return self._part(
            lambda: ClipText(CLIP_VIT_H14_378, self.dtype),
            "clip",
            "clip-text",
            lambda state: iter([prepare_clip_text(state, CLIP_VIT_H14_378, self.dtype)]),
        )

    def synchformer(self) -> Synchformer:
        """Frames → when things happen."""
        return self._part(
            lambda: Synchformer(self.dtype),
            "synchformer",
            "synchformer",
            lambda state: iter([prepare_synchformer(state, SYNCHFORMER, self.dtype)]),
        )

    def _part(
        self,
        build: Callable[[], Net],
        part: str,
        name: str,
        prepare: Callable[[State], Iterator[State]],
        fill: Callable[[nn.Module, State], None] = _fill,
    ) -> Net:
        """A network from the file of `part`, prepared in pieces under `name`. Raises ModelError."""
        path = self._prepared_path(part, name)

        def make() -> Iterator[State]:
            return self._pieces(part, prepare)

        with torch.device("meta"):
            network = build()
        state = prepared(path, make, self.device)
        try:
            fill(network, state)
        except RuntimeError as error:  # missing, unexpected or wrongly shaped entries
            logger.warning("%s does not hold what it should (%.100s); it is made again", path, error)
            path.unlink(missing_ok=True)
            fill(network, prepared(path, make, self.device))
        return network.eval().requires_grad_(False)

    def _pieces(self, part: str, prepare: Callable[[State], Iterator[State]]) -> Iterator[State]:
        """The published file of a part, made ready; errors say which file it is, and which it seems to be."""
        path = self.paths[part]
        file = next(file for file in self.row.published if file.part == part)
        if not verify(path, file):
            check_sums(path)
        state = read_foreign(path, part)
        try:
            return prepare(state)
        except ModelError as error:
            found = looks_like(state)
            raise ModelError(f"{path}{f' looks like {found}' if found else ''}: {error}") from error

    def _rounded(self, state: State) -> State:
        """The weights of convolutions in the dtype they are used in, which halves the file; the networks would round
        them at each call. The vocoder's last one computes in float32."""
        return {
            key: value.to(self.dtype) if key.endswith(".weight") and not key.startswith("conv_post") else value
            for key, value in state.items()
        }

    def _prepared_path(self, part: str, name: str) -> Path:
        return prepared_path(cache_folder() / "prepared", name, self.paths[part], self.dtype)


def _settled_pieces(read: Callable[[], State], config: FlowConfig, dtype: torch.dtype) -> Iterator[State]:
    """A checked flow network, settled block by block.

    The source is mapped anew for each, so that neither it nor the result is ever in memory as a whole: at 1031 M
    parameters that would be 7.4 GB.
    """
    with torch.device("meta"):
        network = FlowNetwork(config, dtype)
    blocks: dict[str, nn.Module] = {}
    for name, child in network.named_children():
        items = child.named_children() if isinstance(child, nn.ModuleList) else [("", child)]
        blocks |= {f"{name}.{index}".rstrip("."): module for index, module in items}
    state = read()
    direct = [key for key in state if not key.startswith(tuple(f"{name}." for name in blocks))]
    yield {key: state[key].float() for key in direct}
    for name, module in blocks.items():
        state = read()
        box = nn.ModuleList([module])  # its entries are called 0.…
        box.load_state_dict(
            {f"0.{key.removeprefix(f'{name}.')}": state[key].float() for key in state if key.startswith(f"{name}.")},
            strict=True,
            assign=True,
        )
        del state
        settle(box)
        yield {name + key.removeprefix("0"): value for key, value in settled_state(box).items()}
        box.to("meta")
