"""The playground's parts 2 and 3: digits drawn as strokes are read, and what is shown is true."""

import json

import browser
import nbformat
import numpy as np
import pytest
from strokes import hundred, written

import playground_digits
from common import HERE, load_mnist
from nnlib import NeuralNetwork
from playground_digits import (
    FINE,
    N_TRAIN,
    SIDE,
    centred,
    fooled,
    input_gradient,
    layers,
    picture,
    upright,
)


@pytest.fixture(scope="module")
def reader():
    return playground_digits.reader()


@pytest.fixture
def told(monkeypatch):
    """What parts tell the browser: (kind, arrays, content) for each message."""
    messages = []
    monkeypatch.setattr(
        playground_digits.DigitPart,
        "tell",
        lambda self, kind, *arrays, **content: messages.append((kind, arrays, content)),
    )
    return messages


@pytest.fixture(scope="module")
def digits():
    """Some training digits, (1000, 28, 28)."""
    return load_mnist()[0][:1000].reshape(-1, 28, 28)


def mass(image):
    """The place of the ink's mean, row and column."""
    return np.array([np.arange(28) @ image.sum(axis=1 - k) for k in (0, 1)]) / image.sum()


def longest(image):
    """The longer side of the box around the ink."""
    return max(np.ptp(np.flatnonzero(image.any(axis=k))) + 1 for k in (0, 1))


# --------------------------------------------------------------------------- from strokes to input
def test_a_digit_of_mnist_is_left_as_it_is(digits):
    grain = FINE * SIDE // 28
    found = [centred(np.kron(digit, np.ones((grain, grain), np.uint8))) for digit in digits]
    same = [np.array_equal(*pair) for pair in zip(found, digits)]
    assert np.mean(same) > 0.99  # a mean in the middle of two pixels may go to either
    assert all(np.array_equal(np.sort(a, axis=None), np.sort(b, axis=None))
               for a, b in zip(found, digits) if longest(b) == 20)  # fmt: skip


def test_a_drawing_fills_the_box_of_20_and_has_its_mass_in_the_middle():
    for drawing in hundred(seed=2)[0]:
        image = centred(picture(drawing)).astype(float)
        assert longest(image) == 20
        assert np.abs(mass(image) - 14).max() <= 0.5 + 1e-9


def test_the_place_of_a_drawing_changes_nothing():
    (stroke,) = written(3, np.random.default_rng(0))
    corner = np.min(stroke["points"], axis=0) - stroke["width"]
    for shift in ([0, 0], [7, 31]):
        moved = (np.array(stroke["points"]) - corner.round() + shift).tolist()
        image = centred(picture([stroke | {"points": moved}]))
        assert np.array_equal(image, centred(picture([stroke])))


def test_the_size_of_a_drawing_changes_next_to_nothing():
    for digit in range(10):
        drawing = written(digit, np.random.default_rng(digit))
        half = [
            {"width": s["width"] / 2, "points": (np.array(s["points"]) / 2).tolist()}
            for s in drawing
        ]
        one, other = (centred(picture(d)).astype(float) for d in (drawing, half))
        assert np.abs(one - other).mean() < 255 * 0.02


def test_grey_values_are_the_share_of_a_pixel_that_is_covered():
    bar = np.zeros((200, 200), np.uint8)
    bar[0:200, 0:25] = 255  # 2.5 pixels wide when its length is 20
    image = centred(bar)
    assert image.sum() == pytest.approx(255 * 20 * 2.5, rel=0.02)


def test_nothing_drawn_and_a_dot(told):
    part = playground_digits.Draw()
    part.on_drawn([], None)
    part.on_drawn([{"width": 20, "points": [[200, 40]]}], None)
    (_, empty, said), (_, dot, more) = told
    assert said["empty"]
    assert not more["empty"]
    assert not empty[0].any()
    assert 3 <= longest(dot[0]) <= 16  # it stays a dot
    assert np.isfinite(more["p"]).all()


def test_a_stroke_may_be_one_point_or_leave_the_drawing_area():
    wild = [{"width": 20, "points": [[-50, 140], [400, 140]]}, {"width": 6, "points": [[9, 9]]}]
    assert centred(picture(wild)).any()


def test_upright_is_that_of_the_notebook_which_trained_the_network(digits):
    notebook = nbformat.read(HERE / "08_mnist_record.ipynb", as_version=4)
    names = {}
    for cell in notebook.cells:
        if {"imports", "function"} & set(cell.metadata.get("tags", [])):
            exec(cell.source.split("%matplotlib")[0], names)
    assert np.allclose(
        upright(digits), names["seen"](digits.reshape(-1, 784), "upright"), atol=1e-4
    )


