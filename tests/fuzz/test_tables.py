"""Tables of the kernel, as they may look on a kernel to come: lines are read or left out."""

import socket
import struct

from hypothesis import strategies as st

from agent.machine.network import sockets
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import write

FOLDER = make_folder()
HEX = st.text("0123456789ABCDEFabcdef", max_size=34)
WORDS = st.one_of(
    HEX,
    st.sampled_from(
        ("0A", "01", "07", "0100007F:1F90", "0" * 32 + ":0016", "-1", "1000", "0", ":", "é")
    ),
    st.text(max_size=5),
)
ROWS = st.one_of(
    st.lists(WORDS, max_size=14).map(" ".join),
    st.builds(
        "  0: {}:{} {}:0000 {} 0:0 0:0 0 {} 0 {} 1".format,
        HEX,
        HEX,
        HEX,
        st.sampled_from(("0A", "01", "07")),
        WORDS,
        WORDS,
    ),
)
TABLES = st.one_of(
    st.lists(ROWS, max_size=5).map(
        lambda rows: "\n".join(["  sl local", *rows]).encode(errors="replace")
    ),
    st.binary(max_size=200),
)


@fuzz(part=2, table=TABLES)
def test_any_table_is_read(table: bytes) -> None:
    for name in ("tcp", "tcp6", "udp", "udp6"):
        write(FOLDER / name, table)
    for protocol in (sockets.TCP, sockets.UDP):
        for found in sockets.list_open(protocol, FOLDER):
            assert 0 <= found.port < 65536
            socket.getaddrinfo(found.address, found.port, flags=socket.AI_NUMERICHOST)


@fuzz(answer=st.binary(max_size=100))
def test_any_answer_of_the_kernel_is_read(answer: bytes) -> None:
    try:
        found = sockets._unpack(answer)
    except struct.error:
        return
    assert 0 <= found.port < 65536
