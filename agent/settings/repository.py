"""One repository to clone, as DEV8_REPOSITORIES names it: an address and how to clone it.

    https://github.com/octo/demo                      over https, the agent's token is used
    git@example.com:team/tool.git                     over ssh
    octo/demo#feature                                 of GH_HOST, with a branch, a tag or a commit
    https://github.com/octo/demo/pull/7 depth=1       as the web page shows it

An address is text of whoever starts the container, and goes to git as an argument: whatever git
would read as an option, as a program to run or as a folder of this machine is refused here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from agent.machine.light.expressions import regex
from agent.machine.light.token_prefixes import GIT_HOSTS
from agent.machine.values import frozen
from agent.settings.parsers import count, switch
from agent.settings.urls import LONGEST, http_url, is_loopback

FORM = "ADDRESS[#REF] [dir=NAME] [depth=N] [filter=blob:none] [sparse=A,B] [submodules=no] [lfs=no]"
NO_ADDRESS = "it is no address of a repository"
ADDRESSES = "use https://HOST/OWNER/NAME, ssh://, git@HOST:OWNER/NAME or OWNER/NAME"
WORKSPACE = "."
"""The folder of a repository that is the workspace itself."""
OURS = ".devcopilot-"
"""Begins the names of folders of the agent in the workspace."""

_SHORT = regex(r"([A-Za-z0-9][A-Za-z0-9-]*)/([A-Za-z0-9_.][A-Za-z0-9_.-]*)")
_SCP = regex(r"(?:[A-Za-z0-9_][\w.-]*@)?([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):(.+)")
_USER = regex(r"[A-Za-z0-9_][\w.-]*", re.ASCII)
_TOKEN = regex(GIT_HOSTS, re.IGNORECASE)
_COMMIT = regex(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
_SHORT_COMMIT = regex(r"[0-9a-fA-F]{7,63}")
_PULL = regex(r"(?:refs/)?pull/([0-9]{1,9})(?:/head)?")
_BAD_IN_REF = regex(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(?:^|/)\.|\.lock(?:/|$)|[/.]$|^[-/@]$|^[-/]"
)
"""https://git-scm.com/docs/git-check-ref-format"""
_FILTER = regex(r"blob:none|blob:limit=[0-9]{1,9}[kmgKMG]?|tree:[0-9]{1,6}")
_PRINTABLE = regex(r"[!-~]+")
_USERINFO = regex(r"^([A-Za-z0-9+.-]+://)?.*@")


class EntryError(ValueError):
    """What is wrong with an entry, to complete "cannot clone ENTRY: ", and what fixes it."""

    def __init__(self, cause: str, hint: str = "") -> None:
        super().__init__(cause)
        self.hint = hint or f"the form is {FORM}"


@frozen
class Reference:
    """What of a repository to check out."""

    name: str
    """A branch, a tag, a commit, or the number of a pull request."""
    kind: str = "name"
    """name; commit, a full id; pull, a pull request; merge, GitLab's; path: a branch, and perhaps
    a path in it, as a web page shows it."""

    @property
    def is_short_commit(self) -> bool:
        """Tell whether it may be the beginning of a commit's id."""
        return self.kind == "name" and bool(_SHORT_COMMIT.fullmatch(self.name))


@frozen
class Repository:
    """A repository to clone, and how."""

    path: str
    """OWNER/NAME, or what its host has instead."""
    host: str = ""
    """Empty: GH_HOST."""
    url: str = ""
    """As git takes it; empty for one of GH_HOST."""
    reference: Reference | None = None
    folder: str = ""
    """Below the workspace; "." is the workspace itself."""
    depth: int | None = None
    filter: str | None = None
    sparse: tuple[str, ...] = ()
    submodules: bool = True
    lfs: bool = True
    entry: str = field(default="", compare=False, repr=False)
    """How it was named; no password is in it."""

    @property
    def name(self) -> str:
        """Return its name in commands: that of its folder."""
        if self.folder == WORKSPACE:
            return find_name(self.path)
        return self.folder.replace("/", ".")

    def find_url(self, gh_host: str) -> str:
        """Return the address that git gets."""
        return self.url or f"https://{gh_host}/{self.path}.git"

    def find_host(self, gh_host: str) -> str:
        """Return the host that it is on."""
        return self.host or gh_host


def find_name(path: str) -> str:
    """Return the last part of a repository's path, as git names the folder of a clone."""
    return PurePosixPath(path.rstrip("/")).name.removesuffix(".git")


