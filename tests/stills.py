"""Take the still pictures of the playground, for pages that only show notebooks.

`.venv/bin/python tests/stills.py` plays notebook 07 in the browser, writes notebooks/widgets/*.png,
puts them into the notebook as the outputs of its cells, without a widget's state, and makes of two
of them the picture of the README.
"""

import base64
import io
import json
from pathlib import Path

import browser
import numpy as np
from PIL import Image
from strokes import SIDE, written

NOTEBOOK = Path(__file__).parents[1] / "notebooks/07_playground.ipynb"
WIDGETS = NOTEBOOK.parent / "widgets"
FRONT = NOTEBOOK.parents[1] / ".github/playground.png"


def play_learn(root):
    """Two spirals, learnt."""
    root.locator("[data-set=target]").select_option('"spirals"')
    root.locator("[data-set=points]").select_option("200")
    root.locator("[data-do=start]").click()
    root.page.wait_for_function(
        "() => Number(document.querySelector('.learn').dataset.epoch) > 1200", timeout=120_000
    )
    root.locator("[data-do=start]").click()
    root.locator("[data-do=start]").get_by_text("Go on").wait_for()


def play_draw(root):
    """A three, drawn."""
    mouse, paper = root.page.mouse, root.locator(".paper").bounding_box()
    for stroke in written(3, np.random.default_rng(2)):
        points = np.array(stroke["points"]) * paper["width"] / SIDE + [paper["x"], paper["y"]]
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point)
        mouse.up()
    root.page.wait_for_function("() => document.querySelector('.draw').dataset.answered")


def play_look(root):
    """The test digit that it opens with, and the change that fools the network."""
    root.page.wait_for_function("() => document.querySelector('.look').dataset.fooled")


def put_in(stills):
    """The stills as the outputs of the notebook's cells."""
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for count, (cell, (name, png)) in enumerate(zip(cells, stills.items()), start=1):
        picture = base64.b64encode(png).decode()
        data = {"image/png": picture, "text/plain": [f"{name.capitalize()}()"]}
        cell["execution_count"] = count
        result = {"data": data, "execution_count": count, "metadata": {}}
        cell["outputs"] = [result | {"output_type": "execute_result"}]
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    NOTEBOOK.write_text(text + "\n", encoding="utf-8")


def front(learn, draw):
    """The network and its picture, beside the drawn digit and the answer, for the README."""
    learn, draw = Image.open(learn).convert("RGB"), Image.open(draw).convert("RGB")
    parts = [learn.crop((217, 44, 1178, 568)), draw.crop((1, 44, 372, 394))]
    parts.append(draw.crop((872, 44, draw.width - 1, 394)))
    size = sum(part.width for part in parts), parts[0].height
    picture, left = Image.new("RGB", size, (255, 255, 255)), 0
    for part in parts:
        picture.paste(part, (left, 0))
        left += part.width
    picture.quantize(128, dither=Image.Dither.NONE).save(FRONT, optimize=True)


def main():
    stills = {}
    with browser.open_lab(NOTEBOOK.name) as lab:
        lab.run_all()
        for name, play in {"learn": play_learn, "draw": play_draw, "look": play_look}.items():
            root = lab.widgets(f".{name}")
            root.evaluate("(root) => root.scrollIntoView({ block: 'center' })")
            lab.page.wait_for_timeout(1000)
            play(root)
            lab.page.mouse.move(5, 5)
            lab.page.wait_for_timeout(500)
            picture = Image.open(io.BytesIO(root.screenshot())).convert("RGB")
            small = io.BytesIO()
            picture.quantize(128, dither=Image.Dither.NONE).save(small, "png", optimize=True)
            stills[name] = small.getvalue()
            (WIDGETS / f"{name}.png").write_bytes(stills[name])
        lab.assert_clean()
    put_in(stills)
    front(WIDGETS / "learn.png", WIDGETS / "draw.png")


if __name__ == "__main__":
    main()
