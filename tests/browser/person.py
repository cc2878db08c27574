"""A person at a real browser: Debian's Chromium, driven by Playwright; what the page does wrong is kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Playwright

# Nothing but the pages themselves may ask for anything.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}


def chromium() -> str:
    """Return where it is. Without it the test is skipped; where everything must be there (CI) it fails."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("The browser tests need chromium.")
        pytest.skip("There is no chromium here (Debian's package of that name).")
    return found


def launch(playwright: Playwright) -> Browser:
    """Start the browser."""
    return playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))


class Person:
    """Looks at pages of one origin, fills in forms, and keeps what was wrong."""

    def __init__(self, browser: Browser, origin: str, pictures: Path) -> None:
        self.origin, self.pictures, self.number = origin, pictures, 0
        self.faults: list[str] = []
        self.axe = Axe()
        self.page: Page = browser.new_context(viewport=DESKTOP).new_page()  # type: ignore[arg-type]
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text} ({self.page.url})")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:", "blob:")):
            self.faults.append(f"foreign request: {request.url}")

    def go(self, path: str) -> None:
        answer = self.page.goto(self.origin + path)
        assert answer is not None and answer.status == 200, path

    def login(self, name: str, password: str) -> None:
        self.go("/admin/")
        self.page.fill("[name=username]", name)
        self.page.fill("[name=password]", password)
        with self.page.expect_navigation(url=f"{self.origin}/admin/"):
            self.page.keyboard.press("Enter")

    def follow(self, way: Locator) -> None:
        """Click what leads to another page, and be there: a click alone may return before the old page is left."""
        with self.page.expect_navigation():
            way.click()

    def text(self) -> str:
        return self.page.inner_text("body")

    def choose(self, row: str, action: str) -> None:
        """Tick a row of a list and start an action on it."""
        self.page.locator("#result_list tr", has_text=row).locator("[name=_selected_action]").check()
        self.page.select_option("[name=action]", action)
        self.follow(self.page.get_by_role("button", name="Run"))

    def press(self, words: str, *, shows: str, closed_by: str = "Enter") -> None:
        """Press what opens something, with the keyboard; and close that again."""
        opened = self.page.locator(shows)
        assert not opened.is_visible(), shows
        self.page.get_by_role("button", name=words).locator("visible=true").first.focus()
        for key, state in (("Enter", "visible"), (closed_by, "hidden")):
            self.page.keyboard.press(key)
            opened.wait_for(state=state)  # type: ignore[arg-type]

    def confirm(self, **answers: str) -> None:
        """Answer the page that asks."""
        for name, value in answers.items():
            self.page.fill(f"#content [name={name}]", value)
        self.follow(self.page.locator("#content button[type=submit]"))
        self.page.wait_for_selector(".ote-messages li")
        assert not self.page.locator(".ote-messages li.error").count(), self.text()

    def look(self, name: str) -> None:
        """Look at a page, light, dark and on a phone: keep pictures, and what is hard to use."""
        self.number += 1
        for scheme, size in (("light", DESKTOP), ("dark", DESKTOP), ("dark", PHONE), ("light", PHONE)):
            self.page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark")
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            where = f"{self.number:02}-{name}-{scheme}-{size['width']}"
            self.page.screenshot(path=self.pictures / f"{where}.png")
            if size is DESKTOP:
                self.faults += [f"{where}: {fault}" for fault in self._serious()]
            wide = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            if wide:
                self.faults.append(f"{where}: wider than the screen")
        self.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]

    def _serious(self) -> list[str]:
        found = self.axe.run(self.page).response["violations"]
        serious = [one for one in found if one["impact"] in {"serious", "critical"}]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]} ({len(one['nodes'])})" for one in serious]
