"""The studio's server: its whole contract, over HTTP, with the tiny model."""

import io
import json
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from clips import even_times, make_clip, tiny_film
from phonofilm.detection import detect
from phonofilm.errors import OptionError, OutputError
from phonofilm.types import Progress
from phonofilm.web.app import create_app
from phonofilm.web.config import StudioConfig

API = "/api/v1"
PATIENCE_S = 300.0
ORIGIN = "http://127.0.0.1"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return make_clip(folder / "a clip.mp4", even_times(24, Fraction(12)), sound="stereo", rate_hz=Fraction(12))


def opened(folder: Path, **options: Any) -> TestClient:
    return TestClient(create_app(StudioConfig(folder, model="tiny", device="cpu", **options)), base_url=ORIGIN)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with opened(tmp_path_factory.mktemp("studio")) as client:
        yield client


def uploaded(client: TestClient, clip: Path, name: str = "a clip.mp4") -> dict[str, Any]:
    answer = client.post(f"{API}/projects", files={"file": (name, clip.read_bytes(), "video/mp4")})
    assert answer.status_code == 201, answer.text
    project: dict[str, Any] = answer.json()
    return project


def until(seen: Callable[[], Any], what: str) -> Any:
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        if found := seen():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come about")


def ended(client: TestClient, job_id: str) -> dict[str, Any]:
    def look() -> Any:
        job = client.get(f"{API}/jobs/{job_id}").json()
        return job if job["state"] in ("done", "failed", "cancelled") else None

    job: dict[str, Any] = until(look, "the end of the job")
    return job


def asked(client: TestClient, project: str, **job: Any) -> dict[str, Any]:
    answer = client.post(f"{API}/projects/{project}/jobs", json=job)
    assert answer.status_code == 202, answer.text
    return ended(client, answer.json()["id"])


@pytest.fixture(scope="module")
def project(client: TestClient, clip: Path) -> dict[str, Any]:
    """A project with two takes."""
    made = uploaded(client, clip)
    done = asked(client, made["id"], kind="add", options={"prompt": "rain", "takes": 2, "seed": 5})
    assert done["state"] == "done", done
    assert len(done["takes"]) == 2
    found: dict[str, Any] = client.get(f"{API}/projects/{made['id']}").json()
    return found