def mask(entry: str) -> str:
    """Return an entry as it may be shown: what stands before an @ may be a password."""
    shown = _USERINFO.sub(r"\1***@", entry) if "@" in entry else entry
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def parse_entry(text: str) -> Repository:
    """Read one entry. Raises EntryError."""
    address, *options = text.split()
    if address.startswith("-"):
        raise EntryError("an address does not begin with a dash", ADDRESSES)
    address, sign, wanted = address.partition("#")
    found = parse_address(address)
    if sign:
        if found.get("reference"):
            raise EntryError("it names two things to check out", "leave out #REF")
        found["reference"] = parse_reference(wanted)
    for option in options:
        name, equals, value = option.partition("=")
        field = FIELDS.get(name, name)
        if name not in OPTIONS or not equals or field in found:
            raise EntryError(f"{mask(option)} is not one of its options, or is there twice")
        try:
            found[field] = OPTIONS[name](value)
        except EntryError:
            raise
        except ValueError as error:
            raise EntryError(f"{name} is not {error}") from None
    found.setdefault("folder", parse_folder(find_name(str(found["path"]))))
    return Repository(**found, entry=text.strip())  # type: ignore[arg-type] # each field by its parser


# --- addresses ----------------------------------------------------------------------------------


def parse_address(text: str) -> dict[str, object]:
    """Return the fields of a repository that its address says. Raises EntryError."""
    if not _PRINTABLE.fullmatch(text):
        raise EntryError("its address is empty or has odd characters", ADDRESSES)
    if re.match(r"[A-Za-z0-9+.-]*::", text):
        raise EntryError("its address names a program to run", ADDRESSES)
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme in ("https", "http"):
        return _parse_web(text)
    if scheme == "ssh":
        return _parse_ssh(text)
    if scheme or re.match(r"(file|git|ftps?|rsync):", text):
        raise EntryError(f"{scheme or text.partition(':')[0]} is not a way to clone", ADDRESSES)
    if _SHORT.fullmatch(text):
        return {"path": check_path(text.removesuffix(".git"))}
    if "@" in text.partition("@")[2] or re.match(r"[^/@]*:[^/]*@", text):
        raise EntryError("there is a password in it", _NO_PASSWORD)
    if scp := _SCP.fullmatch(text):
        if scp[2].startswith("-") or len(scp[1]) == 1:
            raise EntryError(NO_ADDRESS, ADDRESSES)
        path = check_path(scp[2])
        return {"url": text, "host": scp[1].lower(), "path": path}
    raise EntryError(NO_ADDRESS, ADDRESSES)


_NO_PASSWORD = "remove it: the agent signs in with GITHUB_TOKEN_FILE, and ssh with your key"  # noqa: S105


def _parse_web(text: str) -> dict[str, object]:
    host, user, port = _split(text)
    parts = urlsplit(text)
    bare = f"{parts.scheme.lower()}://{host}{port}"
    if parts.query or ";" in text:
        raise EntryError("it has a query", "leave out what follows the question mark")
    try:
        http_url(bare)
    except ValueError:
        raise EntryError(NO_ADDRESS, ADDRESSES) from None
    if parts.scheme.lower() == "http" and not is_loopback(host.strip("[]")):
        raise EntryError("over http everybody on the way can change the code", "use https://")
    segments = [unquote(part) for part in parts.path.strip("/").split("/")]
    path, reference = _read_page(segments, host)
    found: dict[str, object] = {"host": f"{host}{port}", "path": check_path(path)}
    if reference:
        found["reference"] = reference
    quoted = "/".join(parts.path.strip("/").split("/")[: path.count("/") + 1])
    who = f"{user}@" if user else ""
    return {**found, "url": f"{parts.scheme.lower()}://{who}{host}{port}/{quoted}"}


def _parse_ssh(text: str) -> dict[str, object]:
    host, _, _ = _split(text)
    if host.startswith("-"):
        raise EntryError(NO_ADDRESS, ADDRESSES)
    return {"url": text, "host": host, "path": check_path(unquote(urlsplit(text).path))}


