"""The studio as a person uses it: a real server, a real browser, from the dropped clip to the downloaded film."""

import base64
import io
import json
import os
import re
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

from phonofilm.detection import detect  # noqa: E402
from phonofilm.media.probe import probe  # noqa: E402
from studio_server import Server  # noqa: E402

expect = playwright.expect
REQUIRED = os.environ.get("PHONOFILM_BROWSER") == "required"
CHROMIUM = os.environ.get("PHONOFILM_CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and not REQUIRED, reason="there is no Chromium"),
]
SECONDS, RATE_HZ = 4, 25
STRIKES_S = (0.48, 1.48, 2.48, 3.48)
MAKING_MS = 300_000
FADE_S = 0.05
PLAYING = "(video) => !video.paused && video.currentTime > 0.7"
IN_STEP = f"(video) => Math.abs(Number(video.dataset.driftMs)) < {1000 / RATE_HZ}"

expect.set_options(timeout=60_000)  # nothing here is a measure of speed


def bouncing_ball(path: Path) -> Path:
    """A ball that strikes the ground once a second, at STRIKES_S."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in range(SECONDS * RATE_HZ):
            picture = np.full((240, 320, 3), 90, np.uint8)
            picture[220:] = (60, 70, 60)
            phase = (frame / RATE_HZ - STRIKES_S[0]) % 1
            top = round(180 * 4 * phase * (1 - phase))
            picture[180 - top : 220 - top, 140:180] = (230, 120, 40)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        file.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("studio"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bouncing_ball(tmp_path_factory.mktemp("clip") / "ball.mp4")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as playing:
        # The sandbox needs rights that containers do not give; the pages here are our own.
        browser = playing.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    """A page of the studio; what it complains of in the console fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(MAKING_MS)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints
    page.goto(server.address)
    yield page
    context.close()
    assert not complaints


def drop(page: Any, path: Path, kind: str) -> None:
    """Drop a file on the page, as from a folder of the desktop."""
    content = base64.b64encode(path.read_bytes()).decode()
    page.evaluate(
        """([content, name, type]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type }));
            for (const what of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(
                    new DragEvent(what, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        [content, path.name, kind],
    )


def get(page: Any, path: str) -> Any:
    answer = page.request.get(f"{page.url.split('/p/')[0]}/api/v1/{path}")
    assert answer.ok, answer.text()
    return answer.json()


def project_id(page: Any) -> str:
    return str(page.url).split("/p/")[1]


def seen(page: Any) -> None:
    expect(page.get_by_test_id("cue").first).to_be_visible(timeout=MAKING_MS)


def opened(page: Any, clip: Path) -> str:
    """A new project of the clip, looked at; returns its id."""
    page.get_by_test_id("file-input").set_input_files(clip)
    page.wait_for_url("**/p/*", timeout=MAKING_MS)
    seen(page)
    return project_id(page)


def until(page: Any, true: str) -> None:
    """Wait until a JavaScript predicate of the video is true."""
    page.wait_for_function(true, arg=page.get_by_test_id("video").element_handle())


def starts(page: Any, project: str, wanted: Callable[[list[float]], bool]) -> list[float]:
    """The times of a project's cues in seconds, once they are as wanted."""
    for _ in range(600):
        found = [cue["start_s"] for cue in get(page, f"projects/{project}/cues")["cues"]]
        if wanted(found):
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"the cues stayed at {found}")


def made(page: Any, count: int) -> None:
    expect(page.get_by_test_id("take-card")).to_have_count(count, timeout=MAKING_MS)


def sound(page: Any, take: dict[str, Any]) -> tuple[np.ndarray, int]:
    """(S, C) the master of a take."""
    address = page.url.split("/p/")[0] + take["sound_url"] + "?download=true"
    samples, rate_hz = soundfile.read(io.BytesIO(page.request.get(address).body()), always_2d=True)
    return samples, rate_hz