def refused(answer: Any, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert "\n" not in error["message"]
    return str(error["message"])


def test_an_upload_is_looked_at_and_told_of(client: TestClient, project: dict[str, Any]) -> None:
    told = project["clip"]
    assert (told["file_name"], told["width"], told["height"], told["has_sound"]) == ("a clip.mp4", 64, 48, True)
    assert told["duration_s"] == pytest.approx(2.0)
    assert project["name"] == "a clip"
    sheet = client.get(project["cues_url"]).json()
    assert sheet["phonofilm_cue_sheet"] == 1
    assert sheet["clip"]["name"] == "a clip.mp4"
    assert client.get(f"{API}/projects").json()[0]["takes"] == 2
    for address in (project["strip"]["url"], project["poster_url"]):
        assert client.get(address).headers["content-type"] == "image/jpeg"
    with av.open(io.BytesIO(client.get(project["video_url"]).content)) as film:
        assert film.streams.video[0].frames == 24
    assert soundfile.info(io.BytesIO(client.get(f"{API}/projects/{project['id']}/sound").content)).duration == 2.0


def test_takes_can_be_fetched_with_all_that_belongs_to_them(
    client: TestClient, project: dict[str, Any], tmp_path: Path
) -> None:
    first, second = project["takes"]
    assert (first["number"], second["number"], first["seed"], second["seed"]) == (1, 2, 5, 6)
    assert first["options"]["prompt"] == "rain"
    assert [stem["name"] for stem in first["stems"]] == ["effects"]
    film = client.get(first["video_url"] + "?download=true")
    assert "a clip - Take 1.mp4" in unquote(film.headers["content-disposition"])
    (tmp_path / "film.mp4").write_bytes(film.content)
    found = detect(tmp_path / "film.mp4").detection
    assert found is not None
    assert first["mark"]["marked"] == found.marked
    heard, rate_hz = soundfile.read(io.BytesIO(client.get(first["sound_url"]).content))
    assert len(heard) == 2 * rate_hz
    pack = zipfile.ZipFile(io.BytesIO(client.get(f"{first_url(project)}/stems.zip").content))
    assert sorted(pack.namelist()) == ["cues.json", "effects.wav", "mix.wav"]
    assert pack.testzip() is None
    refused(client.get(f"{first_url(project)}/midi"), 404, "not_found")
    refused(client.get(f"{first_url(project)}/stems/music"), 404, "not_found")


def first_url(project: dict[str, Any]) -> str:
    return f"{API}/projects/{project['id']}/takes/{project['takes'][0]['id']}"


@pytest.mark.thorough
def test_takes_are_named_starred_and_deleted(client: TestClient, clip: Path) -> None:
    made = uploaded(client, clip)
    asked(client, made["id"], kind="add", options={"takes": 2})
    one, two = client.get(f"{API}/projects/{made['id']}").json()["takes"]
    url = f"{API}/projects/{made['id']}/takes"
    changed = client.patch(f"{url}/{one['id']}", json={"name": "  The good\none ", "starred": True}).json()
    assert (changed["name"], changed["starred"]) == ("The good one", True)
    assert client.delete(f"{url}/{two['id']}").status_code == 204
    refused(client.get(f"{url}/{two['id']}"), 404, "not_found")
    asked(client, made["id"], kind="add", options={"seed": 9})
    numbers = [take["number"] for take in client.get(f"{API}/projects/{made['id']}").json()["takes"]]
    assert numbers == [1, 3], "a number is not given twice"
    assert client.delete(f"{API}/projects/{made['id']}").status_code == 204
    refused(client.get(f"{API}/projects/{made['id']}"), 404, "not_found")


def test_cues_are_edited_and_forgotten(client: TestClient, clip: Path) -> None:
    made = uploaded(client, clip)
    url = f"{API}/projects/{made['id']}/cues"
    seen = until(lambda: client.get(url).json() if client.get(url).status_code == 200 else None, "what is seen")
    sheet = seen | {"cues": [{"start_s": 0.5, "end_s": 0.5, "strength": 1.0, "label": "knock"}]}
    assert client.put(url, json=sheet).status_code == 200
    assert client.get(url).json()["cues"][0]["label"] == "knock"
    assert client.get(url + "?seen=true").json() == seen
    assert client.get(f"{API}/projects/{made['id']}").json()["cues_edited"]
    done = asked(client, made["id"], kind="add")
    take = client.get(f"{API}/projects/{made['id']}/takes/{done['takes'][0]}/cues").json()
    assert [cue["label"] for cue in take["cues"]] == ["knock"]
    for bad in ({"cues": []}, sheet | {"cues": [{"start_s": 1.0, "end_s": 99.0, "strength": 1.0}]}, [], 7):
        refused(client.put(url, json=bad), 422, "bad_request")
    other = sheet | {"clip": sheet["clip"] | {"fingerprint": "0" * 64}}
    assert "another clip" in refused(client.put(url, json=other), 422, "bad_request")
    assert client.delete(url).status_code == 204
    assert client.get(url).json() == seen


@pytest.mark.thorough
def test_the_clips_own_sound_is_a_stem_and_stays_in_what_is_made_anew(
    client: TestClient, project: dict[str, Any]
) -> None:
    wishes = {"keep_original": True, "loudness": "ebu-r128"}
    job, takes, owns = asked(client, project["id"], kind="add", options=wishes), [], []
    for _ in range(2):
        assert job["state"] == "done", job
        takes.append(client.get(f"{API}/projects/{project['id']}/takes/{job['takes'][0]}").json())
        assert [stem["name"] for stem in takes[-1]["stems"]] == ["effects", "original"]
        owns.append(client.get(takes[-1]["stems"][1]["url"]).content)
        job = asked(client, project["id"], kind="redo", take=takes[-1]["id"], spans=[[0.5, 1.0]], options=wishes)
    old, new = (soundfile.read(io.BytesIO(own))[0] for own in owns)
    assert np.abs(old).max() > 0.01
    np.testing.assert_array_equal(new, old)


def test_what_is_made_anew_has_the_loudness_of_its_take_and_says_so(
    client: TestClient, project: dict[str, Any]
) -> None:
    wishes = {"loudness": "-20", "rate": 48_000}
    job = asked(client, project["id"], kind="add", options=wishes)
    options = {"loudness": "-40", "seed": 3}
    again = asked(client, project["id"], kind="redo", take=job["takes"][0], spans=[[0.5, 1.0]], options=options)
    made = client.get(f"{API}/projects/{project['id']}/takes/{again['takes'][0]}").json()
    assert made["options"] == {"seed": 3, **wishes}


def test_only_the_span_is_made_anew(client: TestClient, project: dict[str, Any]) -> None:
    first = project["takes"][0]
    done = asked(client, project["id"], kind="redo", take=first["id"], spans=[[0.5, 1.0]], options={"seed": 77})
    assert done["state"] == "done", done
    new = client.get(f"{API}/projects/{project['id']}/takes/{done['takes'][0]}").json()
    assert (new["from_take"], new["spans"]) == (first["id"], [[0.5, 1.0]])
    old_wave, rate_hz = soundfile.read(io.BytesIO(client.get(first["sound_url"] + "?download=true").content))
    new_wave, _ = soundfile.read(io.BytesIO(client.get(new["sound_url"] + "?download=true").content))
    edge = round(0.051 * rate_hz)
    first_sample, end = round(0.5 * rate_hz) - edge, round(1.0 * rate_hz) + edge
    np.testing.assert_array_equal(new_wave[:first_sample], old_wave[:first_sample])
    np.testing.assert_array_equal(new_wave[end:], old_wave[end:])
    assert np.abs(new_wave - old_wave).max() > 0
    for job in (
        {"kind": "redo", "take": first["id"], "spans": [[1.0, 9.0]]},
        {"kind": "redo", "take": first["id"], "spans": [[1.0, 1.01]]},
        {"kind": "redo", "take": first["id"], "spans": [], "use_cues": False},
    ):
        refused(client.post(f"{API}/projects/{project['id']}/jobs", json=job), 422, "bad_request")
    job = {"kind": "redo", "take": "0" * 14, "spans": [[0.1, 0.9]]}
    refused(client.post(f"{API}/projects/{project['id']}/jobs", json=job), 404, "not_found")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"takes": 65}, "takes"),
        ({"takes": "2"}, "takes"),
        ({"mono": 1}, "mono"),
        ({"loudness": "shout"}, "loudness"),
        ({"key": "/etc/passwd"}, "no option 'key'"),
        ({"dialogue": "/etc/passwd"}, "no option 'dialogue'"),
        ({"timeline": "/tmp/x.otio"}, "no option 'timeline'"),
        ({"prompt": "x" * 1001}, "characters"),
    ],
)
def test_options_are_checked_before_a_job_is_queued(
    client: TestClient, project: dict[str, Any], options: dict[str, Any], wanted: str
) -> None:
    answer = client.post(f"{API}/projects/{project['id']}/jobs", json={"kind": "add", "options": options})
    message = refused(answer, 422, "bad_request")
    assert wanted in message
    assert "--" not in message, "nobody types flags here"


