"""How long the first image takes in the reading room, against a bare NiiVue page.

Both show the same generated volume of 240 x 240 x 155 voxels from this machine, in the same
browser with cold caches, one after the other in turns; what counts is the ratio of the medians.
The time runs from the start of the navigation until the graphics have drawn the slices. Not a
test: a shared machine's clock says little about a page.

    PYTHONPATH=. .venv/bin/python e2e/first_image.py [rounds]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from conftest import FLAGS, PASSWORD, ROOT, find_chromium, running_site, sign_in
from ml.phantom import PhantomLesion, grow_phantom, write_phantom

NIIVUE = ROOT / "frontend/node_modules/@niivue/niivue/dist/niivue.umd.js"
SHAPE = (240, 240, 155)
BARE = """<!doctype html><meta charset="utf-8"><title>Bare</title>
<style>html, body, div { margin: 0; height: 100% }</style><div><canvas id="gl"></canvas></div>
<script src="niivue.js"></script>
<script type="module">
const nv = new niivue.Niivue();
await nv.attachTo("gl");
await nv.loadVolumes([{ url: "volume.nii.gz" }]);
performance.mark("first-image");
</script>
"""
# Reading a pixel back waits for all that was drawn before it; both pages are asked in this way.
WATCH = """
new PerformanceObserver((list) => {
  if (window.drawnAt || !list.getEntriesByName("first-image").length) return;
  const gl = document.querySelector("canvas").getContext("webgl2");
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  window.drawnAt = performance.now();
}).observe({ type: "mark", buffered: true });
"""
DRAWN = "() => window.drawnAt ?? 0"
PATIENCE = 120_000


def write_volume(path: Path) -> None:
    """A head on the grid of the BraTS volumes, 1 mm a side, its axes running to L, P and S."""
    half = SHAPE[0] / 2
    lesion = PhantomLesion(centre_mm=(-30, 15, 25), radii_mm=(14, 16, 12))
    box = ((-half, half), (-half - 18, half - 18), (-70.0, -70.0 + SHAPE[2]))
    phantom = grow_phantom(lesions=[lesion], seed=4, spacing_mm=(1.0, 1.0, 1.0), box_mm=box)
    assert phantom.volume.shape == SHAPE, phantom.volume.shape
    write_phantom(phantom, path)


def serve_bare(folder: Path) -> tuple[ThreadingHTTPServer, str]:
    (folder / "index.html").write_text(BARE)
    (folder / "niivue.js").write_bytes(NIIVUE.read_bytes())

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}/"


def upload(page: Page, site: str, file: Path) -> str:
    """The address of the volume's reading room. As a T2 it waits for no model."""
    token = page.request.post(
        f"{site}/api/v1/token/", data={"username": "clinician", "password": PASSWORD}
    ).json()["token"]
    headers = {"Authorization": f"Token {token}"}
    for state in ("queued", "running"):
        # What the worker does with the demo data would take the processor from the browser.
        address = f"{site}/api/v1/segmentations/?state={state}"
        while page.request.get(address, headers=headers).json()["count"]:
            page.wait_for_timeout(1000)
    values = {
        "record_number": "FIRST-IMAGE",
        "full_name": "First Image",
        "birth_date": "1970-01-01",
        "sex": "F",
    }
    made = page.request.post(f"{site}/api/v1/patients/", data=values, headers=headers).json()
    content = {"name": file.name, "mimeType": "application/gzip", "buffer": file.read_bytes()}
    answer = page.request.post(
        f"{site}/api/v1/patients/{made['id']}/scans/",
        headers=headers,
        multipart={"file": content, "sequence": "T2", "acquired_on": "2026-01-31"},
    )
    assert answer.status == 201, answer.text()
    return f"{site}/scans/{answer.json()['id']}/read/"


def time_of(browser: Browser, address: str, enter: Callable[[Page], None]) -> float:
    """Seconds until the first image of ``address``, in a profile of its own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    enter(page)
    page.add_init_script(WATCH)
    page.goto(address)
    page.wait_for_function(DRAWN, timeout=PATIENCE)
    seconds = float(page.evaluate(DRAWN)) / 1000
    context.close()
    return seconds


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main(rounds: int = 5) -> None:
    with tempfile.TemporaryDirectory() as name, running_site() as site, sync_playwright() as p:
        folder = Path(name)
        write_volume(folder / "volume.nii.gz")
        server, bare = serve_bare(folder)
        browser = p.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context()
        room = upload(context.new_page(), site, folder / "volume.nii.gz")
        signed_in: Callable[[Page], None] = partial(sign_in, site=site, username="clinician")
        times: dict[str, list[float]] = {"bare page": [], "reading room": []}
        for number in range(rounds):
            times["bare page"].append(time_of(browser, bare, lambda _page: None))
            times["reading room"].append(time_of(browser, room, signed_in))
            say(f"{number + 1}: " + ", ".join(f"{k} {v[-1]:.2f} s" for k, v in times.items()))
        server.shutdown()
        browser.close()
    medians = {key: statistics.median(all_) for key, all_ in times.items()}
    for key, median in medians.items():
        spread = f"{min(times[key]):.2f} to {max(times[key]):.2f}"
        say(f"{key}: median {median:.2f} s ({spread} s, {rounds} runs)")
    say(f"ratio: {medians['reading room'] / medians['bare page']:.2f}")


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:2]))