def _split(text: str) -> tuple[str, str, str]:
    """Return the host, the user and the port of a URL, the port with its colon."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise EntryError(NO_ADDRESS, ADDRESSES) from None
    user = parts.netloc.rpartition("@")[0]
    if ":" in user or _TOKEN.match(user):
        raise EntryError("there is a password or a token in it", _NO_PASSWORD)
    if not host or (user and not _USER.fullmatch(user)) or "%" in parts.netloc:
        raise EntryError(NO_ADDRESS, ADDRESSES)
    return f"[{host}]" if ":" in host else host, user, f":{port}" if port else ""


def _read_page(segments: list[str], host: str) -> tuple[str, Reference | None]:
    """Return the repository's path, and what a web page of it shows.

    Those of GitHub, Gitea and Forgejo lie below OWNER/NAME, those of GitLab below `-`.
    """
    if "-" in segments[2:]:
        at = segments.index("-", 2)
        kind, rest = segments[at + 1 : at + 2], segments[at + 2 :]
    else:
        at, kind, rest = 2, segments[2:3], segments[3:]
    if kind and kind[0] in PAGES and rest and rest[0]:
        return "/".join(segments[:at]), PAGES[kind[0]](rest)
    if host == "github.com" and at > len(segments):
        raise EntryError(NO_ADDRESS, ADDRESSES)
    if at < len(segments) and (segments[at] == "-" or host == "github.com"):
        raise EntryError("this page is no branch, pull request or commit", ADDRESSES)
    return "/".join(segments), None


def _read_number(kind: str) -> Callable[[list[str]], Reference]:
    def read(rest: list[str]) -> Reference:
        if not re.fullmatch(r"[0-9]{1,9}", rest[0]):
            raise EntryError("a pull request has a number")
        return Reference(rest[0], kind)

    return read


PAGES: Mapping[str, Callable[[list[str]], Reference]] = {
    "tree": lambda rest: Reference(check_reference("/".join(rest)), "path"),
    "blob": lambda rest: Reference(check_reference("/".join(rest)), "path"),
    "commit": lambda rest: parse_reference(rest[0]),
    "pull": _read_number("pull"),
    "merge_requests": _read_number("merge"),
}
"""What stands between a repository and what the page shows of it."""


def check_path(path: str) -> str:
    """Return the path of a repository. Raises EntryError where it has parts that none has."""
    bare = path.strip("/")
    parts = bare.removesuffix(".git").split("/")
    odd = {".", ".."} & set(parts) or any(part.startswith("-") for part in parts)
    if odd or not all(parts) or not bare.isprintable():
        raise EntryError(NO_ADDRESS, ADDRESSES)
    return bare


# --- what to check out, and how -----------------------------------------------------------------


def parse_reference(text: str) -> Reference:
    """Read what follows the #. Raises EntryError."""
    if pull := _PULL.fullmatch(text):
        return Reference(pull[1], "pull")
    if _COMMIT.fullmatch(text):
        return Reference(text.lower(), "commit")
    name = text.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return Reference(check_reference(name))


def check_reference(name: str) -> str:
    """Return a name that git takes for a branch or a tag. Raises EntryError."""
    if not name or not name.isprintable() or _BAD_IN_REF.search(name):
        raise EntryError("what follows the # is no name of a branch, a tag or a commit")
    return name


def parse_folder(text: str) -> str:
    """Read the folder of a clone, relative to the workspace. Raises EntryError."""
    if text in (WORKSPACE, "./"):
        return WORKSPACE
    parts = text.removeprefix("./").rstrip("/").split("/")
    odd = not text.isprintable() or len(text) > 200 or text.startswith("/")
    if odd or not all(parts) or any(part in (".", "..") or part[0] in "-~" for part in parts):
        raise EntryError(
            "its folder is not one below the workspace", "set dir=NAME, or dir=. for the workspace"
        )
    if ".git" in (part.lower() for part in parts):
        raise EntryError("no folder of a clone is called .git", "set dir=NAME")
    if any(part.startswith(OURS) for part in parts):
        raise EntryError(f"names that begin with {OURS} are the agent's own", "set dir=NAME")
    return "/".join(parts)


def _parse_sparse(text: str) -> tuple[str, ...]:
    folders = tuple(part.strip("/") for part in text.split(",") if part.strip("/"))
    if not folders or any(part.startswith("-") or ".." in part.split("/") for part in folders):
        raise EntryError("sparse is not a list of folders in the repository, such as docs,src/app")
    return folders


def _parse_filter(text: str) -> str:
    if not _FILTER.fullmatch(text):
        raise EntryError("filter is not blob:none, blob:limit=SIZE or tree:DEPTH")
    return text


OPTIONS: Mapping[str, Callable[[str], object]] = {
    "dir": parse_folder,
    "depth": count,
    "filter": _parse_filter,
    "sparse": _parse_sparse,
    "submodules": switch,
    "lfs": switch,
}
FIELDS = {"dir": "folder"}
