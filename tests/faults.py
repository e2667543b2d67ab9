"""`make` survives kills, a full disk, a read-only checkout, settings, and what may be missing.

    python tests/faults.py [--kills 3] [--goal 01] [--only NAME ...] [--seed 0] [--environment]

works in a clone of the checkout with an environment of its own, and prints a line for each fault.
Before each, the outputs of notebook GOAL get one more line at their end, so that the older ones
differ from those of a new run. Linux only; some faults need root. It takes a quarter of an hour.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTPUTS = ("figures/*.svg", "notebooks/*.ipynb", "report/results/*.json", "report/report.pdf")
FULL, READ_ONLY = "No space left on device", "Read-only file system"
SAVE = """
from nnlib import NeuralNetwork
NeuralNetwork([784, 100, 10], ["tanh", "softmax"], cost="cross_entropy").save("network.npz")
"""


def begin(*command, **env):
    """The command, started in the tree and in a session of its own."""
    log = tree.with_name(f"log{time.monotonic_ns()}")  # a pipe would stay open with a stray process
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=tree, env=os.environ | env, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=file, stderr=file,
        )  # fmt: skip
    process.log = log
    return process


def ends(process, words=None):
    """What it printed. It must end well; if there are `words`, badly and with a line of them."""
    status, said = process.wait(), process.log.read_text()
    good = status != 0 and words in said if words else status == 0
    assert good, f"{process.args} ended with {status}: {said[-2000:]}"
    return said


def make(*goals, words=None, **env):
    """What `make` printed; see `ends`."""
    return ends(begin("make", *goals, **env), words)


def outputs():
    """{path: bytes} of every figure, notebook and result, and of the report."""
    paths = [path for pattern in OUTPUTS for path in tree.glob(pattern)]
    return {path.relative_to(tree): path.read_bytes() for path in paths}


def age():
    """The goal is out of date, and its outputs are the older ones; all others are up to date."""
    for path, content in (new | old).items():
        (tree / path).write_bytes(content)
    for notebook in tree.glob("notebooks/0[1-5]*.ipynb"):
        (tree / f".build/{notebook.stem}.done").touch()
    (tree / stamp).unlink()


def all_are(*states):
    """Every output is, whole, as in one of the states."""
    found = outputs()
    broken = [path for path in new if found.get(path) not in [state[path] for state in states]]
    assert not broken, f"neither as before nor as after a run: {', '.join(map(str, broken))}"


def at_work():
    """{pid: ticks of the processor} of the processes that work in the tree."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(folder / "cwd")).is_relative_to(tree):
                ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
                found[int(folder.name)] = [int(number) for number in ticks]
        except OSError:  # it has just ended
            pass
    return found


def fill():
    """Leave no space in the tree."""
    subprocess.run(["sh", "-c", "cat /dev/zero >filler"], cwd=tree, stderr=subprocess.DEVNULL)


def kills():
    """kill -9 at a random moment"""
    moments = []
    for _ in range(options.kills):
        age()
        shutil.rmtree(tree / ".build/kept", ignore_errors=True)
        process = begin("make", options.goal)
        moments.append(random.uniform(0, seconds))
        try:
            process.wait(moments[-1])
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        all_are(new | old, new)
    make(options.goal)
    all_are(new)
    before = at_work()
    time.sleep(2)
    after = at_work()  # the workers of joblib end when they have had nothing to do for 5 minutes
    assert after.items() <= before.items(), f"a run that was killed still computes: {after}"
    copies = len(list(tree.glob(f"{stamp.with_suffix('')}.??????")))
    moments = ", ".join(f"{moment:.0f}" for moment in moments)
    return f"after {moments} s; {len(after)} idle processes and {copies} copies in .build are left"


def two_at_once():
    """two at once"""
    for name in (".build/kept", *[".venv"] * options.environment):
        shutil.rmtree(tree / name, ignore_errors=True)
    for process in [begin("make", options.goal) for _ in range(2)]:
        ends(process)
    all_are(new)
    return "without an environment" if options.environment else "with nothing kept"


def clock():
    """files of tomorrow and of 1970"""
    tomorrow = time.time() + 86400
    sources = [tree / "nnlib.py", tree / "notebooks" / stamp.with_suffix(".ipynb").name]
    for paths, when, runs in [
        (sources, tomorrow, (True, True)),
        (sources, 0, (False, False)),
        ([tree / stamp], 0, (True, False)),
        ([tree / stamp], tomorrow, (False, False)),
    ]:
        for path in paths:
            os.utime(path, (when, when))
        for run in runs:
            said = make(options.goal)
            assert said.count("Clock skew") <= 1, said[-2000:]
            assert ("nbconvert" in said) == run, said[-2000:]
            all_are(new)
    return "a run or none, as make's rules are, with the same bytes"


def removed():
    """a figure and results that are gone"""
    make(options.goal)
    for suffix in (".svg", ".json"):
        gone = next(path for path in old if path.suffix == suffix)
        (tree / gone).unlink()
        make()
        assert (tree / gone).read_bytes() == new[gone]
    return "made again by a plain make"