# --------------------------------------------------------------------------- what is read
def test_95_of_100_drawn_digits_are_read_right(told):
    part = playground_digits.Draw()
    drawings, labels = hundred(seed=0)
    for drawing in drawings:
        part.on_drawn(json.loads(json.dumps(drawing)), None)
    answers = np.array([np.argmax(content["p"]) for _, _, content in told])
    right = np.bincount(labels[answers == labels], minlength=10)
    print(f"{right.sum()} of 100 drawn digits are read right, by digit {right.tolist()}")
    assert right.sum() >= 95


def test_a_test_digit_can_be_drawn_on(told, reader):
    part = playground_digits.Draw()
    part.on_example(8, -1)
    part.on_example(8, told[-1][2]["number"])
    assert reader.labels[N_TRAIN + told[-1][2]["number"]] == 8
    assert told[0][2]["number"] < told[1][2]["number"]
    part.on_drawn([], told[1][2]["number"])
    assert np.array_equal(255 * told[-1][1][0], told[1][1][0])
    part.on_drawn([{"width": 20, "points": [[20, 20], [260, 20]]}], told[1][2]["number"])
    assert not np.array_equal(255 * told[-1][1][0], told[1][1][0])


def test_the_examples_of_a_digit_begin_again_after_the_last(reader):
    last = np.flatnonzero(reader.labels[N_TRAIN:] == 3).max()
    assert playground_digits.next_of(reader, 3, last) == playground_digits.next_of(reader, 3, -1)


def test_the_nearest_digits_are_the_nearest(reader):
    row = reader.near[1234]
    near, distances = reader.nearest(upright(reader.images[row][None])[0])
    assert near[0] == row
    assert distances[0] == pytest.approx(0, abs=0.02)
    assert (np.diff(distances) >= 0).all()
    x, y = (reader._blurred(upright(reader.images[i][None])) for i in (row, near[4]))
    assert distances[4] == pytest.approx(np.linalg.norm(x - y), rel=1e-3)


def test_nodes_are_sorted_by_the_digit_that_excites_them(reader):
    assert [sum(counts) for counts in reader.sections] == [1024] * 3
    rows = reader.near[2000:6000]
    A = layers(reader.network, upright(reader.images[rows]))[0][3]
    means = [A[reader.labels[rows] == digit].mean(axis=0) for digit in range(10)]
    best = np.argmax(means, axis=0)[reader.order[2]]
    expected = np.repeat(np.arange(10), reader.sections[2])
    assert np.mean((best == expected)[np.max(means, axis=0)[reader.order[2]] > 0]) > 0.8


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.9995, "sure, over 99.9 %"), (0.992, "sure, 99.2 %"), (0.95, "fairly sure, 95.0 %"),
     (0.7, "in doubt, 70.0 %"), (0.4, "a guess, 40.0 %")],
)  # fmt: skip
def test_the_answer_in_words(p, text):
    probabilities = np.full(10, (1 - p) / 9)
    probabilities[8] = p
    assert playground_digits.words(probabilities) == f"An 8 – {text}"


# --------------------------------------------------------------------------- inside
def test_the_input_gradient_agrees_with_central_differences(reader, digits):
    network = NeuralNetwork(
        reader.network.layer_sizes, reader.network.activations, "cross_entropy", dtype=np.float64
    )
    network.parameters = reader.network.parameters.astype(float)
    x, rng = upright(digits[:1]).astype(float), np.random.default_rng(0)
    gradients = input_gradient(network, *layers(network, x.repeat(10, axis=0)), np.eye(10))
    for pixel in rng.choice(784, 20, replace=False):
        step = np.eye(784)[[pixel]] * 1e-6
        up, down = (layers(network, x + s)[1][-1][0] for s in (step, -step))
        assert gradients[:, pixel] == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-6)


def test_a_fooled_picture_is_read_as_it_says_at_the_distance_that_it_says(reader, digits):
    for x in upright(digits[:3]):
        answer = reader.network.feedforward(x[None]).argmax()
        pictures, distances = fooled(reader.network, x)
        assert distances[answer] == 0
        others = np.flatnonzero(np.isfinite(distances) & (np.arange(10) != answer))
        assert len(others) >= 5
        assert np.array_equal(reader.network.feedforward(pictures[others]).argmax(axis=1), others)
        assert distances[others] == pytest.approx(np.linalg.norm(pictures[others] - x, axis=1))
        assert distances[others].min() > 0
        assert pictures.min() >= 0
        assert pictures.max() <= 1


def test_where_the_network_is_linear_the_smallest_change_is_found():
    network = NeuralNetwork([784, 10], ["softmax"], "cross_entropy", seed=0)
    network.weights[0] *= 0.1
    network.biases[0] = [-1e3] * 8 + [0, 0]  # only two digits matter
    x = np.full(784, 0.5)
    slope = network.weights[0][:, 9] - network.weights[0][:, 8]
    answer = 9 if slope @ x > 0 else 8
    smallest = (abs(slope @ x) + 0.02) / np.linalg.norm(slope)  # to a lead of 0.02
    assert fooled(network, x, lead=0.02)[1][17 - answer] == pytest.approx(smallest, rel=0.01)


