"""The JDK and Maven, without a network."""

from pathlib import Path

import pytest
from testinfra.host import Host

from scripts.variants import read_default
from tests.image.conftest import Image, make_folder
from tests.worlds.containers import HARDENED
from tests.worlds.inspection import URL, ask, inspected

STORE = "/dev/shm/devcopilot-1000/certificates/all.jks"

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


ASK = """\
import java.net.URI;

public class Ask {
    public static void main(String... words) throws Exception {
        URI.create(words[0]).toURL().openStream().close();
    }
}
"""
MIRROR = """\
<settings><mirrors><mirror>
  <id>near</id><mirrorOf>*</mirrorOf><url>{url}/maven</url>
</mirror></mirrors></settings>
"""
ASKING = {
    "java": f"cat >/tmp/Ask.java <<'END'\n{ASK}END\njava /tmp/Ask.java {URL}/java",
    "memory": f"JAVA_TOOL_OPTIONS=\"$JAVA_TOOL_OPTIONS -Xmx64m\" java /tmp/Ask.java {URL}/memory",
    "maven": f"cat >/tmp/settings.xml <<'END'\n{MIRROR.format(url=URL)}END\n"
             "cd /tmp && mvn -B -s settings.xml -Dmaven.repo.local=/tmp/m2 help:system",
}  # fmt: skip


@pytest.mark.parametrize("trusted", [True, False])
def test_trusts_the_certificates_of_a_proxy(image: Image, tmp_path: Path, trusted: bool) -> None:
    options = ("-e", "DEV8_CA_FILE=/tls/ca", "-e", "JAVA_TOOL_OPTIONS=-Xss2m") if trusted else ()
    with inspected(image.name, tmp_path, *HARDENED, *options) as box:
        for name, script in ASKING.items():
            assert ask(box, name, script, trusted=trusted) is trusted, name
        if trusted:
            shown = box.execute("bash", "-lc", "echo $JAVA_TOOL_OPTIONS")
            assert shown.endswith("certificates/all.jks -Xss2m")
            entries = f"keytool -list -keystore {STORE} -storepass changeit | grep -c trustedCert"
            public = entries.replace(f"-keystore {STORE}", "-cacerts")
            assert int(box.execute("sh", "-c", entries)) == int(box.execute("sh", "-c", public)) + 1


def test_trusts_the_usual_authorities(host: Host) -> None:
    listed = "keytool -list -cacerts -storepass changeit 2>/dev/null | grep -c trustedCertEntry"
    assert int(host.check_output(listed)) > 100
