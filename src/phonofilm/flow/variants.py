"""The five published MMAudio networks (Cheng et al. 2025)."""

import dataclasses

from phonofilm.flow.network import FlowConfig

SMALL_16K = FlowConfig(
    latent_dim=20,
    clip_dim=1024,
    sync_dim=768,
    text_dim=1024,
    width=448,
    heads=7,
    joint_blocks=4,
    fused_blocks=8,
    text_tokens=77,
    sync_segment=8,
    latent_kernel=7,
    version="v1",
)
SMALL_44K = dataclasses.replace(SMALL_16K, latent_dim=40)
MEDIUM_44K = dataclasses.replace(SMALL_44K, width=896, heads=14)
LARGE_44K = dataclasses.replace(MEDIUM_44K, joint_blocks=7, fused_blocks=14)
LARGE_44K_V2 = dataclasses.replace(LARGE_44K, version="v2")
VARIANTS = {
    "small_16k": SMALL_16K,
    "small_44k": SMALL_44K,
    "medium_44k": MEDIUM_44K,
    "large_44k": LARGE_44K,
    "large_44k_v2": LARGE_44K_V2,
}
