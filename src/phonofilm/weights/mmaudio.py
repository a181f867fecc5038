"""The published MMAudio models, part by part: each is mapped from disk when it is asked for and held by nobody here."""

import logging
from collections.abc import Callable
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
from phonofilm.flow.network import FlowNetwork, load_settled, settle, settled_state
from phonofilm.flow.variants import VARIANTS
from phonofilm.weights.fetch import cache_folder, require
from phonofilm.weights.foreign import flow_state, read_foreign
from phonofilm.weights.load import Sampling
from phonofilm.weights.prepare import prepared, prepared_path
from phonofilm.weights.registry import ModelRow

logger = logging.getLogger(__name__)
Net = TypeVar("Net", bound=nn.Module)

PUBLISHED_SAMPLING = Sampling(steps=25, guidance=4.5, window=0, overlap=0)
"""As the authors sample. Windows are planned in seconds (`scenes/mmaudio.py`), not in latents."""
MEL_FRAMES_A_STEP = 2


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
        """The parts on this machine. Raises ModelError that says what is missing and how to get it."""
        return cls(row, require(row, weights_dir), device, dtype)

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

        def make() -> dict[str, Tensor]:
            logger.warning("weights of %s: %s", self.row.name, self.row.weights_licence)
            state = flow_state(read_foreign(self.paths["flow"]), self.row.variant, self.paths["flow"])
            with torch.device("meta"):
                network = FlowNetwork(config, self.dtype)
            network.load_state_dict({key: value.float() for key, value in state.items()}, strict=True, assign=True)
            settle(network)
            return settled_state(network)

        with torch.device("meta"):
            network = FlowNetwork(config, self.dtype)
        load_settled(network, prepared(self._prepared_path("flow", "flow"), make, self.device))
        return _ready(network)

    def codec(self) -> MelCodec:
        """Latents → waveform."""
        small = self.row.variant.endswith("16k")
        vae_config, vocoder_config = (MP_VAE_16K, BIGVGAN_16K) if small else (MP_VAE_44K, BIGVGAN_44K)
        vae = self._part(
            lambda: MpVae(vae_config, False, self.dtype),
            "vae",
            "vae",
            lambda state: self._rounded(prepare_mp_vae(state, vae_config, False)),
        )
        vocoder = self._part(
            lambda: BigVgan(vocoder_config, self.dtype),
            "vocoder",
            "vocoder",
            lambda state: self._rounded(prepare_bigvgan(state, vocoder_config)),
        )
        return MelCodec(vae, vocoder, self.mel)

    def clip_image(self) -> ClipImage:
        """Frames → what is in them."""
        return self._part(
            lambda: ClipImage(CLIP_VIT_H14_378, self.dtype),
            "clip",
            "clip-image",
            lambda state: prepare_clip_image(state, CLIP_VIT_H14_378, self.dtype),
        )

    def clip_text(self) -> ClipText:
        """Tokens → what they mean."""
        return self._part(
            lambda: ClipText(CLIP_VIT_H14_378, self.dtype),
            "clip",
            "clip-text",
            lambda state: prepare_clip_text(state, CLIP_VIT_H14_378, self.dtype),
        )

    def synchformer(self) -> Synchformer:
        """Frames → when things happen."""
        return self._part(
            lambda: Synchformer(self.dtype),
            "synchformer",
            "synchformer",
            lambda state: prepare_synchformer(state, SYNCHFORMER, self.dtype),
        )

    def _part(
        self,
        build: Callable[[], Net],
        file: str,
        name: str,
        prepare: Callable[[dict[str, Tensor]], dict[str, Tensor]],
    ) -> Net:
        """A network from the file of part `file`, prepared under `name`."""
        path = self._prepared_path(file, name)
        state = prepared(path, lambda: prepare(read_foreign(self.paths[file])), self.device)
        with torch.device("meta"):
            network = build()
        network.load_state_dict(state, strict=True, assign=True)
        return _ready(network)

    def _rounded(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of convolutions in the dtype they are used in, which halves the file; the networks would round
        them at each call. The vocoder's last one computes in float32."""
        return {
            key: value.to(self.dtype) if key.endswith(".weight") and not key.startswith("conv_post") else value
            for key, value in state.items()
        }

    def _prepared_path(self, file: str, name: str) -> Path:
        return prepared_path(cache_folder() / "prepared", name, self.paths[file], self.dtype)


def _ready(network: Net) -> Net:
    return network.eval().requires_grad_(False)
