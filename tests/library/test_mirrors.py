"""Fetching: any failure of a mirror moves on to the next, and the cache only holds whole files."""

import gzip
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest
from requests.exceptions import InvalidSchema

from digits.files import Arrays, Attempt
from digits.mirrors import MIRRORS, fetch, mirrors
from tests.library.conftest import ORIGINALS, Patch, QuietHandler, Serve

Fetch = Callable[..., tuple[Arrays, list[Attempt]]]
NAME = "train-labels-idx1-ubyte"


@pytest.fixture
def good(serve: Serve, small_folder: Path) -> str:
    """The address of a mirror with the four small files."""
    return serve(small_folder)


@pytest.fixture
def fetch_from(monkeypatch: Patch) -> Fetch:
    """A function that fetches one small file, or all four, from mirrors into the cache."""

    def run(*urls: str, all_four: bool = False) -> tuple[Arrays, list[Attempt]]:
        monkeypatch.setenv("MNIST_MIRRORS", ",".join(urls))
        return fetch(ORIGINALS if all_four else {NAME: ORIGINALS[NAME]})

    return run


def answering(send: Callable[[Any], object], status: int = 200, **headers: str) -> type:
    """Make the handler that answers every request so; `send` writes what follows the headers."""

    class Answer(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the other side leaves
                send(self)

    return Answer


@pytest.mark.parametrize(
    ("status", "headers", "body", "cause"),
    [
        (404, {}, b"", "404 Not Found"),
        (302, {"Location": "/"}, b"", "30 redirects"),
        (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(2**19)), "more than its 20 bytes"),
    ],
)
def test_a_mirror_that_fails_is_followed_by_the_next(
    good: str, serve: Serve, fetch_from: Fetch, status: int, headers: Any, body: bytes, cause: str
) -> None:
    """Nothing is unpacked that a mirror says is packed for the way."""
    bad = serve(handler=answering(lambda to: to.wfile.write(body), status, **headers))
    arrays, (attempt,) = fetch_from(bad, good)
    assert (list(arrays), attempt.place) == ([NAME], f"{bad}{NAME}.gz")
    assert cause in attempt.cause


def test_no_bad_file_is_kept(good: str, small_folder: Path, fetch_from: Fetch, cache: Path) -> None:
    (small_folder / f"{NAME}.gz").write_bytes(b"<html>")
    arrays, (attempt,) = fetch_from(good, all_four=True)
    assert "6 bytes that are neither gzip nor IDX" in attempt.cause
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{n}.gz" for n in arrays)
    assert len(arrays) == 3


def test_an_endless_download_is_cut_off(good: str, serve: Serve, fetch_from: Fetch) -> None:
    sent: list[int] = []

    def endless(to: Any) -> None:
        while sum(sent) < 2**27:
            sent.append(to.wfile.write(bytes(2**20)))

    arrays, (attempt,) = fetch_from(serve(handler=answering(endless)), good)
    assert list(arrays) == [NAME]
    assert attempt.cause.startswith(f"more than {ORIGINALS[NAME].packed_limit} bytes, too many")
    assert sum(sent) < 2**25  # what the buffers of the connection hold


def test_a_cut_off_download_is_retried(small_folder: Path, serve: Serve, fetch_from: Fetch) -> None:
    whole = (small_folder / f"{NAME}.gz").read_bytes()
    bodies = [whole, whole[:9], whole[:9], whole, whole[:9]]
    length = {"Content-Length": str(len(whole))}
    mirror = serve(handler=answering(lambda to: to.wfile.write(bodies.pop()), 200, **length))
    arrays, attempts = fetch_from(mirror)
    assert (list(arrays), attempts) == ([NAME], [])
    arrays, (attempt,) = fetch_from(mirror)
    assert arrays == {}
    assert f"{len(whole) - 9} more expected" in attempt.cause


def test_a_silent_mirror_is_asked_once(serve: Serve, fetch_from: Fetch, monkeypatch: Patch) -> None:
    def silent(to: Any) -> None:
        to.connection.settimeout(20)
        to.rfile.read(1)  # until the other side closes the connection

    monkeypatch.setattr("digits.mirrors.TIMEOUTS", (120, 0.1))
    mirrors = serve(handler=answering(silent)), "http://127.0.0.1:1/"
    _, (first, second) = fetch_from(*mirrors, all_four=True)
    assert first.cause == "timed out"
    assert "refused" in second.cause


def test_ctrl_c_in_download(good: str, fetch_from: Fetch, cache: Path, monkeypatch: Patch) -> None:
    line = MagicMock()
    line().__enter__().update.side_effect = KeyboardInterrupt
    monkeypatch.setattr("digits.mirrors.tqdm", line)
    with pytest.raises(KeyboardInterrupt):
        fetch_from(good)
    assert not cache.exists()
    shown = {"desc": f"{NAME}.gz", "unit": "B", "unit_scale": True, "leave": False, "disable": None}
    assert line.call_args.kwargs == shown


def test_fetching_at_once_succeeds_for_all(good: str, fetch_from: Fetch, cache: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        fetched = list(pool.map(lambda _: fetch_from(good, all_four=True), range(4)))
    assert [(len(arrays), attempts) for arrays, attempts in fetched] == [(4, [])] * 4
    assert len(list(cache.iterdir())) == 4


@pytest.mark.parametrize(
    ("variable", "proxy", "cause"),
    [
        ("http_proxy", "http://0ann:secret@127.0.0.1:1", "refused"),
        ("http_proxy", "http://0ann:sec#ret@127.0.0.1:1", "this address cannot be read"),
        ("HTTP_PROXY", "http://0ann:secret@:1", "malformed"),
        ("all_proxy", "socks5h://0ann:secret@127.0.0.1:1", "pip install 'requests[socks]'"),
    ],
)
def test_a_proxy_that_fails_is_named_without_its_password(
    good: str, fetch_from: Fetch, monkeypatch: Patch, variable: str, proxy: str, cause: str
) -> None:
    no_socks = Mock(side_effect=InvalidSchema("no SOCKS"))  # though the package may be installed
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", no_socks)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name in (variable, "ftp_proxy"):
        monkeypatch.setenv(name, proxy)
    if variable != "all_proxy":  # others are set too, and not asked
        monkeypatch.setenv("all_proxy", "~")
        monkeypatch.setenv("ALL_PROXY", "!")
    _, (attempt,) = fetch_from(good)
    where = "through the proxy {} ({}): ".format(re.sub("0ann.*@", "", proxy), variable)
    assert attempt.cause.lower().startswith(where.lower())  # Windows has variables in capitals
    assert cause in attempt.cause
    assert "sec" not in attempt.cause
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert fetch_from(good)[1] == []


def test_a_list_of_mirrors_replaces_the_usual_ones(monkeypatch: Patch) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", " http://a.example/mnist , http://b.example/ ,")
    assert mirrors() == ("http://a.example/mnist/", "http://b.example/")
    monkeypatch.setenv("MNIST_MIRRORS", "")
    assert mirrors() == MIRRORS
