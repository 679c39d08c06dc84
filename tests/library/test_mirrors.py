"""Fetching: any failure of a mirror moves on to the next, and the cache only holds whole files."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import io
import re
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tqdm import tqdm

import digits
from digits.files import Original
from digits.mirrors import MIRRORS, fetch, mirrors

Serve = Callable[..., str]
NAME = "train-labels-idx1-ubyte"


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


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def answering(
    body: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> type[Answer]:
    return type("Fixed", (Answer,), {"body": body, "status": status, "headers_too": headers or {}})


PACKED = {"Content-Encoding": "gzip"}
BOMB = gzip.compress(bytes(2**19))  # as small as the original


@pytest.mark.parametrize(
    ("handler", "cause"),
    [
        (answering(b"<html>Not here</html>"), r"21 bytes that are neither gzip nor IDX"),
        (answering(b"gone", status=404), "404 Not Found"),
        (answering(b"forbidden", status=403), "403 Forbidden"),
        (answering(b"sorry", status=500), "500 Internal Server Error"),
        (answering(gzip.compress(b"\0\0\x08\x01\0\0\0\1\5")), "not the original data"),
        (
            answering(b"\x1f\x8b\x08", headers={"Content-Length": "5000"}),
            r"IncompleteRead\(3 bytes read, 4997 more expected\)",
        ),
        (answering(b"", headers={"Content-Length": "0"}), "0 bytes that are neither gzip nor IDX"),
        (
            answering(b"", headers={"Content-Length": "many"}),
            "0 bytes that are neither gzip nor IDX",
        ),
        (answering(bytes(1038)), "1038 bytes that are neither gzip nor IDX"),
        (answering(bytes(1039)), "more than 1038 bytes, too many for this file"),
        (answering(BOMB), "not the original data: more than its 14 bytes"),
        (answering(BOMB, headers=PACKED), "not the original data: more than its 14 bytes"),
        (answering(b"", 302, {"Location": f"/{NAME}.gz"}), "Exceeded 30 redirects"),
        (answering(b"", 302, {"Location": "file:///etc/hostname"}), "No connection adapters"),
    ],
    ids=[
        "a page",
        "404",
        "403",
        "500",
        "wrong digest",
        "cut off",
        "empty",
        "a length that is no number",
        "the most bytes",
        "a byte too many",
        "a bomb",
        "a bomb compressed in transit",
        "moved in a circle",
        "moved to a file",
    ],
)
def test_a_mirror_that_fails_is_followed_by_the_next(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    handler: type[Answer],
    cause: str,
) -> None:
    bad, good = serve(handler=handler), serve(small_folder)
    monkeypatch.setenv("MNIST_MIRRORS", f"{bad},{good}")
    arrays, attempts = fetch(cache, {NAME: originals[NAME]})
    assert list(arrays) == [NAME]
    assert [attempt.place for attempt in attempts] == [f"{bad}{NAME}.gz"]
    assert re.search(cause, attempts[0].cause)
    assert [path.name for path in cache.iterdir()] == [f"{NAME}.gz"]


def test_a_mirror_with_one_bad_file_serves_the_others_and_the_bad_one_is_not_kept(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (small_folder / f"{NAME}.gz").write_bytes(b"<html>")
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    arrays, attempts = fetch(cache / "not" / "yet", originals)
    others = sorted(set(originals) - {NAME})
    assert sorted(arrays) == others
    assert len(attempts) == 1
    assert sorted(path.name for path in (cache / "not" / "yet").iterdir()) == [
        f"{name}.gz" for name in others
    ]


def test_a_mirror_that_compresses_in_transit_where_it_may_is_asked_not_to(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = (small_folder / f"{NAME}.gz").read_bytes()

    class Compresses(Answer):
        def send(self) -> None:
            compresses = "gzip" in self.headers.get("Accept-Encoding", "")
            self.wfile.write(gzip.compress(whole) if compresses else whole)

    monkeypatch.setenv("MNIST_MIRRORS", serve(handler=Compresses))
    assert fetch(cache, {NAME: originals[NAME]})[1] == []


class Endless(Answer):
    """Sends zeros until the other side has had enough."""

    chunk: ClassVar[bytes] = bytes(2**16)
    sent: ClassVar[int] = 0

    def send(self) -> None:
        with contextlib.suppress(OSError):
            while type(self).sent < 2**27:
                type(self).sent += self.wfile.write(self.chunk)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"headers_too": {"Content-Length": str(2**31)}},
        {"headers_too": PACKED, "chunk": gzip.compress(bytes(2**24))},
    ],
    ids=["endless", "2 GB announced", "compressed in transit"],
)
def test_a_mirror_that_sends_too_much_is_cut_off_at_the_size_of_the_file(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
) -> None:
    handler: Any = type("Fixed", (Endless,), settings)
    monkeypatch.setenv("MNIST_MIRRORS", f"{serve(handler=handler)},{serve(small_folder)}")
    tracemalloc.start()
    arrays, attempts = fetch(cache, {NAME: originals[NAME]})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(arrays) == [NAME]
    assert [attempt.cause for attempt in attempts] == [
        f"more than {originals[NAME].packed_limit} bytes, too many for this file"
    ]
    assert handler.sent < 2**25  # what the buffers of the connection hold
    assert peak < 2**23


def test_a_download_that_is_cut_off_is_tried_once_more(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = (small_folder / f"{NAME}.gz").read_bytes()
    bodies = [whole, whole[:9]]

    class CutOffOnce(Answer):
        headers_too: ClassVar[dict[str, str]] = {"Content-Length": str(len(whole))}

        def send(self) -> None:
            self.wfile.write(bodies.pop())

    monkeypatch.setenv("MNIST_MIRRORS", serve(handler=CutOffOnce))
    arrays, attempts = fetch(cache, {NAME: originals[NAME]})
    assert (list(arrays), attempts) == ([NAME], [])
    bodies[:] = [whole, whole[:9], whole[:9]]
    assert fetch(cache, {NAME: originals[NAME]})[0] == {}


def test_a_mirror_that_cannot_be_reached_is_not_asked_for_the_other_files(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", f"http://127.0.0.1:1/,{serve(small_folder)}")
    arrays, attempts = fetch(cache, originals)
    assert len(arrays) == 4
    assert len(attempts) == 1


class HalfAFile(Answer):
    """Sends three bytes of five thousand, and then nothing."""

    headers_too: ClassVar[dict[str, str]] = {"Content-Length": "5000"}
    body: ClassVar[bytes] = b"\x1f\x8b\x08"

    def send(self) -> None:
        super().send()
        self.rfile.read(1)  # until the other side closes the connection


@pytest.mark.parametrize("starts", [False, True], ids=["at once", "in the middle of a file"])
def test_a_mirror_that_falls_silent_is_not_asked_for_the_other_files(
    silent_server: str,
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    starts: bool,
) -> None:
    silent = serve(handler=HalfAFile) if starts else silent_server
    monkeypatch.setattr("digits.mirrors.TIMEOUTS", (0.2, 0.2))
    monkeypatch.setenv("MNIST_MIRRORS", f"{silent},{serve(small_folder)}")
    arrays, attempts = fetch(cache, originals)
    assert len(arrays) == 4
    assert [attempt.cause for attempt in attempts] == ["timed out"]
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{n}.gz" for n in originals)


def test_ctrl_c_in_the_middle_of_a_download_leaves_no_part_of_it(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Interrupted(tqdm):  # type: ignore[type-arg]
        def update(self, n: float | None = 1) -> None:
            assert list(cache.glob("*/*.gz"))
            raise KeyboardInterrupt

    monkeypatch.setattr("digits.mirrors.tqdm", Interrupted)
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    with pytest.raises(KeyboardInterrupt):
        fetch(cache, originals)
    assert list(cache.iterdir()) == []


def test_where_there_is_no_terminal_a_fetch_that_succeeds_prints_nothing(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    fetch(cache, originals)
    assert capfd.readouterr() == ("", "")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_shows_the_download_and_is_gone_at_the_end(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    fetch(cache, {NAME: originals[NAME]})
    size = (small_folder / f"{NAME}.gz").stat().st_size
    *_, shown, blank, end = terminal.getvalue().split("\r")
    assert shown.startswith(f"{NAME}.gz: ")
    assert f"/{size:.1f} [" in shown
    assert (blank.strip(), end) == ("", "")


def test_a_recompressed_copy_passes(
    small_idx: dict[str, bytes],
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (small_folder / f"{NAME}.gz").write_bytes(gzip.compress(small_idx[NAME], 1, mtime=7))
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    arrays, _ = fetch(cache, {NAME: originals[NAME]})
    assert arrays[NAME].shape == (6,)


def test_fetching_at_the_same_time_succeeds_for_all(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(fetch(cache, originals)[0])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [4, 4, 4, 4]
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{n}.gz" for n in originals)


def test_a_cache_that_cannot_be_written_is_an_attempt_with_its_cause(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    (tmp_path / "file").touch()
    arrays, attempts = fetch(tmp_path / "file" / "cache", {NAME: originals[NAME]})
    assert arrays == {}
    assert "Not a directory" in attempts[0].cause


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
