"""A workspace's day in which everything fails, and those who look for secrets meanwhile.

Whatever the workspace asks is one server that refuses and repeats what it was sent; hooks and a
service tell all they know. It is looked at by programs that enter the container from outside, since
`docker exec` would hand them, and with that the search, what the container was started with.
"""

import hashlib
import json
import re
import subprocess
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.settings import everything
from tests.e2e.conftest import WORKSPACE_UID, Login, write_secret
from tests.fakes.repeater import MADE
from tests.faults.image_lives import RUNTIME, looking_into
from tests.faults.life import Life
from tests.worlds.containers import HARDENED, MVP, NO_PRIVILEGES, Container, Recipe, docker, running
from tests.worlds.secret_values import (
    EXCLUDED,
    OWN,
    Trace,
    find_all_forms,
    find_in_text,
    make_values,
    make_withheld,
)
from tests.worlds.waiting import wait_until

FAKES = Path(__file__).parents[1] / "fakes"
SEARCHER = (Path(__file__).parents[1] / "worlds/searcher.py").read_text()
PYTHON = ("/opt/devcopilot/bin/python", "-I")
PORT = 9900
URL = f"http://127.0.0.1:{PORT}"
STATE = "/home/dev8/.local/state/devcopilot"
PROXY = "proxy-password-3c4d5e6f"
GIVEN = "/run/given"
"""Where the container finds the files that it was given; they are no trace."""
FOLDERS = ("/home", "/workspace", "/tmp", "/dev/shm", "/run", "/var", "/etc", "/backups")
CLEAN = {
    "HOME": "/home/dev8", "LANG": "C.UTF-8",
    "PATH": "/home/dev8/.local/bin:/opt/devcopilot/bin:/usr/local/bin:/usr/bin:/bin",
}  # fmt: skip
"""Of what enters the container."""
QUICK, SLOW = 45, 300
"""Seconds that a program may take in there, and a search."""
PATIENCE = 180.0
"""Seconds until all is well again after a crash."""
AT_ONCE = 4
ZIP = 31
"""What zlib calls gzip's format."""
AT_START = re.compile(
    r"environment of (PID 1|python.*|devcopilot( (run|configure))?(/devcopilot.*)?)"
)
"""They have the container's environment until PID 1 executes itself again; what they start has not.
The search that follows looks at PID 1 once more."""
COMMAND = ("sh", "-c", "trap : USR1; trap 'exit 0' TERM; while :; do sleep infinity & wait; done")
"""CMD, which gets the signals as well with which init is asked for a refresh; they end `sleep`."""
TELL = f"{' '.join(PYTHON)} /fakes/talker.py"
TOLD = " ".join(f"{RUNTIME}/{name}" for name in ("secrets", "own-secrets", "tokens", "hidden"))
SERVICE = f"command = {json.dumps(f'{TELL} {TOLD}'.split())}\n"
VARIABLES = {
    "DEV8_GITHUB_API_URL": URL, "DEV8_GITHUB_TOKEN_URL": f"{URL}/token",
    "GITHUB_APP_CLIENT_ID": "Iv1.0123456789",
    "DEV8_CA_FILE": "/nowhere/ca.pem", "DEV8_LOG_LEVEL": "debug",
    "DEV8_LOG_FORMAT": "json",
    "HTTPS_PROXY": f"http://octo:{PROXY}@127.0.0.1:{PORT}", "NO_PROXY": "127.0.0.1,localhost",
    "DEV8_METRICS_ADDRESS": "127.0.0.1:9100", "DEV8_API_PORT": "9101",
    "SUPERVISOR_AGENT_BASE_URL": URL, "ENVIRONMENT_ID": "day",
    "SUPERVISOR_MONITOR_INTERVAL": "15s", "AGENT_REPORT_INTERVAL": "15s",
    "DEV8_REPOSITORIES": f"{URL}/octo/demo.git;https://github.com/octo/private",
    "DEV8_DOTFILES": f"{URL}/octo/dots.git",
    "DEV8_ON_CREATE": f"{TELL} --fail {TOLD}", "DEV8_ON_START": f"{TELL} --fail {TOLD}",
    "DEV8_ON_STOP": f"{TELL} --fail {TOLD}", "DEV8_BACKUP_PRE": f"{TELL} --end {TOLD}",
    "DEV8_BACKUP_POST": f"{TELL} --fail {TOLD}",
    "DEV8_AI_TOOLS": "gemini", "npm_config_registry": URL,
    "DEV8_EXTENSIONS": "octo.good", "DEV8_EXTENSIONS_GALLERY": f'{{"serviceUrl": "{URL}/gallery"}}',
    "BACKUP_DIR": "/backups", "DEV8_IDLE_TIMEOUT": "4h",
    "DEV8_IDLE_ACTION": f"{TELL} --fail {TOLD}",
}  # fmt: skip
BY_COMMAND = "password-of-a-command"
PASSWORD_COMMAND = (
    "sh -c 'echo $DATABASE_URL >&2; n=0; while [ $n -lt 200000 ]; do n=$((n + 1)); done; "
    f"echo {BY_COMMAND}'"
)
"""Takes its time, as a vault does: one that ends at once is hardly ever seen."""
CLOUDS = {
    "AWS_S3_BUCKET": "bucket", "DEV8_BACKUP_S3_ENDPOINT": URL,
    "DEV8_BACKUP_S3_ACCESS_KEY_ID": "key-id-of-the-day", "AZURE_STORAGE_CONTAINER": "container",
    "AZURE_STORAGE_ACCOUNT": "account", "DEV8_BACKUP_AZURE_ENDPOINT": f"{URL}/account",
}  # fmt: skip
FILES = {
    "CODE_SERVER_PASSWORD (made)": "code-server/password",
    "DEV8_BACKUP_PASSWORD (made)": "backup/password",
    "GITHUB_REFRESH_TOKEN (kept)": "github-refresh/github.com",
}
"""What the agent makes itself, by the files in its state folder."""