def test_a_blend_begins_and_ends_with_the_digits(told, reader):
    playground_digits.Look().on_blend(4, 7, -1)
    kind, (start, end, curve), content = told[0]
    assert kind == "blend"
    assert reader.labels[N_TRAIN + content["other"]] == 7
    assert curve[0] == pytest.approx(reader.network.feedforward(start)[0], abs=1e-5)
    assert curve[100] == pytest.approx(reader.network.feedforward(end)[0], abs=1e-5)
    middle = reader.network.feedforward((start + end) / 2)[0]
    assert curve[50] == pytest.approx(middle, abs=1e-4)


def test_a_hard_digit_is_less_sure_than_most(told):
    part = playground_digits.Look()
    for how in ["random"] * 9 + ["hard"]:
        part.on_pick(how)
    sure = [max(content["p"]) for _, _, content in told]
    assert sure[-1] < np.median(sure[:-1])


# --------------------------------------------------------------------------- what is wrong
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "no archive", "shape", "nan"])
def test_damaged_weights_are_said_to_be_with_what_to_do(tmp_path, damage):
    path, whole = tmp_path / "mnist_record_weights.npz", playground_digits.WEIGHTS.read_bytes()
    sizes, parameters = [784, 4, 10], np.zeros(784 * 4 + 4 + 50, np.float16)
    if damage == "nan":
        parameters[7] = np.nan
    if damage in ("shape", "nan"):
        np.savez(path, layer_sizes=sizes, parameters=parameters[damage == "shape" :])
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": whole[:100_000], "no archive": b"?" * 99}[damage])
    with pytest.raises(RuntimeError, match=r"missing or damaged.*git checkout -- data/mnist_rec"):
        playground_digits.load_network(path)


def test_a_part_without_its_network_says_so(told, monkeypatch):
    def reader():
        raise RuntimeError("the weights are damaged")

    monkeypatch.setattr(playground_digits, "reader", reader)
    for part in (playground_digits.Draw(), playground_digits.Look()):
        part.on_hello()
        assert told.pop() == ("problem", (), {"text": "the weights are damaged"})


# --------------------------------------------------------------------------- in a browser
@pytest.fixture(scope="module")
def lab():
    with browser.open_lab("07_playground.ipynb") as lab:
        lab.run_all()
        for part in ("learn[data-epoch]", "draw[data-answered]", "look[data-fooled]"):
            lab.page.locator(f".playground.{part}").wait_for()
        yield lab


def part_in_view(lab, name):
    """A part, when it has come to rest in the middle of the page."""
    root = lab.page.locator(f".playground.{name}")
    places = [None, root.bounding_box()]
    while places[-1] != places[-2]:
        root.evaluate("(root) => root.scrollIntoView({ block: 'center' })")
        lab.page.wait_for_timeout(200)
        places.append(root.bounding_box())
    return root


@pytest.fixture
def drawing(lab):
    """The part "Draw a digit", with nothing drawn."""
    root = part_in_view(lab, "draw")
    if root.locator("[data-do=erase]").is_enabled():
        root.locator("[data-do=erase]").click()
    root.get_by_text("Nothing is drawn yet.").wait_for()
    return root


@pytest.fixture
def inside(lab):
    """The part "Look inside", with all that it shows of a digit."""
    root = part_in_view(lab, "look")
    settle(root)
    return root


def settle(root):
    """Wait until all is shown that belongs to the number in the field, and return what is."""
    root.page.wait_for_function(
        """(root) => root.dataset.shown === root.querySelector(".number").value
            && root.dataset.fooled?.split(" ")[0] === root.dataset.shown""",
        arg=root.element_handle(),
    )
    return pictures(root)


def pictures(root):
    """The content of each canvas of a part."""
    return root.locator("canvas").evaluate_all("(all) => all.map((c) => c.toDataURL())")


def answer(root):
    """Wait for the answer to what is drawn: its words, and milliseconds from the stroke's end."""
    root.page.wait_for_function("(root) => root.dataset.answered", arg=root.element_handle())
    return root.locator(".words").inner_text(), int(root.get_attribute("data-answered"))


def draw(root, strokes):
    """Draw strokes with the mouse."""
    mouse, paper = root.page.mouse, root.locator(".paper").bounding_box()
    for stroke in strokes:
        root.locator(".width").fill(str(round(stroke["width"])))
        points = np.array(stroke["points"]) * paper["width"] / SIDE + [paper["x"], paper["y"]]
        mouse.move(*points[0])
        mouse.down()
        for point in [*points[1:-1:2], points[-1]]:
            mouse.move(*point)
        mouse.up()


