"""The services: sshd and the editor. To add a variable, add a field."""

from pathlib import Path

from agent.machine.formats.private_keys import read_ssh_key
from agent.machine.light import texts
from agent.machine.secret import SecretInput
from agent.machine.values import frozen
from agent.settings import argon2
from agent.settings.parsers import absolute_path, address, one_of, port, switch, text
from agent.settings.variable import secret, variable


@frozen
class Ssh:
    """SSH."""

    enabled: bool = variable("DEV8_SSH", switch, "Run sshd.", default="true")
    port: int = variable("DEV8_SSH_PORT", port, "Port of sshd.", default="2222")
    address: str = variable(
        "DEV8_SSH_ADDRESS",
        address,
        "IP address that sshd listens on; :: means all addresses, including IPv6.",
        default="0.0.0.0",  # noqa: S104 - the container's network decides who can reach it
    )
    wait: str = variable(
        "DEV8_SSH_WAIT",
        one_of("no", "clone", "dotfiles", "hooks", "extensions", "tools", "all"),
        "What interactive logins wait for while the workspace is being set up; Enter goes on. "
        "Commands, file transfers and editors never wait.",
        default="no",
    )
    algorithms: str = variable(
        "DEV8_SSH_ALGORITHMS",
        one_of("modern", "quantum-safe", "compatible"),
        "modern: algorithms that are safe today. quantum-safe: only key exchanges that resist "
        "quantum computers; rejects clients older than OpenSSH 8.5 and many libraries. "
        "compatible: also the curves of FIPS 140.",
        default="modern",
    )
    public_key: str | None = variable(
        "SSH_PUBLIC_KEY",
        text,
        "Public keys that may log in, one per line, in authorized_keys format.",
    )
    authorized_keys_file: Path | None = variable(
        "SSH_AUTHORIZED_KEYS_FILE",
        absolute_path,
        "File with more such keys, read when the container starts and by `devcopilot configure`. "
        "Restart the container if a new key has command=, permitopen= or permitlisten=.",
    )
    private_key: SecretInput | None = secret(
        "SSH_PRIVATE_KEY",
        read_ssh_key,
        "Private key for outgoing connections, installed as ~/.ssh/id_TYPE: in the format of "
        "OpenSSH, PEM or PKCS #8. A key with a passphrase is rejected. Convert a PuTTY key first: "
        "puttygen KEY.ppk -O private-openssh -o KEY.",
    )


@frozen
class Editor:
    """Editor."""

    enabled: bool = variable(
        "DEV8_CODE_SERVER", switch, "Run code-server where the image has it.", default="true"
    )
    port: int = variable("DEV8_CODE_SERVER_PORT", port, "Port of code-server.", default="8080")
    address: str = variable(
        "DEV8_CODE_SERVER_ADDRESS",
        address,
        "IP address that code-server listens on; :: means all addresses, including IPv6.",
        default="0.0.0.0",  # noqa: S104 - as above
    )
    auth: str = variable(
        "CODE_SERVER_AUTH",
        one_of("password", "none"),
        "password, or none: everyone who can reach the port gets a shell.",
        default="password",
    )
    password: SecretInput | None = secret(
        "CODE_SERVER_PASSWORD",
        texts.password,
        "Password of code-server. By default one is generated and kept; `devcopilot password` "
        "prints it.",
    )
    hashed_password: SecretInput | None = secret(
        "CODE_SERVER_HASHED_PASSWORD",
        argon2.read,
        "Argon2 hash of the password, instead of the password. Anyone who has it can log in, too.",
    )
    log_password: bool = variable(
        "DEV8_LOG_PASSWORD",
        switch,
        "Log a generated password once, for everyone who can read the log.",
        default="false",
    )
