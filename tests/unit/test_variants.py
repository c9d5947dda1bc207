"""docker/variants/table.txt, and that everything which follows from it does."""

import re
import subprocess

import pytest
import yaml

from scripts.variants import MVP, TABLE, TOP, VARIANTS, Variant, list_languages, read_table

STAGE = re.compile(r"(?m)^FROM (\S+) AS (\S+)\n((?:(?!FROM ).*\n)*)")
STAGES = {
    name: (base, body) for base, name, body in STAGE.findall((MVP / "Dockerfile").read_text())
}
WORKFLOWS = TOP / ".github/workflows"
OTHERS = sorted(VARIANTS.keys() - {"base", "mvp"})


def list_layers(name: str) -> list[str]:
    """Return the tools of with-NAME, lowest layer first: stages that are copied, and packages."""
    base, body = STAGES[f"with-{name}"]
    below = list_layers(base.removeprefix("with-")) if base in STAGES else []
    packages = PACKAGES.get(name, []) if "install.sh" in body else []
    return below + packages + re.findall(r"(?m)^COPY --from=(\S+)", body)


PACKAGES = {"java": ["java"], "compilers": ["compilers"], "mvp": ["desk"]}
"""The tools that come as packages of the distribution, by the stage that installs them."""


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_the_dockerfile_gives_an_image_the_tools_of_its_row(variant: Variant) -> None:
    layers = list_layers(variant.name) if variant.tools else []
    assert sorted(layers) == sorted(variant.tools)


@pytest.mark.parametrize("name", [*OTHERS, "mvp"])
def test_they_share_the_layers_below(name: str) -> None:
    assert list_layers(name)[:1] == ["code-server"]
    assert list_layers("mvp")[: len(list_layers("python"))] == list_layers("python")


def test_the_agent_is_the_last_layer_of_all_of_them() -> None:
    base, body = STAGES["image"]
    assert base == "with-${VARIANT}"
    assert re.findall(r"(?m)^(?:COPY|RUN).*", body) == ["COPY --from=agent / /"]


def test_both_readers_of_the_table_agree() -> None:
    script = """
. scripts/lib/variants.sh
for name in $(list_column 1); do echo "$name: $(describe "$name")"; done
for name in $(list_column 1); do has_tool "$name" go && echo "$name"; done
"""
    done = subprocess.run(
        ["bash", "-euc", script], cwd=TOP, check=False, capture_output=True, text=True
    )
    rows = [f"{each.name}: {each.description}" for each in VARIANTS.values()]
    with_go = [each.name for each in VARIANTS.values() if "go" in each.tools]
    assert done.stdout.splitlines() == rows + with_go


def test_a_part_of_a_name_is_not_the_tool() -> None:
    """go is in copilot's neighbourhood, node in no other name: whole words count."""
    script = ". scripts/lib/variants.sh; has_tool go code; echo $?; has_tool ide server; echo $?"
    done = subprocess.run(["bash", "-c", script], cwd=TOP, check=True, capture_output=True)
    assert done.stdout.split() == [b"1", b"1"]


def test_every_image_is_built_tested_and_published_by_the_workflows() -> None:
    release = yaml.safe_load((WORKFLOWS / "release.yml").read_text())["jobs"]
    scheduled = yaml.safe_load((WORKFLOWS / "variants.yml").read_text())["jobs"]
    assert sorted(scheduled["variants"]["strategy"]["matrix"]["variant"]) == OTHERS
    assert sorted(release["variants"]["strategy"]["matrix"]["variant"]) == OTHERS
    assert sorted(release["publish"]["strategy"]["matrix"]["image"]) == sorted(VARIANTS)


def test_a_language_tells_its_version() -> None:
    assert list_languages(VARIANTS["base"]) == []
    assert [text.split()[0] for text in list_languages(VARIANTS["mvp"])] == [
        *("Python", "Go", "Node", "Bun")
    ]
    (java,) = list_languages(VARIANTS["java"])
    assert re.fullmatch(r"Java \d+", java)


@pytest.mark.parametrize("row", ["go", "go x y z", "go 800 go"])
def test_a_row_that_is_none_is_refused(row: str) -> None:
    with pytest.raises(ValueError, match=r"values to unpack|invalid literal"):
        read_table(f"# comment\n\n{row}\n")


def test_names_are_words_that_a_registry_takes() -> None:
    assert TABLE.read_text().isascii()
    assert all(re.fullmatch(r"[a-z]+", name) for name in VARIANTS)


def make(*words: str) -> str:
    """Return what make would run."""
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", *words],
        cwd=TOP, check=True, capture_output=True, text=True)  # fmt: skip
    return done.stdout


@pytest.mark.parametrize(
    ("word", "built"), [("VARIANT=go", "go"), ("VARIANT=full", "mvp"), ("IMAGE=base", "base")]
)
def test_make_builds_the_one_that_is_asked_for(word: str, built: str) -> None:
    assert f"scripts/build.sh {built}\n" in make("build", word)


@pytest.mark.parametrize("script", ["build.sh", "sbom.sh"])
def test_an_unknown_name_is_one_line(script: str) -> None:
    done = subprocess.run(
        [TOP / "scripts" / script, "rust"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == f"error: unknown image: rust (one of {' '.join(VARIANTS)})\n"


def test_the_base_names_a_tag() -> None:
    names = {
        "debian:12": "debian-12",
        f"registry.example.com:5000/library/ubuntu:22.04@sha256:{'5' * 64}": "ubuntu-22.04",
        "dev8-rootfs:bookworm-b4d95fc313a9": "debian-12",
        "plain": "plain",
    }
    script = '. scripts/lib/images.sh; for name; do name_base "$name"; done'
    done = subprocess.run(
        ["bash", "-euc", script, "bash", *names],
        cwd=TOP,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == list(names.values())
