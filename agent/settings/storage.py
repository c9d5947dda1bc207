"""Readers for the secrets of object stores; see `agent.machine.light.texts`."""

import binascii

from agent.machine.light import texts
from agent.machine.light.texts import UnusableError

AZURE_KEY_BYTES = 64
"""https://learn.microsoft.com/azure/storage/common/storage-account-keys-manage"""


def azure_key(text: str) -> str:
    """Read the key of a storage account: Base64, which rclone must be able to decode."""
    value = texts.unwrap(text, begins_bare=True)
    key = _decode(value)
    if not key:
        raise UnusableError(
            "it is not Base64, and keys of storage accounts are",
            "give the key alone, not a connection string: az storage account keys list",
        )
    if len(key) != AZURE_KEY_BYTES:  # perhaps the file was encoded once more
        inner = texts.unwrap(key.decode(errors="replace"), begins_bare=True)
        if len(_decode(inner)) == AZURE_KEY_BYTES:
            return inner
    return value


def _decode(value: str) -> bytes:
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:  # also for what is not ASCII
        return b""


def sas_token(text: str) -> str:
    """Read a SAS token: the query of a URL, or the whole URL, as the portal shows it."""
    value = texts.unwrap(text, begins_bare=True).rpartition("?")[2]
    is_plain = value.isascii() and value.isprintable() and " " not in value
    if not is_plain or "sig=" not in value:
        raise UnusableError(
            "it is not a SAS token, such as sv=…&sig=…",
            "copy it whole: az storage container generate-sas",
        )
    return value