def settings():
    """a user's settings for Python, Jupyter and Matplotlib"""
    home = tree.with_name("settings")
    startup = home / ".ipython/profile_default/startup/ours.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("import numpy; numpy.set_printoptions(precision=2)")
    (home / "nnlib.py").write_text("raise ImportError('another nnlib')")
    (home / "matplotlibrc").write_text("savefig.transparent: True")
    folders = dict.fromkeys(["HOME", "MATPLOTLIBRC", "PYTHONPATH"], str(home))
    others = {"PYTHONSTARTUP": str(startup), "PYTHONOPTIMIZE": "1", "TZ": "Asia/Tokyo"}
    make(options.goal, **folders, **others, LC_ALL="tr_TR.UTF-8", COLUMNS="40")
    all_are(new)
    return "in the home and in variables"


@contextmanager
def mounted(*arguments, at):
    """Something mounted at a folder."""
    subprocess.run(["mount", *arguments, at], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


def full():
    """a full disk"""
    whole = tree.with_name("whole")
    whole.mkdir()
    small = mounted("-t", "tmpfs", "-o", "size=100m", "tmpfs", at=tree)
    with mounted("--bind", tree, at=whole), small:
        leave = shutil.ignore_patterns(".git", ".venv", f"{stamp.stem}.??????")
        shutil.copytree(whole, tree, dirs_exist_ok=True, ignore=leave)
        (tree / ".venv").symlink_to(whole / ".venv")
        figures = sum(path.parent.name == "figures" for path in old)
        for number in (0, 1, figures):  # at once, after the first figure, after the last one
            age()
            process = begin("make", options.goal)
            drawn = f"{stamp.with_suffix('')}.??????/figures/*.svg"
            while process.poll() is None and len(list(tree.glob(drawn))) < number:
                time.sleep(0.05)
            fill()
            ends(process, FULL)
            (tree / "filler").unlink()
            all_are(new | old)
        make()
        ends(begin(".venv/bin/python", "-c", SAVE))
        network, report = (tree / "network.npz").read_bytes(), outputs()
        os.utime(tree / "report/report.typ")
        fill()
        make(words=FULL)
        ends(begin(".venv/bin/python", "-c", SAVE), FULL)
        all_are(report)
        assert (tree / "network.npz").read_bytes() == network, "the older network is lost"
    return "at the start, a figure, the results, the report, NeuralNetwork.save"


def read_only():
    """a read-only checkout"""
    make()
    for up_to_date in (True, False):
        with mounted("--bind", "-o", "ro", tree, at=tree):
            for goals in [(), (options.goal,)]:
                said = make(*goals, words=None if up_to_date else READ_ONLY)
                assert ("Nothing to be done" in said) == up_to_date, said[-2000:]
        if up_to_date:
            age()
    all_are(new | old)
    return "up to date and out of date"


def works(tests, before=(), **env):
    """The notebook, with the same outputs, and the report are made; what pytest says of `tests`."""
    ends(begin(*before, "make", options.goal, **env))
    all_are(new)
    ends(begin(*before, "make", **env))
    files = [f"tests/test_{name}.py" for name in tests.split()]
    return ends(begin(*before, ".venv/bin/pytest", "-q", *files, **env)).splitlines()[-1]


def no_network():
    """no network but the loopback"""
    alone = ("unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh")
    return works("network common report", alone)


def no_home():
    """a home that nobody can make"""
    return works("saving report", HOME="/dev/null/home")


def no_git():
    """no git, and a tree without .git"""
    tools = tree.with_name("tools")
    tools.mkdir()
    found = [path for folder in os.get_exec_path() for path in Path(folder).glob("*")]
    for name, path in {path.name: path for path in reversed(found)}.items():
        if not name.startswith("git"):
            (tools / name).symlink_to(path.absolute())
    shutil.rmtree(tree / ".git", ignore_errors=True)
    return works("data report", PATH=str(tools))


FAULTS = [
    kills, two_at_once, clock, removed, settings, full, read_only, no_network, no_home, no_git,
]  # fmt: skip
NEED_ROOT = [full, read_only, no_network]

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--goal", default="01")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", nargs="+", choices=[fault.__name__ for fault in FAULTS])
    parser.add_argument("--environment", action="store_true", help="two at once make it, too")
    options, failed = parser.parse_args(), 0
    root = os.geteuid() == 0
    if root and os.environ.get("FAULTS") != "apart":  # so that no mount outlives this process
        os.environ["FAULTS"] = "apart"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        tree = Path(folder).resolve() / "nnlib"
        if shutil.which("git") and (ROOT / ".git").exists():
            subprocess.run(["git", "clone", "--quiet", ROOT, tree], check=True)
        else:
            shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", ".build"))
        make(".venv/.done")
        start = time.time()
        make(options.goal)
        seconds, new = time.time() - start, outputs()
        [stamp] = [path.relative_to(tree) for path in tree.glob(f".build/{options.goal}*.done")]
        old = {path: new[path] + b"\n" for path in new if (tree / path).stat().st_mtime >= start}
        print(f"make {options.goal}: {seconds:.0f} s; --seed {options.seed}", flush=True)
        random.seed(options.seed)
        for fault in FAULTS:
            if options.only and fault.__name__ not in options.only:
                continue
            try:
                age()
                line = "skipped: needs root" if fault in NEED_ROOT and not root else fault()
            except (AssertionError, OSError, subprocess.CalledProcessError) as error:
                line, failed = f"FAILED: {error}", failed + 1
            print(f"{fault.__doc__}: {line}", flush=True)
            for pid in at_work():
                os.kill(pid, signal.SIGKILL)
    sys.exit(failed > 0)
