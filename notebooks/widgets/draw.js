// The playground's part "Draw a digit": a place to draw, and what the network makes of it.

const SIDE = 280, STEP = 6; // the drawing area's side; how far an arrow key moves the pen
const HTML = `
<div class="playground draw">
  <header>
    <h3>Draw a digit</h3>
    <button data-do="undo" disabled>Undo</button>
    <button data-do="erase" disabled>Erase</button>
    <label>Pen <input type="range" min="4" max="36" value="20" class="width"></label>
  </header>
  <div class="notice problem" role="alert" hidden></div>
  <div class="notice kernel" role="alert" hidden></div>
  <div class="columns">
    <section class="board">
      <canvas class="paper" tabindex="0" role="application" aria-label="Drawing area. Arrow keys
        move the pen, space sets it down and lifts it."></canvas>
      <p class="quiet">Mouse, pen or finger. With keys: arrows move the pen, space sets it down and
        lifts it, Ctrl+Z takes the last stroke back.</p>
      <h4>Or take a test digit, and draw on it</h4>
      <div class="examples">${Array.from({ length: 10 }, (_, d) =>
    `<button data-example="${d}" aria-label="take a test digit ${d}">${d}</button>`).join("")}</div>
    </section>
    <section class="inside" aria-label="What the network reads and does">
      <div class="pair">
        <figure><figcaption>As in MNIST</figcaption><canvas class="seen" role="img"
          aria-label="the drawing in 28 by 28 pixels"></canvas></figure>
        <figure><figcaption>Upright, as read</figcaption><canvas class="upright" role="img"
          aria-label="the drawing sheared upright"></canvas></figure>
        <p class="quiet">Scaled into 20 × 20 pixels, and placed in 28 × 28 by its centre of mass.
          Then its slant is taken out: so were the digits that the network has learnt from.</p>
      </div>
      ${LAYERS}
      <p class="quiet">A square is a node, the bluer the larger its output. Nodes that the same
        digit excites most, written below, stand together. Point at one of layer 1 to see its weights.</p>
    </section>
    <section class="answer" aria-label="The answer">
      <output class="words" role="status" aria-live="polite"></output>
      ${BARS}
      <h4>The nearest training digits</h4>
      <div class="nearest">${"<figure><canvas role='img'></canvas><figcaption></figcaption></figure>"
    .repeat(5)}</div>
      <p class="quiet">By distance from pixel to pixel, both blurred; one third of the 60,000 was
        searched. The network does not use them.</p>
      <p class="quiet time"></p>
    </section>
  </div>
  <div class="tip" hidden></div>
</div>`;

