// What the playground's two parts about digits share. It comes after shared.js.

const PIXELS = 28, ROWS = 16; // a picture's side; nodes in a column of a layer's picture
const WHITE = [255, 255, 255], BLACK = [26, 26, 26], BLUE = [1, 115, 178], ORANGE = [222, 143, 5];

/** The colour that lies `share` of the way from white to `color`, as bytes. */
const toward = (color, share) => WHITE.map((w, i) => w + (color[i] - w) * Math.min(1, share));

/** Paint a picture of `width` columns, one value a pixel, in colours that color(value, i) gives. */
function paint(canvas, values, width, color) {
  canvas.width = width;
  canvas.height = values.length / width;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, i) => image.data.set([...color(value, i), 255], 4 * i));
  context.putImageData(image, 0, 0);
}

/** Ink on paper: 0 is white, `top` is black. */
const ink = (canvas, values, top = 1) =>
  paint(canvas, values, PIXELS, (v) => toward(BLACK, v / top));

/** Signed values: white at 0, blue at `limit`, orange at -limit. */
const signed = (canvas, values, limit) =>
  paint(canvas, values, PIXELS, (v) => toward(v > 0 ? BLUE : ORANGE, Math.abs(v) / limit));

const largest = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-12);

/** A probability in words of few letters: 97.3 %, > 99.9 %, < 0.1 %. */
function percent(p) {
  if (p > 0.999) return "> 99.9 %";
  return p < 0.001 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`;
}

/** Floats in the buffer number `i` of a message. */
const floats = (buffers, i) =>
  new Float32Array(buffers[i].buffer.slice(buffers[i].byteOffset,
    buffers[i].byteOffset + buffers[i].byteLength));

/** Bytes in the buffer number `i` of a message. */
const bytes = (buffers, i) =>
  new Uint8Array(buffers[i].buffer, buffers[i].byteOffset, buffers[i].byteLength);

/** Signed bytes in the buffer number `i` of a message. */
const integers = (buffers, i) =>
  new Int8Array(buffers[i].buffer, buffers[i].byteOffset, buffers[i].byteLength);

const LAYERS = [1, 2, 3].map((k) => `
  <figure class="layer" data-stage="${k + 1}">
    <figcaption>Hidden layer ${k} <span class="quiet most"></span></figcaption>
    <canvas role="img" aria-label="outputs of the nodes of hidden layer ${k}"></canvas>
    <div class="sections" aria-hidden="true"></div>
  </figure>`).join("");

const BARS = `<ol class="bars" data-stage="5" aria-label="Probability of each digit">
  ${Array.from({ length: 10 }, (_, digit) => `<li><span>${digit}</span>
    <span class="track"><span class="bar"></span></span><output></output></li>`).join("")}</ol>`;

/** Show ten probabilities as bars; without any the bars are empty. */
function showBars(root, p) {
  const best = p ? p.indexOf(Math.max(...p)) : -1;
  root.querySelectorAll(".bars li").forEach((row, digit) => {
    row.classList.toggle("best", digit === best);
    row.querySelector(".bar").style.width = `${p ? 100 * p[digit] : 0}%`;
    row.querySelector("output").textContent = p ? percent(p[digit]) : "";
  });
}

/** The hidden layers' pictures: nodes in columns, sorted by the digit that excites them most. A node of
 * the first layer shows its weights under the mouse. */
function layerPictures(root, box, sections, weights) {
  const figures = [...root.querySelectorAll(".layer")];
  let outputs = null;
  const size = sections[0].reduce((a, b) => a + b);
  const digitOf = sections.map((counts) => counts.flatMap((n, digit) => Array(n).fill(digit)));
  figures.forEach((figure, k) => {
    const line = figure.querySelector(".sections");
    line.innerHTML = sections[k].map((n, digit) =>
      `<span style="flex-grow: ${n}">${n / size > 0.02 ? digit : ""}</span>`).join("");
    const canvas = figure.querySelector("canvas");
    canvas.addEventListener("pointermove", (event) => {
      const column = Math.floor(event.offsetX / canvas.clientWidth * size / ROWS);
      const row = Math.floor(event.offsetY / canvas.clientHeight * ROWS), i = column * ROWS + row;
      if (!outputs || !(i >= 0 && i < size)) return;
      tip(root, box, event, [`output ${short(outputs[k * size + i])}`,
        `excited most by ${digitOf[k][i]}s, in the mean`]);
      if (k > 0) return;
      const own = document.createElement("canvas");
      signed(own, weights.subarray(i * PIXELS ** 2, (i + 1) * PIXELS ** 2), 127);
      box.append("\nits weights, orange negative:", own);
    });
    canvas.addEventListener("pointerleave", (event) => tip(root, box, event, null));
  });
  return {
    show(values) {
      outputs = values;
      figures.forEach((figure, k) => {
        const layer = values ? values.subarray(k * size, (k + 1) * size) : new Float32Array(size);
        const top = largest(layer), turned = new Float32Array(size), width = size / ROWS;
        layer.forEach((v, i) => { turned[(i % ROWS) * width + Math.floor(i / ROWS)] = v; });
        paint(figure.querySelector("canvas"), turned, width, (v) => toward(BLUE, v / top));
        const active = layer.reduce((n, v) => n + (v > 0), 0);
        figure.querySelector(".most").textContent = values
          ? `${active} of ${size} nodes active, largest output ${short(top)}` : "";
      });
    },
  };
}

/** Send messages one at a time: the next goes when the last is answered, and only the newest of
 * a kind waits. What is urgent goes at once. answered() is to be called when an answer has come; one
 * that has not come for five seconds is waited for no longer. */
function oneAtATime(model) {
  let open = 0, last = 0; // sent and not yet answered; when something was sent
  const waiting = new Map();
  const send = (message) => {
    open += 1;
    last = Date.now();
    model.send(message);
  };
  const next = () => {
    const [first] = waiting;
    if (!first || (open > 0 && Date.now() - last < 5000)) return;
    waiting.delete(first[0]);
    send(first[1]);
  };
  return {
    ask(kind, content, urgent = false) {
      waiting.delete(kind);
      if (urgent) send({ kind, ...content });
      else waiting.set(kind, { kind, ...content });
      next();
    },
    answered() {
      open = Math.max(0, open - 1);
      next();
    },
  };
}

/** Build a part in `el`: its element, and how it listens; handlers are by kind of message. */
function part(model, el, html, handlers) {
  el.innerHTML = html;
  const root = el.firstElementChild;
  keepKeys(root);
  const kernel = watchKernel(model, root.querySelector(".kernel"));
  const listen = (message, buffers) => {
    kernel.heard();
    if (message.kind === "problem") {
      const notice = root.querySelector(".problem");
      notice.textContent = message.text;
      notice.hidden = false;
      for (const columns of root.querySelectorAll(".columns")) columns.inert = true;
    } else handlers[message.kind]?.(message, buffers ?? []);
  };
  model.on("msg:custom", listen);
  return {
    root,
    $: (css) => root.querySelector(css),
    stop() { kernel.stop(); model.off("msg:custom", listen); },
  };
}
