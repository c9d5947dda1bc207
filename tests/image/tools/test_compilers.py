"""The compilers and what goes with them."""

import pytest
from testinfra.host import Host

from tests.image.conftest import make_folder

pytestmark = pytest.mark.needs_tools("compilers")

C = '#include <stdio.h>\nint main(void) { puts("from C"); return 0; }\n'
CXX = '#include <iostream>\nint main() { std::cout << "from C++" << std::endl; }\n'
MAKEFILE = "hello: hello.c\n\t$(CC) -o $@ $<\n"


@pytest.mark.parametrize("option", ["", "-static", "-O2 -flto", "-fsanitize=address"])
def test_compiles_c(host: Host, option: str) -> None:
    folder = make_folder(host, {"hello.c": C})
    output = host.check_output(f"cd {folder} && gcc {option} -o hello hello.c && ./hello")
    assert output == "from C"


def test_compiles_cxx(host: Host) -> None:
    folder = make_folder(host, {"hello.cc": CXX})
    output = host.check_output(f"cd {folder} && g++ -o hello hello.cc && ./hello")
    assert output == "from C++"


def test_makes(host: Host) -> None:
    folder = make_folder(host, {"hello.c": C, "Makefile": MAKEFILE})
    assert host.check_output(f"cd {folder} && make --silent && ./hello") == "from C"


def test_pkg_config_knows_python(host: Host) -> None:
    assert "/usr/include/python3.11" in host.check_output("pkg-config --cflags python-3.11")


def test_patches(host: Host) -> None:
    change = "--- a\n+++ a\n@@ -1 +1 @@\n-one\n+two\n"
    folder = make_folder(host, {"a": "one\n", "change": change})
    assert host.check_output(f"cd {folder} && patch --quiet <change && cat a") == "two"
