"""Published files are fetched whole or not at all, checked, pinned, and found wherever their owner has laid them."""

import dataclasses
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clips import even_times, make_clip
from phonofilm.cli import main as cli
from phonofilm.errors import MissingExtraError, ModelError
from phonofilm.weights import fetch
from phonofilm.weights.registry import MODELS, ModelRow, PublishedFile

BODY = b"\x80\x02" + bytes(range(256)) * 3000
"""Begins as a checkpoint does, and is nearly the megabyte that its row says."""
MD5 = hashlib.md5(BODY).hexdigest()
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server:
    """Serves BODY at any address, as a release page or as the hub does, with the faults that a test asks for."""

    def __init__(self) -> None:
        self.body = BODY
        self.cut_after: list[int] = []
        self.resumes = True
        self.status = 200
        self.etag = SHA256
        self.moved = ""
        self.asked: list[tuple[str, str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                server.answer(self, "HEAD")

            def do_GET(self) -> None:
                server.answer(self, "GET")

            def log_message(self, *_: object) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, request: BaseHTTPRequestHandler, method: str) -> None:
        if request.path.startswith("/api/"):  # the hub library asks for news of its own now and then, in a thread
            request.send_error(404)
            return
        wanted = request.headers.get("Range")
        self.asked.append((method, request.path, wanted))
        if self.status != 200:
            request.send_error(self.status)
            return
        first = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted and self.resumes else 0
        if first and first >= len(self.body):
            request.send_error(416)
            return
        part = self.body[first:]
        request.send_response(302 if self.moved else 206 if first else 200)
        if self.moved:
            request.send_header("Location", self.moved)
        request.send_header("Content-Length", str(len(part)))
        if first:
            request.send_header("Content-Range", f"bytes {first}-{len(self.body) - 1}/{len(self.body)}")
        request.send_header("ETag", f'"{self.etag}"')
        request.send_header("X-Repo-Commit", "0" * 40)
        request.end_headers()
        if method == "GET":
            request.wfile.write(part[: self.cut_after.pop(0)] if self.cut_after else part)
        request.close_connection = True

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PHONOFILM_WEIGHTS_DIR", "HF_HUB_CACHE", "XDG_CACHE_HOME", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-home"))
    monkeypatch.setenv("PHONOFILM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "published"


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    return server


def released(server: Server, md5: str = MD5) -> PublishedFile:
    return PublishedFile("vae", "v.pth", "ext_weights", "", f"{server.address}/v.pth", md5, 1, "a licence")


def from_hub(md5: str = "") -> PublishedFile:
    return PublishedFile("clip", "net.bin", "weights", "owner/name", "weights/net.bin", md5, 1, "a licence")


def row_of(*files: PublishedFile) -> ModelRow:
    return dataclasses.replace(MODELS["mmaudio-small-16k"], name="small", published=files)


def left(folder: Path) -> list[str]:
    """Every file under a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_is_fetched_checked_and_pinned(server: Server, cache: Path) -> None:
    heard: list[float] = []
    (path,) = fetch.pull(row_of(released(server)), progress=lambda stage, share: heard.append(share))
    assert path == cache / "ext_weights" / "v.pth"
    assert path.read_bytes() == BODY
    assert heard[-1] == 1.0
    assert heard == sorted(heard)
    assert json.loads((cache / "lock.json").read_text()) == {"v.pth": SHA256}
    assert left(cache) == ["ext_weights/v.pth", "lock.json"]
    fetch.pull(row_of(released(server)))
    assert len(server.asked) == 1, "what is here is not fetched again"


@pytest.mark.parametrize("cut", [1, len(BODY) // 2, len(BODY) - 1])
def test_an_interrupted_fetch_goes_on_where_it_stopped(server: Server, cache: Path, cut: int) -> None:
    server.cut_after = [cut]
    row = row_of(released(server))
    with pytest.raises(
        ModelError, match=r"v.pth was not fetched \(the connection was closed after .* 'phonofilm models"
    ):
        fetch.pull(row)
    assert fetch.locate(row, None).paths == {}, "a part of a file was taken for the file"
    (path,) = fetch.pull(row)
    assert path.read_bytes() == BODY
    assert server.asked[-1][2] == f"bytes={cut}-"
    assert left(cache) == ["ext_weights/v.pth", "lock.json"]


def test_a_server_that_does_not_resume_sends_the_whole(server: Server) -> None:
    server.cut_after, server.resumes = [1000], False
    with pytest.raises(ModelError):
        fetch.pull(row_of(released(server)))
    (path,) = fetch.pull(row_of(released(server)))
    assert path.read_bytes() == BODY


def test_a_fetch_that_was_whole_but_not_yet_checked_is_finished(server: Server, cache: Path) -> None:
    (cache / "ext_weights").mkdir(parents=True)
    (cache / "ext_weights" / "v.pth.partial").write_bytes(BODY)
    (path,) = fetch.pull(row_of(released(server)))
    assert path.read_bytes() == BODY


def test_another_file_than_the_published_one_is_not_kept(server: Server, cache: Path) -> None:
    server.body = BODY[:-1] + b"?"
    with pytest.raises(ModelError, match=r"not the published file \(its md5 differs"):
        fetch.pull(row_of(released(server)))
    assert left(cache) == []
    server.body = BODY
    assert fetch.pull(row_of(released(server)))


@pytest.mark.parametrize("status", [404, 500])
def test_refusals_are_one_line(server: Server, cache: Path, status: int) -> None:
    server.status = status
    with pytest.raises(ModelError, match=rf"v.pth was not fetched .*{status}") as caught:
        fetch.pull(row_of(released(server)))
    assert "\n" not in str(caught.value)
    assert left(cache) == []


def test_without_a_network(server: Server, cache: Path) -> None:
    server.close()
    with pytest.raises(ModelError, match=r"v.pth was not fetched .*refused.* run 'phonofilm models pull small' again"):
        fetch.pull(row_of(released(server)))
    assert left(cache) == []


def test_a_full_disk_is_noticed_before(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="the disk has no room"):
        fetch.pull(row_of(released(server)))
    assert left(cache) == []


def test_our_own_sum_goes_before_all(server: Server, cache: Path) -> None:
    wrong = dataclasses.replace(released(server), sha256="0" * 64)
    with pytest.raises(ModelError, match="its sha256 differs"):
        fetch.pull(row_of(wrong))
    assert left(cache) == []
    assert fetch.pull(row_of(dataclasses.replace(released(server), sha256=SHA256)))


def test_a_file_that_changes_is_refused(server: Server, cache: Path) -> None:
    file = released(server)
    (path,) = fetch.pull(row_of(file))
    path.write_bytes(BODY + b"more")
    for ask in (lambda: fetch.pull(row_of(file)), lambda: fetch.verify(path, file)):
        with pytest.raises(ModelError, match="is not the file that was first fetched"):
            ask()
    assert path.exists()
    path.unlink()
    assert fetch.pull(row_of(file))
    assert fetch.verify(path, file)


def test_a_file_put_into_the_cache_by_hand_is_checked_before_use(server: Server, cache: Path) -> None:
    path = cache / "ext_weights" / "v.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    with pytest.raises(ModelError, match="md5 differs"):
        fetch.verify(path, released(server))
    path.write_bytes(BODY)
    assert fetch.verify(path, released(server))


def test_a_broken_lock_is_said(server: Server, cache: Path) -> None:
    cache.mkdir(parents=True)
    for text in ("{", "[1]", '{"v.pth": 1}'):
        (cache / "lock.json").write_text(text)
        with pytest.raises(ModelError, match=r"lock.json (cannot be read|holds no hashes)"):
            fetch.pull(row_of(released(server)))


def test_the_hub(hub: Server, cache: Path) -> None:
    heard: list[float] = []
    (path,) = fetch.pull(row_of(from_hub()), progress=lambda stage, share: heard.append(share))
    assert path == cache / "weights" / "net.bin"
    assert path.read_bytes() == BODY
    assert heard
    assert heard[-1] == 1.0
    assert left(cache) == ["lock.json", "weights/net.bin"]
    assert {address for _, address, _ in hub.asked} == {"/owner/name/resolve/main/weights/net.bin"}


def test_the_hub_names_the_sum_of_what_it_sends(hub: Server, cache: Path) -> None:
    hub.body = BODY[:-1] + b"?"
    with pytest.raises(ModelError, match=r"net.bin was not fetched .*its sha256 differs"):
        fetch.pull(row_of(from_hub()))
    assert fetch.locate(row_of(from_hub()), None).paths == {}
    with pytest.raises(ModelError, match="its md5 differs"):
        fetch.pull(row_of(from_hub(MD5)))
    hub.body = BODY
    assert fetch.pull(row_of(from_hub(MD5)))
    assert left(cache) == ["lock.json", "weights/net.bin"]


def test_an_interrupted_fetch_from_the_hub_goes_on(hub: Server, cache: Path) -> None:
    hub.cut_after = [30_000]
    with pytest.raises(ModelError, match=r"net.bin was not fetched \(the connection was closed"):
        fetch.pull(row_of(from_hub()))
    assert fetch.locate(row_of(from_hub()), None).paths == {}
    assert fetch.pull(row_of(from_hub()))[0].read_bytes() == BODY
    assert hub.asked[-1][2] == "bytes=30000-"
    assert left(cache) == ["lock.json", "weights/net.bin"]


def test_the_hub_is_not_asked_offline(hub: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ModelError, match=r"net.bin was not fetched \(owner/name: .*offline.* run 'phonofilm models pull"
    ):
        fetch.pull(row_of(from_hub()))
    assert hub.asked == []
    assert left(cache) == []


def test_the_token_is_for_the_hub_alone(hub: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert fetch._ask_hub(from_hub()).headers["authorization"] == "Bearer hf_secret"
    hub.moved = "http://files.example/net.bin?signed"
    assert fetch._ask_hub(from_hub()) == fetch._Sender(hub.moved, {}, SHA256)


def test_the_hub_says_no(hub: Server, cache: Path) -> None:
    hub.status = 404
    with pytest.raises(ModelError, match=r"net.bin was not fetched \(owner/name: .*404") as caught:
        fetch.pull(row_of(from_hub()))
    assert "\n" not in str(caught.value)
    assert left(cache) == []


def test_the_hub_library_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install phonofilm\[mmaudio\]"):
        fetch.pull(row_of(from_hub()))


def lay(path: Path, text: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


@pytest.mark.parametrize(
    "place",
    ["weights/net.bin", "net.bin", "weights/net.safetensors", "models--owner--name/snapshots/1a/weights/net.bin"],
)
def test_a_folder_of_ones_own(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = lay(tmp_path / "own" / place)
    assert fetch.locate(row_of(from_hub()), tmp_path / "own").paths == {"clip": own}
    assert fetch.locate(row_of(from_hub()), None).paths == {}
    monkeypatch.setenv("PHONOFILM_WEIGHTS_DIR", str(tmp_path / "own"))
    assert fetch.require(row_of(from_hub()), None) == {"clip": own}
    assert not fetch.verify(own, from_hub(MD5)), "files of the user's own are taken as they are"


def test_the_clip_file_of_either_format(tmp_path: Path) -> None:
    (clip,) = (file for file in MODELS["mmaudio-small-16k"].published if file.part == "clip")
    for name in ("open_clip_pytorch_model.bin", "open_clip_model.safetensors"):
        path = lay(tmp_path / name / name)
        assert fetch.locate(row_of(clip), path.parent).paths == {"clip": path}


def test_what_the_hub_library_has_is_not_fetched_again(tmp_path: Path, hub: Server, cache: Path) -> None:
    path = lay(tmp_path / "hub-home/hub/models--owner--name/snapshots/1a/weights/net.bin", BODY)
    assert fetch.pull(row_of(from_hub())) == [path]
    assert hub.asked == []
    assert json.loads((cache / "lock.json").read_text()) == {"net.bin": SHA256}


def test_pulling_into_a_folder_of_ones_own(tmp_path: Path, server: Server, cache: Path) -> None:
    own = tmp_path / "own"
    (path,) = fetch.pull(row_of(released(server)), own)
    assert path == own / "ext_weights" / "v.pth"
    assert left(own) == ["ext_weights/v.pth", "lock.json"]
    assert not cache.exists()
    assert fetch.verify(path, released(server))
    path.write_bytes(b"changed")
    with pytest.raises(ModelError, match="first fetched"):
        fetch.verify(path, released(server))


def test_missing_files_are_named_with_the_command(tmp_path: Path) -> None:
    row = MODELS["mmaudio-small-44k"]
    with pytest.raises(ModelError) as caught:
        fetch.require(row, tmp_path)
    text = str(caught.value)
    assert "\n" not in text
    assert "phonofilm models pull mmaudio-small-44k" in text
    assert "(weights-dir)" in text
    for file in row.published:
        assert f"{file.folder}/{file.name}" in text
    with pytest.raises(ModelError, match="is no folder"):
        fetch.require(row, tmp_path / "nowhere")


Verb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def phonofilm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verb:
    monkeypatch.setattr("phonofilm.cli.models.start_logging", lambda _: None)

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["phonofilm", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        return int(caught.value.code or 0), printed.out, printed.err

    return call


def test_add_never_fetches_by_itself(tmp_path: Path, phonofilm: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_fetch", "_ask_hub", "_receive"):
        monkeypatch.setattr(fetch, name, lambda *_: pytest.fail("a download was begun"))
    clip = make_clip(tmp_path / "clip.mp4", even_times(12, Fraction(12)), rate_hz=Fraction(12))
    code, out, err = phonofilm("add", clip, "--model", "mmaudio-large-44k-v2")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "run 'phonofilm models pull mmaudio-large-44k-v2'" in err


def test_pull_shows_the_licence_and_fetches(
    tmp_path: Path, server: Server, phonofilm: Verb, monkeypatch: pytest.MonkeyPatch
) -> None:
    licence = "CC BY-NC 4.0: non-commercial"
    row = row_of(dataclasses.replace(released(server), licence=licence))
    monkeypatch.setitem(MODELS, "small", row)
    for _ in range(2):
        code, out, err = phonofilm("models", "pull", "small", "--weights-dir", tmp_path)
        assert code == 0
        assert out.strip() == str(tmp_path / "ext_weights" / "v.pth")
        assert f"weights: {licence}" in err
    rows = json.loads(phonofilm("models", "--json", "--weights-dir", tmp_path)[1])
    assert rows[-1]["here"] is True
    assert rows[-1]["files"][0]["path"] == str(tmp_path / "ext_weights" / "v.pth")
    assert rows[-1]["files"][0]["sha256"] == SHA256
    assert [row["here"] for row in rows if row["name"].startswith("mmaudio")] == [False] * 5
    table = phonofilm("models")[1]
    assert "pinned in" in table
    assert licence in table


def test_pull_has_nothing_to_do_for_mini(phonofilm: Verb) -> None:
    assert phonofilm("models", "pull", "mini")[:2] == (0, "mini needs nothing to be fetched\n")
    code, _, err = phonofilm("models", "pull", "huge")
    assert code == 1
    assert err.count("\n") == 1
