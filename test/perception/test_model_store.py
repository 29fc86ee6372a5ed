# Copyright 2026 fer_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Fetching from a real server on loopback, with all that can go wrong; shipped files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fer_ros.perception import model_store
from fer_ros.perception.errors import ModelError

CONTENT = bytes(range(256)) * 900
NAME = "yunet"


@dataclass
class Server:
    """What the server sends, and what it was asked for."""

    url: str
    content: bytes = CONTENT
    breaks: list[int] = field(default_factory=list)
    """Number of bytes after which each of the next answers breaks off."""
    status: int = 0
    """Answer with this error."""
    ranges: bool = True
    shift: int = 0
    """Answer ranges with a part that starts this much later than asked for."""
    asked: list[str | None] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    server: TestServer

    def do_GET(self) -> None:
        plan = self.server.plan
        wanted = self.headers.get("Range")
        plan.asked.append(wanted)
        if plan.status:
            self.send_error(plan.status)
            return
        body, first = plan.content, 0
        if wanted and plan.ranges:
            first = int(wanted.removeprefix("bytes=").removesuffix("-")) + plan.shift
            if first >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        body = body[first:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if plan.breaks:
            self.wfile.write(body[: plan.breaks.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class TestServer(ThreadingHTTPServer):
    __test__ = False
    plan: Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A server on loopback that holds the model `NAME`; the cache is an empty folder."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(model_store.CACHE_ENV, str(tmp_path / "cache"))
    listener = TestServer(("127.0.0.1", 0), Handler)
    listener.plan = Server(f"http://127.0.0.1:{listener.server_port}/weights.onnx")
    model = replace(
        model_store.EXTERNAL[NAME],
        url=listener.plan.url,
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size=len(CONTENT),
    )
    monkeypatch.setitem(model_store.EXTERNAL, NAME, model)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    yield listener.plan
    listener.shutdown()
    thread.join()
    listener.server_close()


def part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def test_fetch_puts_the_whole_file_and_reports_progress(server: Server) -> None:
    assert model_store.locate(NAME) is None
    seen: list[int] = []
    path = model_store.fetch(NAME, progress=seen.append)
    assert path.read_bytes() == CONTENT
    assert path == model_store.locate(NAME) == model_store.cached_path(NAME)
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    model_store.verify(NAME)


def test_a_file_that_is_there_is_not_fetched_again(server: Server) -> None:
    model_store.fetch(NAME)
    model_store.fetch(NAME)
    assert len(server.asked) == 1


def test_a_damaged_file_is_replaced(server: Server) -> None:
    path = model_store.fetch(NAME)
    path.write_bytes(b"rubbish")
    with pytest.raises(ModelError, match="damaged or has been altered"):
        model_store.verify(NAME)
    assert model_store.fetch(NAME).read_bytes() == CONTENT


def test_a_broken_transfer_goes_on_where_it_stopped(server: Server) -> None:
    server.breaks = [70_000, 50_000]
    path = model_store.fetch(NAME)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=70000-", "bytes=120000-"]


def test_a_later_call_goes_on_where_the_first_gave_up(server: Server) -> None:
    server.breaks = [30_000, 30_000, 30_000]
    with pytest.raises(ModelError, match="again to go on where it stopped"):
        model_store.fetch(NAME)
    assert model_store.locate(NAME) is None
    assert part_of(model_store.cached_path(NAME)).stat().st_size == 90_000
    assert model_store.fetch(NAME).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=90000-"


def test_a_server_without_ranges_starts_again(server: Server) -> None:
    server.breaks, server.ranges = [100_000], False
    assert model_store.fetch(NAME).read_bytes() == CONTENT


def test_a_server_that_sends_another_range_is_not_believed(server: Server) -> None:
    server.breaks, server.shift = [100_000], 10
    with pytest.raises(ModelError, match="another part"):
        model_store.fetch(NAME)


def test_another_file_is_refused_and_not_kept(server: Server) -> None:
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(ModelError, match=r"another file.*nothing was kept"):
        model_store.fetch(NAME)
    folder = model_store.cache_folder()
    assert list(folder.iterdir()) == []


def test_a_flood_is_cut_off(server: Server) -> None:
    server.content = CONTENT * 20
    seen: list[int] = []
    with pytest.raises(ModelError, match="another file"):
        model_store.fetch(NAME, progress=seen.append)
    assert max(seen) == len(CONTENT) + 1


def test_a_wrong_partial_file_heals_on_the_second_call(server: Server) -> None:
    part = part_of(model_store.cached_path(NAME))
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 5000)
    with pytest.raises(ModelError, match="another file"):
        model_store.fetch(NAME)
    assert model_store.fetch(NAME).read_bytes() == CONTENT


def test_a_server_that_has_less_than_published(server: Server) -> None:
    server.content = CONTENT[:1000]
    with pytest.raises(ModelError):
        model_store.fetch(NAME)
    assert model_store.locate(NAME) is None


@pytest.mark.parametrize("status", [404, 403, 503])
def test_a_response_of_the_server_is_quoted(server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(ModelError, match=rf"responds with {status} .*by other means"):
        model_store.fetch(NAME)
    assert len(server.asked) == (3 if status == 503 else 1)


def test_offline_the_words_say_what_to_do(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = replace(model_store.EXTERNAL[NAME], url="http://127.0.0.1:9/weights.onnx")
    monkeypatch.setitem(model_store.EXTERNAL, NAME, nobody)
    with pytest.raises(ModelError, match=r"no connection to 127\.0\.0\.1:9: .*offline") as caught:
        model_store.fetch(NAME)
    assert str(model_store.cached_path(NAME)) in str(caught.value)
    assert model_store.YUNET_ENV in str(caught.value)


def test_an_unwritable_cache_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(model_store.CACHE_ENV, "/proc/fer_ros")
    with pytest.raises(ModelError, match="cannot write to /proc/fer_ros"):
        model_store.fetch(NAME)
    assert server.asked == []


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ModelError, match="unknown model 'retina'; known: yunet"):
        model_store.fetch("retina")


def test_the_cache_folder_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(model_store.CACHE_ENV, str(tmp_path))
    assert model_store.cache_folder() == tmp_path
    monkeypatch.delenv(model_store.CACHE_ENV)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert model_store.cache_folder() == tmp_path / "fer_ros"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert model_store.cache_folder() == tmp_path / ".cache" / "fer_ros"


def test_the_published_digests_are_those_of_the_files(shared: Path) -> None:
    for model in model_store.EXTERNAL.values():
        path = shared / "models" / model.file_name
        assert model_store.digest_of(path) == model.sha256
        assert path.stat().st_size == model.size
        assert model.url.startswith("https://")


def test_every_shipped_network_is_as_the_manifest_says() -> None:
    emotions = model_store.shipped_models()
    assert "arch1" in emotions
    assert not any(name.startswith("fer-face") for name in emotions)
    detector = model_store.shipped_detector()
    verifier = model_store.verifier_of(detector)
    assert verifier is not None
    shipped = {**emotions, "fer-face": detector, "fer-face-verifier": verifier}
    for path in shipped.values():
        model_store.check_shipped(path)
    manifest = (model_store.MODELS_FOLDER / model_store.MANIFEST).read_text().split()[1::2]
    assert sorted(manifest) == sorted(path.name for path in shipped.values())


def test_one_altered_byte_is_noticed(tmp_path: Path) -> None:
    original = model_store.shipped_models()["arch1"]
    copy = tmp_path / original.name
    manifest = (original.parent / model_store.MANIFEST).read_bytes()
    (tmp_path / model_store.MANIFEST).write_bytes(manifest)
    content = bytearray(original.read_bytes())
    copy.write_bytes(content)
    model_store.check_shipped(copy)
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(ModelError, match="has been altered"):
        model_store.check_shipped(copy)


def test_a_network_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    stray = tmp_path / "stray.onnx"
    stray.write_bytes(b"x")
    with pytest.raises(ModelError, match="not listed"):
        model_store.check_shipped(stray)


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_partial_file_that_is_a_link_is_not_written_through(
    server: Server, tmp_path: Path, kind: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    part = part_of(model_store.cached_path(NAME))
    part.parent.mkdir(parents=True, exist_ok=True)
    if kind == "symbolic":
        part.symlink_to(victim)
    else:
        part.hardlink_to(victim)
    with pytest.raises(ModelError, match="is a link"):
        model_store.fetch(NAME)
    assert victim.read_bytes() == b"precious"


def test_a_yunet_of_unknown_digest_is_remarked(tmp_path: Path, shared: Path) -> None:
    published = shared / "models" / "yunet_s_dynamic.onnx"
    assert model_store.unpublished(str(published)) == ""
    other = tmp_path / "other.onnx"
    other.write_bytes(published.read_bytes() + b"\0")
    assert "none of the published" in model_store.unpublished(str(other))
