"""What the browser tests share: JupyterLab on a copy of the notebooks, and a page that shows one.

    pytestmark = browser.MARKS  # or @browser.test above one function

    @pytest.fixture(scope="module")
    def lab():
        with browser.open_lab("07_playground.ipynb") as lab:
            lab.run_all()
            yield lab

`lab.page` is Playwright's page, `lab.errors` what its console said was wrong, `lab.log()` what
server and kernel wrote. At the end call `lab.assert_clean()`.
"""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import psutil
import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
OPTIONS = (
    "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    "disable-component-update disable-sync"
)
SETTINGS = {  # no question about news, no look for updates
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
MARKS = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium or google-chrome was found"),
]


def test(function):
    """Mark one test function as a browser test."""
    for mark in MARKS:
        function = mark(function)
    return function


class Lab:
    """A page of JupyterLab that shows one notebook, and the server behind it."""

    def __init__(self, page, server, log):
        self.page, self.server, self.errors, self._log = page, server, [], log
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))

    def log(self):
        """What the server and its kernels have written to their terminal."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def run_all(self, timeout=60):
        """Clear all outputs, restart the kernel, run all cells, and wait until they have run."""
        page = self.page
        page.get_by_role("menuitem", name="Edit", exact=True).click()
        page.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
        self._wait_for_counts(False)
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name="Restart Kernel and Run All Cells").click()
        page.locator(".jp-Dialog .jp-mod-accept").click()
        self._wait_for_counts(True, timeout)

    def _wait_for_counts(self, have_run, timeout=30):
        """Wait until all code cells have an execution count, or none has one."""
        self.page.wait_for_function(
            """(haveRun) => jupyterapp.shell.currentWidget.content.widgets.every((cell) =>
                cell.model.type !== "code" || (cell.model.executionCount !== null) === haveRun)""",
            arg=have_run,
            timeout=timeout * 1000,
        )

    def widgets(self, css):
        """Locate elements by CSS among the widgets that the notebook shows."""
        return self.page.locator(f".jp-OutputArea-output {css}")

    def kill_kernel(self):
        """End the kernel as if it had died."""
        kernels = psutil.Process(self.server.pid).children()
        for kernel in kernels:
            kernel.kill()
        assert kernels

    def assert_clean(self):
        """No error in the page's console, none in the log of server or kernel."""
        assert self.errors == []
        assert re.findall(r"(?m)^.*(?:Traceback|\[[EC] |Error:).*$", self.log()) == []


def _copy(folder):
    """A tree in which the notebooks run and may be saved: data by link, results to nowhere."""
    shutil.copytree(
        ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*", "__pycache__")
    )
    (folder / "data").symlink_to(ROOT / "data")
    (folder / "figures").mkdir()
    (folder / "report/results").mkdir(parents=True)


@contextmanager
def _serve(folder, log, settings):
    """JupyterLab on `folder` with a configuration of its own: its process, address and token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, own, env = secrets.token_hex(16), folder / ".jupyter", os.environ.copy()
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"):
        env[f"JUPYTER_{name}"] = str(own / name.lower())
    for name in ("SETTINGS_DIR", "WORKSPACES_DIR"):
        env[f"JUPYTERLAB_{name}"] = str(own / name.lower())
    env |= {"IPYTHONDIR": str(own / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"}
    for name, values in (SETTINGS | settings).items():
        path = own / f"settings_dir/@jupyterlab/{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    command = (
        "jupyterlab --no-browser --allow-root --expose-app-in-browser --LabApp.news_url= "
        f"--ServerApp.port={port} --ServerApp.port_retries=0 --IdentityProvider.token={token}"
    )
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", *command.split()],
            cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/api?token={token}", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text(encoding="utf-8")
                time.sleep(0.1)
        yield server, url, token
    finally:
        for process in [*psutil.Process(server.pid).children(recursive=True), server]:
            process.send_signal(signal.SIGTERM)
        server.wait(20)


@contextmanager
def open_lab(notebook, width=1366, height=768, settings=MappingProxyType({})):
    """A `Lab` that shows a notebook of notebooks/, with the file browser folded away. `settings`
    are JupyterLab's own, by plug-in."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _copy(folder)
        with (
            _serve(folder, folder / "log.txt", settings) as (server, url, token),
            sync_playwright() as play,
        ):
            browser = play.chromium.launch(
                executable_path=CHROMIUM, args=[f"--{option}" for option in OPTIONS.split()]
            )
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(30_000)
            lab = Lab(page, server, folder / "log.txt")
            page.goto(f"{url}/lab/tree/notebooks/{notebook}?token={token}")
            page.locator(".jp-Notebook .jp-Cell").first.wait_for()
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
            files = page.locator("#jp-left-stack")
            if files.is_visible():
                page.keyboard.press("Control+b")
                files.wait_for(state="hidden")
            yield lab
            browser.close()
