"""The half of the published codec that hears. Only a redo needs it, so it is neither prepared nor kept on disk."""

import torch

from phonofilm.codec.mel_codec import HearingCodec
from phonofilm.codec.mp_vae import MP_VAE_16K, MP_VAE_44K, MpVae, prepare_mp_vae
from phonofilm.errors import ModelError, OptionError
from phonofilm.weights.foreign import read_foreign
from phonofilm.weights.mmaudio import MmaudioParts


def load_hearing_codec(parts: MmaudioParts) -> HearingCodec:
    """Waveform → latents. Raises OptionError when the autoencoder's file holds no encoder."""
    path = parts.paths["vae"]
    config = MP_VAE_16K if parts.row.variant.endswith("16k") else MP_VAE_44K
    try:
        state = prepare_mp_vae(read_foreign(path, "vae"), config, with_encoder=True)
    except ModelError as error:
        raise OptionError(
            f"--redo needs the encoder of {path}, and it cannot be had ({error}); fetch the whole file again, or use "
            "--model mini"
        ) from error
    with torch.device("meta"):
        vae = MpVae(config, with_encoder=True, matmul_dtype=parts.dtype)
    vae.load_state_dict(state, strict=True, assign=True)
    return HearingCodec(vae.to(parts.device).eval().requires_grad_(False), parts.mel)
