"""The report: its numbers come from results/, it refers to all that it shows, and it compiles."""

import json
import re
from pathlib import Path

import pytest
import typst

ROOT = Path(__file__).parents[1]
SOURCE = (ROOT / "report/report.typ").read_text(encoding="utf-8")
BIBLIOGRAPHY = (ROOT / "report/references.bib").read_text(encoding="utf-8")


def text_of(expression):
    """What an expression in the functions of report.typ prints."""
    document = f'#import "/report/report.typ": *\n#metadata({expression}) <value>'
    found = json.loads(
        typst.query(document.encode(), "<value>", field="value", one=True, root=str(ROOT))
    )
    return plain(found)


def plain(content):
    if isinstance(content, str):
        return content
    children = content.get("children", [content.get("body", content.get("text", ""))])
    return "".join(plain(child) for child in children) if content.get("func") != "space" else " "


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("num(0.012345)", "0.0123"),
        ("num(0.0125, digits: 2)", "0.013"),
        ("num(9.996)", "10.0"),
        ("num(0.9996)", "1.00"),
        ("num(123.456)", "123"),
        ("num(2)", "2.00"),
        ("num(0)", "0"),
        ("num(-0.5, digits: 1)", "−0.5"),
        ("num(1.5e-7)", "1.50 × 10−7"),
        ("num(9.999e-8)", "1.00 × 10−7"),
        ("num(-2.345e-5, digits: 2)", "−2.3 × 10−5"),
        ("num(3.2e12, digits: 1)", "3 × 1012"),
        ("pct(0.9784)", "97.84 %"),
        ("pct(0.00086)", "0.09 %"),
        ("pct(1, digits: 0)", "100 %"),
        ("pct(-0.001, digits: 1)", "−0.1 %"),
        ("pct(-0.00001, digits: 1)", "0.0 %"),
    ],
)
def test_measured_numbers_are_rounded(expression, printed):
    assert text_of(expression).replace("\u00a0", " ") == printed


@pytest.mark.parametrize("value", [128, 0.003, 1e-5, 0.12345678901234, 0.1, 1e-10, 70_000, 123_045])
def test_a_hyperparameter_is_never_changed(value):
    printed = text_of(f"hyper(json(bytes({json.dumps(json.dumps(value))})))")
    assert float(printed.replace(",", "")) == value


def test_a_list_of_hyperparameters_is_printed_whole():
    assert text_of("hyper((256, 128, 0.5))") == "256, 128 and 0.5"


def test_it_compiles_without_a_warning_to_an_accessible_pdf(tmp_path):
    compiler = typst.Compiler(root=str(ROOT), ignore_system_fonts=True)
    _, warnings = compiler.compile_with_warnings(
        input=ROOT / "report/report.typ", output=tmp_path / "report.pdf", format="pdf",
        pdf_standards=["ua-1"],
    )  # fmt: skip
    assert [str(warning) for warning in warnings] == []
    assert (tmp_path / "report.pdf").stat().st_size > 50_000


def test_the_committed_report_is_what_its_sources_make(tmp_path):
    typst.compile(
        ROOT / "report/report.typ", output=tmp_path / "report.pdf", root=str(ROOT),
        ignore_system_fonts=True, pdf_standards=["ua-1"],
    )  # fmt: skip
    made, committed = ((path / "report.pdf").read_bytes() for path in (tmp_path, ROOT / "report"))
    by, then_by = (re.search(rb"/Creator\((.+?)\)", pdf)[1].decode() for pdf in (made, committed))
    if by != then_by:
        pytest.skip(f"set by {by}, not {then_by}")
    assert made == committed, "run make, and commit the report"


@pytest.mark.parametrize(
    ("formula", "reads"),
    [
        ("$x_i^2$", "x sub i squared"),
        ("$sum_(i=1)^d w_i >= 0$", "sum over i equals 1 to d w sub i is at least 0"),
        ("$-1 / sqrt(n)$", "minus the fraction 1 over the root of n"),
    ],
)
def test_a_formula_has_an_alternative_text(formula, reads):
    assert text_of(f"reading({formula}.body)") == reads


def without_code(text):
    """Prose and formulas of the report: no comments, names, others' numbers, options and calls."""
    text = re.sub(r'//.*|"[^"]*"|`[^`]*`|<[\w-]+>|@[\w-]+', "", text)
    text = re.sub(
        r"#quoted\[[^]]*\]|et al\., \d{4}|[Nn]otebooks? \d\d|[\d.]+(pt|r?em|cm|fr)\b", "", text
    )
    text = re.sub(
        r"#let [^\n]*|\.\.[^\n]*|\b(columns|width|digits|at|size|colspan): *[^\n,)]*", "", text
    )
    deep = r"\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)"  # brackets in brackets
    return re.sub(rf"#{deep}|#(?:(?:\.?[\w-]+)*{deep})+|#[\w-]+(\.\w+)*|fixed\(.*", "", text)


