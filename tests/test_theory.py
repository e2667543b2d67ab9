"""The report's equations, the first notebook's formulas and checks, and nnlib's citations agree."""

import ast
import json
import re
from itertools import accumulate
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
TAG = re.compile(r"\\tag\{(\d+)\}")

# The equations that need no check
NOT_CHECKED = {
    "eq-sigmoidal": "definition",
    "eq-cybenko": "theorem",
    "eq-hornik": "theorem",
    "eq-delta": "definition",
}

# What nnlib.py cites: object -> labels of the report's equations
CITATIONS = {
    "Linear": ["eq-linear"],
    "Sigmoid": ["eq-sigmoid"],
    "Tanh": ["eq-tanh"],
    "ReLU": ["eq-relu"],
    "LeakyReLU": ["eq-leaky-relu"],
    "ELU": ["eq-elu"],
    "Softmax": ["eq-softmax"],
    "Softmax.jacobian": ["eq-softmax-jacobian"],
    "Softmax.backward": ["eq-softmax-jacobian"],
    "_through": ["eq-backward"],
    "MSE": ["eq-mse"],
    "BinaryCrossEntropy": ["eq-bce"],
    "linear_mse": ["eq-canonical"],
    "sigmoid_binary_cross_entropy": ["eq-bce-logits"],
    "CrossEntropy": ["eq-ce"],
    "softmax_cross_entropy": ["eq-ce-logits"],
    "NeuralNetwork.train": ["eq-canonical"],
    "INITIALIZATIONS": ["eq-init"],
    "NeuralNetwork.feedforward": ["eq-batch"],
    "NeuralNetwork.total_cost": ["eq-cost"],
    "NeuralNetwork._backward": ["eq-backward", "eq-gradients"],
    "SGD": ["eq-descent", "eq-momentum"],
    "RMSProp": ["eq-rmsprop"],
    "Adam": ["eq-adam-moments", "eq-adam"],
}
ALGORITHMS = {
    "NeuralNetwork.feedforward": "alg-feedforward",
    "NeuralNetwork._forward": "alg-feedforward",
    "NeuralNetwork.backpropagate": "alg-backpropagation",
    "NeuralNetwork._backward": "alg-backpropagation",
    "NeuralNetwork._epochs": "alg-training",
}


@pytest.fixture(scope="module")
def report():
    text = (ROOT / "report" / "report.typ").read_text(encoding="utf-8")
    return re.sub(r"(?<!:)//.*", "", text)  # without comments


@pytest.fixture(scope="module")
def labels(report):
    """The labels of the numbered equations, in their order: number k is labels[k - 1]."""
    return re.findall(r"\$\s*<(eq-[a-z0-9-]+)>", report)


@pytest.fixture(scope="module")
def results():
    return json.loads((ROOT / "report" / "results" / "01_theory.json").read_text())


@pytest.fixture(scope="module")
def sections():
    """The cells of the notebook, section by section."""
    path = ROOT / "notebooks" / "01_theory.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    number = accumulate(bool(re.search(r"^## ", cell.source, re.MULTILINE)) for cell in cells)
    by_section = {}
    for section, cell in zip(number, cells):
        by_section.setdefault(section, []).append(cell)
    return list(by_section.values())


def displayed(cells):
    """The formulas that Markdown cells display."""
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.findall(r"\$\$(.*?)\$\$", text, flags=re.DOTALL)


def tags(cells):
    """The numbers of the formulas that they display."""
    return [int(k) for formula in displayed(cells) for k in TAG.findall(formula)]


