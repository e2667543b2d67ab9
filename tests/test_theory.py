"""The report's equations, the first notebook's table of checks and nnlib's citations agree."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Numbered equations outside the theory that need no check, with the reason
ELSEWHERE = {}

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


def test_the_notebook_numbers_the_equations_as_the_report_does(labels, results):
    theory = results["equations"]
    assert labels[: len(theory)] == theory
    assert labels[len(theory) :] == list(ELSEWHERE)


def test_every_equation_is_checked_or_named_as_a_definition(results):
    checked = {label for label, *_ in results["checks"]}
    not_checked = dict(results["not_checked"])
    assert checked | set(not_checked) == set(results["equations"])
    assert not checked & set(not_checked)
    assert len(not_checked) <= 5
    for reason in [*not_checked.values(), *ELSEWHERE.values()]:
        assert re.match("definition|theorem", reason)


def test_every_check_keeps_its_bound(results):
    for (label, what, _, bound), error in zip(results["checks"], results["checks_raw_error"]):
        assert 0 <= error <= bound <= 1e-7, (label, what)


def test_the_printed_table_holds_every_check(labels, results):
    notebook = json.loads((ROOT / "notebooks" / "01_theory.ipynb").read_text(encoding="utf-8"))
    printed = [
        "".join(output["text"])
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream"
    ]
    (table,) = [text for text in printed if text.startswith("(1) ")]
    numbered = re.findall(r"^\((\d+)\) (\S+)", table, flags=re.MULTILINE)
    assert numbered == [
        (str(number), label.removeprefix("eq-"))
        for number, label in enumerate(results["equations"], start=1)
    ]
    for _, what, by, _ in results["checks"]:
        assert re.search(re.escape(what) + r" +" + re.escape(by), table), what
    assert len(table.splitlines()) == len(results["checks"]) + len(results["not_checked"])


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
