"""What the browser tests have measured is shown at the end of a run."""


def pytest_terminal_summary(terminalreporter):
    """xdist keeps to itself what a test that passed has printed."""
    for report in terminalreporter.getreports("passed"):
        if report.when == "call" and "xdist_group" in report.keywords:
            for line in report.capstdout.splitlines():
                terminalreporter.write_line(f"{report.head_line.split('@')[0]}: {line}")
