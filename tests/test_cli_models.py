"""`phonofilm models` and `models pull`: what they list, fetch and say; against a server on this machine."""

import dataclasses
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save as safe

from phonofilm.cli import main as cli
from phonofilm.weights import fetch
from phonofilm.weights.header import fault_of
from phonofilm.weights.registry import MODELS, ModelRow, PublishedFile

BODY = bytes(range(256)) * 2000
MD5 = hashlib.md5(BODY).hexdigest()
LICENCE = "CC BY-NC 4.0: non-commercial"


class Server:
    """Sends BODY and counts what it sent; every fault that a test asks for happens once."""

    def __init__(self) -> None:
        self.fault: int | str = ""
        self.moved = ""
        self.sent: list[int] = []
        self.headers: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._http.server_port}/v.pth"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        fault, self.fault = self.fault, ""
        if isinstance(fault, int):
            request.send_error(fault)
            return
        if self.moved:
            request.send_response(302)
            request.send_header("Location", self.moved)
            request.end_headers()
            return
        first = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        body = b"<html>log in first</html>" if fault == "page" else BODY[first:]
        request.send_response(206 if first else 200)
        request.send_header("Content-Range", f"bytes {first}-{len(BODY) - 1}/{len(BODY)}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        body = body[: len(body) // 2] if fault == "cut" else body
        self.sent.append(len(body))
        request.wfile.write(body)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Call = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PHONOFILM_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("PHONOFILM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def small(server: Server, monkeypatch: pytest.MonkeyPatch) -> ModelRow:
    """A model of one file that the server sends."""
    file = PublishedFile("vae", "v.pth", "ext_weights", "", server.address, MD5, 1, LICENCE)
    row = dataclasses.replace(MODELS["mmaudio-small-16k"], name="small", published=(file,))
    monkeypatch.setitem(MODELS, "small", row)
    return row


@pytest.fixture
def phonofilm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    monkeypatch.setattr("phonofilm.cli.models.start_logging", lambda _: None)

    def call(*words: object) -> Result:
        monkeypatch.setattr("sys.argv", ["phonofilm", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Result(int(caught.value.code or 0), printed.out, printed.err)

    return call


def left(folder: Path) -> list[str]:
    """Every file under a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def complaints(result: Result) -> list[str]:
    """The lines on stderr that are errors; those before them say what is fetched, and under which licence."""
    return [line for line in result.err.splitlines() if line.startswith("phonofilm: ")]


def test_the_list_says_what_is_here_and_under_which_licence(phonofilm: Call) -> None:
    result = phonofilm("models")
    lines = {line.split()[0]: line for line in result.out.splitlines() if line.strip()}
    assert (result.code, result.err) == (0, "")
    for name, row in MODELS.items():
        assert row.weights_licence[:40] in lines[name]
        assert (" yes " if name in ("mini", "tiny") else " no ") in lines[name]
    assert "phonofilm models pull NAME" in result.out


def test_the_list_as_json(phonofilm: Call) -> None:
    rows = {row["name"]: row for row in json.loads(phonofilm("models", "--json").out)}
    assert rows.keys() == MODELS.keys()
    for name, row in MODELS.items():
        assert rows[name]["missing"] == [f"{file.folder}/{file.name}" for file in row.published]
        assert rows[name]["here"] is (row.published == () and name != "own")
        assert [file["path"] for file in rows[name]["files"]] == [None] * len(row.published)
    assert rows["mini"]["megabytes"] > 40


def test_listing_neither_fetches_nor_writes(
    phonofilm: Call, cache: Path, small: ModelRow, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_ask_hub", lambda *_: pytest.fail("the hub was asked"))
    phonofilm("models")
    phonofilm("models", "--json")
    assert server.headers == []
    assert not cache.exists()


def test_a_trained_model_is_here_where_its_folder_is_named(phonofilm: Call, tmp_path: Path) -> None:
    (tmp_path / "flow.safetensors").touch()
    rows = {row["name"]: row for row in json.loads(phonofilm("models", "--weights-dir", tmp_path, "--json").out)}
    assert rows["own"]["here"]
    result = phonofilm("models", "pull", "own")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "'phonofilm train' makes it" in result.err


@pytest.mark.parametrize("name", ["mini", "tiny"])
def test_models_of_the_package_need_nothing(phonofilm: Call, cache: Path, name: str) -> None:
    assert phonofilm("models", "pull", name) == Result(0, f"{name} needs nothing to be fetched\n", "")
    assert not cache.exists()


def test_an_unknown_model_is_one_line_that_names_the_others(phonofilm: Call, cache: Path) -> None:
    result = phonofilm("models", "pull", "huge")
    assert (result.code, result.out) == (1, "")
    assert result.err.count("\n") == 1
    assert "no model is called 'huge'; there are mini, tiny, mmaudio-small-16k" in result.err
    assert not cache.exists()


def test_pull_prints_paths_alone_on_stdout(phonofilm: Call, cache: Path, small: ModelRow) -> None:
    result = phonofilm("models", "pull", "small")
    assert result.code == 0
    assert result.out == f"{cache / 'published' / 'ext_weights' / 'v.pth'}\n"
    assert LICENCE in result.err
    assert left(cache / "published") == ["ext_weights/v.pth", "lock.json"]


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_folder_may_stand_before_or_after_the_verb(
    phonofilm: Call, tmp_path: Path, cache: Path, small: ModelRow, place: str
) -> None:
    given = ("--weights-dir", tmp_path / "own")
    words = ("models", *given, "pull", "small") if place == "before" else ("models", "pull", "small", *given)
    assert phonofilm(*words).code == 0
    assert left(tmp_path / "own") == ["ext_weights/v.pth", "lock.json"]
    assert not cache.exists()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (404, "404"),
        (500, "500"),
        (416, "416"),
        ("page", "its md5 differs"),
    ],
)
def test_a_fetch_that_fails_is_one_line_and_leaves_nothing(
    phonofilm: Call, cache: Path, small: ModelRow, server: Server, fault: int | str, said: str
) -> None:
    server.fault = fault
    result = phonofilm("models", "pull", "small")
    assert (result.code, result.out) == (1, "")
    (line,) = complaints(result)
    assert said in line
    assert "run 'phonofilm models pull small' again" in line
    assert left(cache) == []
    assert phonofilm("models", "pull", "small").code == 0, "the fault is over and the fetch still fails"


def test_without_a_network(phonofilm: Call, cache: Path, small: ModelRow, server: Server) -> None:
    server.close()
    result = phonofilm("models", "pull", "small")
    assert (result.code, result.out, len(complaints(result))) == (1, "", 1)
    assert left(cache) == []


def test_after_an_interruption_only_the_rest_is_sent(
    phonofilm: Call, cache: Path, small: ModelRow, server: Server
) -> None:
    server.fault = "cut"
    result = phonofilm("models", "pull", "small")
    assert result.code == 1
    assert "the connection was closed after 256,000 of 512,000 bytes" in complaints(result)[0]
    assert json.loads(phonofilm("models", "--json").out)[-1]["here"] is False
    assert phonofilm("models", "pull", "small").code == 0
    assert sum(server.sent) == len(BODY)
    assert (cache / "published" / "ext_weights" / "v.pth").read_bytes() == BODY


def test_after_a_key_stroke_only_the_rest_is_sent(
    phonofilm: Call, small: ModelRow, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "CHUNK_BYTES", 100_000)

    def stop(_: str, share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.pull(small, progress=stop)
    assert fetch.locate(small, None).paths == {}
    assert phonofilm("models", "pull", "small").code == 0
    assert server.headers[-1]["range"] == "bytes=300000-"


def test_the_rest_of_another_file_is_found_out(phonofilm: Call, cache: Path, small: ModelRow) -> None:
    partial = cache / "published" / "ext_weights" / "v.pth.partial"
    for wrong in (b"?" * 1000, b"?" * len(BODY), b"?" * (len(BODY) + 1)):
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(wrong)
        assert "its md5 differs" in complaints(phonofilm("models", "pull", "small"))[0]
        assert left(cache) == []
    assert phonofilm("models", "pull", "small").code == 0


def test_a_changed_file_and_a_broken_lock_are_one_line(phonofilm: Call, cache: Path, small: ModelRow) -> None:
    phonofilm("models", "pull", "small")
    path, lock = cache / "published" / "ext_weights" / "v.pth", cache / "published" / "lock.json"
    path.write_bytes(BODY[:-1] + b"?")
    result = phonofilm("models", "pull", "small")
    assert (result.code, len(complaints(result))) == (1, 1)
    assert f"{path} is not the file that was first fetched" in result.err
    lock.write_text("{")
    for words in (("models", "pull", "small"), ("models",), ("models", "--json")):
        result = phonofilm(*words)
        assert (result.code, len(complaints(result))) == (1, 1)
        assert f"{lock} cannot be read" in result.err


def test_a_folder_that_is_a_file_is_one_line(phonofilm: Call, tmp_path: Path, small: ModelRow) -> None:
    (tmp_path / "own").write_text("no folder")
    result = phonofilm("models", "pull", "small", "--weights-dir", tmp_path / "own")
    assert (result.code, result.out, len(complaints(result))) == (1, "", 1)
    assert str(tmp_path / "own") in complaints(result)[0]


def test_the_token_stays_behind_when_the_address_moves(
    tmp_path: Path, small: ModelRow, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror may answer the question itself and send the numbers from elsewhere."""
    files = Server()
    server.moved = files.address
    sender = fetch._Sender(server.address, {"authorization": "Bearer hf_secret"}, "")
    monkeypatch.setattr(fetch, "_ask_hub", lambda _: sender)
    file = dataclasses.replace(small.published[0], hub="owner/name")
    partial = tmp_path / "own" / "ext_weights" / "v.pth.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(BODY[:1000])
    try:
        (path,) = fetch.pull(dataclasses.replace(small, published=(file,)), tmp_path / "own")
    finally:
        files.close()
    assert path.read_bytes() == BODY
    assert server.headers[0]["authorization"] == "Bearer hf_secret"
    assert "authorization" not in files.headers[0]
    assert files.headers[0]["range"] == "bytes=1000-"


def test_a_file_without_any_sum_is_said(small: ModelRow, caplog: pytest.LogCaptureFixture) -> None:
    file = dataclasses.replace(small.published[0], md5="")
    fetch.pull(dataclasses.replace(small, published=(file,)))
    assert "only its length was checked" in caplog.text


WHOLE = BytesIO()
torch.save({"weight": torch.zeros(200_000)}, WHOLE)
SAFE = safe({"weight": torch.zeros(200_000)})
OLD = b"\x80\x02" + bytes(800_000)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("v.pth", WHOLE.getvalue(), ""),
        ("v.pth", OLD, ""),
        ("v.safetensors", SAFE, ""),
        ("v.pth", b"", "is empty (0 bytes)"),
        ("v.safetensors", b"", "is empty (0 bytes)"),
        ("v.pth", WHOLE.getvalue()[:-1000], "is cut short"),
        ("v.pth", b"<html>log in first</html>" * 40_000, "is no checkpoint"),
        ("v.pth", OLD[:100_000], "has 0.1 MB, and the published file 1 MB"),
        ("v.pth", OLD * 2, "has 1.6 MB, and the published file 1 MB"),
        ("v.safetensors", SAFE[:-1], "and its header says"),
        ("v.safetensors", SAFE[:20], "no safetensors file"),
        ("v.safetensors", b"\x02" + bytes(7) + b"[]" + bytes(800_000), "no safetensors file"),
        ("v.safetensors", WHOLE.getvalue(), "no safetensors file"),
    ],
)
def test_a_file_is_here_when_it_can_be_what_it_shall_be(
    phonofilm: Call, tmp_path: Path, small: ModelRow, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / "own" / name
    path.parent.mkdir()
    path.write_bytes(content)
    row = json.loads(phonofilm("models", "--json", "--weights-dir", path.parent).out)[-1]
    assert (row["here"], row["missing"], row["files"][0]["path"]) == (not said, [], str(path))
    assert said in row["files"][0]["fault"]
    assert bool(row["files"][0]["fault"]) == bool(said)
    result = phonofilm("models", "--weights-dir", path.parent)
    assert result.code == 0
    assert (f"{path} " in result.out) == bool(said)
    assert said in result.out


@given(content=st.binary(max_size=200) | st.integers(1, 90).map(lambda n: n.to_bytes(8, "little") + b'{"a":' * 20))
def test_no_content_breaks_the_list(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = PublishedFile("vae", "v.pth", "ext_weights", "", "", MD5, 1, LICENCE)
    folder = tmp_path_factory.mktemp("any")
    for name in ("v.pth", "v.safetensors"):
        (folder / name).write_bytes(content)
        assert fault_of(folder / name, file)


def test_an_empty_file_is_never_pinned(
    phonofilm: Call, tmp_path: Path, small: ModelRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither authors nor sender name a sum, nothing else would tell."""
    file = dataclasses.replace(small.published[0], md5="")
    monkeypatch.setitem(MODELS, "small", dataclasses.replace(small, published=(file,)))
    (tmp_path / "v.pth").touch()
    result = phonofilm("models", "pull", "small", "--weights-dir", tmp_path)
    assert (result.code, result.out) == (1, "")
    assert "v.pth is empty (0 bytes); remove it" in complaints(result)[0]
    assert left(tmp_path) == ["v.pth"]
