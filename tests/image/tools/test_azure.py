"""The Azure CLI against a stand-in for Azure, which runs beside it: tests/fakes/azure.py."""

import json
from pathlib import Path

import pytest
from testinfra.host import Host

from tests.image.conftest import make_folder

pytestmark = pytest.mark.needs_tools("azure")

FAKE = Path(__file__).parents[2] / "fakes" / "azure.py"
SIGN_IN = (
    "az cloud register --name here --endpoint-resource-manager $AZURE && "
    "az cloud set --name here --only-show-errors && az login --identity >/dev/null"
)
CLIENTS = """\
from azure.cli.core import get_default_cli
from azure.cli.core.commands.client_factory import get_mgmt_service_client
from azure.cli.core.profiles import AZURE_API_PROFILES, ResourceType

az = get_default_cli()
kinds = [kind for kind in AZURE_API_PROFILES["latest"] if "azure.mgmt." in kind.import_prefix]
for gone in ("NETWORK", "DATABOXEDGE"):  # their commands need no package any more
    kinds.remove(ResourceType[f"MGMT_{gone}"])
for kind in kinds:
    bound = kind is not ResourceType.MGMT_RESOURCE_SUBSCRIPTIONS
    client = get_mgmt_service_client(az, kind, subscription_bound=bound)
    for name in dir(type(client)):
        if isinstance(getattr(type(client), name), property):
            try:
                getattr(client, name)
            except ValueError as error:
                assert "does not have operation group" in str(error), error
    print(kind.import_prefix)
"""
"""Makes every client for management that the CLI names, with all its parts."""
PROMISED = (
    *("appcontainers", "authorization", "compute", "containerregistry", "containerservice"),
    *("eventhub", "keyvault", "monitor", "msi", "privatedns", "servicebus", "storage", "web"),
    *("resource.deployments", "resource.policy", "resource.resources", "resource.subscriptions"),
)
"""Clients that people use, whatever else a version of the CLI names."""


EXTENSION = """\
import zipfile

CODE = '''
from azure.cli.core import AzCommandsLoader

class Loader(AzCommandsLoader):
    def load_command_table(self, args):
        with self.command_group("hello", operations_tmpl="azext_hello#{}") as group:
            group.command("world", "say")
        return self.command_table

    def load_arguments(self, command):
        pass

def say():
    return "from an extension"

COMMAND_LOADER_CLS = Loader
'''
with zipfile.ZipFile("hello-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("azext_hello/__init__.py", CODE)
    wheel.writestr("azext_hello/azext_metadata.json", "{}")
    info = "hello-1.0.dist-info"
    wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: hello\\nVersion: 1.0")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any")
    wheel.writestr(f"{info}/RECORD", "")
"""
"""Makes the wheel of an extension with one command."""


@pytest.fixture(scope="module")
def folder(host: Host) -> str:
    """A folder in the container with the stand-in."""
    return make_folder(host, {"stand_in.py": FAKE.read_text(), "clients.py": CLIENTS})


def ask(host: Host, folder: str, *commands: str) -> str:
    """Sign in, run the commands, and return what they printed."""
    script = " && ".join((SIGN_IN, *commands))
    return str(host.check_output(f"python {folder}/stand_in.py sh -c %s", script))


def test_tells_its_version(host: Host) -> None:
    assert json.loads(host.check_output("az version"))["azure-cli"].startswith("2.")


def test_signs_in_and_lists(host: Host, folder: str) -> None:
    """Each of the groups that the image is to have makes its requests, and reads the answers."""
    names = ask(
        host,
        folder,
        "az account show --query name --output tsv",
        "az group list --query [].name --output tsv",
        "az group create --name one --location westeurope --query name --output tsv",
        "az resource list --query [].name --output tsv",
        "az storage account list --query [].name --output tsv",
        "az storage blob list --container-name container --account-name one --auth-mode login "
        "--blob-endpoint $AZURE --query [].name --output tsv",
        "az keyvault list --resource-type vault --query [].name --output tsv",
        "az keyvault secret list --id $AZURE --query [].name --output tsv",
    )
    assert names.split() == [
        *("Test", "one", "one", "disk", "vaultone"),
        *("accountone", "blobone", "vaultone", "password"),
    ]


def test_a_wrong_identity_is_refused(host: Host, folder: str) -> None:
    script = SIGN_IN.replace("az login", "IDENTITY_HEADER=wrong az login")
    done = host.run(f"python {folder}/stand_in.py sh -c %s", script)
    assert done.rc == 1
    assert "not your identity" in done.stderr, "what the stand-in answers"


def test_has_every_interface_that_it_names(host: Host, folder: str) -> None:
    """What trimming took is not missed: all clients for management load, with all their parts."""
    output = ask(host, folder, f"/opt/azure-cli/bin/python -B {folder}/clients.py")
    named = output.split()
    assert len(named) == len(set(named))
    assert set(named) >= {f"azure.mgmt.{name}" for name in PROMISED}


def test_starts_with_bytecode(host: Host) -> None:
    """What the promised commands load is compiled: nothing could be kept on a read-only root."""
    core = "/opt/azure-cli/lib/python3.11/site-packages/azure"
    for name in ("cli/core", "cli/command_modules/storage", "mgmt/keyvault", "mgmt/resource"):
        sources = host.check_output(f"find {core}/{name} -name '*.py' | wc -l")
        compiled = host.check_output(f"find {core}/{name} -name '*.cpython-311.pyc' | wc -l")
        assert int(sources) == int(compiled) > 0


def test_installs_an_extension(host: Host) -> None:
    """`az extension add` runs the pip of the CLI's own environment."""
    folder = make_folder(host, {"make.py": EXTENSION})
    host.run_expect([0], f"cd {folder} && python make.py")
    az = f"cd {folder} && AZURE_CONFIG_DIR={folder}/config az"
    host.run_expect([0], f"{az} extension add --yes --source hello-1.0-py3-none-any.whl")
    assert host.check_output(f"{az} hello world --output tsv") == "from an extension"
