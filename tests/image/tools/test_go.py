"""Go, without a network: the module proxy is off."""

import pytest
from testinfra.host import Host

from scripts.variants import read_go
from tests.image.conftest import make_folder
from tests.worlds.builds import pick_version

pytestmark = pytest.mark.needs_tools("go")

OFFLINE = "export GOPROXY=off GOFLAGS=-mod=mod GOTOOLCHAIN=local;"
PROGRAM = """\
package main

import ("fmt"; "net/http"; "net/http/httptest")

func main() {
    hello := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }
    server := httptest.NewServer(http.HandlerFunc(hello))
    defer server.Close()
    answer, err := http.Get(server.URL)
    if err != nil { panic(err) }
    fmt.Println(answer.StatusCode)
}
"""
WITH_C = """\
package main

// static int twice(int x) { return 2 * x; }
import "C"
import "fmt"

func main() { fmt.Println(C.twice(21)) }
"""
TEST = """\
package main

import "testing"

func TestSum(t *testing.T) { if 1 + 1 != 2 { t.Fatal() } }
"""


@pytest.fixture
def module(host: Host) -> str:
    """The folder of a program that is a web server and its own client."""
    files = {"go.mod": "module example.com/hello\n\ngo 1.21\n", "main.go": PROGRAM}
    return make_folder(host, {**files, "main_test.go": TEST})


def test_is_the_go_of_the_lock(host: Host) -> None:
    version = read_go(pick_version("GO_VERSION"))
    assert f"go{version} linux/" in host.check_output("go version")
    assert host.check_output("go env GOROOT") == "/opt/go"


def test_builds_runs_and_tests_a_program(host: Host, module: str) -> None:
    assert host.check_output(f"{OFFLINE} cd {module} && go build -o hello . && ./hello") == "200"
    assert host.check_output(f"{OFFLINE} cd {module} && go run .") == "200"
    assert "ok" in host.check_output(f"{OFFLINE} cd {module} && go vet . && go test .")


def test_installs_into_the_home(host: Host, module: str) -> None:
    host.run_expect([0], f"{OFFLINE} cd {module} && go install .")
    try:
        assert host.check_output("command -v hello") == "/home/dev8/.local/bin/hello"
        assert host.check_output("hello") == "200"
    finally:
        host.run_expect([0], "rm /home/dev8/.local/bin/hello")


@pytest.mark.needs_tools("compilers")
def test_links_with_c(host: Host) -> None:
    folder = make_folder(host, {"main.go": WITH_C})
    assert host.check_output(f"{OFFLINE} cd {folder} && go run main.go") == "42"


def test_builds_for_another_system(host: Host) -> None:
    folder = make_folder(host, {"main.go": "package main\nfunc main() { println(1) }\n"})
    build = "GOOS=windows GOARCH=arm64 go build -o hello.exe main.go"
    host.run_expect([0], f"{OFFLINE} cd {folder} && {build} && head -c 2 hello.exe | grep MZ")


def test_formats(host: Host, module: str) -> None:
    assert 'import (\n\t"fmt"\n\t"net/http"' in host.check_output(f"gofmt {module}/main.go")
