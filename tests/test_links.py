"""Links between notebooks, README, report and code lead somewhere."""

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def markdown(path):
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", [*NOTEBOOKS, ROOT / "README.md"], ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    links = LINK.findall(markdown(path))
    assert links
    for target, anchor in links:
        file = path.parent / target if target else path
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", markdown(file), flags=re.MULTILINE)
            assert anchor in [heading.strip().replace(" ", "-") for heading in headings]


def test_notebooks_are_linked_in_their_order():
    for before, after in pairwise(NOTEBOOKS):
        assert f"→]({after.name})" in markdown(before)
        assert f"]({before.name})" in markdown(after)
        assert "[← " in markdown(after)


def test_every_notebook_is_in_the_readme_and_links_to_the_report_and_the_network():
    readme = markdown(ROOT / "README.md")
    for path in NOTEBOOKS:
        assert f"](notebooks/{path.name})" in readme
        assert "](../report/report.pdf)" in markdown(path)
        assert "](../nnlib.py)" in markdown(path)
