"""Fetching: any failure of a mirror moves on to the next, and the cache only holds whole files."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import os
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from requests.exceptions import InvalidSchema
from tqdm import tqdm

from digits.files import Arrays, Attempt, Original
from digits.mirrors import MIRRORS, fetch, mirrors

Serve = Callable[..., str]
Fetch = Callable[..., tuple[Arrays, list[Attempt]]]
NAME = "train-labels-idx1-ubyte"
BOMB = gzip.compress(bytes(2**24))


@pytest.fixture
def good(serve: Serve, small_folder: Path) -> str:
    """The address of a mirror with the four small files."""
    return serve(small_folder)


@pytest.fixture
def fetch_from(originals: dict[str, Original], monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """A function that fetches one small file, or all four, from mirrors into the cache."""

    def run(*urls: str, all_four: bool = False) -> tuple[Arrays, list[Attempt]]:
        monkeypatch.setenv("MNIST_MIRRORS", ",".join(urls))
        return fetch(originals if all_four else {NAME: originals[NAME]})

    return run


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers every request with the same bytes."""

    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b""
    headers_too: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        self.send_response(self.status)
        for header in self.headers_too.items():
            self.send_header(*header)
        self.end_headers()
        self.send()

    def send(self) -> None:
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


PACKED = {"Content-Encoding": "gzip"}  # for the way
SMALL_BOMB = gzip.compress(bytes(2**19))  # as small as the original
FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "a page": ({"body": b"<html>Not here</html>"}, "21 bytes that are neither gzip nor IDX"),
    "404": ({"status": 404}, "404 Not Found"),
    "cut off": ({"body": b"abc", "headers_too": {"Content-Length": "50"}}, "47 more expected"),
    "a bomb": ({"body": SMALL_BOMB, "headers_too": PACKED}, "more than its 14 bytes"),
    "moved in a circle": ({"status": 302, "headers_too": {"Location": "/"}}, "30 redirects"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_mirror_that_fails_is_followed_by_the_next(
    good: str, serve: Serve, fetch_from: Fetch, cache: Path, case: str
) -> None:
    answer, cause = FAILURES[case]
    bad = serve(handler=type("Bad", (Answer,), answer))
    arrays, attempts = fetch_from(bad, good)
    assert list(arrays) == [NAME]
    assert [attempt.place for attempt in attempts] == [f"{bad}{NAME}.gz"]
    assert cause in attempts[0].cause
    assert [path.name for path in cache.iterdir()] == [f"{NAME}.gz"]


def test_a_mirror_with_one_bad_file_serves_the_others_and_the_bad_one_is_not_kept(
    good: str, small_folder: Path, fetch_from: Fetch, cache: Path
) -> None:
    (small_folder / f"{NAME}.gz").write_bytes(b"<html>")
    arrays, attempts = fetch_from(good, all_four=True)
    assert (len(arrays), len(attempts)) == (3, 1)
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{n}.gz" for n in arrays)


def test_a_mirror_that_sends_without_end_is_cut_off_at_the_size_of_the_file(
    good: str, originals: dict[str, Original], serve: Serve, fetch_from: Fetch
) -> None:
    """Nor is anything unpacked that the mirror says is packed for the way."""

    class Endless(Answer):
        headers_too = PACKED
        sent: ClassVar[int] = 0

        def send(self) -> None:
            with contextlib.suppress(OSError):
                while Endless.sent < 2**27:
                    Endless.sent += self.wfile.write(BOMB)

    tracemalloc.start()
    arrays, attempts = fetch_from(serve(handler=Endless), good)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(arrays) == [NAME]
    limit = originals[NAME].packed_limit
    assert [one.cause for one in attempts] == [f"more than {limit} bytes, too many for this file"]
    assert Endless.sent < 2**25  # what the buffers of the connection hold
    assert peak < 2**23


def test_a_download_that_is_cut_off_is_tried_once_more(
    small_folder: Path, serve: Serve, fetch_from: Fetch
) -> None:
    whole = (small_folder / f"{NAME}.gz").read_bytes()
    bodies = [whole, whole[:9]]

    class CutOffOnce(Answer):
        headers_too: ClassVar[dict[str, str]] = {"Content-Length": str(len(whole))}

        def send(self) -> None:
            self.wfile.write(bodies.pop())

    mirror = serve(handler=CutOffOnce)
    arrays, attempts = fetch_from(mirror)
    assert (list(arrays), attempts) == ([NAME], [])
    bodies[:] = [whole, whole[:9], whole[:9]]
    assert fetch_from(mirror)[0] == {}


def test_a_mirror_that_falls_silent_is_not_asked_for_the_other_files(
    serve: Serve, fetch_from: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(Answer):
        headers_too: ClassVar[dict[str, str]] = {"Content-Length": "5000"}
        body: ClassVar[bytes] = b"\x1f\x8b\x08"

        def do_GET(self) -> None:
            super().do_GET()
            self.connection.settimeout(120)
            with contextlib.suppress(OSError):
                self.rfile.read(1)  # until the other side closes the connection

    monkeypatch.setattr("digits.mirrors.TIMEOUTS", (120, 0.1))
    arrays, attempts = fetch_from(serve(handler=Silent), all_four=True)
    assert arrays == {}
    assert [attempt.cause for attempt in attempts] == ["timed out"]


def test_a_mirror_that_cannot_be_reached_is_not_asked_for_the_other_files(
    good: str, fetch_from: Fetch
) -> None:
    arrays, attempts = fetch_from("http://127.0.0.1:1/", good, all_four=True)
    assert (len(arrays), len(attempts)) == (4, 1)


def test_ctrl_c_in_the_middle_of_a_download_leaves_no_part_of_it(
    good: str, fetch_from: Fetch, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: dict[str, Any] = {}

    class Interrupted(tqdm):  # type: ignore[type-arg]
        def __init__(self, **options: Any) -> None:
            shown.update(options)
            super().__init__(**options)

        def update(self, n: float | None = 1) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr("digits.mirrors.tqdm", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_from(good)
    assert not cache.exists()
    line = {"desc": f"{NAME}.gz", "unit": "B", "unit_scale": True, "leave": False}
    assert shown == line | {"disable": None}  # shown on a terminal alone


def test_fetching_at_the_same_time_succeeds_for_all(
    good: str, fetch_from: Fetch, cache: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        fetched = list(pool.map(lambda _: fetch_from(good, all_four=True), range(4)))
    assert [(len(arrays), attempts) for arrays, attempts in fetched] == [(4, [])] * 4
    assert len(list(cache.iterdir())) == 4


def no_socks(*_: object, **__: object) -> None:
    """Stands in for the support of SOCKS, an optional package that may be installed."""
    raise InvalidSchema("Missing dependencies for SOCKS support.")


@pytest.mark.parametrize(
    ("variable", "proxy", "password", "cause"),
    [
        ("http_proxy", "http://{}127.0.0.1:1", "secret", "refused"),
        ("http_proxy", "http://{}127.0.0.1:1", "sec#ret", "this address cannot be read"),
        ("HTTP_PROXY", "http://{}:1", "secret", "malformed"),
        ("all_proxy", "socks5h://{}127.0.0.1:1", "secret", "fix: pip install 'requests[socks]'"),
    ],
)
def test_a_proxy_that_fails_is_named_without_its_password(
    good: str,
    fetch_from: Fetch,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    proxy: str,
    password: str,
    cause: str,
) -> None:
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", no_socks)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name in (variable, "ANOTHER_SETTING"):
        monkeypatch.setenv(name, proxy.format(f"0ann:{password}@"))
    monkeypatch.setenv("ftp_proxy", proxy.format(f"0ann:{password}@"))
    if variable != "all_proxy":
        monkeypatch.setenv("all_proxy", "~")  # which is not asked, nor is the next
        monkeypatch.setenv("ALL_PROXY", "!")
    ((_, got),) = fetch_from(good)[1]
    where = f"through the proxy {proxy.format('')} ({variable}): "
    assert got.lower().startswith(where.lower())  # Windows has variables in capitals
    assert cause in got
    assert "sec" not in got
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert fetch_from(good)[1] == []


def test_what_was_asked_through_a_proxy_is_said_to_be(
    serve: Serve, fetch_from: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses = serve(handler=type("Refuses", (Answer,), {"status": 407}))
    for name in ("NO_PROXY", "no_proxy"):  # on Windows they are one
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", refuses)
    (attempt,) = fetch_from("http://mirror.example/")[1]
    assert attempt.place == f"http://mirror.example/{NAME}.gz"
    cause = f"through the proxy {refuses} (http_proxy): 407 Proxy Authentication Required"
    assert attempt.cause.lower() == cause.lower()


def test_a_list_of_mirrors_replaces_the_usual_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", " http://a.example/mnist , http://b.example/ ,")
    assert mirrors() == ("http://a.example/mnist/", "http://b.example/")
    monkeypatch.setenv("MNIST_MIRRORS", "")
    assert mirrors() == MIRRORS