@dataclass(frozen=True)
class Gift:
    """What a workspace of the day is given."""

    name: str
    without: tuple[str, ...]
    """Secret settings that it is not given, so that others count."""
    as_files: bool = False
    """Under another name, where there is one, in files of which that of the token is replaced."""
    clouds: bool = True
    """Whether there are destinations besides the folder."""
    volumes: bool = True
    """Whether the root is read-only, and all else on volumes."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Variables."""

    @property
    def values(self) -> dict[str, str]:
        """Return the secrets, by the settings' names."""
        return {name: value for name, value in make_values().items() if name not in self.without}


GIFTS = (
    Gift("values", without=tuple(EXCLUDED), volumes=False),
    Gift("files", without=tuple(EXCLUDED), as_files=True),
    Gift(
        "little", clouds=False,
        without=(
            *EXCLUDED, *EXCLUDED.values(), "GITHUB_TOKEN", "GITHUB_APP_PRIVATE_KEY",
            "DEV8_BACKUP_PASSWORD", "ANTHROPIC_API_KEY", "DEV8_BACKUP_S3_SECRET_ACCESS_KEY",
            "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN",
        ),
    ),
    Gift(
        "hash",
        without=(
            *EXCLUDED.values(), "GITHUB_TOKEN", "GITHUB_APP_PRIVATE_KEY", "GITHUB_REFRESH_TOKEN",
            "GITHUB_APP_CLIENT_SECRET", "AZURE_STORAGE_KEY",
        ),
    ),
    Gift(
        "commands", clouds=False,
        without=(
            *EXCLUDED, "GITHUB_TOKEN", "GITHUB_APP_PRIVATE_KEY", "GITHUB_REFRESH_TOKEN",
            "GITHUB_APP_CLIENT_SECRET", "DEV8_BACKUP_PASSWORD", "DEV8_GITHUB_TOKEN_URL_BEARER",
            "DEV8_BACKUP_S3_SECRET_ACCESS_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN",
        ),
        more={
            "DEV8_GITHUB_TOKEN_COMMAND": "sh -c 'echo $MY_API_KEY is refused >&2; exit 3'",
            "DEV8_BACKUP_PASSWORD_COMMAND": PASSWORD_COMMAND,
        },
    ),
)  # fmt: skip
"""The sources of a token exclude each other, and so do others."""