def test_every_option_offered_can_be_set(client: TestClient, project: dict[str, Any]) -> None:
    offered = client.get(f"{API}/options").json()
    assert {"prompt", "negative", "takes", "seed", "music", "loudness"} <= {row["name"] for row in offered}
    options = {row["name"]: row["default"] for row in offered}
    assert asked(client, project["id"], kind="add", options=options)["state"] == "done"


def test_what_is_no_film_is_refused_whatever_it_is_called(client: TestClient, clip: Path, tmp_path: Path) -> None:
    def sent(name: str, content: bytes) -> Any:
        return client.post(f"{API}/projects", files={"file": (name, content, "video/mp4")})

    assert "notes.mp4" in refused(sent("notes.mp4", b"no film\n" * 99), 415, "unreadable_clip")
    refused(sent("empty.mp4", b""), 415, "unreadable_clip")
    moving = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02" + bytes(9)
    assert "moving.webp is an animated WebP" in refused(sent("moving.webp", moving), 415, "unreadable_clip")
    refused(sent("cut.mp4", clip.read_bytes()[:300]), 415, "unreadable_clip")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n".encode()
    refused(sent("list.mp4", playlist), 415, "unreadable_clip")
    concat = f"ffconcat version 1.0\nfile '{clip}'\n".encode()
    refused(sent("list.mp4", concat), 415, "unreadable_clip")
    assert client.post(f"{API}/projects", json={}).status_code == 415
    assert client.post(f"{API}/projects", files={"other": b"x"}).status_code == 422
    for files in ({"other": bytes(200_000)}, [("file", b"x"), ("file", bytes(200_000))]):
        message = refused(client.post(f"{API}/projects", files=files), 422, "bad_request")
        assert "more came than one file" in message
    assert uploaded(client, clip, "../../etc/ä:b.mp4")["clip"]["file_name"] == "ä:b.mp4"


