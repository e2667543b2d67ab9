"""Pieces of each notebook have the same bits on emulated processors as on this one.

    .venv/bin/python tests/same_bits.py Haswell EPYC

runs, of each function that notebooks 01 to 05 give to `run_all`, one job of each kind (activation,
model) on this processor and on those named, which `qemu-x86_64 -cpu NAME` emulates (Debian's
qemu-user), in the arithmetic that the Makefile prescribes. Emulation is slow: trainings end after
some epochs, and digits are fewer.
"""

import ast
import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EPOCHS, FEWER = 10, {"train": 600, "held_out": 200}  # of the digits of notebook 05


def prescribed():
    """The environment in which the Makefile runs the notebooks."""
    text = (ROOT / "Makefile").read_text("utf-8")
    return dict(re.findall(r"^\$\(SAME\): export (\w+) \?= (.*)$", text, re.MULTILINE))


def pieces(name):
    """{function and kind of job: hash of what it gives} of a notebook, whose cells are run."""
    import joblib
    import matplotlib
    import nbformat
    import numpy as np
    from IPython.core.interactiveshell import InteractiveShell

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    os.chdir(ROOT / "notebooks")
    sys.path.insert(0, ".")
    import common
    import nnlib

    made = {}  # by function and the kind of the job's first argument

    def few_of(function, jobs, n_jobs=2):
        done = []
        for job in jobs:
            kind = job[0] if isinstance(job[0], str) else type(job[0]).__name__
            if (function.__name__, kind) not in made:
                result = function(*job)
                made[function.__name__, kind] = getattr(result, "network_", result)
            done.append(made[function.__name__, kind])
        return done

    common.run_all, common.write_results = few_of, lambda _: None
    common.PART, common.RECIPE["epochs"] = FEWER["train"], 2
    train = nnlib.NeuralNetwork.train
    nnlib.NeuralNetwork.train = lambda *args, **kw: itertools.islice(train(*args, **kw), EPOCHS)
    plt.Figure.savefig = np.savez_compressed = lambda *_, **__: None  # nothing is to be written
    InteractiveShell.instance()
    names = {"__name__": "__main__"}
    for cell in nbformat.read(f"{name}.ipynb", as_version=4).cells:
        source = cell.source.replace("%matplotlib inline", "")
        needed = "run_" in source or not re.search(r"live\(|verify\(|check\(|plt\.show", source)
        if cell.cell_type == "code" and needed:
            for statement in ast.parse(source).body:
                with contextlib.suppress(Exception):  # of those that need what was not run
                    exec(compile(ast.Module([statement], []), name, "exec"), names)
            for rows, n in FEWER.items():
                if isinstance(names.get(rows), np.ndarray):
                    names[rows] = names[rows][:n]
    return {" ".join(piece): joblib.hash(what) for piece, what in made.items()}


def run(name, processor=None):
    """The pieces of a notebook, on this processor or on an emulated one."""
    emulator = ["qemu-x86_64", "-cpu", processor] if processor else []
    done = subprocess.run(
        [*emulator, sys.executable, __file__, "--pieces", name],
        env=os.environ | prescribed(), capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{name} on {processor or 'this processor'}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main(processors):
    differ = 0
    for path in sorted((ROOT / "notebooks").glob("0[1-5]*.ipynb")):
        here = run(path.stem)
        for processor in processors:
            there = run(path.stem, processor)
            other = sorted(piece for piece in here if there.get(piece) != here[piece])
            differ += len(other)
            print(f"{path.stem}: {len(here)} pieces on {processor},", *other or ["the same bits"])
    sys.exit(differ > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pieces"]:
        print(json.dumps(pieces(sys.argv[2])))
    elif sys.argv[1:]:
        main(sys.argv[1:])
    else:
        sys.exit(__doc__)
