// The playground's part "Look inside": a test digit on its way through the network.

const LEFT = 34, RIGHT = 8; // of the curves, beside their axes
const DIGITS = Array.from({ length: 10 }, (_, digit) => digit);
const STAGES = [
  "The digit as it was written: 784 grey values.",
  "Its slant is taken out. These 784 numbers are what the network reads.",
  "Each node of layer 1 weighs all pixels, adds them up, and passes on what is above zero.",
  "Layer 2 does the same with the outputs of layer 1. Fewer nodes answer.",
  "In layer 3 mostly those nodes are left that the answer excites.",
  "Ten sums of layer 3, the scores, are made probabilities by the softmax.",
];
const NODES = "A square is a node, the bluer the larger its output. Nodes that the same digit excites "
  + "most, written below, stand together. Point at a node of layer 1 to see its weights.";
const HTML = `
<div class="playground look">
  <header>
    <h3>Look inside</h3>
    <label>Test digit <input type="number" min="0" max="9999" value="0" class="number"></label>
    <input type="range" min="0" max="9999" value="0" class="slider" aria-label="number of the test
      digit">
    <button data-do="next">Next</button>
    <button data-do="random">Random</button>
    <button data-do="hard" title="of 500 random test digits the one that the network is least sure
      of">A hard one</button>
    <button class="main" data-do="walk">Walk through</button>
  </header>
  <div class="notice problem" role="alert" hidden></div>
  <div class="notice kernel" role="alert" hidden></div>
  <div class="columns way">
    <div class="twice">
      <figure data-stage="0"><figcaption class="label">As written</figcaption>
        <canvas class="written" role="img" aria-label="the test digit"></canvas></figure>
      <figure data-stage="1"><figcaption>Upright, as read</figcaption>
        <canvas class="upright" role="img" aria-label="the test digit upright"></canvas></figure>
    </div>
    <div>${LAYERS}<p class="quiet say" role="status" aria-live="polite">${NODES}</p></div>
    <section aria-label="The answer">
      <output class="words" role="status" aria-live="polite"></output>
      ${BARS}
    </section>
  </div>
  <div class="columns cards">
    <section class="card" aria-label="Which pixels counted">
      <h4>Which pixels counted</h4>
      <div class="beside">
        <canvas class="counted" role="img" aria-label="gradient of a score by the pixels"></canvas>
        <div>
          <label>For the score of <select class="output" aria-label="score of which digit">
            ${DIGITS.map((d) => `<option>${d}</option>`).join("")}</select></label>
          <label class="line"><input type="radio" name="KIND" value="gradient" checked> gradient
          </label>
          <label class="line"><input type="radio" name="KIND" value="product"> gradient × ink
          </label>
          <p class="quiet meaning"></p>
        </div>
      </div>
    </section>
    <section class="card" aria-label="Slide into another digit">
      <h4>Slide into <select class="other" aria-label="slide into which digit">
        ${DIGITS.map((d) => `<option>${d}</option>`).join("")}</select>
        <button data-do="another">Another</button></h4>
      <div class="beside">
        <div><canvas class="blend" role="img" aria-label="the mixture of both digits"></canvas>
          <input type="range" min="0" max="100" value="50" class="share"
            aria-label="share of the other digit, in percent"></div>
        <canvas class="curve" role="img" aria-label="ten probabilities along the way"></canvas>
      </div>
      <p class="quiet turn" role="status"></p>
    </section>
    <section class="card" aria-label="The smallest change that fools it">
      <h4>Smallest change into <select class="target"
        aria-label="into which digit"></select></h4>
      <div class="three">
        <figure><canvas class="change" role="img" aria-label="the change"></canvas>
          <figcaption class="times"></figcaption></figure>
        <figure><canvas class="changed" role="img" aria-label="the changed digit"></canvas>
          <figcaption>changed</figcaption></figure>
      </div>
      <p class="quiet bound" role="status"></p>
    </section>
  </div>
  <div class="tip" hidden></div>
</div>`;