@dataclass
class Day:
    """One workspace, what is looked for in it, and what was found."""

    gift: Gift
    container: Container
    life: Life
    folder: Path
    values: dict[str, str]
    login: Login
    traces: set[Trace] = field(default_factory=set)
    places: int = 0
    watcher: "subprocess.Popen[str] | None" = None

    # --- programs in there

    def enter(self, *words: str, user: int = WORKSPACE_UID) -> list[str]:
        """Return the command line of a program in there."""
        who = str(user)
        return [
            "nsenter", f"--target={self.life.pid}", "--pid", "--mount", "--net", "--wd=/",
            "setpriv", "--reuid", who, "--regid", who, "--clear-groups", *words,
        ]  # fmt: skip

    def run(
        self,
        *words: str,
        stdin: bytes = b"",
        user: int = WORKSPACE_UID,
        environ: Mapping[str, str] = CLEAN,
        seconds: int = QUICK,
    ) -> bytes:
        """Run a program in there, not for long; return what it said, both outputs."""
        done = subprocess.run(
            self.enter("timeout", "--kill-after=5", str(seconds), *words, user=user), input=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env=environ,
        )  # fmt: skip
        return done.stdout

    def wait_healthy(self) -> None:
        """Wait until every essential service answers."""

        said: list[bytes] = []

        def is_healthy() -> bool:
            ask = self.enter("devcopilot", "health")
            done = subprocess.run(ask, check=False, capture_output=True, env=CLEAN)
            said[:] = [done.stdout + done.stderr]
            return done.returncode == 0

        try:
            wait_until(is_healthy, "health", PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {said} {self.life.tail()}") from None

    def hear(self, place: str, said: bytes) -> None:
        """Look for secrets in what somebody said."""
        self.places += 1
        names = find_in_text(said, find_all_forms(self.values))
        self.traces |= {Trace(place, name) for name in names}
        if b"Traceback" in said:
            self.traces.add(Trace(place, "a traceback"))

    def call(self, *commands: Sequence[str]) -> None:
        """Run verbs, as people do, some side by side."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            heard = list(pool.map(lambda words: self.run("devcopilot", *words), commands))
        for words, said in zip(commands, heard, strict=True):
            start = said.find(b"\x1f\x8b") if words[0] == "support-bundle" else -1
            unpacked = zlib.decompressobj(ZIP).decompress(said[start:]) if start >= 0 else b""
            self.hear(f"devcopilot {' '.join(words)}", said + unpacked)

    # --- the search

    def search(self, *, folders: Iterable[str] = FOLDERS) -> set[Trace]:
        """Look once at everything, as root; return what was found, and keep it."""
        order = self.make_order(list(folders), self.make_asks())
        words = (*PYTHON, "-c", SEARCHER, "look")
        said = self.run(*words, stdin=order.encode(), user=0, seconds=SLOW)
        found = self.read_answer(said.decode().strip().splitlines()[-1])
        self.traces |= found
        return found

    def watch(self) -> None:
        """Begin to look at the processes again and again."""
        self.watcher = subprocess.Popen(
            self.enter(*PYTHON, "-c", SEARCHER, "watch", user=0), env=CLEAN, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.watcher.stdin
        self.watcher.stdin.write(self.make_order([], []))
        self.watcher.stdin.flush()

    def end_watch(self) -> set[Trace]:
        """Return what those saw who watched; with the container they have ended."""
        assert self.watcher
        said, _ = self.watcher.communicate("\n" if self.container.is_running() else None)
        found = set()
        for line in said.splitlines():
            with suppress(ValueError):  # the last one may be cut off
                found |= self.read_answer(line)
        return found

    def watch_on(self) -> None:
        """Keep what was seen so far, and go on with what has become known meanwhile."""
        self.traces |= self.end_watch()
        self.learn()
        self.watch()

    def make_order(self, folders: list[str], asks: list[Any]) -> str:
        forms = {name: [form.hex() for form in forms]
                 for name, forms in find_all_forms(self.values).items()}  # fmt: skip
        return json.dumps({"forms": forms, "folders": folders, "asks": asks}) + "\n"

    def make_asks(self) -> list[Any]:
        """Return what is asked over HTTP: with each password, without one, and with a wrong one."""
        asks: list[Any] = [["GET", "http://127.0.0.1:8079/", {}, ""],
                           ["GET", "http://127.0.0.1:8079/json", {}, ""],
                           ["GET", "http://127.0.0.1:8080/login", {}, ""]]  # fmt: skip
        for url, name in (
            ("http://127.0.0.1:9100/metrics", "DEV8_METRICS_PASSWORD"),
            ("http://127.0.0.1:9101/status", "DEV8_API_PASSWORD"),
            ("http://127.0.0.1:9101/health", "DEV8_API_PASSWORD"),
        ):
            for key in (self.values.get(name, ""), "a-wrong-one", ""):
                asks.append(["GET", url, {"Authorization": f"Bearer {key}"} if key else {}, ""])
        return asks

    def read_answer(self, line: str) -> set[Trace]:
        places, found = json.loads(line)
        self.places = max(self.places, places)
        return {Trace(*row) for row in found if not row[0].startswith(f"{GIVEN}/")}

    def learn(self) -> None:
        """Look for what the agent has made itself, too."""
        root = Path(f"/proc/{self.life.pid}/root{STATE}")
        for name, path in FILES.items():
            with suppress(OSError):
                self.values[name] = read_made((root / path).read_text())
        with suppress(OSError):
            record = json.loads((root / "code-server/hash.json").read_text())
            self.values["CODE_SERVER_HASHED_PASSWORD (kept)"] = record["hash"]
        if made := self.values.get("CODE_SERVER_PASSWORD (made)"):
            name = "CODE_SERVER_HASHED_PASSWORD (made)"
            self.values[name] = hashlib.sha256(made.encode()).hexdigest()


def read_made(text: str) -> str:
    """Return the secret of a file of the state folder: a line, or a field."""
    with suppress(ValueError):
        document = json.loads(text)
        if isinstance(document, dict):
            return str(document["token"])
    return text.strip()


# --- the container


@contextmanager
def meeting_an_enemy() -> Iterator[str]:
    """Run the server that repeats all, in a network with nothing but a loopback; yield its name."""
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    docker("run", "--detach", "--name", name, "--network", "none", "--entrypoint", "python3",
           "-v", f"{FAKES}:/fakes:ro", MVP, "/fakes/repeater.py", str(PORT))  # fmt: skip
    try:
        yield name
    finally:
        docker("rm", "--force", name)


def give(gift: Gift, folder: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with these secrets; write the files that they name."""
    if not gift.as_files:
        return dict(values)
    entries = {entry.name: entry for _, entry in everything.variables()}
    given = {}
    for name, value in values.items():
        if name not in entries:
            given[name] = value
            continue
        write_secret(folder / name, f"{value}\n")
        given[f"{(entries[name].aliases or (name,))[0]}_FILE"] = f"{GIVEN}/{name}"
    return given


@contextmanager
def living_a_day(gift: Gift, folder: Path, login: Login) -> Iterator[Day]:
    """Start a workspace with these secrets, next to the enemy, and begin to watch it."""
    files, services = folder / "given", folder / "services"
    for each in (folder, files, services):
        each.mkdir(exist_ok=True)
        each.chmod(0o755)
    (services / "talker.toml").write_text(SERVICE)
    values = {**gift.values, **OWN, **make_withheld()}
    app = {"GITHUB_APP_ID": "4711"} if "GITHUB_APP_PRIVATE_KEY" in values else {}
    given = {
        **VARIABLES, **app, **(CLOUDS if gift.clouds else {}), **give(gift, files, values),
        **gift.more, "SSH_PUBLIC_KEY": login.public,
    }  # fmt: skip
    with ExitStack() as stack:
        enemy = stack.enter_context(meeting_an_enemy())
        options = (
            *(HARDENED if gift.volumes else NO_PRIVILEGES), "--network", f"container:{enemy}",
            "-v", "/backups", "-v", f"{FAKES}:/fakes:ro", "-v", f"{files}:{GIVEN}:ro",
            "-v", f"{services}:/etc/devcopilot/services.d:ro",
            *(word for item in given.items() for word in ("-e", "=".join(item))),
        )  # fmt: skip
        container = stack.enter_context(running(Recipe(MVP, options, COMMAND, published=False)))
        life = stack.enter_context(looking_into(container, CLEAN))
        sought = {**values, **MADE, "HTTPS_PROXY": PROXY}
        day = Day(gift, container, life, folder, sought, login)
        day.watch()
        life.wait_ready()
        start = day.end_watch()
        day.traces |= {each for each in start if not AT_START.fullmatch(each.place)}
        day.learn()
        day.watch()
        yield day
