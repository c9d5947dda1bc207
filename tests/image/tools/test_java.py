"""The JDK and Maven, without a network."""

import pytest
from testinfra.host import Host

from scripts.variants import read_default
from tests.image.conftest import make_folder

pytestmark = pytest.mark.needs_tools("java")

PROGRAM = """\
import java.util.stream.IntStream;

public class Sum {
    record Answer(int value) {}

    public static void main(String... words) {
        System.out.println(new Answer(IntStream.rangeClosed(1, 4).sum()).value());
    }
}
"""
PROJECT = """\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.example</groupId><artifactId>sum</artifactId><version>1</version>
  <packaging>pom</packaging>
</project>
"""


def test_is_the_release_that_the_label_tells(host: Host) -> None:
    release = read_default("JAVA_VERSION")
    assert host.check_output("javac -version") == f"javac {tell(host)}"
    assert tell(host).split(".")[0] == release


def tell(host: Host) -> str:
    """Return the version that the agent tells."""
    told = dict(line.split() for line in host.check_output("devcopilot version").splitlines())
    return str(told["Java"])


def test_compiles_packs_and_runs_a_program(host: Host) -> None:
    folder = make_folder(host, {"Sum.java": PROGRAM})
    output = host.check_output(
        f"cd {folder} && javac Sum.java && jar --create --file sum.jar --main-class Sum *.class && "
        "rm *.class && java -jar sum.jar"
    )
    assert output == "10"


def test_jshell_evaluates(host: Host) -> None:
    assert "42" in host.check_output(
        "cd $(mktemp -d) && echo 'System.out.println(6 * 7)' | jshell -s -"
    )


def test_maven_reads_a_project(host: Host) -> None:
    """Its plugins come from a repository, so no more can be asked without a network."""
    folder = make_folder(host, {"pom.xml": PROJECT})
    assert "BUILD SUCCESS" in host.check_output(f"cd {folder} && mvn --offline validate")
    assert "Apache Maven 3" in host.check_output("mvn --version")
    done = host.run(f"cd {folder} && echo '<project/>' >pom.xml && mvn --offline validate")
    assert done.rc == 1


def test_trusts_the_usual_authorities(host: Host) -> None:
    listed = "keytool -list -cacerts -storepass changeit 2>/dev/null | grep -c trustedCertEntry"
    assert int(host.check_output(listed)) > 100
