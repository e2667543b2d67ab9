// What the parts of the playground share. Python puts this text before that of each part.

const COLORS = ["#0173B2", "#DE8F05", "#029E73", "#CC78BC", "#CA9161", "#D55E00"];
const INK = "#222222", QUIET = "#595959", GRID = "#e4e4e4";
const FONT = "12px system-ui, 'DejaVu Sans', sans-serif";

/** A canvas's context in CSS pixels, wiped, as sharp as the screen: [context, width, height]. */
function pen(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  return [context, width, height];
}

/** A number in three digits, with a proper minus sign: 0.123, −4.5, 1.2e−7. */
function short(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5)
    ? value.toExponential(digits - 2) : String(Number(value.toPrecision(digits)));
  return text.replace("e+", "e").replaceAll("-", "−");
}

/** Say in `notice` when the kernel no longer answers; heard() is to be called at each message. */
function watchKernel(model, notice) {
  let asked = null;
  const timer = setInterval(() => {
    if (asked === null) {
      asked = Date.now();
      try { model.send({ kind: "ping" }); } catch { /* no answer will come */ }
    } else if (Date.now() - asked > 5000) {
      notice.textContent = "The kernel does not answer. It is busy with another cell, or it has " +
        "stopped. If it has stopped, run this cell again.";
      notice.hidden = false;
    }
  }, 2000);
  return {
    heard() { asked = null; notice.hidden = true; },
    stop() { clearInterval(timer); },
  };
}

/** Keep the notebook's own keys (a, b, x, …) from what has the focus inside `root`. */
function keepKeys(root) {
  for (const element of root.querySelectorAll("button, select, input, textarea, [tabindex]")) {
    element.dataset.lmSuppressShortcuts = "true";
  }
}

/** Show lines of text beside the pointer, inside `frame`; none hides it. */
function tip(frame, box, event, lines) {
  box.hidden = !lines;
  if (!lines) return;
  box.textContent = lines.join("\n");
  const around = frame.getBoundingClientRect();
  const x = event.clientX - around.left, y = event.clientY - around.top;
  box.style.left = `${Math.min(x + 14, Math.max(0, around.width - box.offsetWidth - 4))}px`;
  box.style.top = `${y + 18 + box.offsetHeight > around.height ? y - box.offsetHeight - 8 : y + 18}px`;
}
