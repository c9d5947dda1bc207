r"""How well-known tokens and keys begin: the one table for all who tell, refuse or hide them.

A text for a regular expression has no group around it: `rf"(?:{GITHUB})\w+"`.
"""

CLASSIC = "ghp_"
GITHUB_KINDS = {
    CLASSIC: "personal",
    "github_pat_": "fine-grained",
    "ghs_": "installation",
    "ghu_": "user",
    "gho_": "oauth",
    "ghr_": "refresh",
}
"""https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/"""
AI_KEYS = ("sk-", "AIza")
"""Of Anthropic and OpenAI, of Google."""

GITHUB = r"gh[a-z]_|github_pat_"
"""Of all kinds, those to come as well."""
GIT_HOSTS = rf"{GITHUB}|glpat-|[0-9a-f]{{40}}(?![0-9a-z])"
"""Of GitHub and GitLab: tokens that may stand in the address of a repository. Those that GitHub
made until 2021, and still takes, have no beginning of their own: the whole is 40 digits."""
SERVICES = rf"glpat-|xox[a-z]-|{'|'.join(AI_KEYS)}"
"""Of GitLab, of Slack, of AI tools."""
PACKAGES = r"npm_|hf_|pypi-"
"""Of registries. Programs and settings begin like that, too: what follows must be long."""
AWS = "AKIA|ASIA|ABIA|ACCA"
"""Of access keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"""
WEB_TOKEN = "eyJ"  # noqa: S105 - a prefix
"""Of a JSON web token: `{"` in Base64."""