def test_no_measured_number_is_typed_by_hand():
    prose = SOURCE.split("#align(center)", 1)[1]
    prose = re.sub(r"//.*|\$[^$]*\$|<[\w-]+>|@[\w-]+", "", prose)  # comments, equations, labels
    prose = re.sub(r'"[^"]*"|#quoted\[[^]]*\]', "", prose)  # file names, others' numbers
    prose = re.sub(r"#\w+(\.\w+)*\([^()]*(\([^()]*\)[^()]*)*\)", "", prose)  # calls
    prose = re.sub(r"#\w+(\.\w+)*", "", prose)
    prose = re.sub(r"[\d.]+\s*(pt|em|cm|fr)\b|(width|columns|digits|at):? *\(?[\d.]+%?", "", prose)
    assert re.findall(r"\d*\.\d+|\d+\s*%|10\^|\d×", prose) == []


def test_no_setting_is_typed_by_hand_from_the_data_section_on():
    for start, end in (("*Abstract.*", "= Introduction"), ("<sec-runge-data>", "#bibliography")):
        text = without_code(SOURCE[SOURCE.index(start) : SOURCE.index(end)])
        formulas = "".join(re.findall(r"\$[^$]*\$", text))
        assert re.findall(r"\d{2,}|\d*\.\d+|\d\s*%|\d×", re.sub(r"\$[^$]*\$", "", text)) == []
        assert re.findall(r"\d*\.\d+|10\^(?!\(-4\))", formulas) == []  # 10^(-4) is a unit


def claimed(source):
    """Of each #claim("NN/name")[body]: the name, and where the whole and the body begin and end."""
    for match in re.finditer(r'#claim\("([^"]+)"\)\[', source):
        depth, end = 1, match.end()
        while depth:
            depth += {"[": 1, "]": -1}.get(source[end], 0)
            end += 1
        yield match[1], match.start(), match.end(), end


COMPARISON = re.compile(
    r"\b(than|as \w+ as|better|best|worse|worst|fewer|fewest|less|more|most|mostly|faster|fastest|"
    r"slower|higher|lower|larger|smaller|closer|ahead|behind|beats?|wins?|loses?|helps?|hardly)\b"
)


def concluding_text():
    """Abstract, results, discussion and conclusion, without claims, code and others' numbers."""
    abstract = SOURCE[SOURCE.index("*Abstract.*") : SOURCE.index("= Introduction")]
    text = abstract + SOURCE[SOURCE.index("= Results\n") : SOURCE.index("#bibliography")]
    for _, start, _, end in reversed(list(claimed(text))):
        text = text[:start] + text[end:]
    return re.sub(r'alt: "[^"]*"|//.*|\$[^$]*\$|at (most|least)', "", text)


def test_a_comparison_stands_in_a_claim():
    text = concluding_text()
    found = [text[max(0, m.start() - 60) : m.end() + 40] for m in COMPARISON.finditer(text)]
    assert found == []


def test_each_claim_is_reported_or_listed_as_left_out():
    made = {
        f"{path.stem[:2]}/{name}"
        for path in (ROOT / "report/results").glob("*.json")
        for name in json.loads(path.read_text(encoding="utf-8"))["claims"]
    }
    reported = {name for name, *_ in claimed(SOURCE)}
    left_out = set((ROOT / "tests/claims_left_out.txt").read_text(encoding="utf-8").split())
    assert reported | left_out == made
    assert not reported & left_out


def test_no_semicolon_after_a_claim_is_swallowed():
    assert [name for name, *_, end in claimed(SOURCE) if SOURCE[end] == ";"] == []


def test_each_figure_and_table_is_referred_to_in_the_text():
    shown = re.findall(r"<((?:fig|tab|alg)-[\w-]+)>", SOURCE)
    assert shown
    assert [label for label in shown if f"@{label}" not in SOURCE] == []


def test_each_drawn_figure_of_the_report_exists_and_has_a_caption():
    images = re.findall(r'image\("\.\./figures/([\w.]+)"', SOURCE)
    assert images
    assert [name for name in images if not (ROOT / "figures" / name).is_file()] == []
    assert SOURCE.count("#figure(") == SOURCE.count(" caption: [")


def test_figures_are_printed_at_the_size_at_which_they_are_drawn():
    assert not re.search(r"image\([^()]*\b(width|height):", SOURCE)
    for name in re.findall(r'image\("\.\./figures/([\w.]+)"', SOURCE):
        drawn = (ROOT / "figures" / name).read_text(encoding="utf-8")
        assert float(re.search(r'<svg [^>]*?width="([\d.]+)pt"', drawn)[1]) <= 454  # 6.3 inches
        sizes = [100 * float(size) for size in re.findall(r"scale\((0\.\d+) -", drawn)]
        assert min(sizes) >= 8, f"{name} has letters of {min(sizes)} points"


def test_each_reference_is_cited_and_each_citation_is_a_reference():
    keys = set(re.findall(r"^@\w+\{([\w-]+),", BIBLIOGRAPHY, re.MULTILINE))
    cited = set(re.findall(r"@([a-z-]+-\d{4}[\w-]*|joblib)\b", SOURCE))
    cited |= set(re.findall(r"#cite\(<([\w-]+)>", SOURCE))
    assert cited == keys


def test_each_result_that_the_report_reads_is_written_by_the_notebook_of_that_name():
    read = re.findall(r'json\("results/([\w]+)\.json"\)', SOURCE)
    assert read
    assert [name for name in read if not (ROOT / f"notebooks/{name}.ipynb").is_file()] == []
