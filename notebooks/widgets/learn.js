// The playground's part "Watch it learn": controls, the network, the fit and the costs.

const NODE = 33, SHOWN = 8, DASH = [5, 3];
const CLASS = [1, 0, 2, 3, 4, 5]; // places in COLORS: blue, as positive, is the second of two
const COSTS = {
  "MSE()": "mean squared error",
  "BinaryCrossEntropy()": "cross-entropy, nats",
  "CrossEntropy()": "cross-entropy, nats",
};
const OWN = ["points", "labelled", "csv"];

/** A labelled select; options are [value, text], of which the values are sent as JSON. */
function select(name, label, options, title = "") {
  const items = options.map(([value, text]) =>
    `<option value='${JSON.stringify(value)}'>${text ?? value}</option>`);
  return `<label title="${title}"><span>${label}</span><select data-set="${name}">${items.join("")}</select></label>`;
}

const numbers = (...values) => values.map((v) => [v, v === 0 ? "none" : undefined]);
const HTML = `
<div class="playground learn">
  <header>
    <h3>Watch it learn</h3>
    <button class="main" data-do="start">Start</button>
    <button data-do="step" title="train one epoch">One epoch</button>
    <button data-do="reset" title="back to epoch 0, with the same first weights">Reset</button>
    <button data-do="again" title="back to epoch 0, with other first weights">New start</button>
    <label>Speed <select data-do="speed">
      <option>slow</option><option>medium</option><option>fast</option></select></label>
    <output class="epoch"></output>
    <output class="end" role="status" aria-live="polite"></output>
    <button class="right" data-do="code">The code</button>
  </header>
  <div class="notice kernel" role="alert" hidden></div>
  <div class="columns">
    <section class="controls" aria-label="Data and training">
      <h4>Data</h4>
      <label class="wide"><select data-set="target" aria-label="Data">
        <optgroup label="A function">
          <option value='"runge"'>Runge’s function</option><option value='"step"'>a step</option>
          <option value='"kink"'>a kink</option><option value='"waves"'>two waves</option>
          <option value='"runge_2d"'>Runge’s function of x₁, x₂</option></optgroup>
        <optgroup label="Classes">
          <option value='"spirals"'>spirals</option><option value='"circles"'>circles</option>
          <option value='"xor"'>exclusive or</option></optgroup>
        <optgroup label="Your own">
          <option value='"points"'>points you click</option>
          <option value='"labelled"'>classes you click</option>
          <option value='"csv"'>a CSV table</option></optgroup></select></label>
      <div class="made">
        ${select("points", "Training points", [[10], [20], [50], [100], [200], [500]])}
        ${select("noise", "Noise, std. dev.", numbers(0, 0.02, 0.05, 0.1, 0.2, 0.3))}
        <label><span>Data seed</span>
          <input type="number" min="0" max="9999" aria-label="Data seed" data-set="data_seed"></label>
      </div>
      <div class="clicked">
        <p class="quiet"></p>
        <label class="class"><span>Class</span><select data-do="label">
          <option value="0">A</option><option value="1">B</option><option value="2">C</option>
        </select></label>
        <label><span>As test point</span><input type="checkbox" data-do="test"></label>
        <button data-do="clear">Remove all points</button>
      </div>
      <div class="csv">
        <p class="quiet">The last column is the target.</p>
        <input type="file" accept=".csv,.txt,.tsv,text/*" aria-label="A CSV file" data-do="file">
        <textarea rows="3" aria-label="Or paste a table here" placeholder="or paste a table here"
          spellcheck="false"></textarea>
        <button data-do="paste">Use the pasted table</button>
      </div>
      <h4>Training</h4>
      ${select("init", "First weights", [[null, "suited"], ["glorot", "Glorot"], ["he", "He"],
    ["normal", "normal"]], "suited: He before a ReLU, leaky ReLU or ELU, else Glorot")}
      ${select("optimizer", "Optimizer", [["sgd", "SGD"], ["momentum", "SGD, momentum"],
    ["rmsprop", "RMSProp"], ["adam", "Adam"]])}
      ${select("learning_rate", "Learning rate",
    [[0.0001], [0.0003], [0.001], [0.003], [0.01], [0.03], [0.1], [0.3], [1], [3], [10]])}
      ${select("batch_size", "Batch size", [[1], [5], [10], [20], [50], [null, "all"]])}
      ${select("l1", "L1 penalty", numbers(0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.1))}
      ${select("l2", "L2 penalty", numbers(0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.1))}
    </section>
    <section class="network" aria-label="The network">
      <div class="notice problem" role="alert" hidden></div>
      <div class="row">
        <span>Hidden layers</span>
        <button data-do="fewer" aria-label="one hidden layer fewer">−</button>
        <output class="depth"></output>
        <button data-do="more" aria-label="one hidden layer more">+</button>
        ${select("activation", "Activation", [["sigmoid"], ["tanh"], ["relu", "ReLU"],
    ["leaky_relu", "leaky ReLU"], ["elu", "ELU"], ["linear"]])}
      </div>
      <div class="heads"></div>
      <canvas class="net" role="img" aria-label="The network: nodes with their outputs, weights as
        lines, and the gradient of each layer"></canvas>
      <p class="quiet legend"><span class="stroke blue"></span> positive weight
        <span class="stroke orange dashed"></span> negative · each node shows its own output</p>
    </section>
    <section class="pictures" aria-label="The fit and the costs">
      <h4><span class="what"></span> <span class="scores"></span></h4>
      <canvas class="fit" role="img" aria-label="Data and output of the network"></canvas>
      <p class="quiet legend key"></p>
      <h4><span class="cost"></span></h4>
      <canvas class="costs" role="img" aria-label="Training and test cost by epoch"></canvas>
      <p class="quiet legend"><span class="stroke blue"></span> training
        <span class="stroke orange dashed"></span> test <span class="before"><span
        class="stroke grey"></span> the run before</span></p>
    </section>
  </div>
  <div class="code" role="dialog" aria-label="The code" hidden>
    <p>These lines train the same network, to the last bit. Run them in a notebook beside this
      one.</p>
    <pre tabindex="0"></pre>
    <button class="main" data-do="copy">Copy</button> <button data-do="close">Close</button>
  </div>
  <div class="tip" hidden></div>
</div>`;

