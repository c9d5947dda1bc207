"""scripts/changes.sh on real repositories: which parts a range of commits touches."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
PARTS = {"agent", "base", "mvp", "tests", "docs", "workflows"}
NOTHING = "0" * 40


class Repository:
    """A repository with the script in it, and one commit to begin with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("changes.sh", "lib/messages.sh"):
            target = folder / "scripts" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SCRIPTS / name, target)
        self.git("init", "--quiet", "--initial-branch=main")
        self.start = self.commit("agent/first.py", "docs/first.md")

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.com")
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, *files: str) -> str:
        """Add a line to each file and commit; return the commit's name."""
        for name in files:
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a") as text:
                text.write("line\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def call(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.folder / "scripts/changes.sh", *words],
            check=False, capture_output=True, text=True,
        )  # fmt: skip

    def touched(self, *words: str) -> set[str]:
        """Return the parts that the script calls touched; it must name each once."""
        done = self.call(*words)
        assert done.returncode == 0, done.stderr
        lines = [line.partition("=") for line in done.stdout.splitlines()]
        assert sorted(name for name, _, _ in lines) == sorted(PARTS)
        assert {value for _, _, value in lines} <= {"true", "false"}
        return {name for name, _, value in lines if value == "true"}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.mark.parametrize(
    ("file", "parts"),
    [
        ("agent/workspace/new.py", {"agent", "base", "mvp"}),
        ("pyproject.toml", {"agent", "base", "mvp"}),
        ("LICENSE", {"agent", "base", "mvp"}),
        ("requirements/runtime.txt", {"agent", "base", "mvp"}),
        ("requirements/dev.txt", {"tests"}),
        ("docker/base/Dockerfile", {"base", "mvp"}),
        ("docker/base/etc/profile.d/a b.sh", {"base", "mvp"}),
        ("docker/mvp/Dockerfile", {"mvp"}),
        ("docker/variants/table.txt", {"mvp"}),
        ("docker/compose.yaml", {"tests"}),
        ("deploy/kubernetes/base/statefulset.yaml", {"tests"}),
        ("docker/README.md", {"docs"}),
        ("README.md", {"docs"}),
        ("docs/émigré.md", {"docs"}),
        ("tests/unit/test_new.py", {"tests"}),
        ("scripts/check.sh", {"workflows"}),
        ("scripts/build.sh", {"base", "mvp"}),
        (".github/workflows/ci.yml", {"workflows"}),
        ("somewhere/else", PARTS),
    ],
)
def test_a_file_touches_its_parts(repository: Repository, file: str, parts: set[str]) -> None:
    repository.commit(file)
    assert repository.touched(repository.start) == parts


def test_earlier_commits_of_the_range_count(repository: Repository) -> None:
    repository.commit("agent/new.py")
    repository.commit("docs/new.md")
    assert repository.touched("HEAD^") == {"docs"}
    assert repository.touched(repository.start) == {"agent", "base", "mvp", "docs"}


def test_what_only_the_base_has_does_not_count(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "branch")
    head = repository.commit("docs/new.md")
    repository.git("switch", "--quiet", "main")
    base = repository.commit("docker/mvp/Dockerfile")
    assert repository.touched(base, head) == {"docs"}


def test_removed_and_moved_files_count_where_they_were(repository: Repository) -> None:
    repository.git("mv", "agent/first.py", "docs/first.py")
    repository.commit()
    assert repository.touched(repository.start) == {"agent", "base", "mvp", "docs"}


def test_no_change_touches_nothing(repository: Repository) -> None:
    assert repository.touched("HEAD") == set()


@pytest.mark.parametrize("base", ["", NOTHING, "1234567890" * 4, "no-such-branch"])
def test_without_a_known_base_everything_is_touched(repository: Repository, base: str) -> None:
    assert repository.touched(base) == PARTS
    assert "everything counts as changed" in repository.call(base).stderr


def test_a_shallow_clone_without_the_base_touches_everything(
    repository: Repository, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    repository.commit("docs/new.md")
    clone = tmp_path_factory.mktemp("clone") / "shallow"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", f"file://{tmp_path}", clone], check=True
    )
    repository.folder = clone
    assert repository.git("rev-parse", "--is-shallow-repository") == "true"
    assert repository.touched(repository.start) == PARTS


def test_an_unknown_head_is_one_clear_line(repository: Repository) -> None:
    done = repository.call(repository.start, "nowhere")
    assert done.returncode == 1
    assert done.stderr == "error: cannot find the commit nowhere (changes.sh BASE [HEAD])\n"
