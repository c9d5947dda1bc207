"""The Python that developers use."""

from pathlib import PurePath

import pytest
from testinfra.host import Host

from tests.image.conftest import make_folder

pytestmark = pytest.mark.needs_tools("python")

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "greet"
version = "1"
"""
BACKEND = """\
import zipfile

FILES = {
    "greet.py": "def main(): print(1 + 1)",
    "greet-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: greet\\nVersion: 1",
    "greet-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any",
    "greet-1.dist-info/entry_points.txt": "[console_scripts]\\ngreet = greet:main",
    "greet-1.dist-info/RECORD": "",
}

def build_wheel(folder, *rest):
    name = "greet-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for path, content in FILES.items():
            wheel.writestr(path, content)
    return name
"""
EXTENSION = """\
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "deep", "", -1, methods};
PyMODINIT_FUNC PyInit_deep(void) { return PyModule_Create(&module); }
"""
USER = "/home/dev8/.local"
AWS = pytest.param("/opt/aws-cli", marks=pytest.mark.needs_tools("aws"))
PACKAGES = "/usr/local/lib/python3.11/dist-packages"


@pytest.fixture
def package(host: Host) -> str:
    """The folder of a package that needs nothing from the network; it brings a program `greet`."""
    return make_folder(host, {"pyproject.toml": PROJECT, "backend.py": BACKEND})


def test_is_python_3_11(host: Host) -> None:
    for name in ("python", "python3", "python3.11"):
        assert host.check_output(f"{name} --version").startswith("Python 3.11.")
    assert "python 3.11" in host.check_output("pip --version")


@pytest.mark.parametrize("option", ["", "--user"])
def test_pip_installs_into_the_home(host: Host, package: str, option: str) -> None:
    host.run_expect([0], f"pip install {option} --quiet --no-index {package}")
    try:
        assert host.check_output("command -v greet") == f"{USER}/bin/greet"
        assert host.check_output("greet") == "2"
        assert host.check_output("python -c 'import greet; print(greet.__file__)'").startswith(USER)
    finally:
        host.run_expect([0], "pip uninstall --quiet --yes greet")


def test_pytest_sees_packages_of_the_home(host: Host, package: str) -> None:
    host.run_expect([0], f"pip install --quiet --no-index {package}")
    try:
        folder = make_folder(host, {"test_sum.py": "import greet\ndef test(): assert 1 + 1 == 2"})
        assert "1 passed" in host.check_output(f"cd {folder} && pytest")
        folder = make_folder(host, {"test_sum.py": "def test(): assert 1 + 1 == 3"})
        assert "1 failed" in host.run_expect([1], f"cd {folder} && pytest").stdout
    finally:
        host.run_expect([0], "pip uninstall --quiet --yes greet")


def test_venv_has_a_pip(host: Host, package: str) -> None:
    output = host.check_output(
        f"cd {package} && python -m venv made && made/bin/pip install --quiet --no-index . && "
        "made/bin/greet"
    )
    assert output == "2"


def test_pipx_installs_a_program(host: Host, package: str) -> None:
    """It would fetch a pip first; the one of the image stands in, for want of a network."""
    shared = f"{USER}/share/pipx/shared"
    host.run_expect([0], f"python -m venv --without-pip {shared}")
    host.run_expect([0], f"cp -r {PACKAGES}/pip* {shared}/lib/python3.11/site-packages/")
    host.run_expect([0], f"cp /usr/local/bin/pip {shared}/bin/")
    host.run_expect([0], f"PIP_NO_INDEX=1 pipx install {package}")
    try:
        assert "greet" in host.check_output("pipx list --short")
        assert host.check_output("greet") == "2"
    finally:
        host.run_expect([0], f"pipx uninstall greet && rm -r {shared}")


def test_poetry_makes_a_project(host: Host) -> None:
    folder = host.check_output("mktemp -d")
    host.run_expect([0], f"cd {folder} && poetry new --quiet greet")
    assert "All set!" in host.check_output(f"cd {folder}/greet && poetry check")
    host.run_expect([0], f"cd {folder}/greet && sed -i /^version/d pyproject.toml")
    host.run_expect([1], f"cd {folder}/greet && poetry check")


def test_poetry_runs_in_an_environment_of_the_home(host: Host) -> None:
    folder = host.check_output("mktemp -d")
    host.run_expect([0], f"cd {folder} && poetry new --quiet greet")
    output = host.check_output(
        f"cd {folder}/greet && poetry run python -c 'import sys; print(sys.prefix)'"
    )
    assert "/home/dev8/.cache/pypoetry/virtualenvs/greet-" in output


def test_black_formats(host: Host) -> None:
    folder = make_folder(host, {"sum.py": "x = {  'a':1 }\n"})
    host.run_expect([0], f"cd {folder} && black --quiet sum.py")
    assert host.check_output(f"cat {folder}/sum.py") == 'x = {"a": 1}'


def test_compiles_an_extension_in_c(host: Host) -> None:
    folder = make_folder(host, {"deep.c": EXTENSION})
    output = host.check_output(
        f"cd {folder} && gcc -shared -fPIC $(pkg-config --cflags python-3.11) -o deep.so deep.c && "
        "python -c 'import deep; print(deep.answer())'"
    )
    assert output == "42"


@pytest.mark.parametrize("folder", ["/opt/python-tools", AWS, PACKAGES])
def test_is_compiled(host: Host, folder: str) -> None:
    """A read-only root keeps no bytecode; every start would compile everything again."""
    found = host.check_output(f"find {folder} -name '*.py' -o -name '*.cpython-311.pyc'")
    paths = [PurePath(line) for line in found.splitlines()]
    caches = [path for path in paths if path.suffix == ".pyc"]
    compiled = {path.parent.parent / path.name.removesuffix(".cpython-311.pyc") for path in caches}
    modules = {path.with_suffix("") for path in paths if path.suffix == ".py"}
    missing = {path for path in modules - compiled if path.parent.name != "bin"}
    assert modules
    assert missing == set(), "scripts of bin/ are never imported"
