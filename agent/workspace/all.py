"""The steps of `configure`, in one visible tuple. To add one, write one file and add one name."""

from agent.github import gh
from agent.life import project
from agent.services import sshd
from agent.tools import handover
from agent.workspace import certificates, git, shell, signing, ssh, vscode

STEPS = (
    certificates.STEP,
    ssh.STEP,
    sshd.STEP,
    git.STEP,
    signing.STEP,
    gh.STEP,
    vscode.STEP,
    handover.STEP,
    shell.STEP,
    project.STEP,
)
"""Applied in this order."""
