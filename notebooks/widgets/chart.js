// Axes, marks and small pictures, for the part "Watch it learn".

const CIVIDIS = [[0, 34, 78], [59, 73, 108], [112, 113, 115], [165, 156, 116], [254, 232, 56]];
const RGB = COLORS.map((c) => [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16)));

/** Marks of a linear axis: about `count` round numbers between low and high. */
function marks(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= raw);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

/** Draw the axes of a picture; gives its frame, and from data to pixels x() and y(). */
function axes(context, width, height, [x0, x1], [y0, y1], names, log = false) {
  const left = 50, right = width - 10, top = 6, bottom = height - 34;
  const level = log ? Math.log10 : Number;
  const x = (v) => left + (right - left) * (v - x0) / (x1 - x0);
  const y = (v) => bottom - (bottom - top) * (level(v) - level(y0)) / (level(y1) - level(y0));
  const powers = marks(level(y0), level(y1), 4).filter((v) => !log || Number.isInteger(v));
  const ys = log ? powers.map((v) => 10 ** v) : powers;
  context.strokeStyle = GRID;
  context.fillStyle = QUIET;
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const v of ys) {
    line(context, [[left, y(v)], [right, y(v)]]);
    context.fillText(log ? power(Math.log10(v)) : short(v), left - 6, y(v));
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const v of marks(x0, x1, 5)) {
    line(context, [[x(v), top], [x(v), bottom]]);
    context.fillText(short(v, 6), Math.min(x(v), right - 12), bottom + 4);
  }
  context.fillText(names[0], (left + right) / 2, bottom + 19);
  context.save();
  context.translate(8, (top + bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "middle";
  context.fillText(names[1], 0, 0);
  context.restore();
  return { left, right, top, bottom, x, y };
}

const power = (n) => `10${String(n).replace(/./g, (c) => ({ "-": "⁻" })[c] ?? "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])}`;

function line(context, points) {
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

/** A mark of a class at x, y: disc, square or triangle, of a colour with a rim. */
function mark(context, x, y, r, kind, color, rim) {
  context.beginPath();
  if (kind === 1) context.rect(x - r, y - r, 2 * r, 2 * r);
  else if (kind === 2) {
    context.moveTo(x, y - 1.3 * r);
    context.lineTo(x + 1.2 * r, y + r);
    context.lineTo(x - 1.2 * r, y + r);
    context.closePath();
  } else context.arc(x, y, r, 0, 7);
  context.fillStyle = color;
  context.strokeStyle = rim;
  context.lineWidth = 1;
  context.fill();
  context.stroke();
}

/** An n × n picture, rows from below, whose pixels have colours color(i), drawn into a frame. */
function paint(context, n, color, left, top, width, height) {
  const small = new OffscreenCanvas(n, n), image = new ImageData(n, n);
  for (let i = 0; i < n * n; i++) {
    const to = 4 * ((n - 1 - Math.floor(i / n)) * n + (i % n));
    image.data.set(color(i), to);
    image.data[to + 3] = 255;
  }
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, left, top, width, height);
}

// Colours: between two, of a number from −1 to 1, and of a number from 0 to 1
const mix = (a, b, t) => a.map((v, i) => v + t * (b[i] - v));
const signed = (t) => mix([255, 255, 255], RGB[t < 0 ? 1 : 0], Math.abs(t));
function cividis(t) {
  const place = 4 * (t > 0 ? Math.min(t, 0.9999) : 0), i = Math.floor(place);
  return mix(CIVIDIS[i], CIVIDIS[i + 1], place - i);
}
