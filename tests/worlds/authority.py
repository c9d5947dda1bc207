"""A private certificate authority, and the certificates that it signs."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
FULCIO_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
"""Who vouches for the identity in a certificate of Fulcio."""


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes
    der: bytes


class Authority:
    """Signs for loopback, and for workflows."""

    def __init__(self, name: str = "Octo Proxy CA", *, ended: bool = False) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._end = -DAY if ended else 2 * DAY
        self.own = self._sign(self._name, self._key, is_authority=True)

    def sign(self, *names: str) -> Signed:
        """Return a server's certificate for these names and 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        known: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        known.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        return self._sign(subject, key, x509.SubjectAlternativeName(known), is_authority=False)

    def sign_workflow(self, public_key: bytes, workflow: str, issuer: str) -> bytes:
        """Return a certificate, as Fulcio gives one to a workflow that signs without a key.

        https://github.com/sigstore/fulcio/blob/main/docs/certificate-specification.md
        """
        key = load_pem_public_key(public_key)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        signed = self._certify(
            x509.Name([]),
            key,
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(workflow)]),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]),
            x509.UnrecognizedExtension(FULCIO_ISSUER, issuer.encode()),
            is_authority=False,
        )
        return signed.public_bytes(Encoding.PEM)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *extensions: x509.ExtensionType,
        is_authority: bool,
    ) -> Signed:
        signed = self._certify(subject, key.public_key(), *extensions, is_authority=is_authority)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Signed(signed.public_bytes(Encoding.PEM), private, signed.public_bytes(Encoding.DER))

    def _certify(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *extensions: x509.ExtensionType,
        is_authority: bool,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 9 * DAY)
            .not_valid_after(now + self._end)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
        )
        for extension in extensions:
            made = made.add_extension(extension, critical=False)
        return made.sign(self._key, SHA256())


def write_files(folder: Path, signed: Signed) -> None:
    """Write what a server needs: its certificate and key in one file."""
    (folder / "server.pem").write_bytes(signed.certificate + signed.key)
