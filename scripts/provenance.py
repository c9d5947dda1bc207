#!/usr/bin/env python3
"""Print where an image comes from: the commit, the locks, and what built it.

The predicate of https://slsa.dev/provenance/v1. On GitHub the builder is the workflow, which the
signature proves; elsewhere it is whoever holds the key.
"""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[1]
LOCKS = (
    "requirements/*.txt",
    "docker/base/*.txt",
    "docker/mvp/**/*.txt",
    "docker/mvp/**/*-lock.json",
)
"""What pins everything that a build downloads, but the packages of the distribution."""


def ask_git(*words: str) -> str:
    """Return what git prints."""
    done = subprocess.run(["git", *words], cwd=TOP, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def list_locks() -> list[dict[str, Any]]:
    """Return each lock file with its hash."""
    files = sorted({file for pattern in LOCKS for file in TOP.glob(pattern)})
    return [
        {
            "name": str(file.relative_to(TOP)),
            "digest": {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
        }
        for file in files
    ]


def describe(environment: dict[str, str], revision: str) -> dict[str, Any]:
    """Return the predicate. The environment is that of a workflow on GitHub, or lacks its names."""
    server = environment.get("GITHUB_SERVER_URL", "https://github.com")
    repository = environment.get("GITHUB_REPOSITORY", "")
    workflow = environment.get("GITHUB_WORKFLOW_REF", "")
    run = f"{server}/{repository}/actions/runs/{environment.get('GITHUB_RUN_ID', '')}"
    source: dict[str, Any] = {"digest": {"gitCommit": revision}}
    if repository:
        source["uri"] = f"git+{server}/{repository}@{environment.get('GITHUB_REF', '')}"
    return {
        "buildDefinition": {
            "buildType": f"{server}/{repository}/blob/{revision}/scripts/build.sh",
            "externalParameters": {"source": source},
            "resolvedDependencies": [source, *list_locks()],
        },
        "runDetails": {
            "builder": {"id": f"{server}/{workflow}" if workflow else "scripts/build.sh by hand"},
            "metadata": {"invocationId": run} if repository else {},
        },
    }


def main() -> None:
    """Print it for the commit that is checked out."""
    print(json.dumps(describe(dict(os.environ), ask_git("rev-parse", "HEAD")), indent=2))


if __name__ == "__main__":
    main()
