"""What the container uses and may use, as its cgroups tell: versions 1 and 2.

Every reader returns None where the kernel does not say: no cgroup at all, one that is no limit, or
a file of another version.
https://docs.kernel.org/admin-guide/cgroup-v2.html and, for version 1,
https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
"""

from agent.machine.light.files import SECRET, read_file

ROOT = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"
NO_LIMIT = 1 << 60
"""Bytes: version 1 has no word for "no limit", only a number that no machine has."""


LONGEST = 20
"""Digits of the largest number of 64 bits."""


class Cgroup:
    """The cgroups of this process. Where it sees only its own, they are the mount itself."""

    def __init__(self, root: str = ROOT, membership: str = MEMBERSHIP) -> None:
        self._root = root
        self._membership = membership
        self._paths: dict[str, str] | None = None

    def memory(self) -> int | None:
        """Return the bytes in use, the page cache included."""
        return self._number("memory.current", "memory", "memory.usage_in_bytes")

    def working_set(self) -> int | None:
        """Return the bytes in use without those that the kernel gives back when it needs them.

        It is what Kubernetes and Docker show, and what comes before the kernel kills something.
        """
        used = self.memory()
        if used is None:
            return None
        cold = self._fields("memory.stat", "memory", "memory.stat")
        return max(0, used - cold.get("total_inactive_file", cold.get("inactive_file", 0)))

    def memory_limit(self) -> int | None:
        """Return the most bytes that it may use."""
        whole = self._fields("", "memory", "memory.stat").get("hierarchical_memory_limit")
        found = whole or self._number("memory.max", "memory", "memory.limit_in_bytes")
        return found if found is not None and found < NO_LIMIT else None

    def out_of_memory_kills(self) -> int | None:
        """Return how many processes the kernel has killed because the memory was used up."""
        return self._fields("memory.events", "memory", "memory.oom_control").get("oom_kill")

    def processor_seconds(self) -> float | None:
        """Return the processor time that all processes have used so far."""
        used = self._fields("cpu.stat", "", "").get("usage_usec")
        if used is not None:
            return used / 1e6
        nanoseconds = self._number("", "cpuacct", "cpuacct.usage")
        return None if nanoseconds is None else nanoseconds / 1e9

    def processors(self) -> float | None:
        """Return how many processors' time it may use; a fraction is possible."""
        text = self._read("cpu.max", "", "")
        if text is None:
            parts = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            text = " ".join(self._read("", "cpu", part) or "" for part in parts)
        try:
            share, of = map(float, text.split())  # "max 100000" and "-1 100000": no limit
        except ValueError:
            return None
        return share / of if share > 0 and of > 0 else None

    def processes(self) -> int | None:
        """Return how many processes and threads there are."""
        return self._number("pids.current", "pids", "pids.current")

    def process_limit(self) -> int | None:
        """Return how many processes and threads there may be."""
        return self._number("pids.max", "pids", "pids.max")

    def processes_refused(self) -> int | None:
        """Return how often none could be started because there were as many as there may be."""
        return self._fields("pids.events", "pids", "pids.events").get("max")

    def _number(self, name: str, controller: str, old_name: str) -> int | None:
        return parse_number(self._read(name, controller, old_name) or "")

    def _fields(self, name: str, controller: str, old_name: str) -> dict[str, int]:
        """Return the numbers of a file with a word and a number on each line."""
        found = {}
        for line in (self._read(name, controller, old_name) or "").split("\n"):
            word, _, rest = line.partition(" ")
            number = parse_number(rest)
            if number is not None:
                found[word] = number
        return found

    def _read(self, name: str, controller: str, old_name: str) -> str | None:
        """Return what a file of version 2 says, or the one of a controller of version 1."""
        for folder, file in self._find(name, controller, old_name):
            try:
                return read_file(f"{folder}/{file}", SECRET).decode("ascii").strip()
            except (OSError, ValueError):
                continue
        return None

    def _find(self, name: str, controller: str, old_name: str) -> list[tuple[str, str]]:
        """Return where such a file may be, in the order of the looks.

        Version 2 has the files of a container where it is mounted, but for the root of all, which
        has none. Version 1 has them in its root as well: there the path counts first.
        """
        paths = self._load_paths()
        places = []
        if name:
            places += [(self._root, name), (self._root + paths.get("", ""), name)]
        if old_name:
            folder = f"{self._root}/{controller}"
            places += [(folder + paths.get(controller, ""), old_name), (folder, old_name)]
        return places

    def _load_paths(self) -> dict[str, str]:
        """Return controller -> path below its mount; that of version 2 under an empty name."""
        if self._paths is None:
            self._paths = {}
            try:
                text = read_file(self._membership, SECRET).decode(errors="surrogateescape")
            except OSError:
                text = ""
            for line in text.split("\n"):  # 4:cpu,cpuacct:/docker/0123
                _, _, rest = line.partition(":")
                names, _, path = rest.partition(":")
                if path.startswith("/") and ".." not in path.split("/"):
                    self._paths.update(dict.fromkeys(names.split(","), path.rstrip("/")))
        return self._paths


def parse_number(text: str) -> int | None:
    """Return what a kernel's counter says; None for a word, and for what no kernel writes."""
    is_number = len(text) <= LONGEST and text.isascii() and text.isdigit()
    return int(text) if is_number else None
