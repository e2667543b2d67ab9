"""The exercises are open as committed, and their folded solutions pass the checks below them."""

import re
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SOLUTION = re.compile(r"<details>.*?```python\n(.*?)```.*?</details>", re.DOTALL)


def solved(notebook):
    """The cells tagged "ground", the solutions in place of the cells tagged "exercise", and the
    checks: what a reader who has solved them runs."""
    cells, open_cell = [], None
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "exercise" in tags:
            open_cell = len(cells)
            cells.append(cell)
        elif cell.cell_type == "code" and ("ground" in tags or cell.source.startswith("check(")):
            cells.append(cell)
        elif found := SOLUTION.search(cell.source):
            solution = nbformat.v4.new_code_cell(found[1])
            if open_cell is None:
                cells.append(solution)
            else:
                cells[open_cell], open_cell = solution, None
    assert open_cell is None, "an exercise has no solution"
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def lines(notebook):
    """What the checks print, in order."""
    texts = (o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
    return [line for text in texts for line in text.splitlines() if re.match("[○✓✗] \\d", line)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_exercises_are_open_and_their_solutions_right(path):
    notebook = nbformat.read(path, as_version=4)
    names = re.findall(r'^check\("([\d.]+)', "\n".join(c.source for c in notebook.cells), re.M)
    assert [line.split()[:2] for line in lines(notebook)] == [["○", name] for name in names]
    headings = re.findall(r"\*\*Exercise ([\d.]+)", "\n".join(c.source for c in notebook.cells))
    assert headings
    assert len(set(headings)) == len(headings)
    assert set(names) <= set(headings)
    done = solved(notebook)
    resources = {"metadata": {"path": path.parent}}
    nbclient.NotebookClient(done, timeout=120, resources=resources).execute()
    assert lines(done) == [f"✓ {name}" for name in names]
