"""The GitHub App of the contract tests."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

APP = 1234
INSTALLATION = 77


def make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def make_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    """Return a private key as GitHub hands it out."""
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()


def make_public_pem(key: rsa.RSAPrivateKey) -> str:
    """Return what GitHub keeps of it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
