"""The cases about CMD: its code, its signals, and orphans.

One fails by AssertionError, TimeoutError or TimeoutExpired.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.pid1.conformance.places import NotApplicableError, World
from tests.worlds.waiting import DEADLINE, wait_until

LOOP = "while :; do sleep 0.01; done"
CODES = (0, 1, 2, 32, 64, 127, 254, 255)
FATAL = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
PROXIED = ("HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "WINCH")
RECORDER = """
import os, signal
def record(number, frame):
    os.write(1, ("seen " + signal.Signals(number).name + "\\n").encode())
for name in "HUP INT QUIT USR1 USR2 TERM WINCH".split():
    signal.signal(getattr(signal, "SIG" + name), record)
os.write(1, b"listening\\n")
while True:
    signal.pause()
"""
PIPELINE = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: None)
children = [subprocess.Popen(["sleep", f"100{n}"]) for n in range(4)]
ends = [child.wait() for child in children]
print("ended by TERM" if ends == [-signal.SIGTERM] * 4 else ends, flush=True)
"""
IGNORER = """
import signal, subprocess
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
reset = lambda: signal.signal(signal.SIGUSR1, signal.SIG_DFL)
child = subprocess.Popen(["sleep", "1000"], preexec_fn=reset)
print("ended by USR1" if child.wait() == -signal.SIGUSR1 else "otherwise", flush=True)
"""
STORM = """
import os, subprocess, sys, time
def storm(count):
    for _ in range(count):
        if os.fork() == 0:
            if os.fork() == 0:
                os._exit(1)
            os._exit(0)
        os.wait()
def count_zombies():
    found = 0
    for name in os.listdir("/proc"):
        try:
            found += name.isdigit() and open(f"/proc/{name}/stat").read().rsplit(")")[1][1] == "Z"
        except OSError:
            pass
    return found
def await_reaping():
    for _ in range(50):  # on a busy machine these looks have the processor as late as the init has
        if not (found := count_zombies()):
            break
        time.sleep(0.01)  # who only counts takes the processor from who reaps
    print(found, "zombies", flush=True)
"""
BUSY_REAPER = """
if os.fork() == 0:
    storm(2000)
    os._exit(0)
ends = [subprocess.run(["sh", "-c", "exit 3"]).returncode for _ in range(200)]
print("200 times 3" if ends == [3] * 200 else ends, flush=True)
"""


def exit_codes(world: World) -> None:
    assert [world.start("sh", "-c", f"exit {code}").wait() for code in CODES] == list(CODES)


def exit_by_signal(world: World) -> None:
    codes = [world.start("sh", "-c", f"kill -{number} $$").wait() for number in FATAL]
    assert codes == [128 + number for number in FATAL]


def no_such_cmd(world: World) -> None:
    locked = world.folder / "locked"
    locked.write_text("#!/bin/sh\n")
    for word, code in (("no-such-program", 127), ("/no/such/program", 127), (str(locked), 126)):
        box = world.start(word)
        assert box.wait() == code
        own = [line for line in box.err.splitlines() if word in line]
        assert len(own) == 1, box.err


def usage(world: World) -> None:
    assert world.place.call_usage(world.init, "--no-such-option").returncode != 0
    assert world.place.call_usage(world.init, "-h").returncode == 0


def proxy_all(world: World) -> None:
    box = world.start(*world.place.python, "-c", RECORDER)
    box.wait_for("listening\n")
    seen = ""
    for name in PROXIED:
        box.send(signal.Signals[f"SIG{name}"])
        seen += f"seen SIG{name}\n"
        box.wait_for(seen)
    assert box.out.count("seen") == len(PROXIED)


def group(world: World) -> None:
    box = world.start(*world.place.python, "-c", PIPELINE)
    wait_until(lambda: box.find("sleep 1003"), "the last child", box.deadline)
    box.send(signal.SIGTERM)
    box.wait_for("ended by TERM")


def pgroup_ignorer(world: World) -> None:
    box = world.start(*world.place.python, "-c", IGNORER)
    wait_until(lambda: box.find("sleep 1000"), "the child", box.deadline)
    box.send(signal.SIGUSR1)
    box.wait_for("ended by USR1")


def reap_one(world: World) -> None:
    box = world.start(*world.place.python, "-c", f"{STORM}\nstorm(1)\nawait_reaping()")
    box.wait_for("0 zombies")


def reap_many(world: World) -> None:
    box = world.start(*world.place.python, "-c", f"{STORM}\nstorm(200)\nawait_reaping()")
    box.wait_for("0 zombies")


def subprocess_safe(world: World) -> None:
    box = world.start(*world.place.python, "-c", f"{STORM}{BUSY_REAPER}sys.exit(3)")
    box.wait_for("200 times 3")
    assert box.wait() == 3


def exec_orphans(world: World) -> None:
    if os.getuid() != 0:
        raise NotApplicableError("only root can enter the namespace of another")
    box = world.start(*world.place.python, "-c", RECORDER)
    box.wait_for("listening")
    before = set(box.processes())
    probe = ["nsenter", "--target", str(box.pid), "--pid", "--mount", "--wd=/",
             "sh", "-c", "sleep 0.01 & true & exit 1"]  # fmt: skip
    for _ in range(100):
        assert subprocess.run(probe, check=False, timeout=DEADLINE).returncode == 1
    wait_until(lambda: set(box.processes()) <= before, "the end of all orphans", box.deadline)


def cmd_stop(world: World) -> None:
    script = f"trap 'exit 9' TERM; echo begun; {LOOP}"
    box = world.start("sh", "-c", script)
    box.wait_for("begun")
    assert box.stop() == 9


def startup_term(world: World) -> None:
    """From the execution of its program on; what became PID 1 before is the engine's."""
    program = os.fsencode(Path(world.init.program).name)
    for milliseconds in (0, 1, 2, 5, 10, 20, 50, 100):
        box = world.start("sleep", "1000")
        pid, path = box.pid, Path(f"/proc/{box.pid}/cmdline")
        wait_until(
            lambda path=path: path.read_bytes().split(b"\0")[0].endswith(program),  # type: ignore[misc]
            "the execution of the init",
        )
        time.sleep(milliseconds / 1000)
        os.kill(pid, signal.SIGTERM)
        box.wait()  # for one that is lost, in vain


def nohup(world: World) -> None:
    """What was ignored at the start stays ignored in CMD."""
    if world.place.image:
        raise NotApplicableError("the engine starts every container with clean signals")
    box = world.start("grep", "^SigIgn", "/proc/self/status", ignored=("HUP", "INT", "USR1"))
    said = box.wait_for("SigIgn")
    (mask,) = [line.split()[1] for line in said.splitlines() if line.startswith("SigIgn")]
    wanted = {signal.SIGHUP, signal.SIGINT, signal.SIGUSR1}
    assert {number for number in wanted if int(mask, 16) >> (number - 1) & 1} == wanted
