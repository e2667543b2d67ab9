"""Pieces of each notebook have the same bits on emulated processors as on this one.

    .venv/bin/python tests/same_bits.py Haswell EPYC

runs, of each function that notebooks 01 to 05 give to `run_all`, one job of each kind (see `kind`)
on this processor and on those named, which `qemu-x86_64 -cpu NAME` emulates (Debian's qemu-user),
in the arithmetic that the Makefile prescribes. Emulation is slow: trainings end after some epochs,
and digits are fewer. Two emulators run at a time, for more than an hour.
"""

import ast
import contextlib
import itertools
import json
import os
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
EPOCHS, FEWER = 10, {"train": 600, "held_out": 200, "N_FEW": 300}  # digits of notebook 05


def prescribed():
    """The environment in which the Makefile runs the notebooks."""
    text = (ROOT / "Makefile").read_text("utf-8")
    return dict(re.findall(r"^\$\(SAME\): export (\w+) \?= (.*)$", text, re.MULTILINE))


def shorten():
    """Shorten the trainings of what is run from now on; the notebooks' folder becomes the place."""
    os.chdir(ROOT / "notebooks")
    sys.path.insert(0, ".")
    import common
    import nnlib

    common.PART, common.RECIPE["epochs"] = FEWER["train"], 2
    train = nnlib.NeuralNetwork.train
    nnlib.NeuralNetwork.train = lambda *args, **kw: itertools.islice(train(*args, **kw), EPOCHS)
    return common


def kind(value):
    """What tells jobs apart: a name, a class, an estimator but for its seed, the names of settings,
    how many layers, whether a number is zero."""
    if isinstance(value, str | bool | None):
        return str(value)
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, dict):
        return "+".join(value)
    if isinstance(value, list | tuple):
        return f"{len(value)} items"
    if hasattr(value, "get_params"):
        return re.sub(r"random_state=\d+|\s", "", repr(value))
    return str(bool(value)) if isinstance(value, int | float) else type(value).__name__


def result(function, job):
    """What function(*job) gives, of an estimator its network."""
    made = function(*job)
    return getattr(made, "network_", made)


def pieces(name):
    """{function and kind of job: both, pickled as they are then} of a notebook, which is run."""
    import cloudpickle
    import matplotlib
    import nbformat
    import numpy as np
    from IPython.core.interactiveshell import InteractiveShell

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    common, found, made = shorten(), {}, {}

    def few_of(function, jobs, n_jobs=2):
        done = []
        for job in jobs:
            piece = " ".join([function.__name__, *map(kind, job)])
            if piece not in made:
                as_it_is = cloudpickle.dumps((function, job))
                made[piece] = result(function, job)
                found[piece] = as_it_is
            done.append(made[piece])
        return done

    common.run_all, common.write_results = few_of, lambda _: None
    plt.Figure.savefig = np.savez_compressed = lambda *_, **__: None  # nothing is to be written
    InteractiveShell.instance()
    names, given = {"__name__": "__main__"}, set()
    for cell in nbformat.read(f"{name}.ipynb", as_version=4).cells:
        source = cell.source.replace("%matplotlib inline", "")
        if cell.cell_type == "code":
            given |= {*re.findall(r"run_(?:all|seeds)\((\w+)", source)} - {"function"}
            for statement in ast.parse(source).body:
                with contextlib.suppress(Exception):  # of those that need what was not run
                    exec(compile(ast.Module([statement], []), name, "exec"), names)
                for few, n in FEWER.items():
                    if isinstance(names.get(few), int | np.ndarray):
                        names[few] = n if few == "N_FEW" else names[few][:n]
    missing = given - {piece.split()[0] for piece in found}
    assert not missing, f"{name}: nothing was run of {missing}"
    return found


def python(*arguments, processor=None):
    """The last line that this script prints, run on this processor or on an emulated one."""
    emulator = ["qemu-x86_64", "-cpu", processor] if processor else []
    done = subprocess.run(
        [*emulator, sys.executable, __file__, *arguments],
        env=os.environ | prescribed(), capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{arguments} on {processor or 'this processor'}:\n{done.stderr}")
    return done.stdout.splitlines()[-1]


def main(processors):
    names, differ = [path.stem for path in sorted((ROOT / "notebooks").glob("0[1-5]*.ipynb"))], 0
    with TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        for name in names:
            python("--find", name, f"{folder}/{name}")
        here = {name: json.loads(python("--run", f"{folder}/{name}")) for name in names}

        def elsewhere(name, processor):
            return json.loads(python("--run", f"{folder}/{name}", processor=processor))

        cases = list(itertools.product(names, processors))
        for (name, processor), there in zip(cases, pool.map(lambda case: elsewhere(*case), cases)):
            other = sorted(piece for piece in here[name] if there[piece] != here[name][piece])
            differ += len(other)
            verdict = f"other bits in {', '.join(other)}" if other else "the same bits"
            print(f"{name}: {len(there)} pieces on {processor}, {verdict}", flush=True)
    sys.exit(differ > 0)


def step(what, name, file=None):
    """`--find` writes the pieces of a notebook to a file, `--run` prints the hashes of a file's."""
    import joblib

    if what == "--find":
        print(joblib.dump(pieces(name), file))
    else:
        shorten()
        found = joblib.load(name).items()
        print(json.dumps({piece: joblib.hash(result(*pickle.loads(job))) for piece, job in found}))


if __name__ == "__main__":
    if sys.argv[1:2] in (["--find"], ["--run"]):
        step(*sys.argv[1:])
    elif sys.argv[1:]:
        main(sys.argv[1:])
    else:
        sys.exit(__doc__)