def saved(page: Any, name: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_test_id(name).first.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_from_the_dropped_clip_to_the_downloaded_film(page: Any, server: Server, clip: Path, tmp_path: Path) -> None:
    expect(page.get_by_role("heading", name="Give a clip its sound")).to_be_visible()
    drop(page, clip, "video/mp4")
    page.wait_for_url("**/p/*", timeout=MAKING_MS)
    seen(page)
    found_s = [cue["start_s"] for cue in get(page, f"projects/{project_id(page)}/cues")["cues"]]
    assert sum(min(abs(time_s - strike_s) for time_s in found_s) < 0.08 for strike_s in STRIKES_S) >= 3

    page.get_by_test_id("prompt").fill("a ball bounces on a wooden floor")
    page.get_by_test_id("takes-count").fill("2")
    page.get_by_test_id("make").click()
    expect(page.get_by_test_id("job")).to_be_visible()
    made(page, 2)
    expect(page.get_by_test_id("job")).to_have_count(0)

    page.get_by_test_id("take-star").first.click()
    expect(page.get_by_test_id("take-star").first).to_have_attribute("aria-pressed", "true")

    film = saved(page, "download-video", tmp_path)
    assert probe(film).duration_s == pytest.approx(probe(clip).duration_s)
    assert detect(film).marked
    stems = zipfile.ZipFile(saved(page, "download-stems", tmp_path))
    assert stems.testzip() is None
    for name in ("effects.wav", "mix.wav"):
        samples, rate_hz = soundfile.read(io.BytesIO(stems.read(name)))
        assert len(samples) == SECONDS * rate_hz
        assert np.abs(samples).max() > 0.01
    sheet = json.loads(saved(page, "download-cues", tmp_path).read_text())
    assert sheet["phonofilm_cue_sheet"] == 1

    # Nothing is lost when the page is loaded again, nor when the server is killed.
    page.reload()
    made(page, 2)
    expect(page.get_by_test_id("prompt")).to_have_value("a ball bounces on a wooden floor")
    here = project_id(page)
    server.end(signal.SIGKILL)
    server.start()
    page.goto(f"{server.address}p/{here}")
    made(page, 2)
    expect(page.get_by_test_id("take-star").first).to_have_attribute("aria-pressed", "true")
    page.complaints.clear()  # The browser says that the server was away, as it should.


def test_playing_switching_and_the_picture_in_step(page: Any, clip: Path) -> None:
    opened(page, clip)
    page.get_by_test_id("takes-count").fill("2")
    page.get_by_test_id("make").click()
    made(page, 2)
    chosen = page.locator("[data-testid=take-card][data-chosen=true]")
    first = chosen.get_attribute("data-take")
    page.get_by_test_id("play").click()
    until(page, PLAYING)
    until(page, IN_STEP)
    video = page.get_by_test_id("video")
    page.keyboard.press("a")
    expect(chosen).not_to_have_attribute("data-take", first)
    assert video.evaluate(PLAYING), "at the same moment"
    until(page, IN_STEP)
    page.keyboard.press("Space")
    expect(page.get_by_test_id("play")).to_have_attribute("data-playing", "false")


def test_a_cue_is_moved_and_only_a_span_made_anew(page: Any, clip: Path) -> None:
    here = opened(page, clip)
    page.get_by_test_id("make").click()
    made(page, 1)
    before = get(page, f"projects/{here}/cues")["cues"]
    cue = page.get_by_test_id("cue").first
    box = cue.bounding_box()
    across, down = box["x"] + min(6, box["width"] / 2), box["y"] + box["height"] / 2
    page.mouse.move(across, down)
    page.mouse.down()
    page.mouse.move(across + 60, down, steps=6)
    page.mouse.up()
    expect(page.get_by_test_id("undo")).to_be_enabled()
    came = [cue["start_s"] for cue in before]
    assert len(starts(page, here, lambda found: found != pytest.approx(came, abs=1e-3))) == len(came)
    page.keyboard.press("Control+z")
    starts(page, here, lambda found: found == pytest.approx(came, abs=1e-3))
    page.get_by_test_id("redo").click()
    page.keyboard.press("Escape")

    ruler = page.get_by_test_id("ruler").bounding_box()
    middle = ruler["y"] + ruler["height"] / 2
    page.mouse.move(ruler["x"] + ruler["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(ruler["x"] + ruler["width"] * 0.6, middle, steps=6)
    page.mouse.up()
    expect(page.get_by_test_id("span")).to_be_visible()
    page.get_by_test_id("regenerate-span").click()
    made(page, 2)
    one, two = get(page, f"projects/{here}")["takes"]
    assert two["from_take"] == one["id"]
    ((first_s, end_s),) = two["spans"]
    (old, rate_hz), (new, _) = sound(page, one), sound(page, two)
    outside = np.ones(len(old), bool)
    outside[int((first_s - FADE_S) * rate_hz) : int((end_s + FADE_S) * rate_hz) + 1] = False
    np.testing.assert_array_equal(new[outside], old[outside])
    assert np.abs(new - old).max() > 1e-3, "inside it is another sound"


def test_errors_say_what_to_do(page: Any, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("this is no film\n" * 100)
    drop(page, text, "video/mp4")
    expect(page.get_by_test_id("upload-error")).to_contain_text("notes.mp4", timeout=MAKING_MS)
    page.complaints.clear()  # The browser itself notes the refused upload.


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_nothing_sticks_out_at_any_size(page: Any, clip: Path, scheme: str, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    opened(page, clip)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    back = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(float, re.findall(r"[\d.]+", back)[:3]))
    assert (brightness > 380) == (scheme == "light")
    page.get_by_test_id("help").click()
    expect(page.get_by_test_id("shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("shortcuts")).to_have_count(0)
