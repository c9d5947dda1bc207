"""A real browser beside a workspace, which reaches nothing but the workspace."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.worlds.containers import Container

TOP = Path(__file__).resolve().parents[2]


def browse(box: Container, folder: Path, shown: str, script: str, *words: str) -> Any:
    """Return what a script of tests/e2e saw; its pictures in /out go to a folder below reports/."""
    folder.chmod(0o777)
    options = ["-v", f"{folder}:/out"]
    for name in (script, "audit.js"):
        options += ["-v", f"{TOP / 'tests/e2e' / name}:/{name}:ro"]
    done = box.run_beside("python", f"/{script}", *words, options=options)
    reports = TOP / "reports" / shown
    reports.mkdir(parents=True, exist_ok=True)
    for picture in folder.glob("*.png"):
        shutil.copy(picture, reports)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)
