"""Who signs: a certificate of the user's own, or one that this computer makes for itself.

A certificate made here proves that a file has not been changed since it was signed. It proves nothing about who signed
it, and readers of Content Credentials say so ("untrusted"): trust is what an authority gives, not a program.

The profile is that of the C2PA specification 2.1, section 14.5: the signer's certificate is not self-signed, may sign
and nothing else, and carries the purpose "e-mail protection", the one that readers accept without being told to.
"""

import datetime
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from phonofilm.disk import writer
from phonofilm.errors import OptionError, OutputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, Name

logger = logging.getLogger(__name__)

VALID_DAYS = 3650
MISSING_EXTRA = "Content Credentials need two more packages; install them with: pip install 'phonofilm[provenance]'"
CERTIFICATE_NAME, KEY_NAME = "certificate.pem", "key.pem"


@dataclass(frozen=True)
class Identity:
    """A chain of certificates (PEM, the signer's first), the private key (PEM, PKCS 8), and the algorithm's C2PA name.

    local: made on this computer, known to nobody else.
    """

    certificates: bytes
    key: bytes
    algorithm: str
    local: bool


def local_folder() -> Path:
    """Where this computer's own certificate lies (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".local" / "share") / "phonofilm" / "provenance"


def read_identity(certificates: Path, key: Path) -> Identity:
    """The user's own certificate and key, both PEM.

    Raises OptionError when a file cannot be read, holds something else, or the two do not belong together.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise OptionError(MISSING_EXTRA) from error
    try:
        chain, secret = certificates.read_bytes(), key.read_bytes()
        signer = x509.load_pem_x509_certificates(chain)[0]
        private = serialization.load_pem_private_key(secret, None)
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f"cannot use {certificates} with {key} ({reason}); give a PEM chain, the signer's certificate first, "
            "and its PEM private key without a password"
        ) from error
    if private.public_key() != signer.public_key():
        raise OptionError(f"{key} is not the key of the first certificate in {certificates}; give the two that match")
    plain = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Identity(chain, plain, _algorithm(private), local=False)


def local_identity(folder: Path) -> Identity:
    """This computer's own certificate, made and kept in `folder` at the first use, with a warning about its worth.

    Raises OptionError without the extra, OutputError when the folder cannot be written.
    """
    certificates, key = folder / CERTIFICATE_NAME, folder / KEY_NAME
    if not (certificates.is_file() and key.is_file()):
        chain, secret = _made()
        logger.warning(
            "made a certificate for this computer in %s; it shows that a file is unchanged, not who made it "
            "(for that give one of an authority as certificate and certificate-key)",
            folder,
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(key, secret, 0o600)
            _write(certificates, chain, 0o644)
        except OSError as error:
            raise OutputError(f"cannot keep a certificate in {folder} ({error}); make the folder writable") from error
    return replace(read_identity(certificates, key), local=True)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others in between."""
    partial = path.with_name(f"{path.name}.{writer()}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    partial.replace(path)


def _algorithm(private: object) -> str:
    """The C2PA name of the signature that a key makes. Raises OptionError for a kind that C2PA does not know."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, rsa.RSAPrivateKey):
        return "ps256"
    curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in curves:
        return curves[private.curve.name]
    raise OptionError(f"a {type(private).__name__} cannot sign; give a key on P-256, P-384, P-521, Ed25519 or RSA")


def _made() -> tuple[bytes, bytes]:
    """(chain, private key), PEM: a signer's certificate under a root whose key is thrown away at once."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise OptionError(MISSING_EXTRA) from error

    def name(role: str) -> x509.Name:
        organisation = x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Phonofilm on a private computer")
        return x509.Name([organisation, x509.NameAttribute(x509.NameOID.COMMON_NAME, role)])

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate(name("local root"), root_key, name("local root"), root_key, authority=True)
    signer = _certificate(name("local signer"), key, name("local root"), root_key, authority=False)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return b"".join(part.public_bytes(serialization.Encoding.PEM) for part in (signer, root)), secret


def _certificate(
    subject: "Name",
    key: "EllipticCurvePrivateKey",
    issuer: "Name",
    issuer_key: "EllipticCurvePrivateKey",
    *,
    authority: bool,
) -> "Certificate":
    """One certificate of the profile at the head of the file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock that is set back by a day must not make fresh files invalid.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
