from pathlib import Path

import pytest

from agent.settings import lists, parsers


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5.0), ("0.5", 0.5), ("30s", 30.0), ("5m", 300.0), ("1h30m", 5400.0), ("250ms", 0.25)],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parsers.duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "-5s", "5 m", "5d", "s", "5m!", "1e3", "inf", "nan", "٣s", "9" * 400, "5m 3s"]
)
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="a duration, such as"):
        parsers.duration(text)


@pytest.mark.parametrize("text", ["8785h", "9999999999", "999999999h", "8784h1s"])
def test_a_duration_has_an_end(text: str) -> None:
    assert parsers.duration("8784h") == 366 * 86400
    with pytest.raises(ValueError, match="a duration of at most 8784h"):
        parsers.duration(text)


@pytest.mark.parametrize("text", ["''''", "'' x", "' ' x"])
def test_a_command_begins_with_a_program(text: str) -> None:
    with pytest.raises(ValueError, match="a command: words, quoted as for a shell"):
        parsers.command(text)


@pytest.mark.parametrize("text", ["''''", "'' x", "exit now", "Report 5", "'unclosed"])
def test_what_only_looks_like_an_action_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="report, exit, or a command"):
        parsers.idle_action(text)


@pytest.mark.parametrize("text", ["0", "0s", "0m0s"])
def test_zero_is_no_positive_duration(text: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        parsers.positive_duration(text)


@pytest.mark.parametrize("text", ["1024", "8080", "65535"])
def test_ports(text: str) -> None:
    assert parsers.port(text) == int(text)


@pytest.mark.parametrize(
    "text", ["", "80", "1023", "65536", "-8080", "8080 ", "8o80", "٨٠٨٠", "0x1f90", "9" * 5000]
)
def test_other_texts_are_no_ports(text: str) -> None:
    with pytest.raises(ValueError, match="a port number from 1024 to 65535"):
        parsers.port(text)


@pytest.mark.parametrize(
    ("text", "value"), [("127.0.0.1", "127.0.0.1"), ("::", "::"), ("0:0:0:0:0:0:0:1", "::1")]
)
def test_addresses(text: str, value: str) -> None:
    assert parsers.address(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "*", "localhost", "[::1]", "127.1", "10.0.0.256", "::1:8080 ", "0.0.0.0:80", "2130"],
)
def test_other_texts_are_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="an IP address"):
        parsers.address(text)


@pytest.mark.parametrize("text", ["workspace", "./x", "~/x", "", "/a\nb", "/a\0b"])
def test_other_texts_are_no_absolute_paths(text: str) -> None:
    with pytest.raises(ValueError, match="an absolute path"):
        parsers.absolute_path(text)


def test_a_path_may_hold_anything_printable() -> None:
    assert parsers.absolute_path("/a b/ü") == Path("/a b/ü")


@pytest.mark.parametrize(
    "text",
    ["/", "//", "/.", "/w/..", "/proc", "/proc/self/cwd", "/sys/fs", "/dev", "/dev/shm", "/dev/x",
     "/dev/shm/../x", "//proc//1", "/etc/", "/bin", "/lib64", "/usr", "/usr/./", "/var", "/run"],
)  # fmt: skip
def test_a_folder_of_the_system_is_none_for_data(text: str) -> None:
    for read in (parsers.data_folder, parsers.plain_path(80)):
        with pytest.raises(ValueError, match="a folder for data, such as /workspace"):
            read(text)


@pytest.mark.parametrize(
    "text",
    ["/workspace", "/workspaces/x", "/home", "/home/dev8", "/root", "/mnt", "/mnt/x", "/data",
     "/opt", "/opt/app", "/srv", "/tmp/x", "/usr/src/app", "/var/www/html", "/run/work", "/devel",
     "/processes", "/dev/shm/x", "/w/../x", "/backups"],
)  # fmt: skip
def test_any_other_folder_may_be_for_data(text: str) -> None:
    assert parsers.data_folder(text) == parsers.plain_path(80)(text) == Path(text)


@pytest.mark.parametrize(
    "text", ["/it's", "/per%cent", "/a b", '/a"b', "/a\nb", "/ü", "a", "/" * 9]
)
def test_other_texts_are_no_plain_paths(text: str) -> None:
    with pytest.raises(ValueError, match="an absolute path of at most 8 letters"):
        parsers.plain_path(8)(text)


def test_a_plain_path_needs_no_quotes() -> None:
    for longest in (19, 20):
        assert parsers.plain_path(longest)("/dev/shm/a-b_c.d+@1") == Path("/dev/shm/a-b_c.d+@1")


@pytest.mark.parametrize("text", ["1ms", "0.9", "0s"])
def test_an_interval_is_a_second_at_least(text: str) -> None:
    assert parsers.interval("1s") == 1
    with pytest.raises(ValueError, match="at least 1s"):
        parsers.interval(text)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("ON", True), ("0", False)])
def test_switches(text: str, value: bool) -> None:
    assert parsers.switch(text) is value


def test_another_word_is_no_switch() -> None:
    with pytest.raises(ValueError, match="true or false"):
        parsers.switch("maybe")


def test_one_of_ignores_case_and_names_the_choices() -> None:
    read = parsers.one_of("password", "none")
    assert read("None") == "none"
    with pytest.raises(ValueError, match=r"^password or none$"):
        read("open")
    with pytest.raises(ValueError, match=r"^off, ask or trusted$"):
        parsers.one_of("off", "ask", "trusted")("maybe")


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\x00b", "a\x1bb"])
def test_single_line_refuses_control_characters(text: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        parsers.single_line(text)


def test_host_names_are_bare_and_lower_case() -> None:
    assert parsers.host_name("GitHub.Example.com") == "github.example.com"
    for text in ("https://github.com", "github.com/", "github.com:443", "a b", "-x.com", "a..b"):
        with pytest.raises(ValueError, match="a bare host name"):
            parsers.host_name(text)


@pytest.mark.parametrize("text", ["a", "A", "b a", "a, b", "b,a"])
def test_words_are_some_of_the_choices(text: str) -> None:
    assert set(lists.words_or_off("a", "b")(text)) <= {"a", "b"}


@pytest.mark.parametrize("text", [" ", "c", "a c", "ab"])
def test_other_words_are_none_of_them(text: str) -> None:
    with pytest.raises(ValueError, match=r"one of off, a, b|nothing between"):
        lists.words_or_off("a", "b")(text)
