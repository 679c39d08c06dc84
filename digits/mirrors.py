"""Fetching the MNIST files from mirrors into the cache, where only verified files are kept."""

import io
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import requests
from requests.exceptions import ChunkedEncodingError, InvalidSchema, RequestException
from requests.utils import get_environ_proxies, select_proxy
from tqdm import tqdm

from digits.files import Arrays, Attempt, BadFileError, Original, keep, read_idx

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUTS = (2.0, 8.0)  # seconds: to connect, to each of a mirror's addresses in turn; of silence


def mirrors() -> tuple[str, ...]:
    """Return the addresses that MNIST_MIRRORS lists, separated by commas, or the usual two."""
    listed = os.environ.get("MNIST_MIRRORS", "").split(",")
    return tuple(url.strip().rstrip("/") + "/" for url in listed if url.strip()) or MIRRORS


def fetch(originals: Mapping[str, Original]) -> tuple[Arrays, list[Attempt]]:
    """Fetch IDX files; the cache, if it can be written, keeps those that are whole and verified.

    Whatever a mirror does wrong, the next one is asked for what is still missing. A mirror that
    cannot be reached, falls silent or breaks off twice is not asked for the other files.

    Args:
        originals: {name: what the file must hold} of the files to fetch.

    Returns:
        The arrays fetched, and an attempt for each download that failed.
    """
    arrays: Arrays = {}
    attempts: list[Attempt] = []
    kept = True
    for mirror in mirrors():
        for name in [name for name in originals if name not in arrays]:
            url = f"{mirror}{name}.gz"
            try:
                packed = _download(url, originals[name].packed_limit)
                arrays[name] = read_idx(io.BytesIO(packed), originals[name])
            except Exception as error:  # whatever it is, the next mirror may do better
                attempts.append(Attempt(url, _cause(url, error)))
                if isinstance(error, OSError):  # as those of requests are
                    break
            else:
                kept = kept and keep("The MNIST files were fetched", f"{name}.gz", packed)
    return arrays, attempts


def _download(url: str, limit: int) -> bytes:
    """Download a file of at most `limit` bytes; try once more if the connection breaks."""
    with suppress(ChunkedEncodingError):
        return _receive(url, limit)
    return _receive(url, limit)


def _receive(url: str, limit: int) -> bytes:
    plain, name = {"Accept-Encoding": "identity"}, url.rpartition("/")[2]
    received = bytearray()
    with (
        tqdm(desc=name, unit="B", unit_scale=True, leave=False, disable=None) as bar,
        requests.get(url, stream=True, timeout=TIMEOUTS, headers=plain) as response,
    ):
        if not response.ok:
            raise BadFileError(f"{response.status_code} {response.reason}")
        response.raw.headers.pop("Content-Encoding", None)  # nothing is decompressed
        bar.reset(response.raw.length_remaining)
        for chunk in response.iter_content(8192):
            received += chunk
            bar.update(len(chunk))
            if len(received) > limit:
                raise BadFileError(f"more than {limit} bytes, too many for this file")
    return bytes(received)


def _cause(url: str, error: Exception) -> str:
    """Return what the system reported, without the exceptions that requests and urllib3 add.

    Before it stands the proxy through which the address was asked, and what named the proxy.
    """
    cause: Any = error.args[0] if isinstance(error, RequestException) and error.args else error
    while getattr(cause, "__cause__", None):
        cause = cause.__cause__
    text = str(cause) or type(cause).__name__
    proxy = None
    with suppress(ValueError):  # of an address that cannot be parsed
        proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return text
    if isinstance(error, InvalidSchema) and proxy.lower().startswith("socks"):
        text += " Likely fix: pip install 'requests[socks]'"
    names = f"{url.partition(':')[0].lower()}_proxy", "all_proxy"
    given = [key for key in os.environ if os.environ[key] == proxy and key.lower() in names]
    named_by = ", ".join(given) or "the system's settings"
    public = re.sub(r"^(\w+://)?.*@", r"\1", proxy)  # without a password
    if public != proxy and "parse" in text.lower():  # it would quote a part of the password
        text = "this address cannot be read"
    return f"through the proxy {public} ({named_by}): {text.replace(proxy, public)}"
