"""The tools of an image, and a script that asks each for its version where it runs."""

from dataclasses import dataclass

from scripts.variants import VARIANTS, Variant


@dataclass(frozen=True)
class Tool:
    """A program: its name, words that make it tell of itself, and the tool of the table."""

    name: str
    words: str = "--version"
    of: str = "code-server"


def several(of: str, *names: str, words: str = "--version") -> tuple[Tool, ...]:
    """Return tools that come together and understand the same words."""
    return tuple(Tool(name, words, of) for name in names)


EVERY = (
    Tool("devcopilot", "version"),
    *several("code-server", "code-server", "bash", "git", "gh", "python3.11"),
    *several("desk", "git-lfs", "vim"),
    *several("node", "node", "npm", "npx", "pnpm", "yarn"),
    Tool("pnpx", "--help", "node"),
    *several("bun", "bun", "bunx"),
    *several("python", "python3", "python", "pip", "pip3", "pipx", "poetry", "black", "pytest"),
    Tool("go", "version", "go"),
    Tool("gofmt", "", "go"),
    *several("java", "java", "javac", "jar", "jshell", "mvn"),
    *several("compilers", "gcc", "g++", "cc", "c++", "make", "pkg-config", "ld"),
    *(Tool(name, of=of) for name, of in
      (("aws", "aws"), ("az", "azure"), ("copilot", "copilot"), ("rclone", "rclone"))),
    Tool("restic", "version"),
    *several("code-server", "jq", "rg", "nano", "less", "curl", "rsync", "patch"),
    Tool("tmux", "-V"),
    *several("code-server", "zip", "unzip", words="-v"),
    *several("code-server", "ssh", "xz", words="-V"),
)  # fmt: skip
"""Everything that a person finds in one of the images, whichever way they come in."""

JAVA = "class Sum { public static void main(String... words) { System.out.println(6 * 7); } }"
GO = "package main\nfunc main() { print(6 * 7) }\n"
PROGRAMS = {
    "node": "echo 'console.log(6 * 7)' >sum.js && node sum.js",
    "bun": "echo 'const sum: number = 6 * 7; console.log(sum)' >sum.ts && bun sum.ts",
    "python": "echo 'print(6 * 7)' >sum.py && python -m venv own && own/bin/python sum.py",
    "go": f"printf '%s' '{GO}' >sum.go && go build sum.go && ./sum 2>&1",
    "java": f"echo '{JAVA}' >Sum.java && javac Sum.java && java Sum",
    "compilers": "echo 'main() { printf(\"42\"); }' >sum.c && gcc -w sum.c && ./a.out",
}
"""By tool: compiles a program in an empty folder and runs it; it prints 42. Needs no network."""


def list_tools(image: Variant) -> list[Tool]:
    """Return the tools that an image has."""
    return [tool for tool in EVERY if tool.of in image.tools]


def list_programs(image: Variant) -> list[str]:
    """Return the keys of PROGRAMS that an image has the tools for."""
    return [of for of in PROGRAMS if of in image.tools]


def write_script(image: Variant) -> str:
    """Return a script that prints the name and the place of each tool that runs, a line each."""
    return "\n".join(
        f"{tool.name} {tool.words} </dev/null >/dev/null 2>&1 && "
        f"echo {tool.name} $(command -v {tool.name})"
        for tool in list_tools(image)
    )


def write_programs(image: Variant) -> str:
    """Return a script that prints the tool of each of PROGRAMS that runs, a line each."""
    return "\n".join(
        f"cd $(mktemp -d) && [ 42 = $({{ {PROGRAMS[of]}; }} 2>/dev/null) ] && echo {of} $PWD"
        for of in list_programs(image)
    )


def find_missing(image: Variant, report: str) -> dict[str, str]:
    """Return, from what its script printed, the tools that did not run or that the home holds."""
    places = dict(line.split(maxsplit=1) for line in report.splitlines() if " " in line)
    wrong = {tool.name: "does not run" for tool in list_tools(image) if tool.name not in places}
    wrong |= {name: place for name, place in places.items() if place.startswith("/home")}
    return wrong


def find_image(name: str) -> Variant:
    """Return the row of the table for dev8-NAME:TAG."""
    return VARIANTS[name.removeprefix("dev8-").partition(":")[0]]