@browser.test
def test_ten_digits_drawn_with_the_mouse_are_read_right(drawing):
    answers, times = [], []
    for digit in range(10):
        draw(drawing, written(digit, np.random.default_rng(digit)))
        words, milliseconds = answer(drawing)
        answers.append(words.split()[1])
        times.append(milliseconds)
        drawing.locator("[data-do=erase]").click()
        drawing.get_by_text("Nothing is drawn yet.").wait_for()
    print(f"read as {' '.join(answers)}; from a stroke's end to the answer {times} ms")
    assert sum(a == str(digit) for digit, a in enumerate(answers)) >= 9
    assert np.median(times) < 1000


@browser.test
def test_undo_takes_back_a_stroke_and_an_erasure(drawing):
    four = [{"width": 20, "points": points} for points in
            ([[90, 40], [80, 140], [200, 140]], [[170, 60], [170, 250]])]  # fmt: skip
    draw(drawing, four[:1])
    first = answer(drawing), pictures(drawing)
    draw(drawing, four[1:])
    second = answer(drawing), pictures(drawing)
    assert second[0][0].startswith("A 4")
    drawing.locator("[data-do=erase]").click()
    drawing.get_by_text("Nothing is drawn yet.").wait_for()
    for words, _ in (second[0], first[0]):
        drawing.locator("[data-do=undo]").click()
        assert answer(drawing)[0] == words
    assert pictures(drawing) == first[1]
    assert second[1] != first[1]


@browser.test
def test_one_can_draw_with_keys_and_take_a_test_digit(drawing):
    paper = drawing.locator(".paper")
    paper.focus()
    for key in ["ArrowUp"] * 15 + [" "] + ["ArrowDown"] * 30 + [" "]:
        paper.press(key)
    assert answer(drawing)[0].startswith("A 1")
    paper.press("Control+z")
    drawing.get_by_text("Nothing is drawn yet.").wait_for()
    for digit in (3, 8):
        drawing.locator(f"[data-example='{digit}']").click()
        assert f" {digit} " in answer(drawing)[0]


@browser.test
def test_the_controls_of_look_inside_change_its_pictures(inside):
    before = settle(inside)
    inside.locator(".number").fill("37")
    shown = settle(inside)
    assert all(a != b for a, b in zip(before, shown))
    for css in ("[data-do=next]", "[data-do=random]", "[data-do=hard]"):
        was = inside.get_attribute("data-shown")
        inside.locator(css).click()
        inside.page.wait_for_function(
            "([root, was]) => root.dataset.shown !== was", arg=[inside.element_handle(), was]
        )
        before, shown = shown, settle(inside)
        assert before[0] != shown[0]


@browser.test
def test_gradient_blend_and_fooled_picture_follow_their_controls(inside):
    inside.locator(".number").fill("5")
    settle(inside)

    def changes(css, act):
        picture = inside.locator(css)
        was = picture.evaluate("(c) => c.toDataURL()")
        act()
        inside.page.wait_for_function(
            "([c, was]) => c.toDataURL() !== was", arg=[picture.element_handle(), was]
        )

    counted, answer = inside.locator(".counted"), inside.locator(".words").inner_text().split()[1]
    counted.hover(position={"x": 80, "y": 80})
    assert "row 13, column 13" in inside.locator(".tip").inner_text()
    changes(".counted", lambda: inside.get_by_label("gradient × ink").check())
    other = str((int(answer) + 4) % 10)
    changes(".counted", lambda: inside.locator(".output").select_option(other))
    changes(".curve", lambda: inside.locator(".other").select_option(other))
    for share, expected in ((0, answer), (100, other)):
        changes(".blend", lambda share=share: inside.locator(".share").fill(str(share)))
        assert inside.get_attribute("data-turn") == expected
    changes(".changed", lambda: inside.locator(".target").select_option(index=2))


@browser.test
def test_a_walk_shows_one_layer_after_the_other(inside):
    inside.locator("[data-do=walk]").click()
    for stage in range(3):
        inside.locator(f".now[data-stage='{stage}']").wait_for()
    inside.get_by_text("Stop").click()
    assert inside.locator(".now, .later").count() == 0


@browser.test
def test_each_part_fits_into_the_page_without_scrolling(drawing, inside):
    area = drawing.page.locator(".jp-WindowedPanel-outer").bounding_box()
    for root in (drawing, inside):
        box = root.bounding_box()
        print(f"{round(box['width'])} by {round(box['height'])} pixels of the notebook's {area}")
        assert box["height"] <= area["height"]


@browser.test
def test_a_browser_had_nothing_to_complain_about(lab, drawing, inside):
    lab.assert_clean()
