"""Makes the pictures of the page that the README shows, from a seeded day of work.

    python docs/pictures.py

It needs the `test` extra and a Chromium; the pictures are written beside this file.
"""

import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.support.busy_day import busy_day  # noqa: E402 - found by the line above
from tests.support.serving import Serving, serving, until  # noqa: E402 - as above

SESSIONS = 240
PICTURES = {"page-agents.png": ("agents", 680), "page-session.png": ("session/ticket-1227", 720)}
WIDTH = 1180
_DRAWN_S = 1.0


def _fill(running: Serving) -> None:
    for request in busy_day(datetime.now(UTC), sessions=SESSIONS):
        running.post(request, content_type="application/x-protobuf").raise_for_status()
    count = f"{{ sessions(limit: {SESSIONS}) {{ sessionId }} }}"
    until(lambda: len(running.graphql(count)["sessions"]) == SESSIONS, what="the day is analysed")


def main() -> None:
    """Serve, fill, look, save."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as running,
        sync_playwright() as playwright,
    ):
        _fill(running)
        found = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page()
        for name, (view, height) in PICTURES.items():
            page.set_viewport_size({"width": WIDTH, "height": height})
            page.goto(f"http://127.0.0.1:{running.api_port}/#/{view}")
            page.wait_for_selector("main [data-ready]")
            time.sleep(_DRAWN_S)
            page.screenshot(path=HERE / name)
        browser.close()


if __name__ == "__main__":
    main()
