"""SSH keys: who may log in, the user's own key, and the keys of github.com.

The lists lie where sshd and the image's ssh_config look in addition to the user's own files:
~/.ssh/authorized_keys and ~/.ssh/known_hosts stay the user's alone.
"""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.machine.formats.private_keys import (
    KEY_NAMES,
    WHOLE_FILE,
    find_folder,
    find_foreign_form,
    is_locked,
    read_ssh_key,
)
from agent.machine.planning.resources import Directory, File, Keep, Resource
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.step import Step
from agent.workspace import login_keys
from agent.workspace.login_keys import FOLDER

KNOWN_HOSTS = "known_hosts"

_GITHUB = "github.com,gist.github.com,[ssh.github.com]:443"
GITHUB_KNOWN_HOSTS = f"""\
{_GITHUB} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
{_GITHUB} ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOm\
xkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=
{_GITHUB} ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQCj7ndNxQowgcQnjshcLrqPEiiphnt+VTTvDP6mHBL9j1aNUkY4\
Ue1gvwnGLVlOhGeYrnZaMgRK6+PKCUXaDbC7qtbW8gIkhL7aGCsOr/C56SJMy/BCZfxd1nWzAOxSDPgVsmerOBYfNqltV9/hW\
CqBywINIR+5dIg6JTJ72pcEpEjcYgXkE2YEFXV1JHnsKgbLWNlhScqb2UmyRkQyytRLtL+38TGxkxCflmO+5Z8CSSNY7GidjM\
IZ7Q4zMjA2n1nGrlTDkzwDCsw+wqFPGQA179cnfGWOWRVruj16z6XyvxvjJwbz0wQZ75XK5tKSb7FNyeIEs4TT4jk+S4dhPeA\
UC5y+bDYirYgM4GC7uEnztnZyaVWQ7B381AK4Qdrwt51ZqExKbQpTUNn+EjqoTwvqNj4kqx5QUCI0ThS/YkOxJCXmPUWZbhjp\
Cg56i+2aB6CmK2JGhn57K5mj0MNdBXA4/WnwH6XoPWJzK5Nyu2zB3nAZp+S5hpQs+p1vN1/wsjk=
"""
"""As published on docs.github.com, "GitHub's SSH key fingerprints"."""


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the lists of keys, the private key and its public half."""
    settings, facts = context.settings, context.facts
    folder = facts.defaults / FOLDER
    for place in dict.fromkeys((folder, facts.logins)):
        yield Directory(place, 0o700)
    yield File(folder / KNOWN_HOSTS, GITHUB_KNOWN_HOSTS.encode(), 0o644, adopt=True)
    yield from login_keys.resources(context)
    yield from _private_key(settings, facts)


def begin(context: Context) -> None:
    """Start the trial of the login keys."""
    context.once(login_keys.begin)


def _private_key(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    folder = find_folder(facts)
    key = _read_private_key(settings, facts)
    if isinstance(key, Problem):
        yield key
        for name in sorted(set(KEY_NAMES.values())):
            yield Keep(folder / name)
            yield Keep(folder / f"{name}.pub")
    if key is None or isinstance(key, Problem):
        return
    content, public = key
    name = KEY_NAMES[public.split()[0].decode()]
    yield Directory(folder, 0o700)
    present, half = facts.read(folder / name), folder / f"{name}.pub"
    # The bash entrypoint wrote the key as it came, and beside it an empty public half.
    same = present is not None and _reads_as(present, content)
    yield File(folder / name, content, 0o600, adopt=same)
    if present is None or same or facts.mode(half) is not None:
        ours = facts.runtime in half.parents  # nobody else writes there
        yield File(half, public, 0o644, adopt=ours or facts.read(half) == b"")
    # else: a key of the user's, left alone, that a public half of another key would only confuse


def _reads_as(present: bytes, content: bytes) -> bool:
    try:
        return read_ssh_key(present.decode(errors="replace")).encode() == content
    except ValueError:  # nothing is in it
        return False


def _read_private_key(settings: Settings, facts: Facts) -> tuple[bytes, bytes] | Problem | None:
    """Return the key and its public half, what is wrong with it, or None when none was given."""
    secret = facts.secret(settings.ssh.private_key)
    if not isinstance(secret, Secret):
        return secret
    content = secret.reveal().encode()
    public = _derive_public_key(content, facts)
    return public if isinstance(public, Problem) else (content, public)


def _derive_public_key(private: bytes, facts: Facts) -> bytes | Problem:
    """Return the public half as one line. The key goes to ssh-keygen through its input only."""
    form = find_foreign_form(private)
    if is_locked(private) and not form:
        return Problem(
            "cannot use SSH_PRIVATE_KEY: it is locked with a passphrase",
            "remove the passphrase from a copy with: ssh-keygen -p -N '' -f COPY",
        )
    done = facts.run(("ssh-keygen", "-y", "-P", "", "-f", "/dev/stdin"), stdin=private)
    kind = done.stdout.split(b" ", 1)[0].decode(errors="replace")
    if done.returncode == 0 and kind in KEY_NAMES:
        return done.stdout.strip() + b"\n"
    if done.returncode in (124, 127):
        said = done.stderr.decode(errors="replace")
        return Problem(f"cannot use SSH_PRIVATE_KEY: ssh-keygen does not run: {said}")
    if form:
        return Problem(
            f"cannot use SSH_PRIVATE_KEY: it is {form[0]}, which ssh cannot read", form[1]
        )
    return Problem(
        "cannot use SSH_PRIVATE_KEY: it is not a private key that ssh can read",
        WHOLE_FILE,
    )


STEP = Step("ssh", resources, begin)