function render({ model, el }) {
  let layers = null, digit = null, blend = null, fooled = null, other = 3, walk = null, later = null;
  const { root, $, stop } = part(model, el, HTML.replaceAll("KIND", `kind-${Math.random()}`), {
    hello({ sections }, buffers) {
      layers = layerPictures(root, $(".tip"), sections, integers(buffers, 0));
      go(0);
    },
    digit(message, buffers) {
      digit = { ...message, image: floats(buffers, 0), X: floats(buffers, 1),
        hidden: floats(buffers, 2), gradients: floats(buffers, 3) };
      root.dataset.shown = digit.number;
      $(".slider").value = digit.number;
      if (!$(".number").matches(":focus")) $(".number").value = digit.number; // one may be typing
      showDigit();
      if (other === answer()) other = (other + 1) % 10;
      queue.ask("blend", { number: digit.number, digit: other, before: -1 });
      clearTimeout(later); // it takes longer: not while one moves on
      later = setTimeout(() => queue.ask("fool", { number: digit.number }), 200);
      queue.answered();
    },
    blend(message, buffers) {
      blend = { ...message, start: floats(buffers, 0), end: floats(buffers, 1),
        curve: floats(buffers, 2) };
      other = blend.digit;
      $(".other").value = other;
      showBlend();
      queue.answered();
    },
    fooled(message, buffers) {
      fooled = { ...message, X: floats(buffers, 0), pictures: floats(buffers, 1) };
      const found = DIGITS.filter((d) => d !== answer() && fooled.distances[d] !== null)
        .sort((a, b) => fooled.distances[a] - fooled.distances[b]);
      $(".target").innerHTML = found.map((d) =>
        `<option value="${d}">${d}: ${short(fooled.distances[d], 2)}</option>`).join("");
      showFooled();
      queue.answered();
    },
  });
  const queue = oneAtATime(model);

  const answer = () => digit.p.indexOf(Math.max(...digit.p));

  /** Show a test digit; what is known of the last one is shown until the new one's has come. */
  function go(number) {
    if (!Number.isInteger(number) || number < 0 || number > 9999) return;
    rest();
    queue.ask("digit", { number });
  }

  function showDigit() {
    ink($(".written"), digit.image);
    ink($(".upright"), digit.X);
    layers.show(digit.hidden);
    showBars(root, digit.p);
    $(".label").textContent = `Labelled ${digit.label}`;
    const wrong = answer() !== digit.label;
    $(".words").textContent = digit.words + (wrong ? ", and wrong" : "");
    $(".words").classList.toggle("wrong", wrong);
    $(".output").value = answer();
    showCounted();
  }

  function counted() {
    const from = Number($(".output").value) * PIXELS ** 2;
    const gradient = digit.gradients.subarray(from, from + PIXELS ** 2);
    const product = $("input[value=product]").checked;
    return product ? gradient.map((g, i) => g * digit.X[i]) : gradient;
  }

  function showCounted() {
    const values = counted(), limit = largest(values), of = $(".output").value;
    paint($(".counted"), values, PIXELS, (v, i) => // the digit lies below in grey
      toward(v > 0 ? BLUE : ORANGE, Math.abs(v) / limit).map((c) => c * (1 - 0.3 * digit.X[i])));
    $(".meaning").innerHTML = `<span class="blue">Blue</span> raises the score of ${of}, `
      + `<span class="orange">orange</span> lowers it: ${$("input[value=product]").checked
        ? "what a pixel's ink gives it, were the network linear"
        : "what a little more ink in a pixel would do"}. The deepest colour is ${short(limit)}.`;
  }

  function showBlend() {
    const at = Number($(".share").value), share = at / 100;
    ink($(".blend"), blend.start.map((v, i) => (1 - share) * v + share * blend.end[i]));
    const p = [...blend.curve.subarray(10 * at, 10 * at + 10)], best = p.indexOf(Math.max(...p));
    $(".turn").textContent = `${at} % of the ${blend.digit}, test digit ${blend.other}: read as `
      + `a ${best}, ${percent(p[best])}`;
    root.dataset.turn = best;
    showCurve(at);
  }

  /** The ten probabilities along the way; those that matter are named where they are largest. */
  function showCurve(at) {
    const [context, width, height] = pen($(".curve"));
    const left = LEFT, right = width - RIGHT, top = 8, bottom = height - 32;
    const x = (k) => left + (right - left) * k / 100, y = (p) => bottom - (bottom - top) * p;
    context.strokeStyle = GRID;
    context.fillStyle = QUIET;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const p of [0, 0.5, 1]) {
      context.fillText(String(p), left - 5, y(p));
      context.beginPath();
      context.moveTo(left, y(p));
      context.lineTo(right, y(p));
      context.stroke();
    }
    context.textAlign = "center";
    for (const k of [0, 50, 100]) context.fillText(`${k} %`, Math.min(x(k), right - 12), bottom + 11);
    context.fillText(`probabilities by the share of the ${blend.digit}`, (left + right) / 2,
      bottom + 25);
    const ends = [blend.curve.subarray(0, 10), blend.curve.subarray(1000, 1010)]
      .map((p) => p.indexOf(Math.max(...p)));
    for (const d of DIGITS) {
      const p = Array.from({ length: 101 }, (_, k) => blend.curve[10 * k + d]);
      const most = Math.max(...p), peak = p.indexOf(most);
      context.setLineDash(d === ends[1] ? [6, 3] : []);
      context.strokeStyle = d === ends[0] ? COLORS[0] : d === ends[1] ? COLORS[1] : "#7a7a7a";
      context.lineWidth = ends.includes(d) ? 2.2 : 1.2;
      context.beginPath();
      p.forEach((v, k) => context.lineTo(x(k), y(v)));
      context.stroke();
      if (most < 0.1) continue;
      context.fillStyle = INK;
      const side = d === ends[0] ? 4 : d === ends[1] ? 96 : peak;
      context.fillText(d, x(side), y(p[side]) + (p[side] > 0.85 ? 10 : -8));
    }
    context.setLineDash([]);
    context.strokeStyle = INK;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x(at), top);
    context.lineTo(x(at), bottom);
    context.stroke();
  }

  function showFooled() {
    const target = Number($(".target").value), from = target * PIXELS ** 2;
    const picture = fooled.pictures.subarray(from, from + PIXELS ** 2);
    const change = picture.map((v, i) => v - fooled.X[i]), most = largest(change);
    signed($(".change"), change, most);
    ink($(".changed"), picture);
    $(".times").textContent = `change, × ${short(1 / most, 2)}`;
    const distance = fooled.distances[target];
    $(".bound").textContent = `Length ${short(distance, 2)}, `
      + `${short(100 * distance / fooled.size, 2)} % of the digit's own: now read as ${target}, `
      + `${percent(fooled.p[target])}. It is the smallest that a search found; a smaller one may exist.`;
    root.dataset.fooled = `${fooled.number} ${target}`;
  }

  /** Go through the stages, each for two seconds. */
  function step(stage) {
    for (const element of root.querySelectorAll("[data-stage]")) {
      const own = Number(element.dataset.stage);
      element.classList.toggle("now", own === stage);
      element.classList.toggle("later", own > stage);
    }
    $(".say").textContent = STAGES[stage];
    walk = setTimeout(() => (stage < 5 ? step(stage + 1) : rest()), 2200);
    $("[data-do=walk]").textContent = "Stop";
  }

  function rest() {
    clearTimeout(walk);
    walk = null;
    for (const element of root.querySelectorAll("[data-stage]")) {
      element.classList.remove("now", "later");
    }
    $(".say").textContent = NODES;
    $("[data-do=walk]").textContent = "Walk through";
  }

  const on = (css, event, action) => $(css).addEventListener(event, () => digit && action());
  on(".number", "input", () => $(".number").value !== "" && go(Number($(".number").value)));
  on(".slider", "input", () => go(Number($(".slider").value)));
  on("[data-do=next]", "click", () => go((digit.number + 1) % 10000));
  on("[data-do=random]", "click", () => { rest(); queue.ask("pick", { how: "random" }); });
  on("[data-do=hard]", "click", () => { rest(); queue.ask("pick", { how: "hard" }); });
  on("[data-do=walk]", "click", () => (walk === null ? step(0) : rest()));
  on(".output", "change", showCounted);
  for (const radio of root.querySelectorAll("[type=radio]")) {
    radio.addEventListener("change", () => digit && showCounted());
  }
  on(".share", "input", () => blend && showBlend());
  for (const kind of ["pointerdown", "pointermove"]) {
    $(".curve").addEventListener(kind, (event) => {
      if (!blend || !event.buttons) return;
      const wide = $(".curve").clientWidth - LEFT - RIGHT;
      $(".share").value = 100 * (event.offsetX - LEFT) / wide;
      showBlend();
    });
  }
  on(".target", "change", () => fooled && showFooled());
  on(".other", "change", () => queue.ask("blend", {
    number: digit.number, digit: Number($(".other").value), before: -1,
  }));
  on("[data-do=another]", "click", () => queue.ask("blend", {
    number: digit.number, digit: other, before: blend?.other ?? -1,
  }));
  for (const [css, values] of [[".counted", counted], [".upright", () => digit.X]]) {
    $(css).addEventListener("pointermove", (event) => {
      if (!digit) return;
      const [column, row] = [event.offsetX / $(css).clientWidth, event.offsetY / $(css).clientHeight]
        .map((v) => Math.min(PIXELS - 1, Math.max(0, Math.floor(PIXELS * v))));
      tip(root, $(".tip"), event, [`row ${row}, column ${column}`,
        `${css === ".counted" ? "value" : "ink"} ${short(values()[PIXELS * row + column])}`]);
    });
    $(css).addEventListener("pointerleave", (event) => tip(root, $(".tip"), event, null));
  }
  const seer = new ResizeObserver(() => blend && showBlend());
  seer.observe($(".curve"));
  model.send({ kind: "hello" });
  return () => { stop(); rest(); clearTimeout(later); seer.disconnect(); };
}

export default { render };
