"""The committed notebooks are whole: executed in order, clean, and clear about what they make."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIGURE = re.compile(r'savefig\(\s*"\.\./figures/([\w.]+)"')


MEASURING = [path for path in NOTEBOOKS if path.stem != "07_playground"]  # it measures nothing


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


@pytest.fixture(params=MEASURING, ids=lambda path: path.stem)
def measuring(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 2


def test_every_code_cell_has_run_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_no_cell_failed_or_wrote_to_stderr(notebook):
    kinds = {output.get("name", output.output_type) for output in outputs(notebook)}
    assert not kinds & {"error", "stderr"}


def test_kernel_is_python3(notebook):
    assert notebook.metadata.kernelspec.name == "python3"


def test_outputs_hold_no_path_of_a_machine_and_no_figure_echo(notebook):
    text = json.dumps(outputs(notebook))
    assert not re.search(r"/(home|root|tmp|work|Users)/|<Figure size|site-packages", text)


def test_trained_floats_are_asserted_where_their_text_is_not_compared(notebook):
    cells = code_cells(notebook)
    for i, cell in enumerate(cells):
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            assert any(re.search(r"assert |claim\(", later.source) for later in cells[i + 1 :])


def test_opens_with_a_title_and_closes_with_what_was_learnt(notebook):
    assert re.match(r"# \d\. ", notebook.cells[0].source)
    assert notebook.cells[-1].source.startswith("## What was learnt")


def test_a_claim_has_a_name_of_its_own(notebook):
    source = "\n".join(cell.source for cell in code_cells(notebook))
    names = re.findall(r"^ *claim\(\s*\"([\w-]+)\"", source, re.MULTILINE)
    assert len(names) == len(re.findall(r"^ *claim\(", source, re.MULTILINE))
    assert len(names) == len(set(names))


def test_claims_are_asserted(measuring):
    if any(re.search(r"^claim\(", cell.source, re.MULTILINE) for cell in code_cells(measuring)):
        return  # each is asserted where it is shown
    claims = re.compile("^## Claims", re.MULTILINE)
    headings = [i for i, cell in enumerate(measuring.cells) if claims.search(cell.source)]
    assert len(headings) == 1
    assert any("assert " in cell.source for cell in measuring.cells[headings[0] + 1 :])


def test_opening_names_each_figure_and_the_results_that_the_notebook_writes(measuring):
    source = "\n".join(cell.source for cell in code_cells(measuring))
    opening = measuring.cells[0].source
    assert [f for f in FIGURE.findall(source) if f not in opening] == []
    written = re.findall(r"write_results\(\"(\w+)\"\)", source)
    written = written or re.findall(r"report/results/(\w+)\.json", source)
    assert written[0] in opening


def test_every_figure_is_drawn_by_one_notebook():
    sources = ["".join(cell.source for cell in nbformat.read(p, 4).cells) for p in NOTEBOOKS]
    drawn = [figure for source in sources for figure in FIGURE.findall(source)]
    assert sorted(drawn) == sorted(path.name for path in (ROOT / "figures").iterdir())


def test_no_cell_has_more_than_thirty_lines(notebook):
    for cell in code_cells(notebook):
        source = re.sub(r"^%.*", "", cell.source, flags=re.MULTILINE)
        imports = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
        lines = {k for k, line in enumerate(source.splitlines(), start=1) if line.strip()}
        lines -= {k for node in imports for k in range(node.lineno, node.end_lineno + 1)}
        assert len(lines) <= 30, source.splitlines()[0]


def runs_of_six(notebook):
    """Every six lines of code that follow each other in a cell, without imports and blank lines."""
    for cell in code_cells(notebook):
        lines = [line.strip() for line in cell.source.splitlines()]
        lines = [x for x in lines if x and not re.match(r"(from|import) |[\w, ]+,?$|[()]+$", x)]
        yield from (tuple(lines[i : i + 6]) for i in range(len(lines) - 5))


def test_no_six_lines_stand_in_two_notebooks():
    seen = {}
    for path in NOTEBOOKS:
        for run in runs_of_six(nbformat.read(path, as_version=4)):
            assert seen.setdefault(run, path) == path, "\n".join(run)
