"""The first notebook as a reader sees it who opens it in JupyterLab."""

import browser
import nbformat
import pytest


@pytest.fixture(scope="module")
def page():
    windowing = {"notebook-extension/tracker": {"windowingMode": "none"}}  # show all cells at once
    with browser.open_lab("01_theory.ipynb", settings=windowing) as lab:
        lab.page.locator("mjx-container").first.wait_for()
        yield lab.page


@browser.test
def test_formulas_are_set_and_pictures_are_sharp(page):
    path = browser.ROOT / "notebooks/01_theory.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    tags = sum(cell.source.count(r"\tag{") for cell in cells if cell.cell_type == "markdown")
    page.wait_for_function(
        "n => document.querySelectorAll('mjx-labels, mjx-mlabeledtr').length >= n", arg=tags
    )
    assert page.locator("mjx-merror").count() == 0
    assert page.locator(".jp-RenderedMarkdown", has_text=r"\frac").count() == 0
    images = page.locator(".jp-OutputArea img")
    assert images.count() >= 15
    scales = images.evaluate_all("all => all.map(i => i.naturalWidth / i.clientWidth)")
    assert min(scales) > 1.9


@browser.test
def test_solutions_are_folded_and_unfold(page):
    solutions = page.locator("details")
    assert solutions.count() >= 40
    assert page.locator("details[open]").count() == 0
    code = solutions.first.locator("pre")
    assert not code.is_visible()
    solutions.first.locator("summary").click()
    assert code.is_visible()