function render({ model, el }) {
  let strokes = [], example = null, layers = null;
  let past = []; // what was there before each change: [strokes, example]
  let drawing = null; // the pointer that draws, or "keys"
  let cursor = [SIDE / 2, SIDE / 2]; // where the pen is that keys move
  let version = 0, ended = 0; // of what is drawn; when the last stroke or click was at its end

  const { root, $, stop } = part(model, el, HTML, {
    hello({ sections }, buffers) {
      layers = layerPictures(root, $(".tip"), sections, integers(buffers, 0));
      clear();
      ask();
    },
    example({ number }, buffers) {
      change();
      strokes = [];
      example = { number, pixels: bytes(buffers, 0) };
      paper();
      ask();
    },
    answer(message, buffers) {
      if (message.empty) clear();
      else show(message, buffers);
      if (drawing === null && message.version === version) answered(message.seconds);
      queue.answered();
    },
  });
  const queue = oneAtATime(model), canvas = $(".paper");

  /** Ask for the answer, at once if a stroke is at its end. */
  function ask() {
    delete root.dataset.answered;
    version += 1;
    queue.ask("drawn", { strokes, example: example ? example.number : null, version },
      drawing === null);
  }

  function clear() {
    const none = new Float32Array(PIXELS ** 2);
    for (const picture of root.querySelectorAll(".seen, .upright, .nearest canvas")) {
      ink(picture, none);
    }
    root.querySelectorAll(".nearest figcaption").forEach((f) => { f.textContent = ""; });
    layers.show(null);
    showBars(root, null);
    $(".words").textContent = "Nothing is drawn yet.";
    $(".time").textContent = "";
  }

  function show(message, buffers) {
    ink($(".seen"), floats(buffers, 0));
    ink($(".upright"), floats(buffers, 1));
    layers.show(floats(buffers, 2));
    showBars(root, message.p);
    $(".words").textContent = message.words;
    const near = bytes(buffers, 3);
    root.querySelectorAll(".nearest figure").forEach((figure, i) => {
      ink(figure.firstElementChild, near.subarray(i * PIXELS ** 2, (i + 1) * PIXELS ** 2), 255);
      figure.lastElementChild.textContent = message.labels[i];
      figure.title = `distance ${short(message.distances[i])}`;
    });
  }

  /** Say how long the answer took from the end of a stroke, and what of it Python took. */
  function answered(seconds) {
    const ms = Math.round(performance.now() - ended);
    root.dataset.answered = ms;
    $(".time").textContent = strokes.length || example
      ? `Answered in ${ms} ms, of which Python took ${Math.round(1000 * seconds)} ms.` : "";
  }

  function paper() {
    const [context, width] = pen(canvas);
    context.scale(width / SIDE, width / SIDE);
    context.fillStyle = context.strokeStyle = "rgb(26 26 26)";
    if (example) {
      const side = SIDE / PIXELS;
      example.pixels.forEach((value, i) => {
        context.globalAlpha = value / 255;
        if (value) context.fillRect(i % PIXELS * side, Math.floor(i / PIXELS) * side, side, side);
      });
      context.globalAlpha = 1;
    }
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      const [first, ...rest] = stroke.points;
      context.lineWidth = stroke.width;
      context.beginPath();
      context.moveTo(...first);
      for (const point of rest.length ? rest : [first]) context.lineTo(...point);
      context.stroke();
    }
    if (canvas.matches(":focus-visible") || drawing === "keys") {
      context.strokeStyle = COLORS[1];
      context.lineWidth = 2;
      context.beginPath();
      context.arc(...cursor, $(".width").value / 2, 0, 7);
      context.stroke();
    }
    $("[data-do=undo]").disabled = !past.length;
    $("[data-do=erase]").disabled = !strokes.length && !example;
  }

  /** Keep what is there, for undo. */
  function change() {
    past.push([strokes, example]);
  }

  function undo() {
    if (!past.length) return;
    drawing = null;
    [strokes, example] = past.pop();
    ended = performance.now();
    paper();
    ask();
  }

  function down(point, by) {
    change();
    drawing = by;
    strokes = [...strokes, { width: Number($(".width").value), points: [point] }];
  }

  function draw(point) {
    const points = strokes.at(-1).points, [x, y] = points.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) >= 1) points.push(point);
  }

  function lift() {
    drawing = null;
    ended = performance.now();
    ask();
  }

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top].map((v, i) =>
      Math.round(10 * v * SIDE / (i ? box.height : box.width)) / 10);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || drawing !== null || !layers) return;
    canvas.setPointerCapture(event.pointerId);
    down(cursor = place(event), event.pointerId);
    paper();
    ask();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drawing !== event.pointerId) return;
    for (const each of event.getCoalescedEvents?.() ?? []) draw(place(each));
    draw(cursor = place(event));
    paper();
    ask();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => { if (drawing === event.pointerId) lift(); });
  }
  for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => paper());
  canvas.addEventListener("keydown", (event) => {
    const [dx, dy] = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    }[event.key] ?? [0, 0];
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo();
    else if (event.key === " " && drawing === "keys") lift();
    else if (event.key === " " && drawing === null) down(cursor, "keys");
    else if (dx || dy) {
      cursor = [cursor[0] + STEP * dx, cursor[1] + STEP * dy].map((v) =>
        Math.max(0, Math.min(SIDE, v)));
      if (drawing === "keys") draw(cursor);
    } else return;
    event.preventDefault();
    paper();
    if (drawing !== null) ask();
  });
  $("[data-do=undo]").addEventListener("click", undo);
  $("[data-do=erase]").addEventListener("click", () => {
    drawing = null;
    ended = performance.now();
    change();
    [strokes, example] = [[], null];
    paper();
    ask();
  });
  for (const button of root.querySelectorAll("[data-example]")) {
    button.addEventListener("click", () => {
      drawing = null;
      ended = performance.now();
      delete root.dataset.answered;
      model.send({
        kind: "example", digit: Number(button.dataset.example), before: example?.number ?? -1,
      });
    });
  }
  const seer = new ResizeObserver(() => paper());
  seer.observe(canvas);
  model.send({ kind: "hello" });
  return () => { stop(); seer.disconnect(); };
}

export default { render };