function render({ model, el }) {
  el.innerHTML = HTML;
  const root = el.firstElementChild;
  const $ = (css) => root.querySelector(css);
  const send = (kind, more = {}) => model.send({ kind, ...more });
  keepKeys(root);
  const kernel = watchKernel(model, $(".kernel"));
  let state = null, frame = null, running = false, history = [], before = [], fit = null, costs = null, speed = null;

  // ------------------------------------------------------------------ the fit or the decision map
  function eachPoint(draw) {
    for (const test of [true, false]) {
      const points = state.points[Number(test)], width = state.columns;
      const count = Math.min(points.length / width, test ? 200 : 5000);
      for (let i = 0; i < count; i++) {
        draw(points[i * width], points[i * width + 1], points[(i + 1) * width - 1], test);
      }
    }
  }

  function drawFit() {
    const [context, width, height] = pen($(".fit")), two = state.columns === 3;
    const xs = [state.low[0], state.high[0]], ys = two ? [state.low[1], state.high[1]] : state.range;
    const names = two ? state.names : [state.names[0], state.names.at(-1)];
    const a = fit = axes(context, width, height, xs, ys, names);
    context.save();
    context.beginPath();
    context.rect(a.left, a.top, a.right - a.left, a.bottom - a.top);
    context.clip();
    if (two) paint(context, 61, mapColor, a.left, a.top, a.right - a.left, a.bottom - a.top);
    eachPoint((x, y, target, test) => {
      const map = two && !state.classes.length; // there the colour is the target's value
      const color = map ? `rgb(${cividis(share(target)).map(Math.round)})`
        : state.classes.length ? COLORS[CLASS[target]] : test ? "#8a8a8a" : COLORS[1];
      const kind = state.classes.length ? target : 0;
      const [fill, rim] = map ? [color, test ? color : "#ffffff"]
        : test ? ["#ffffff", color] : [color, "#ffffff"];
      mark(context, a.x(x), a.y(y), test ? 2.6 : 3.8, kind, fill, rim);
    });
    if (!two) {
      const last = frame.picture.length - 1;
      const place = (v, i) => [a.x(xs[0] + (xs[1] - xs[0]) * i / last), a.y(v)];
      context.strokeStyle = INK;
      context.lineWidth = 1.2;
      context.setLineDash([2, 3]);
      line(context, Array.from(state.f, place));
      context.setLineDash([]);
      context.strokeStyle = COLORS[0];
      context.lineWidth = 2.4;
      line(context, Array.from(frame.picture, place));
    }
    context.restore();
  }

  const share = (y) => (y - state.range[0]) / (state.range[1] - state.range[0]);
  function mapColor(i) {
    const k = state.classes.length;
    if (!k) return cividis(share(frame.picture[i]));
    let color = [255, 255, 255]; // white is where all classes are alike
    for (let c = 0; c < k; c++) {
      const lead = Math.max(0, frame.picture[i * k + c] / 255 - 1 / k) * k / (k - 1);
      color = color.map((v, j) => v - 0.55 * lead * (255 - RGB[CLASS[c]][j]));
    }
    return color;
  }

  function fitTip(event) {
    const a = fit, [px, py] = inside(event, $(".fit"));
    if (px < a.left || px > a.right || py < a.top || py > a.bottom) return null;
    const u = (px - a.left) / (a.right - a.left), v = (a.bottom - py) / (a.bottom - a.top);
    const x = state.low[0] + u * (state.high[0] - state.low[0]);
    if (state.columns === 2) {
      const i = Math.round(u * (frame.picture.length - 1));
      const lines = [`${state.names[0]} = ${short(x)}`, `ŷ = ${short(frame.picture[i])}`];
      return state.f.length ? [...lines, `f = ${short(state.f[i])}`] : lines;
    }
    const y = state.low[1] + v * (state.high[1] - state.low[1]);
    const i = Math.round(v * 60) * 61 + Math.round(u * 60), k = state.classes.length;
    const lines = [`${state.names[0]} = ${short(x)}`, `${state.names[1]} = ${short(y)}`];
    if (!k) return [...lines, `ŷ = ${short(frame.picture[i])}`];
    return [...lines, ...state.classes.map((name, c) =>
      `p(${name}) = ${short(frame.picture[i * k + c] / 255, 2)}`)];
  }

  // ------------------------------------------------------------------ the network
  const shown = (layer) => Math.min(state.sizes[layer], SHOWN);
  function place(layer, i) {
    const canvas = $(".net"), last = state.sizes.length - 1, pitch = 47;
    const x = 8 + (canvas.clientWidth - 16 - NODE) * layer / last;
    const middle = (canvas.clientHeight - 70) / 2;
    return [x, middle + (i - (shown(layer) - 1) / 2) * pitch - NODE / 2 + 6];
  }

  /** Each weight between shown nodes: from where to where, and its value. */
  function* edges() {
    let at = 0;
    for (let layer = 1; layer < state.sizes.length; layer++) {
      for (let i = 0; i < shown(layer - 1); i++) {
        for (let j = 0; j < shown(layer); j++) yield { layer, i, j, w: frame.weights[at++] };
      }
      at += shown(layer);
    }
  }

  function bias(layer, j) {
    let at = 0;
    for (let l = 1; l <= layer; l++) at += (shown(l - 1) + (l < layer ? 1 : 0)) * shown(l);
    return frame.weights[at + j];
  }

  function ends({ layer, i, j }) {
    const [x0, y0] = place(layer - 1, i), [x1, y1] = place(layer, j);
    return [x0 + NODE, y0 + NODE / 2, x1, y1 + NODE / 2];
  }

  function drawNet() {
    const [context, width, height] = pen($(".net")), last = state.sizes.length - 1;
    for (const edge of edges()) {
      const [x0, y0, x1, y1] = ends(edge), bend = 0.45 * (x1 - x0), size = Math.abs(edge.w);
      if (!(size > 1e-3)) continue;
      context.strokeStyle = COLORS[edge.w > 0 ? 0 : 1];
      context.globalAlpha = 0.35 + 0.65 * size / (size + 1);
      context.lineWidth = 0.5 + 5 * size / (size + 1.5);
      context.setLineDash(edge.w > 0 ? [] : DASH);
      context.beginPath();
      context.moveTo(x0, y0);
      context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
      context.stroke();
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
    let at = 0;
    const n = state.columns === 3 ? 256 : 41;
    for (let layer = 0; layer <= last; layer++) {
      for (let i = 0; i < shown(layer); i++, at += n) {
        drawNode(context, ...place(layer, i), frame.nodes.subarray(at, at + n));
      }
      drawNames(context, layer, width);
    }
    drawGradients(context, height);
  }

  function drawNode(context, x, y, values) {
    if (state.columns === 3) {
      paint(context, 16, (i) => signed(values[i] / 127), x, y, NODE, NODE);
    } else {
      context.fillStyle = "#ffffff";
      context.fillRect(x, y, NODE, NODE);
      context.strokeStyle = GRID;
      line(context, [[x, y + NODE / 2], [x + NODE, y + NODE / 2]]);
      context.strokeStyle = INK;
      context.lineWidth = 1.5;
      line(context, Array.from(values, (v, i) =>
        [x + NODE * i / (values.length - 1), y + NODE / 2 - 0.44 * NODE * v / 127]));
    }
    context.strokeStyle = "#6b6b6b";
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, y + 0.5, NODE - 1, NODE - 1);
  }

  function drawNames(context, layer, width) {
    const last = state.sizes.length - 1, count = shown(layer), more = state.sizes[layer] - count;
    context.fillStyle = QUIET;
    context.textAlign = layer === 0 ? "left" : layer === last ? "right" : "center";
    context.textBaseline = "bottom";
    const outputs = state.classes.length > 2 ? state.classes.map((c) => `p(${c})`)
      : [state.classes.length ? `p(${state.classes[1]})` : "ŷ"];
    const names = layer === 0 ? state.names : layer === last ? outputs : [];
    for (let i = 0; i < Math.min(names.length, count); i++) {
      const [x, y] = place(layer, i), text = names[i].length > 12 ? `${names[i].slice(0, 11)}…` : names[i];
      context.fillText(text, layer === 0 ? x : Math.min(x + NODE, width), y - 1);
    }
    const [x, y] = place(layer, count - 1);
    if (more) context.fillText(`+ ${more} more`, layer === 0 ? x : x + NODE / 2, y + NODE + 15);
  }

  function drawGradients(context, height) {
    const top = height - 36;
    context.textBaseline = "top";
    context.textAlign = "left";
    context.fillStyle = QUIET;
    context.fillText("gradient,", 0, top - 1);
    context.fillText("log scale", 0, top + 13);
    frame.gradients.forEach((size, i) => {
      const [x] = place(i + 1, 0), length = 60 * Math.min(Math.max((Math.log10(size) + 6) / 8, 0), 1);
      const from = i + 1 === state.sizes.length - 1 ? x + NODE - 60 : x + NODE / 2 - 30;
      context.fillStyle = "#eeeeee";
      context.fillRect(from, top, 60, 12);
      context.fillStyle = COLORS[2];
      context.fillRect(from, top, length, 12);
      context.fillStyle = INK;
      context.textAlign = "center";
      context.fillText(short(size, 2), from + 30, top + 15);
    });
  }

  function netTip(event) {
    const [px, py] = inside(event, $(".net")), last = state.sizes.length - 1;
    const kind = (l) => (l === 0 ? "input" : l === last ? "output" : `layer ${l}, node`);
    for (let layer = 0; layer <= last; layer++) {
      for (let i = 0; i < shown(layer); i++) {
        const [x, y] = place(layer, i);
        if (px < x || px > x + NODE || py < y || py > y + NODE) continue;
        return layer ? [`${kind(layer)} ${i + 1}`, `bias = ${short(bias(layer, i))}`]
          : [`input ${i + 1}: ${state.names[i]}`];
      }
    }
    let best = 6, found = null;
    for (const edge of edges()) {
      const [x0, y0, x1, y1] = ends(edge), t = (px - x0) / (x1 - x0);
      if (t < 0 || t > 1) continue;
      const far = Math.abs(y0 + (y1 - y0) * t * t * (3 - 2 * t) - py);
      if (far < best) [best, found] = [far, edge];
    }
    return found && [`weight = ${short(found.w)}`, `from ${kind(found.layer - 1)} ${found.i + 1}`,
      `to ${kind(found.layer)} ${found.j + 1}`];
  }

  // ------------------------------------------------------------------ the costs
  function thin(records) { // some 800 of them, the last among them
    const step = Math.ceil(records.length / 800);
    return records.filter((r, i) => i % step === 0 || i === records.length - 1);
  }

  function drawCosts() {
    const [context, width, height] = pen($(".costs"));
    const [now, old] = [thin(history), thin(before)];
    const values = [...now, ...old].flatMap((r) => [r[1], r[2]]).filter((v) => v > 0);
    const low = values.length ? Math.min(...values) : 0.01;
    const least = Math.min(...(now.length ? now : old).map((r) => r[1])); // a run that diverges is cut off
    const high = values.length ? Math.min(Math.max(...values), 1e9 * least) : 1;
    const range = [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high) + 1e-9)];
    const epochs = Math.max(10, history.at(-1)?.[0] ?? 0, before.at(-1)?.[0] ?? 0);
    const a = costs = axes(context, width, height, [0, epochs], range,
      ["epoch", "cost"], true);
    const curve = (records, column, color, dash, size) => {
      const kept = records.filter((r) => r[column] > 0);
      context.strokeStyle = color;
      context.lineWidth = size;
      context.setLineDash(dash);
      line(context, kept.map((r) => [a.x(r[0]), a.y(r[column])]));
    };
    curve(old, 1, "#a3a3a3", [], 1.2);
    curve(now, 2, COLORS[1], DASH, 1.8);
    curve(now, 1, COLORS[0], [], 1.8);
    context.setLineDash([]);
  }

  function costTip(event) {
    const a = costs, [px] = inside(event, $(".costs"));
    if (!history.length || px < a.left || px > a.right) return null;
    const epochs = Math.max(10, history.at(-1)[0], before.at(-1)?.[0] ?? 0);
    const epoch = Math.round(epochs * (px - a.left) / (a.right - a.left));
    const record = history[Math.min(Math.max(epoch, 1), history.length) - 1];
    return [`epoch ${record[0]}`, `training ${short(record[1])}`, `test ${short(record[2])}`];
  }

  // ------------------------------------------------------------------ what Python tells
  const told = {
    pong() {},
    problem({ text }) { warn(text); },
    state(content, [training, test, f]) {
      if (content.fresh && history.length > 10) before = history;
      if (state && (content.cost !== state.cost || content.settings.target !== state.target)) {
        before = [];
      }
      history = [];
      [state, frame] = [content, null];
      state.target = state.settings.target;
      state.columns = Math.min(state.names.length - 1, 2) + 1;
      state.points = [floats(training), floats(test)];
      state.f = floats(f);
      state.range = targetRange();
      showSettings();
    },
    frame(content, [picture, nodes, weights]) {
      frame = content;
      running = frame.running;
      frame.picture = state.classes.length
        ? new Uint8Array(picture.buffer, picture.byteOffset, picture.byteLength) : floats(picture);
      frame.nodes = new Int8Array(nodes.buffer, nodes.byteOffset, nodes.byteLength);
      frame.weights = floats(weights);
      for (const record of frame.records) history.push(record);
      requestAnimationFrame(() => {
        if (frame) draw();
        send("drawn");
      });
    },
    code({ text }) {
      $(".code pre").textContent = text;
      $(".code").hidden = false;
      $("[data-do=copy]").focus();
    },
  };

  function targetRange() {
    const values = [...state.f];
    eachPoint((x, y, target) => values.push(target));
    if (state.settings.target === "points" || !values.length) return [-1, 1];
    const low = Math.min(...values), high = Math.max(...values), edge = 0.06 * (high - low) + 1e-9;
    return [low - edge, high + edge];
  }

  function draw() {
    drawFit();
    drawNet();
    drawCosts();
    const word = state.classes.length ? "accuracy" : "R²";
    $(".scores").textContent = `${word}: training ${score(0)}, test ${score(1)}`;
    $(".before").hidden = before.length === 0;
    $(".epoch").textContent = `Epoch ${frame.epoch}`;
    $("[data-do=start]").textContent = running ? "Pause" : frame.epoch ? "Go on" : "Start";
    $("[data-do=start]").disabled = $("[data-do=step]").disabled = !state.ready || frame.failed;
    const bad = frame.end.startsWith("It diverged");
    $(".end").textContent = bad ? "Diverged" : frame.end;
    if (bad) warn(`${frame.end} Why: a step that is too long lands where the cost is higher than before, and the next is longer still. Choose a smaller learning rate.`);
    root.dataset.epoch = frame.epoch;
    root.dataset.running = running;
  }

  function score(i) {
    const value = frame.scores[i];
    if (value === null) return "–";
    if (state.classes.length) return `${(100 * value).toFixed(1)} %`;
    return Math.abs(value) < 10 ? value.toFixed(3).replace("-", "−") : short(value);
  }

  function warn(text) {
    $(".problem").textContent = text;
    $(".problem").hidden = !text;
  }

  function showSettings() {
    const { settings, classes, sizes } = state, target = settings.target;
    for (const input of root.querySelectorAll("[data-set]")) {
      const value = settings[input.dataset.set];
      input.value = input.type === "number" ? value : JSON.stringify(value);
    }
    $("[data-do=speed]").value = speed ?? state.speed;
    $(".made").hidden = OWN.includes(target);
    $(".clicked").hidden = target !== "points" && target !== "labelled";
    $(".clicked .class").hidden = target !== "labelled";
    $(".clicked .quiet").textContent = state.ready ? "Click into the picture on the right."
      : `Click at least two points${target === "labelled" ? ", of two classes," : ""} into the picture on the right.`;
    $(".csv").hidden = target !== "csv";
    $(".fit").classList.toggle("aim", !$(".clicked").hidden);
    $("[data-do=start]").disabled = $("[data-do=step]").disabled = !state.ready;
    $(".depth").textContent = settings.hidden.length;
    $("[data-do=fewer]").disabled = settings.hidden.length === 0;
    $("[data-do=more]").disabled = settings.hidden.length === 5;
    $(".what").textContent = classes.length ? "Decision map" : "Fit";
    $(".cost").textContent = `Cost (loss): ${COSTS[state.cost]}`;
    const rest = state.names.length > 3
      ? ` · shown: the first two inputs, the others at their mean` : "";
    const bar = `ringed: training · others: test · ${short(state.range[0], 2)}
      <span class="bar"></span> ${short(state.range[1], 2)}`;
    const kinds = classes.map((name, i) => `<span style="color: ${COLORS[CLASS[i]]}">${
      "●■▲"[i] ?? "●"}</span> ${name.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}`);
    $(".key").innerHTML = state.columns === 3
      ? `${classes.length ? `${kinds.join(" ")} · open: test points` : bar}${rest}`
      : `<span class="dot"></span> training <span class="dot ring"></span> test
        <span class="stroke blue"></span> network ${state.f.length ? '<span class="stroke dotted"></span> f' : ""}`;
    const heads = $(".heads");
    if (heads.children.length !== settings.hidden.length) {
      heads.innerHTML = settings.hidden.map((m, i) =>
        `<input type="number" min="1" max="1024" aria-label="Nodes of layer ${i + 1}">`).join("");
      keepKeys(heads);
    }
    settings.hidden.forEach((m, i) => {
      if (heads.children[i] !== document.activeElement) heads.children[i].value = m;
      heads.children[i].style.left = `calc(8px + (100% - 16px - ${NODE}px) * ${(i + 1) / (sizes.length - 1)} + ${NODE / 2 - 29}px)`;
    });
  }

  // ------------------------------------------------------------------ what one does
  const set = (changes) => {
    warn("");
    Object.assign(state.settings, changes); // for the next click; Python's answer has the last word
    send("set", changes);
  };
  const hidden = () => [...state.settings.hidden];
  const forget = () => { [before, history] = [[], []]; }; // a run on other data is no comparison
  const does = {
    start: () => { warn(""); send(running ? "pause" : "start"); },
    step: () => send("step"),
    reset: () => { warn(""); send("reset"); },
    again: () => set({ seed: state.settings.seed + 1 }),
    clear: () => { forget(); send("clear"); },
    more: () => set({ hidden: [...hidden(), hidden().at(-1) ?? 8] }),
    fewer: () => set({ hidden: hidden().slice(0, -1) }),
    code: () => send("code"),
    close: () => {
      $(".code").hidden = true;
      $("[data-do=code]").focus();
    },
    paste: () => { warn(""); forget(); send("csv", { text: $(".csv textarea").value, file: "" }); },
    copy: async () => {
      getSelection().selectAllChildren($(".code pre"));
      await navigator.clipboard?.writeText($(".code pre").textContent).catch(() => {});
    },
  };

  root.addEventListener("click", ({ target }) => {
    if (target.matches("button[data-do]")) does[target.dataset.do]();
  });
  root.addEventListener("change", async ({ target }) => {
    const { set: name, do: action } = target.dataset;
    if (target.type === "number" && (target.value === "" || !target.checkValidity())) {
      warn(`${target.getAttribute("aria-label")}: a whole number from ${target.min} to ${target.max}.`);
      target.value = name ? state.settings[name] : hidden()[[...$(".heads").children].indexOf(target)];
      return;
    }
    if (name) set({ [name]: JSON.parse(target.value || "0") });
    else if (action === "speed") send("speed", { speed: speed = target.value });
    else if (action === "file" && target.files.length) {
      const file = target.files[0];
      warn("");
      if (file.size > 4e6) warn(`${file.name} has ${short(file.size / 1e6)} MB; the limit is 4 MB.`);
      else {
        try {
          const decoder = new TextDecoder("utf-8", { fatal: true });
          const text = decoder.decode(await file.arrayBuffer());
          forget();
          send("csv", { text, file: file.name });
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
          warn(`${file.name} is not text in UTF-8. Save it as UTF-8, and choose it again.`);
        }
      }
      target.value = "";
    } else if (target.parentElement === $(".heads")) {
      set({ hidden: [...$(".heads").children].map((input) => Number(input.value)) });
    }
  });
  $(".fit").addEventListener("click", (event) => {
    if ($(".clicked").hidden || !fit) return;
    const a = fit, [px, py] = inside(event, $(".fit"));
    const ys = state.columns === 3 ? [-1, 1] : state.range;
    const u = (px - a.left) / (a.right - a.left), v = (a.bottom - py) / (a.bottom - a.top);
    if (u < 0 || u > 1 || v < 0 || v > 1) return;
    const point = [2 * u - 1, ys[0] + v * (ys[1] - ys[0])].map((c) => Number(c.toFixed(3)));
    if (state.columns === 3) point.push(Number($("[data-do=label]").value));
    forget();
    send("add", { point, test: $("[data-do=test]").checked });
  });
  for (const [css, lines] of [[".fit", fitTip], [".net", netTip], [".costs", costTip]]) {
    $(css).addEventListener("pointermove", (event) => {
      if (frame) tip(root, $(".tip"), event, lines(event));
    });
    $(css).addEventListener("pointerleave", () => { $(".tip").hidden = true; });
  }
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !$(".code").hidden) does.close();
    if (event.key === "Enter" && event.target.type === "number") event.target.blur();
  });

  const hear = (content, buffers) => {
    kernel.heard();
    if (content.kind !== "frame" || state) told[content.kind](content, buffers);
  };
  const sized = new ResizeObserver(() => { if (frame) draw(); });
  model.on("msg:custom", hear);
  sized.observe(root);
  send("hello");
  return () => {
    kernel.stop();
    sized.disconnect();
    model.off("msg:custom", hear);
  };
}

const floats = (view) => new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
function inside(event, canvas) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

export default { render };
