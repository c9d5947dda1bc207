"""supervisord is loaded without the modules that it never uses here, and works."""

import subprocess
import sys
from pathlib import Path

from agent.services import supervisord
from agent.services.service import Service

ROOT = Path(__file__).parent.parent.parent
LOADED = "sorted(name for name, module in sys.modules.items() if getattr(module, '__spec__', None))"
"""Neither those that are said not to be there, nor a stand-in."""
NEEDLESS = {
    "_bz2", "_decimal", "_hashlib", "_lzma", "_ssl", "asyncio", "decimal", "email", "gettext",
    "gzip", "html.entities", "html.parser", "http.client", "importlib.metadata",
    "importlib.resources", "logging", "mimetypes", "multiprocessing", "numbers", "pathlib",
    "platform", "random", "shutil", "ssl", "subprocess", "supervisor.templating", "supervisor.web",
    "tempfile", "threading", "typing", "zipfile", "zlib",
}  # fmt: skip


def run(code: str, *words: str, before: str = "") -> list[str]:
    """Return the lines that a Python prints which has loaded supervisord as init lets it."""
    head = (
        f"{before}import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from agent.init import preload; preload.load('supervisor.supervisord')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", head + code, *words],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_it_loads_nothing_needless() -> None:
    """It is the largest process of the agent, and loads while everybody waits for it."""
    (line,) = run(f"print(*{LOADED})")
    assert not set(line.split()) & NEEDLESS


def test_it_has_everything_when_the_word_comes(tmp_path: Path) -> None:
    path = tmp_path / "supervisord.conf"
    path.write_text(supervisord.render_config([Service("one", ("true",))], 8.0))
    first, *_, last = run(
        "from supervisor.options import ServerOptions\n"
        "from supervisor.supervisord import Supervisor\n"
        f"print(*{LOADED})\n"
        "options = ServerOptions(); options.realize(['-n', '-c', sys.argv[1]])\n"
        "options.make_logger(); supervisor = Supervisor(options)\n"
        "for each in options.process_group_configs: supervisor.add_process_group(each)\n"
        "options.openhttpservers(supervisor)\n"
        f"print(*{LOADED})",
        str(path),
    )
    assert set(last.split()) == set(first.split())


def test_a_lazy_module_is_there_when_it_is_used() -> None:
    code = "import urllib.parse; print(urllib.parse.urlsplit('http://[::1]:80/').hostname)"
    assert run(code) == ["::1"]


def test_hashes_stay_openssls_where_python_has_none() -> None:
    """As some distributions build it: without any, supervisord could not be imported."""
    before = (
        "import importlib.util; find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == '_sha1' else find(name)\n"
    )
    (line,) = run(f"print(*{LOADED})", before=before)
    assert "_hashlib" in line.split()


def test_what_is_there_already_stays() -> None:
    code = "import http.client; print(http.client.HTTPConnection)"
    assert run(code, before="import http.client\n") == ["<class 'http.client.HTTPConnection'>"]


def test_the_first_look_waits_for_nothing() -> None:
    """Services start after it; each later one takes as long as supervisord wants."""
    assert run(
        "from supervisor import poller; from supervisor.options import ServerOptions\n"
        "poller.Poller.__base__.poll = lambda self, timeout: print(timeout)\n"
        "own = ServerOptions().poller\n"
        "for _ in range(3): own.poll(1)"
    ) == ["0.0", "1", "1"]
