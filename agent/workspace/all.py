"""The steps of `configure`, in one visible tuple. To add one, write one file and add one name."""

from agent.github import gh
from agent.services import login_folder, sshd
from agent.tools import key_files, mcp_servers
from agent.workspace import (
    activity_rules,
    ai_trust,
    certificates,
    git,
    report_rules,
    shell,
    signing,
    ssh,
    vscode,
)

STEPS = (
    certificates.STEP,
    ssh.STEP,
    sshd.STEP,
    git.STEP,
    signing.STEP,
    gh.STEP,
    vscode.STEP,
    key_files.STEP,
    mcp_servers.STEP,
    ai_trust.STEP,
    shell.STEP,
    login_folder.STEP,
    report_rules.STEP,
    activity_rules.STEP,
)
"""Applied in this order."""
