"""Fetching: any failure of a mirror moves on to the next, and the cache only holds whole files."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import io
import re
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tqdm import tqdm

import digits
from digits.files import Arrays, Attempt, Original
from digits.mirrors import MIRRORS, fetch, mirrors

Serve = Callable[..., str]
Fetch = Callable[..., tuple[Arrays, list[Attempt]]]
NAME = "train-labels-idx1-ubyte"


@pytest.fixture
def good(serve: Serve, small_folder: Path) -> str:
    """The address of a mirror with the four small files."""
    return serve(small_folder)


@pytest.fixture
def fetch_from(
    originals: dict[str, Original], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> Fetch:
    """A function that fetches one small file, or all four, from mirrors into the cache."""

    def run(*urls: str, all_four: bool = False) -> tuple[Arrays, list[Attempt]]:
        monkeypatch.setenv("MNIST_MIRRORS", ",".join(urls))
        return fetch(cache, originals if all_four else {NAME: originals[NAME]})

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


PACKED = {"Content-Encoding": "gzip"}
BOMB = gzip.compress(bytes(2**19))  # as small as the original
FAILURES: dict[str, tuple[bytes, int, dict[str, str], str]] = {
    "a page": (b"<html>Not here</html>", 200, {}, "21 bytes that are neither gzip nor IDX"),
    "404": (b"gone", 404, {}, "404 Not Found"),
    "cut off": (b"\x1f\x8b\x08", 200, {"Content-Length": "50"}, r"3 bytes read, 47 more expected"),
    "a length that is no number": (
        b"",
        200,
        {"Content-Length": "many"},
        "0 bytes that are neither",
    ),
    "the most bytes": (bytes(1038), 200, {}, "1038 bytes that are neither gzip nor IDX"),
    "a byte too many": (bytes(1039), 200, {}, "more than 1038 bytes, too many for this file"),
    "a bomb in transit": (BOMB, 200, PACKED, "not the original data: more than its 14 bytes"),
    "moved in a circle": (b"", 302, {"Location": f"/{NAME}.gz"}, "Exceeded 30 redirects"),
    "moved to a file": (b"", 302, {"Location": "file:///etc/hosts"}, "No connection adapters"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_mirror_that_fails_is_followed_by_the_next(
    good: str, serve: Serve, fetch_from: Fetch, cache: Path, case: str
) -> None:
    body, status, headers, cause = FAILURES[case]
    settings = {"body": body, "status": status, "headers_too": headers}
    bad = serve(handler=type("Bad", (Answer,), settings))
    arrays, attempts = fetch_from(bad, good)
    assert list(arrays) == [NAME]
    assert [attempt.place for attempt in attempts] == [f"{bad}{NAME}.gz"]
    assert re.search(cause, attempts[0].cause)
    assert [path.name for path in cache.iterdir()] == [f"{NAME}.gz"]


def test_a_mirror_with_one_bad_file_serves_the_others_and_the_bad_one_is_not_kept(
    good: str, small_folder: Path, fetch_from: Fetch, cache: Path
) -> None:
    (small_folder / f"{NAME}.gz").write_bytes(b"<html>")
    arrays, attempts = fetch_from(good, all_four=True)
    assert (len(arrays), len(attempts)) == (3, 1)
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{n}.gz" for n in arrays)


def test_a_mirror_that_compresses_in_transit_where_it_may_is_asked_not_to(
    small_folder: Path, serve: Serve, fetch_from: Fetch
) -> None:
    whole = (small_folder / f"{NAME}.gz").read_bytes()

    class Compresses(Answer):
        def send(self) -> None:
            compresses = "gzip" in self.headers.get("Accept-Encoding", "")
            self.wfile.write(gzip.compress(whole) if compresses else whole)

    assert fetch_from(serve(handler=Compresses))[1] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"headers_too": {"Content-Length": str(2**31)}},
        {"headers_too": PACKED, "chunk": gzip.compress(bytes(2**24))},
    ],
    ids=["2 GB announced", "compressed in transit"],
)
def test_a_mirror_that_sends_without_end_is_cut_off_at_the_size_of_the_file(
    good: str,
    originals: dict[str, Original],
    serve: Serve,
    fetch_from: Fetch,
    settings: dict[str, Any],
) -> None:
    class Endless(Answer):
        chunk: ClassVar[bytes] = bytes(2**16)
        sent: ClassVar[int] = 0

        def send(self) -> None:
            with contextlib.suppress(OSError):
                while type(self).sent < 2**27:
                    type(self).sent += self.wfile.write(self.chunk)

    handler: Any = type("Fixed", (Endless,), settings)
    tracemalloc.start()
    arrays, attempts = fetch_from(serve(handler=handler), good)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(arrays) == [NAME]
    assert [attempt.cause for attempt in attempts] == [
        f"more than {originals[NAME].packed_limit} bytes, too many for this file"
    ]
    assert handler.sent < 2**25  # what the buffers of the connection hold
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


def test_a_mirror_that_cannot_be_reached_is_not_asked_for_the_other_files(
    good: str, fetch_from: Fetch
) -> None:
    arrays, attempts = fetch_from("http://127.0.0.1:1/", good, all_four=True)
    assert (len(arrays), len(attempts)) == (4, 1)


@pytest.mark.parametrize("answers", [False, True], ids=["at once", "in the middle of a file"])
def test_a_mirror_that_falls_silent_is_not_asked_for_the_other_files(
    serve: Serve, fetch_from: Fetch, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    class Silent(Answer):
        headers_too: ClassVar[dict[str, str]] = {"Content-Length": "5000"}
        body: ClassVar[bytes] = b"\x1f\x8b\x08"

        def do_GET(self) -> None:
            if answers:
                super().do_GET()
            self.connection.settimeout(120)
            with contextlib.suppress(OSError):
                self.rfile.read(1)  # until the other side closes the connection

    monkeypatch.setattr("digits.mirrors.TIMEOUTS", (120, 0.1))
    arrays, attempts = fetch_from(serve(handler=Silent), all_four=True)
    assert arrays == {}
    assert [attempt.cause for attempt in attempts] == ["timed out"]


def test_ctrl_c_in_the_middle_of_a_download_leaves_no_part_of_it(
    good: str, fetch_from: Fetch, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(tqdm):  # type: ignore[type-arg]
        def update(self, n: float | None = 1) -> None:
            assert list(cache.rglob("*.gz"))
            raise KeyboardInterrupt

    monkeypatch.setattr("digits.mirrors.tqdm", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_from(good)
    assert list(cache.iterdir()) == []


def test_fetching_at_the_same_time_succeeds_for_all_and_prints_nothing_without_a_terminal(
    good: str, fetch_from: Fetch, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found: list[Arrays] = []
    threads = [
        threading.Thread(target=lambda: found.append(fetch_from(good, all_four=True)[0]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(arrays) for arrays in found] == [4, 4, 4, 4]
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{n}.gz" for n in found[0])
    assert capfd.readouterr() == ("", "")


def test_on_a_terminal_a_bar_shows_the_download_and_is_gone_at_the_end(
    good: str, small_folder: Path, fetch_from: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr", terminal)
    fetch_from(good)
    size = (small_folder / f"{NAME}.gz").stat().st_size
    *_, shown, blank, end = terminal.getvalue().split("\r")
    assert shown.startswith(f"{NAME}.gz: ")
    assert f"/{size:.1f} [" in shown
    assert (blank.strip(), end) == ("", "")


def test_a_cache_that_cannot_be_written_is_an_attempt_with_its_cause(
    good: str, fetch_from: Fetch, cache: Path
) -> None:
    cache.touch()
    arrays, attempts = fetch_from(good)
    assert arrays == {}
    assert "exists" in attempts[0].cause


def test_the_usual_mirrors_are_two_and_a_list_replaces_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", " http://a.example/mnist , http://b.example/ ,")
    assert mirrors() == ("http://a.example/mnist/", "http://b.example/")
    monkeypatch.setenv("MNIST_MIRRORS", "")
    assert mirrors() == MIRRORS
    assert len(MIRRORS) == 2
    assert all(re.fullmatch("https://.*/mnist/", mirror) for mirror in MIRRORS)


@pytest.mark.mnist
def test_mnist_arrives_from_a_mirror_into_an_empty_cache(
    mnist_folder: Path, serve: Serve, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(mnist_folder))
    data = digits.load("mnist")
    assert data.train_images.shape == (60_000, 784)
    assert data.test_labels.shape == (10_000, 1)
    assert data.train_labels[:5, 0].tolist() == [5, 0, 4, 1, 9]
    assert len(list(cache.iterdir())) == 4
