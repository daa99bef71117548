"""A reader of the page: a real Chromium, what it complained of, and whom it asked."""

import shutil
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright

__all__ = ["Visit", "beyond", "chromium"]


def chromium(playwright: Playwright) -> Browser:
    """This machine's Chromium, without a window; where there is none, the test is skipped."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no chromium on this machine")
    return playwright.chromium.launch(
        executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"]
    )


class Visit:
    """One reader: what the browser complained of, and whom it asked."""

    def __init__(
        self, browser: Browser, base: str, *, width: int = 1280, colours: str = "light"
    ) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if colours == "dark" else "light",
        )
        self.page: Page = context.new_page()
        self.base = base
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, view: str) -> Page:
        """Go to a view, and return when it is drawn."""
        # what is shown yet is not what is waited for
        self.page.evaluate("document.querySelector('main > *')?.removeAttribute('data-ready')")
        self.page.goto(f"{self.base}/#/{view}")
        self.page.wait_for_selector("main [data-ready]")
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => done()))")
        return self.page

    def close(self) -> None:
        self.page.context.close()


def beyond(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider
