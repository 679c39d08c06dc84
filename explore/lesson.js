"use strict";

// Softmax regression, as in task3a.py: I = 785 inputs (the bias last), K = 10 digits.
// Weights w are a Float64Array of I x K, row by row; w[i * K + k] leads from input i to digit k.

const I = 785, K = 10, SIDE = 28, DIGITS = [...Array(K).keys()];

/** Inputs (785) of pixels (784) from 0 to 255: in [-1, 1], and the bias 1. */
const inputs = pixels => Float64Array.from({length: I}, (_, i) => (i < I - 1 ? pixels[i] / 127.5 - 1 : 1));

/** Scores of the digits, z_k = sum_i w_ik x_i. */
function logits(w, x) {
  const z = new Float64Array(K);
  for (let i = 0; i < I; i++) for (let k = 0; k < K; k++) z[k] += w[i * K + k] * x[i];
  return z;
}

/** ln sum_k exp(z_k), with exponents of at most 0: no overflow. */
function logSumExp(z) {
  const largest = Math.max(...z);
  return largest + Math.log(z.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

/** Probabilities, yhat_k = exp(z_k) / sum_k' exp(z_k') (equation 4). */
function softmax(z) {
  const total = logSumExp(z);
  return z.map(value => Math.exp(value - total));
}

/** C = -ln yhat of the label (equation 5, of one image) = ln sum_k exp(z_k) - z of the label. */
const crossEntropy = (z, label) => logSumExp(z) - z[label];

/** lambda R(w); R is the sum of all squared weights, or half of it (equation 27). */
const penalty = (w, lambda) => lambda * data.share * w.reduce((sum, value) => sum + value * value, 0);

/** J = C + lambda R (equation 26). */
const objective = (w, x, label, lambda) => crossEntropy(logits(w, x), label) + penalty(w, lambda);

/** dJ/dw_ik = x_i (yhat_k - y_k) (equation 13), and the penalty's gradient (equation 28). */
function backward(w, x, outputs, label, lambda) {
  const grad = new Float64Array(I * K);
  for (let i = 0; i < I; i++) for (let k = 0; k < K; k++)
    grad[i * K + k] = x[i] * (outputs[k] - (k === label)) + 2 * data.share * lambda * w[i * K + k];
  return grad;
}

/** w - learning rate * gradient. */
const descend = (w, grad, rate) => w.map((value, j) => value - rate * grad[j]);

/** (J(w + e) - J(w - e)) / 2e for one weight j (equation 29). */
function centralDifference(w, j, x, label, lambda, epsilon = 1e-5) {
  const moved = by => objective(w.with(j, w[j] + by), x, label, lambda);
  return (moved(epsilon) - moved(-epsilon)) / (2 * epsilon);
}

// From a drawing to what MNIST is: strokes are lists of points [x, y].

const PEN = 1.25, FINE = 4; // the pen's radius in pixels; a pixel is FINE x FINE samples

/** Pixels (784) from 0 to 255: each is as grey as the part of it that the strokes cover. */
function ink(strokes) {
  const width = SIDE * FINE, covered = new Uint8Array(width * width), pixels = new Float64Array(SIDE * SIDE);
  for (const stroke of strokes) stroke.forEach(([bx, by], end) => {
    const [ax, ay] = stroke[Math.max(0, end - 1)], dx = bx - ax, dy = by - ay;
    const range = (a, b) => [Math.max(0, Math.floor((Math.min(a, b) - PEN) * FINE)),
      Math.min(width - 1, Math.ceil((Math.max(a, b) + PEN) * FINE))];
    const [left, right] = range(ax, bx), [top, bottom] = range(ay, by);
    for (let row = top; row <= bottom; row++) for (let column = left; column <= right; column++) {
      const x = (column + 0.5) / FINE - ax, y = (row + 0.5) / FINE - ay;
      const along = Math.min(1, Math.max(0, (x * dx + y * dy) / (dx * dx + dy * dy || 1)));
      if (Math.hypot(x - along * dx, y - along * dy) <= PEN) covered[row * width + column] = 1;
    }
  });
  covered.forEach((value, j) => {
    pixels[Math.floor(j / width / FINE) * SIDE + Math.floor(j % width / FINE)] += value * 255 / FINE ** 2;
  });
  return pixels;
}

/** Fit strokes (of coordinates from 0 to 1) into 20 x 20 pixels, with their centre of mass in the middle of 28 x 28. */
function asMnist(strokes) {
  const points = strokes.flat();
  if (!points.length) return new Float64Array(SIDE * SIDE);
  const [low, high] = [Math.min, Math.max].map(end => [0, 1].map(axis => end(...points.map(point => point[axis]))));
  const extent = Math.max(high[0] - low[0], high[1] - low[1], 0.1); // a dot stays a dot
  const scale = (20 - 2 * PEN) / extent;
  const place = middle => ink(strokes.map(stroke => stroke.map(point =>
    point.map((value, axis) => (value - (low[axis] + high[axis]) / 2) * scale + middle[axis]))));
  const first = place([14, 14]);
  const mass = first.reduce((sum, value) => sum + value);
  const centre = [j => j % SIDE, j => Math.floor(j / SIDE)].map(at =>
    first.reduce((sum, value, j) => sum + value * (at(j) + 0.5), 0) / mass);
  return place([28 - centre[0], 28 - centre[1]]);
}

// The page: everything that it shows follows from `state`.

const $ = id => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
const images = bytes(data.images);
const validation = data.labels.map((label, n) => {
  const pixels = images.subarray(n * SIDE * SIDE, (n + 1) * SIDE * SIDE);
  return {label, pixels, x: inputs(pixels)};
});
const meanLoss = w => validation.reduce((sum, one) => sum + crossEntropy(logits(w, one.x), one.label), 0) / validation.length;

const state = {run: data.runs[0], checkpoint: data.runs[0].kept, own: null, taken: 0, shown: null, strokes: [],
  label: 0, rate: 0.01, entry: null, pen: [0.5, 0.5], isDown: false};

/** The trainings' weights: zlib-compressed differences between checkpoints, low and high bytes apart. */
async function unpack() {
  const stream = new Blob([bytes(data.weights)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer()), half = planes.length / 2;
  let at = 0;
  for (const run of data.runs) {
    let before = new Float64Array(I * K);
    run.weights = run.steps.map(() => {
      before = before.map((value, j) => value + ((planes[at + j] | planes[half + at + j] << 8) << 16 >> 16));
      at += I * K;
      return before.map(units => units * run.unit);
    });
    run.weights[run.kept] = Float64Array.from(new Float32Array(bytes(run.weights_kept).buffer));
  }
}

const text = (value, digits = 3) => value.toFixed(digits).replace("-", "−").replace(/^−(0\.?0*)$/, "$1");
const largestOf = values => values.indexOf(Math.max(...values));
const clip = (value, high) => Math.min(high, Math.max(0, value));
const entryFields = ["k", "row", "column"].map(name => $(`entry-${name}`));
const percent = value => `${text(100 * value, 1)} %`;
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

/** Paint values (784) on a canvas: blue below 0, white, red above; logarithmic beyond a tenth of the largest. */
function paint(canvas, values, largest) {
  const context = canvas.getContext("2d"), picture = context.createImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const t = Math.asinh(10 * values(i) / (largest || 1)) / Math.asinh(10);
    const end = t < 0 ? [5, 48, 97] : [127, 0, 20];
    picture.data.set([...end.map(value => 255 + (value - 255) * Math.min(1, Math.abs(t))), 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

/** Paint an image of values(i, k) for each of some digits k, on one scale, which is returned. */
function tiles(id, digits, what, values, caption = k => k) {
  const pixels = [...Array(SIDE * SIDE).keys()];
  const largest = Math.max(...digits.flatMap(k => pixels.map(i => Math.abs(values(i, k)))));
  while ($(id).children.length < digits.length) $(id).append(element("figure", {},
    element("canvas", {className: "image", width: SIDE, height: SIDE, role: "img"}), element("figcaption")));
  digits.forEach((k, n) => {
    const [canvas, below] = $(id).children[n].children;
    paint(canvas, i => values(i, k), largest);
    canvas.ariaLabel = `${what} the digit ${k}`;
    below.replaceChildren(caption(k));
  });
  return largest;
}

/** Fill the body of a table with rows of [heading, cells, class]. */
function fill(id, rows) {
  $(id).tBodies[0].replaceChildren(...rows.map(([heading, cells, className = ""]) => element("tr", {className},
    element("th", {scope: "row"}, heading), ...cells.map(cell => element("td", {}, cell)))));
}

function current() {
  const {pixels, x = inputs(pixels)} = state.shown ?? {pixels: asMnist(state.strokes)};
  const w = state.own ?? state.run.weights[state.checkpoint], z = logits(w, x);
  return {pixels, x, w, z, outputs: softmax(z)};
}

function showDrawing({pixels, outputs}) {
  const context = $("paper").getContext("2d"), size = $("paper").width;
  context.clearRect(0, 0, size, size);
  Object.assign(context, {lineWidth: size * 0.07, lineCap: "round", lineJoin: "round", strokeStyle: "#fff", fillStyle: "#fff"});
  for (const stroke of state.strokes) {
    context.beginPath();
    stroke.concat([stroke[0]].slice(stroke.length - 1)).forEach(([x, y]) => context.lineTo(x * size, y * size));
    context.stroke();
  }
  const grey = new ImageData(SIDE, SIDE);
  pixels.forEach((value, i) => grey.data.set([value, value, value, 255], 4 * i));
  $("seen").getContext("2d").putImageData(grey, 0, 0);
  if (state.shown) {
    context.imageSmoothingEnabled = false;
    context.drawImage($("seen"), 0, 0, size, size);
  } else if ($("paper").matches(":focus-visible")) { // where the keyboard's pen is
    context.beginPath();
    context.arc(...state.pen.map(value => value * size), 8, 0, 7);
    Object.assign(context, {lineWidth: 3, strokeStyle: "#fa0"})[state.isDown ? "fill" : "stroke"]();
  }
  const best = largestOf(outputs);
  const what = state.shown ? `Validation image ${validation.indexOf(state.shown) + 1}, label ${state.shown.label}: `
    : state.strokes.length ? "Your drawing: " : "Nothing drawn yet: ";
  $("shown").textContent = `${what}read as ${best}, ${percent(outputs[best])}`;
}

function showProbabilities({x, w, z, outputs}) {
  const order = [...outputs.keys()].sort((a, b) => z[b] - z[a]);
  fill("bars", Array.from(outputs, (value, k) => [k, [text(z[k]), percent(value),
    element("div", {className: "bar", style: `width: ${100 * value}%`})], k === order[0] ? "first" : ""]));
  tiles("scores", order.slice(0, 2), "w x of each pixel for", (i, k) => w[i * K + k] * x[i], k => sums(k, w, x, z));
}

/** The parts of a score z; those of the blue pixels are what the others leave, so that rounded parts add up. */
function sums(k, w, x, z) {
  const round = value => Number(value.toFixed(3)), total = round(z[k]), bias = round(w[(I - 1) * K + k]);
  const red = round(x.reduce((sum, value, i) => sum + (i < I - 1 ? Math.max(0, w[i * K + k] * value) : 0), 0));
  const rows = {red, blue: total - red - bias, bias, [`z of digit ${k}`]: total};
  return element("div", {className: "sum"}, ...Object.entries(rows).map(([name, value]) =>
    element("span", {}, element("span", {}, name), element("span", {}, text(value)))));
}

function showTraining({w}) {
  const {run, checkpoint} = state, step = run.steps[checkpoint];
  const [whose, exactness] = state.own ? [`, and ${state.taken} of your own`, ""]
    : checkpoint === run.kept ? [" (least validation loss: kept)", ""]
      : ["", ` These weights are rounded to multiples of ${run.unit}.`];
  Object.assign($("checkpoint"), {max: run.steps.length - 1, value: checkpoint});
  $("checkpoint").ariaValueText = $("step").textContent = `${step} of ${run.steps.at(-1)}${whose}`;
  const largest = text(tiles("weights", DIGITS, "weights of", (i, k) => w[i * K + k]), 4);
  $("weights-scale").textContent = `One scale for all: blue −${largest}, white 0, red ${largest}; `
    + `logarithmic beyond a tenth of that.${exactness}`;
  for (const quantity of ["loss", "accuracy"]) chart($(quantity), quantity, run, step);
  for (const one of validation) one.read = largestOf(logits(w, one.x));
  const right = validation.filter(one => one.read === one.label).length;
  $("right").textContent = `${right} of ${validation.length} are read right`;
  fill("confusion", DIGITS.map(label => [label, DIGITS.map(k => {
    const count = validation.filter(one => one.label === label && one.read === k).length;
    return element("span", {className: k === label ? "right" : count ? "error" : ""}, count || "");
  })]));
}

/** Curves of a quantity on the training set (dashed) and the validation set, and a line at the step. */
function chart(svg, quantity, {curves, steps}, step) {
  const train = curves[`train_${quantity}`], val = curves[`val_${quantity}`], last = steps.at(-1);
  const low = Math.min(...train, ...val), high = Math.max(...train, ...val);
  const at = value => 46 + 366 * Math.sqrt(value / last), up = value => 14 + 186 * (high - value) / (high - low || 1);
  const points = values => values.map((value, n) => `${at(curves.step[n])},${up(value)}`).join(" ");
  const words = [...[low, high].map(value => [40, up(value) + 4, "end", text(value, 2)]),
    ...[0, last / 4, last].map(value => [at(value), 216, value ? "end" : "middle", Math.round(value)]),
    [229, 234, "middle", "step, on a square-root axis"]];
  svg.ariaLabel = `${quantity} against the step: on the validation set from ${text(val[0], 2)} `
    + `to ${text(val.at(-1), 2)}, on the training set to ${text(train.at(-1), 2)}`;
  svg.innerHTML = `<path class="axis" d="M46 14V200H412"/><polyline class="train" points="${points(train)}"/>
    <polyline class="val" points="${points(val)}"/><path class="cursor" d="M${at(step)} 14V200"/>`
    + words.map(([x, y, anchor, label]) => `<text x="${x}" y="${y}" text-anchor="${anchor}">${label}</text>`).join("");
}

function showStep({pixels, x, w, z, outputs}, meanBefore) {
  const {label, rate, run: {lambda}} = state, grad = backward(w, x, outputs, label, lambda);
  const next = descend(w, grad, rate), nextZ = logits(next, x), after = softmax(nextZ);
  $("label").value = label;
  $("whose").textContent = state.shown?.label === label ? "Label of the image" : "Label that you choose";
  $("rate").ariaValueText = $("rate-value").textContent = rate.toPrecision(2);
  $("penalty-term").textContent = lambda ? `${2 * data.share * lambda} w` : "0 (λ = 0)";
  const C = [z, nextZ].map(scores => crossEntropy(scores, label)); // before the step and after it
  const R = [w, next].map(weights => penalty(weights, lambda)), J = C.map((value, n) => value + R[n]);
  const mean = [meanBefore, meanLoss(next)];
  const rows = {"C of this image": C, "penalty λR": R, "J = C + λR": J, [`mean C of the ${validation.length} images`]: mean};
  const change = ([before, after]) => (after > before ? " ▲" : after < before ? " ▼" : "");
  fill("losses", Object.entries(rows).map(([name, pair]) => [name, [text(pair[0]), text(pair[1]) + change(pair)]]));
  $("take").disabled = !(J[1] < 1e6);
  $("verdict").textContent = $("take").disabled ? "This step would lead too far to be shown: the rate is too large."
    : J[1] > J[0] ? "The loss J of this image rises: the rate is too large."
      : J[1] === J[0] ? "The loss J of this image stays as it is."
        : mean[1] > mean[0] ? "The loss of this image falls, the mean of all rises." : "The loss falls.";
  fill("differences", Array.from(outputs, (value, k) =>
    [k, [text(value), text(value - (k === label)), text(after[k])], k === label ? "label" : ""]));
  const inDigit = largestOf(pixels);
  state.entry ??= {k: label, row: Math.floor(inDigit / SIDE), column: inDigit % SIDE};
  const {k, row, column} = state.entry, i = row * SIDE + column, j = i * K + k;
  tiles("gradient", DIGITS, "gradient of the weights of", (pixel, digit) => grad[pixel * K + digit]);
  const context = $("gradient").children[k].firstChild.getContext("2d");
  context.fillStyle = "#0a0"; // marks the entry that is checked
  context.fillRect(column, row, 1, 1);
  for (const field of entryFields) if (document.activeElement !== field) field.value = state.entry[field.name];
  const entries = {"the weight": w[j], "after the step": next[j], "its input x": x[i], "∂J/∂w by backward": grad[j],
    "by central differences": centralDifference(w, j, x, label, lambda)};
  fill("entry", Object.entries(entries).map(([name, value]) => [name, [text(value, 9)]]));
}

let isDue = false, painted = {}; // the weights that are shown, and the mean loss with them
function render() { // at most once a frame
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    const found = current();
    if (found.w !== painted.w) {
      painted = {w: found.w, mean: meanLoss(found.w)};
      showTraining(found);
    }
    showDrawing(found);
    showProbabilities(found);
    showStep(found, painted.mean);
  });
}

// What a person does.

const set = changes => { Object.assign(state, changes); render(); };
const goTo = (run, checkpoint) => set({run, checkpoint, own: null, taken: 0});
const draw = strokes => set({strokes, shown: null, entry: null});
const begin = point => draw([...(state.shown ? [] : state.strokes), [point]]);
const extend = point => state.strokes.length && draw([...state.strokes.slice(0, -1), [...state.strokes.at(-1), point]]);
const showNext = fits => { // the next validation image of a kind; undo brings the drawing back
  const first = validation.indexOf(state.shown) + 1;
  const image = [...validation.slice(first), ...validation.slice(0, first)].find(fits);
  if (image) set({shown: image, label: image.label, entry: null});
};

let playing = 0;
function play(isOn) {
  clearInterval(playing);
  $("play").textContent = isOn ? "Pause" : "Play";
  $("play").setAttribute("aria-pressed", isOn);
  if (!isOn) return;
  const last = state.run.steps.length - 1;
  if (state.checkpoint === last) goTo(state.run, 0);
  const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 150;
  playing = setInterval(() => {
    goTo(state.run, state.checkpoint + 1);
    if (state.checkpoint === last) play(false);
  }, pace);
}

function listen() {
  const paper = $("paper");
  const where = ({offsetX, offsetY, target}) =>
    [offsetX / target.clientWidth, offsetY / target.clientHeight].map(part => clip(part, 1));
  paper.onpointerdown = event => {
    if (!event.isPrimary || event.button) return;
    paper.setPointerCapture(event.pointerId);
    state.isDown = false;
    begin(where(event));
  };
  paper.onpointermove = event => {
    if (event.isPrimary && paper.hasPointerCapture(event.pointerId)) extend(where(event));
  };
  paper.onkeydown = event => {
    const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    if (event.key === " ") {
      state.isDown = !state.isDown;
      if (state.isDown) begin(state.pen);
      else render();
    } else if (moves[event.key]) {
      state.pen = state.pen.map((value, axis) => clip(value + moves[event.key][axis] / 25, 1));
      if (state.isDown) extend(state.pen);
      else render();
    } else return;
    event.preventDefault();
  };
  paper.onfocus = paper.onblur = () => { state.isDown = false; render(); };
  $("undo").onclick = () => draw(state.shown ? state.strokes : state.strokes.slice(0, -1));
  $("clear").onclick = () => draw([]);
  $("next").onclick = () => showNext(() => true);
  $("wrong").onclick = () => showNext(one => one.read !== one.label);
  $("play").onclick = () => play($("play").textContent === "Play");
  $("checkpoint").oninput = event => { play(false); goTo(state.run, event.target.valueAsNumber); };
  $("label").onchange = event => set({label: Number(event.target.value), entry: null});
  $("rate").oninput = event => set({rate: 10 ** event.target.valueAsNumber});
  $("take").onclick = () => {
    play(false);
    const {x, w, outputs} = current();
    set({own: descend(w, backward(w, x, outputs, state.label, state.run.lambda), state.rate), taken: state.taken + 1});
  };
  $("back").onclick = () => goTo(state.run, state.checkpoint);
  $("gradient").onclick = event => {
    const k = [...$("gradient").querySelectorAll("canvas")].indexOf(event.target);
    if (k < 0) return;
    const [column, row] = where(event).map(part => clip(Math.floor(part * SIDE), SIDE - 1));
    set({entry: {k, row, column}});
  };
  for (const field of entryFields) {
    field.oninput = () => set({entry: {...state.entry, [field.name]: clip(Math.floor(field.valueAsNumber || 0), field.max)}});
    field.onblur = render; // shows what is taken
  }
}

async function start() {
  await unpack();
  $("about").textContent = data.about;
  $("count").textContent = validation.length;
  $("lambdas").append(...data.runs.map((run, n) => element("label", {}, element("input",
    {type: "radio", name: "lambda", checked: !n, onchange: () => { play(false); goTo(run, run.kept); }}), ` ${run.lambda}`)));
  $("label").append(...DIGITS.map(k => element("option", {value: k}, k)));
  $("rate").value = Math.log10(state.rate);
  listen();
  showNext(() => true);
  document.documentElement.dataset.ready = "true";
}

start().catch(error => {
  $("about").textContent = `This browser cannot show the page (${error}). A newer one can.`;
});
