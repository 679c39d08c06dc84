"""Fetching: any failure of a mirror moves on to the next, and the cache only holds whole files."""

from __future__ import annotations

import errno
import gzip
import http.server
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import digits
from digits.mirrors import MIRRORS, fetch, mirrors

Serve = Callable[..., str]
NAME = "train-labels-idx1-ubyte"


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers every request with the same bytes."""

    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b""
    announced: ClassVar[int | None] = None

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.announced is not None:
            self.send_header("Content-Length", str(self.announced))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def answering(body: bytes, status: int = 200, announced: int | None = None) -> type[Answer]:
    return type("Fixed", (Answer,), {"body": body, "status": status, "announced": announced})


@pytest.mark.parametrize(
    ("handler", "cause"),
    [
        (answering(b"<html>Not here</html>"), r"21 bytes that are neither gzip nor IDX"),
        (answering(b"gone", status=404), "404 Not Found"),
        (answering(b"forbidden", status=403), "403 Forbidden"),
        (answering(b"sorry", status=500), "500 Internal Server Error"),
        (answering(gzip.compress(b"\0\0\x08\x01\0\0\0\1\5")), "not the original data"),
        (
            answering(b"\x1f\x8b\x08", announced=5000),
            r"IncompleteRead\(3 bytes read, 4997 more expected\)",
        ),
        (answering(b"", announced=0), "0 bytes that are neither gzip nor IDX"),
    ],
    ids=["a page", "404", "403", "500", "wrong digest", "cut off", "empty"],
)
def test_a_mirror_that_fails_is_followed_by_the_next(
    small_folder: Path,
    small_sha256: dict[str, str],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    handler: type[Answer],
    cause: str,
) -> None:
    bad, good = serve(handler=handler), serve(small_folder)
    monkeypatch.setenv("MNIST_MIRRORS", f"{bad},{good}")
    arrays, attempts = fetch(cache, {NAME: small_sha256[NAME]})
    assert list(arrays) == [NAME]
    assert [attempt.place for attempt in attempts] == [f"{bad}{NAME}.gz"]
    assert re.search(cause, attempts[0].cause)
    assert [path.name for path in cache.iterdir()] == [f"{NAME}.gz"]


def test_a_download_that_is_cut_off_is_tried_once_more(
    small_folder: Path,
    small_sha256: dict[str, str],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = (small_folder / f"{NAME}.gz").read_bytes()
    bodies = [whole, whole[:9]]

    class CutOffOnce(Answer):
        announced = len(whole)

        def do_GET(self) -> None:
            type(self).body = bodies.pop()
            super().do_GET()

    monkeypatch.setenv("MNIST_MIRRORS", serve(handler=CutOffOnce))
    arrays, attempts = fetch(cache, {NAME: small_sha256[NAME]})
    assert (list(arrays), attempts) == ([NAME], [])


def test_a_mirror_that_cannot_be_reached_is_not_asked_for_the_other_files(
    small_folder: Path,
    small_sha256: dict[str, str],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", f"http://127.0.0.1:1/,{serve(small_folder)}")
    arrays, attempts = fetch(cache, small_sha256)
    assert len(arrays) == 4
    assert len(attempts) == 1


def test_a_silent_mirror_is_given_up(
    silent_server: str,
    small_folder: Path,
    small_sha256: dict[str, str],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", f"{silent_server},{serve(small_folder)}")
    arrays, attempts = fetch(cache, small_sha256, silence=1.2)
    assert len(arrays) == 4
    assert [attempt.cause for attempt in attempts] == ["silent for 0.6 s after 0 bytes"]


def test_a_name_that_is_looked_up_for_ever_counts_as_silence(
    small_sha256: dict[str, str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never, asked = threading.Event(), threading.Event()

    def look_up(*args: object) -> None:
        asked.set()
        never.wait(3)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setenv("MNIST_MIRRORS", "http://mirror.invalid/")
    _, attempts = fetch(cache, small_sha256, silence=0.4)
    never.set()
    assert asked.is_set()
    assert [attempt.cause for attempt in attempts] == ["silent for 0.2 s after 0 bytes"]


def test_a_folder_still_in_use_hides_no_cause(
    silent_server: str,
    small_sha256: dict[str, str],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remove = os.rmdir

    def busy(path: Any, **options: Any) -> None:
        if "incoming-" in str(path):
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        remove(path, **options)

    monkeypatch.setattr(os, "rmdir", busy)
    monkeypatch.setenv("MNIST_MIRRORS", silent_server)
    _, attempts = fetch(cache, small_sha256, silence=0.1)
    assert [attempt.cause for attempt in attempts] == ["silent for 0.05 s after 0 bytes"]


def test_all_silent_mirrors_together_take_no_longer_than_the_patience(
    silent_server: str,
    small_sha256: dict[str, str],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", ",".join([silent_server] * 4))
    arrays, attempts = fetch(cache, small_sha256, silence=0.4)
    assert arrays == {}
    assert [attempt.cause for attempt in attempts] == ["silent for 0.1 s after 0 bytes"] * 4


def test_a_recompressed_copy_passes(
    small_idx: dict[str, bytes],
    small_folder: Path,
    small_sha256: dict[str, str],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (small_folder / f"{NAME}.gz").write_bytes(gzip.compress(small_idx[NAME], 1, mtime=7))
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    arrays, _ = fetch(cache, {NAME: small_sha256[NAME]})
    assert arrays[NAME].shape == (6,)


def test_fetching_at_the_same_time_succeeds_for_all(
    small_folder: Path,
    small_sha256: dict[str, str],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(fetch(cache, small_sha256)[0])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [4, 4, 4, 4]
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{n}.gz" for n in small_sha256)


def test_a_cache_that_cannot_be_written_is_said(
    small_folder: Path,
    small_sha256: dict[str, str],
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    (tmp_path / "file").touch()
    arrays, attempts = fetch(tmp_path / "file" / "cache", {NAME: small_sha256[NAME]})
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
