"""Content Credentials: signed, read back, broken by any change, refused in one line."""

import stat
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from phonofilm.errors import OptionError, OutputError
from phonofilm.mark.certificate import CERTIFICATE_NAME, KEY_NAME, Identity, local_identity, read_identity
from phonofilm.mark.provenance import Claim, read_credentials, sign
from phonofilm.media.audio import write_audio
from phonofilm.types import Waveform

CLAIM = Claim("take", "mini", "1.2.3", 7, b"\x01\x02\x03\x04", None)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return local_identity(tmp_path_factory.mktemp("identity") / "deeper")


def sound(path: Path) -> Path:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 44100)).clip(-1, 1).astype(np.float32)
    write_audio(Waveform(noise, 44100), path)
    return path


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a"])
def test_a_manifest_says_who_made_the_sound_and_its_absence_says_nothing(
    tmp_path: Path, identity: Identity, suffix: str
) -> None:
    path = sound(tmp_path / f"take.{suffix}")
    assert read_credentials(path) is None
    assert sign(path, CLAIM, identity)
    found = read_credentials(path)
    assert found is not None
    assert (found.state, found.generated, found.model, found.prompt) == ("valid", True, "mini", None)
    assert found.actions == ("c2pa.created", "c2pa.watermarked.bound")
    assert found.software == "phonofilm"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name], "nothing else is left"


def test_the_prompt_and_the_watermark_are_told_only_when_they_are_there(tmp_path: Path, identity: Identity) -> None:
    path = sound(tmp_path / "take.wav")
    assert sign(path, Claim("take", "mini", "1", 7, None, "a dog"), identity)
    found = read_credentials(path)
    assert found is not None
    assert found.prompt == "a dog"
    assert found.actions == ("c2pa.created",)


def test_what_was_signed_before_becomes_the_parent(tmp_path: Path, identity: Identity) -> None:
    first = sound(tmp_path / "first.wav")
    sign(first, CLAIM, identity)
    second = sound(tmp_path / "second.wav")
    assert sign(second, CLAIM, identity, first)
    found = read_credentials(second)
    assert found is not None
    assert found.state == "valid"
    assert found.actions == ("c2pa.opened", "c2pa.edited", "c2pa.watermarked.bound")


def test_one_changed_byte_makes_it_invalid(tmp_path: Path, identity: Identity) -> None:
    path = sound(tmp_path / "take.wav")
    sign(path, CLAIM, identity)
    content = bytearray(path.read_bytes())
    content[20_000] ^= 1
    path.write_bytes(content)
    found = read_credentials(path)
    assert found is not None
    assert found.state == "invalid"


def test_a_container_without_a_place_is_left_alone(tmp_path: Path, identity: Identity) -> None:
    path = tmp_path / "take.ogg"
    path.write_bytes(b"anything")
    assert not sign(path, CLAIM, identity)
    assert path.read_bytes() == b"anything"


def test_the_local_certificate_is_made_once_and_its_key_is_private(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = local_identity(tmp_path)
    assert "not who made it" in caplog.text
    caplog.clear()
    assert local_identity(tmp_path) == first
    assert not caplog.text
    assert first.local
    assert stat.S_IMODE((tmp_path / KEY_NAME).stat().st_mode) == 0o600
    own = read_identity(tmp_path / CERTIFICATE_NAME, tmp_path / KEY_NAME)
    assert (own.certificates, own.algorithm, own.local) == (first.certificates, "es256", False)


def test_bad_certificates_are_one_line_and_leave_the_file(tmp_path: Path, identity: Identity) -> None:
    certificate, key, other = tmp_path / "c.pem", tmp_path / "k.pem", tmp_path / "o.pem"
    certificate.write_bytes(identity.certificates)
    key.write_bytes(identity.key)
    stranger = ed25519.Ed25519PrivateKey.generate()
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    other.write_bytes(stranger.private_bytes(*plain))
    with pytest.raises(OptionError, match="not the key of"):
        read_identity(certificate, other)
    with pytest.raises(OptionError, match="cannot use"):
        read_identity(key, certificate)
    with pytest.raises(OptionError, match="cannot use"):
        read_identity(tmp_path / "none.pem", key)
    path = sound(tmp_path / "take.wav")
    before = path.read_bytes()
    root = x509.load_pem_x509_certificates(identity.certificates)[1].public_bytes(serialization.Encoding.PEM)
    with pytest.raises(OptionError, match="could not be signed"):
        sign(path, CLAIM, Identity(root, identity.key, "es256", local=False))
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot keep a certificate"):
        local_identity(tmp_path / "file" / "identity")