def test_limits_of_size_length_and_queue(tmp_path: Path, clip: Path) -> None:
    with opened(tmp_path / "short", longest_s=1.0) as client:
        answer = client.post(f"{API}/projects", files={"file": ("a.mp4", clip.read_bytes())})
        assert "2.0 s" in refused(answer, 422, "too_long")
        assert not client.get(f"{API}/projects").json()
    with opened(tmp_path / "small", most_bytes=1_000_000) as client:
        answer = client.post(f"{API}/projects", files={"file": ("a.mp4", bytes(1_200_000))})
        refused(answer, 413, "too_large")
        body = {"settings": {"x": "y" * 70_000}}
        made = uploaded(client, clip)
        refused(client.patch(f"{API}/projects/{made['id']}", json=body), 413, "too_large")
        until(lambda: not list((tmp_path / "small").rglob(".*")), "an end of all that is half made")


def test_parts_of_a_file(client: TestClient, project: dict[str, Any]) -> None:
    url = project["video_url"]
    whole = client.get(url)
    assert whole.headers["accept-ranges"] == "bytes"
    head = client.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(whole.content)), b"")
    assert client.head(f"{API}/health").status_code == 200
    refused_head = client.head(f"{API}/projects/{project['id']}/takes/{'0' * 14}/video")
    assert refused_head.status_code == 404
    for wrong in ("bytes=5-2", "items=0-5", "bytes=", "bytes=a-b"):
        assert client.get(url, headers={"range": wrong}).content == whole.content
    assert client.get(url, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    size = len(whole.content)

    @given(st.integers(0, size - 1), st.integers(0, size + 50))
    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    def check(first: int, length: int) -> None:
        part = client.get(url, headers={"range": f"bytes={first}-{first + length}"})
        assert part.status_code == 206
        assert part.content == whole.content[first : first + length + 1]

    check()
    assert client.get(url, headers={"range": "bytes=-10"}).content == whole.content[-10:]
    assert client.get(url, headers={"range": f"bytes={size}-"}).status_code == 416


def test_events_tell_a_job_from_begin_to_end(client: TestClient, project: dict[str, Any]) -> None:
    job = client.post(f"{API}/projects/{project['id']}/jobs", json={"kind": "add", "options": {"seed": 3}}).json()
    told = []
    with client.stream("GET", f"{API}/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = [json.loads(line[5:]) for line in stream.iter_lines() if line.startswith("data:")]
    assert told[-1]["state"] == "done"
    assert told[-1]["takes"]
    assert {"sample", "write"} <= set(told[-1]["stages"])
    assert all(0 <= one["share"] <= 1 for one in told)


class Slow:
    """A model that reports every hundredth of a second for as long as it is let."""

    def __init__(self) -> None:
        self.film = tiny_film()
        self.running = 0

    def spot(self, clip: Path, progress: Progress) -> Any:
        return self.film.spot(clip, progress)

    def add_sound(self, clip: Path, output: Path, *, progress: Progress, **options: Any) -> Any:
        self.running += 1
        if options["prompt"] == "quick":
            return self.film.add_sound(clip, output, progress=progress, **options)
        for step in range(60_000):
            progress("sample", step / 60_000)
            time.sleep(0.01)
        raise AssertionError("nobody cancelled")


def slow_client(folder: Path, slow: Slow, **options: Any) -> TestClient:
    config = StudioConfig(folder, model="tiny", device="cpu", **options)
    return TestClient(create_app(config, lambda model, device: slow), base_url=ORIGIN)


def test_cancelling_leaves_nothing_and_a_full_queue_says_so(tmp_path: Path, clip: Path) -> None:
    slow = Slow()
    with slow_client(tmp_path, slow, most_waiting=2) as client:
        made = uploaded(client, clip)
        url = f"{API}/projects/{made['id']}/jobs"
        long = {"kind": "add", "options": {"prompt": "long"}}
        running = client.post(url, json=long).json()["id"]
        until(lambda: slow.running, "the first job")
        waiting = [client.post(url, json=long).json() for _ in range(2)]
        assert [job["position"] for job in waiting] == [0, 1]
        refused(client.post(url, json=long), 429, "queue_full")
        for job in (*(one["id"] for one in waiting), running):
            assert client.delete(f"{API}/jobs/{job}").status_code == 202
        assert [ended(client, job)["state"] for job in (running, *(one["id"] for one in waiting))] == ["cancelled"] * 3
        assert slow.running == 1, "what waited never began"
        assert client.get(f"{API}/health").json()["waiting"] == 0
    assert not [path for path in tmp_path.rglob("takes/*") if path.is_dir()]
    assert not list(tmp_path.rglob("jobs/*"))


@pytest.mark.thorough
def test_what_a_server_left_undone_the_next_one_does(tmp_path: Path, clip: Path) -> None:
    with slow_client(tmp_path, Slow()) as client:
        made = uploaded(client, clip)
        url = f"{API}/projects/{made['id']}/jobs"
        jobs = [
            client.post(url, json={"kind": "add", "options": {"prompt": text, "seed": seed}}).json()["id"]
            for seed, text in enumerate(("rain", "wind", "rain"))
        ]
    with opened(tmp_path) as client:
        assert [ended(client, job)["state"] for job in jobs] == ["done"] * 3
        takes = client.get(f"{API}/projects/{made['id']}").json()["takes"]
        assert [take["seed"] for take in takes] == [0, 1, 2], "each once, in their order"
    (tmp_path / "studio.db").unlink()
    with opened(tmp_path) as client:
        assert len(client.get(f"{API}/projects/{made['id']}").json()["takes"]) == 3
        assert client.get(f"{API}/projects").json()[0]["takes"] == 3, "the list is made from the folders again"
    assert sqlite3.connect(tmp_path / "studio.db").execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.mark.thorough
def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(OptionError, match="folder"):
        create_app(StudioConfig(tmp_path, model="tiny"))


def test_a_failed_job_says_why_in_one_line(client: TestClient, project: dict[str, Any]) -> None:
    done = asked(client, project["id"], kind="add", dialogue_text="\x00\x01")
    assert done["state"] == "failed"
    assert "the dialogue" in done["error"]["message"]
    assert "/" not in done["error"]["message"].replace("SRT, WebVTT or lines", "")


def test_a_file_is_asked_whether_it_is_ours(client: TestClient, clip: Path, tmp_path: Path) -> None:
    answer = client.post(f"{API}/detect", files={"file": ("own.mp4", clip.read_bytes())})
    assert answer.status_code == 200
    assert answer.json()["file"] == "own.mp4"
    assert answer.json()["marked"] is False
    refused(client.post(f"{API}/detect", files={"file": ("x.wav", b"nothing")}), 415, "unreadable_clip")


def test_other_names_and_other_sites_are_turned_away(client: TestClient, project: dict[str, Any]) -> None:
    refused(client.get(f"{API}/health", headers={"host": "evil.example"}), 421, "bad_request")
    foreign = {"origin": "http://evil.example"}
    refused(client.patch(f"{API}/projects/{project['id']}", json={"name": "x"}, headers=foreign), 403, "bad_request")
    own = client.patch(f"{API}/projects/{project['id']}", json={"name": "a clip"}, headers={"origin": ORIGIN})
    assert own.status_code == 200
    page = client.get("/p/anything")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for path in ("/..%2f..%2fpyproject.toml", "/assets/../../app.py", "/%2e%2e/app.py"):
        assert "<!doctype html>" in client.get(path).text.lower(), "the page, and no file of the server's"
    refused(client.get(f"{API}/nothing"), 404, "not_found")
    refused(client.put(f"{API}/health"), 405, "bad_request")
    assert client.put(f"{API}/health").headers["allow"] == "GET, HEAD"


def test_strangers_need_the_token(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--token"):
        StudioConfig(tmp_path, host="0.0.0.0")
    config = StudioConfig(tmp_path, host="0.0.0.0", token="s3cret-s3cret", model="tiny", device="cpu")
    with TestClient(create_app(config), base_url="http://192.0.2.7:7860", follow_redirects=False) as client:
        refused(client.get(f"{API}/health"), 401, "unauthorised")
        refused(client.get(f"{API}/health", headers={"authorization": "Bearer wrong"}), 401, "unauthorised")
        assert client.get("/?token=wrong").status_code == 401
        assert client.get(f"{API}/health", headers={"authorization": "Bearer s3cret-s3cret"}).status_code == 200
        entered = client.get("/?token=s3cret-s3cret")
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert {"httponly", "samesite=strict"} <= {
            part.strip().lower() for part in entered.headers["set-cookie"].split(";")
        }
        assert client.get(f"{API}/health").status_code == 200, "the cookie is enough from now on"


def test_the_page_is_asked_for_anew_when_it_changes(client: TestClient) -> None:
    index = client.get("/")
    for address in ("/", "/assets/studio.js", "/assets/studio.css"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "no-cache" in answer.headers["cache-control"]
        assert client.get(address, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert "http" not in index.text.replace("http://www.w3.org", ""), "nothing is loaded from elsewhere"


def test_half_a_character_is_refused(client: TestClient, project: dict[str, Any]) -> None:
    """JSON can write down one half of a pair of surrogates, and no file or database holds it."""
    half, here = b'"\\ud800"', f"{API}/projects/{project['id']}"
    cues = b'{"cues": [{"start_s": 0, "end_s": 0, "strength": 1, "place": 0, "label": ' + half + b"}]}"
    job = b'{"kind": "add", "model": "tiny", "prompt": ' + half + b"}"
    wrong_name = b'{"kind": "add", "model": "tiny", ' + half + b": 1}"
    for method, path, body in (
        ("PATCH", here, b'{"name": ' + half + b"}"),
        ("PUT", here + "/cues", cues),
        ("POST", here + "/jobs", job),
        ("POST", here + "/jobs", wrong_name),
    ):
        answer = client.request(method, path, content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, (method, path, answer.text)
        assert answer.json()["error"]["code"] == "bad_request"
    assert client.get(here).json()["name"] == project["name"]


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("dear to somebody")
    with pytest.raises(OutputError, match=r"cannot make the folder .*file"):
        opened(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "dear to somebody"
