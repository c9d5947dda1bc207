"""The names of a GitHub host, and the ways in which its addresses are written.

One token is good for all of them. https://docs.github.com/en/get-started/git-basics/about-remote-repositories
"""

from collections.abc import Iterator, Mapping, Sequence

_TENANTS = ".ghe.com"
_PUBLIC = "github.com"
_SSH_OVER_HTTPS = "ssh.github.com"
"""https://docs.github.com/en/authentication/troubleshooting-ssh/using-ssh-over-the-https-port"""


Rules = Mapping[str, Sequence[str]]
"""Rules of git's: by what an address begins with, what it shall begin with instead."""


def list_sites(host: str) -> tuple[str, str]:
    """Return the hosts of the repositories and of the gists, as gh has them.

    An Enterprise Server without subdomain isolation keeps gists below a path of the first.
    """
    return host, f"gist.{host}"


def list_ssh_forms(site: str) -> Iterator[str]:
    """Yield the beginnings of addresses that lead to a site in another way than over https.

    git compares them to the letter, so that the usual ways to write GitHub.com are among them.
    """
    names = [site, site.replace(_PUBLIC, "GitHub.com")] if site.endswith(_PUBLIC) else [site]
    users = ["git@", ""]
    if site.endswith(_TENANTS):  # as gh and the web page write the addresses of a tenant
        users.append(f"{site.removesuffix(_TENANTS).rpartition('.')[2]}@")
    for name in dict.fromkeys(names):
        yield f"git://{name}/"  # which GitHub no longer serves, and old submodules still name
        for user in users:
            yield from (f"{user}{name}:", f"{user}{name}:/")
            yield from (f"ssh://{user}{name}/", f"ssh://{user}{name}:22/")
            yield f"git+ssh://{user}{name}/"
    if site == _PUBLIC:
        for user in users:
            yield f"{user}{_SSH_OVER_HTTPS}:"
            yield from (f"ssh://{user}{_SSH_OVER_HTTPS}:443/", f"ssh://{user}{_SSH_OVER_HTTPS}/")


def choose_forms(host: str, rules: Rules) -> dict[str, list[str]]:
    """Return for each https address the SSH forms to read as it, beside the rules that there are.

    Of two rules for the same beginning git takes the system's, so a rule of the user's own wins
    only where ours is missing. Ours are all missing where one of his wants another way than https.
    """
    found = {f"https://{site}/": list(list_ssh_forms(site)) for site in list_sites(host)}
    known = {form for forms in found.values() for form in forms}
    known.update(found, (base.removesuffix("/") for base in found))
    own = {
        begin: others
        for begin in known
        if (others := [to for to in rules.get(begin, ()) if not to.startswith(tuple(found))])
    }
    if any(not to.startswith(("https:", "http:")) for others in own.values() for to in others):
        return {}
    return {base: [form for form in forms if form not in own] for base, forms in found.items()}
