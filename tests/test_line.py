"""The connection of a worker, of which a job may take the socket."""

import os
import socket

import pytest

from django_resque import conf
from django_resque.line import Line


def test_a_line_writes_nothing_into_what_has_the_number_of_its_socket_now() -> None:
    line = Line(conf.pool(conf.options()))
    assert line.eval("return 1", 0) == 1
    number = line._socket.fileno()  # Nobody but a job can find it otherwise.
    mine, theirs = socket.socketpair()
    theirs.setblocking(False)
    with mine, theirs:
        os.dup2(mine.fileno(), number)

        before = line.intact
        assert line.eval("return 2", 0) == 2

        assert (before, line.intact) == (False, True)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
        os.write(number, b"still open")
        assert theirs.recv(100) == b"still open"
        os.close(number)