def printed(cells):
    """The lines of the checks of equations that they print."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    lines = "".join(output.get("text", "") for output in outputs).splitlines()
    return [line for line in lines if re.match(r"✓ \(\d+\) ", line)]


def cited(pattern):
    """{object of nnlib.py: text of its docstring and comments, where they match `pattern`}.

    A comment belongs to the innermost class, function or top-level assignment that holds it, or
    to the one that begins on the line after it.
    """
    source = (ROOT / "nnlib.py").read_text(encoding="utf-8")
    spans = []  # (first line, last line, name)

    def visit(body, prefix):
        for node in body:
            if isinstance(node, ast.Assign) and not prefix:
                name = ast.unparse(node.targets[0])
            elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                name = prefix + node.name
                visit(node.body, name + ".")
            else:
                continue
            spans.append((node.lineno, node.end_lineno, name))

    tree = ast.parse(source)
    visit(tree.body, "")
    lines = source.splitlines()

    def owner(line):
        inside = [s for s in spans if s[0] <= line <= s[1]]
        if inside:
            return min(inside, key=lambda s: s[1] - s[0])[2]
        while line <= len(lines) and lines[line - 1].startswith("#"):
            line += 1
        return next((name for first, _, name in spans if first == line), "(module)")

    prose = {}
    in_docstring = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            in_docstring.update(range(node.lineno, node.end_lineno + 1))
    for number, line in enumerate(lines, start=1):
        comment = line if number in in_docstring else line.partition("#")[2]
        prose[owner(number)] = f"{prose.get(owner(number), '')} {comment.strip(' #')}"
    return {
        name: match
        for name, text in prose.items()
        if (match := re.findall(pattern, re.sub(r"\s+", " ", text)))
    }


def test_each_label_stands_at_an_equation_and_once(report, labels):
    assert len(labels) == len(set(labels)) == len(re.findall(r"<eq-", report))


def test_the_compiler_sees_the_same_equations_in_the_same_order(labels):
    typst = pytest.importorskip("typst")
    found = typst.query(
        str(ROOT / "report" / "report.typ"), "math.equation", root=str(ROOT), field="label"
    )
    assert [label.strip("<>") for label in json.loads(found)] == labels


def test_every_reference_has_its_equation(report, labels):
    assert set(re.findall(r"@(eq-[a-z0-9-]+)", report)) <= set(labels)


def test_the_notebook_displays_each_equation_once_under_its_number(labels, sections):
    numbers = [number for cells in sections for number in tags(cells)]
    assert sorted(numbers) == list(range(1, len(labels) + 1))
    source = "\n".join(cell.source for cells in sections for cell in cells)
    assert len(TAG.findall(source)) == len(numbers)  # none stands outside of a formula


def test_no_formula_has_two_numbers(sections):
    formulas = [formula for cells in sections for formula in displayed(cells)]
    assert [formula for formula in formulas if len(TAG.findall(formula)) > 1] == []


def test_only_definitions_and_cited_theorems_are_not_checked(labels, results):
    assert {label: reason.split()[0] for label, reason in results["not_checked"]} == NOT_CHECKED
    checked = {label for _, label, *_ in results["checks"]}
    assert checked == set(labels) - set(NOT_CHECKED)


def test_each_equation_is_checked_in_the_section_that_displays_it(labels, sections):
    missing = []
    for cells in sections:
        checked = {int(re.search(r"\d+", line)[0]) for line in printed(cells)}
        unchecked = [labels[number - 1] for number in tags(cells) if number not in checked]
        missing += [label for label in unchecked if label not in NOT_CHECKED]
    assert missing == []


def test_each_check_bears_the_number_that_its_equation_has_in_the_report(labels, results):
    assert results["equations"] == labels
    wrong = [check for check in results["checks"] if labels[check[0] - 1] != check[1]]
    assert wrong == []


def test_each_check_is_printed_as_it_was_kept(sections, results):
    kept = []
    for number, label, what, by, bound in results["checks"]:
        agreement = f"within {bound:.0e}" if bound else "exactly"
        name = label.removeprefix("eq-")
        kept.append(f"✓ ({number}) {name}: {what}, {by} agrees {agreement}")
    assert [line for cells in sections for line in printed(cells)] == kept


def test_every_check_keeps_its_bound(results):
    assert len(results["checks"]) == len(results["checks_raw_error"])
    for (_, label, what, _, bound), error in zip(results["checks"], results["checks_raw_error"]):
        assert 0 <= error <= bound <= 1e-7, (label, what)


def test_nnlib_cites_each_equation_by_its_number(labels):
    number = {label: k for k, label in enumerate(labels, start=1)}
    found = {
        name: [int(k) for text in texts for k in re.findall(r"\((\d+)\)", text)]
        for name, texts in cited(r"[Ee]quations? ((?:\(\d+\)(?:, and |, | and )?)+)").items()
    }
    assert found == {name: [number[label] for label in what] for name, what in CITATIONS.items()}


def test_nnlib_cites_each_algorithm_by_its_number(report):
    order = re.findall(r"<(alg-[a-z-]+)>", report)
    number = {label: k for k, label in enumerate(order, start=1)}
    found = {name: {int(k) for k in match} for name, match in cited(r"Algorithm (\d+)").items()}
    assert found == {name: {number[label]} for name, label in ALGORITHMS.items()}
