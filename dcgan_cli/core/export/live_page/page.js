// The page: its controls, and the queue of pictures that the worker computes.
//
// All text of a run (its name, its classes) goes into the page as textContent, never as HTML.
"use strict";

const GRID_PICTURES = 40;
const WALK_SEEDS = 8;
const WALK_STEPS = 100; // Slider steps from one seed to the next.
const WALK_SECONDS = 3; // Time from one seed to the next when it plays.
const MOST_CLASSES = 40; // Pictures in "the same latent vector as each class".
const LARGEST_SEED = 2n ** 62n;
const FAILED = "This page does not work in this browser: ";
const TIMED = 50; // Pictures whose time is averaged.

const byId = (id) => document.getElementById(id);
const generator = JSON.parse(byId("generator").textContent);
const [height, width] = generator.image;
const classNames = Array.from(
  { length: generator.classes },
  (_, number) => generator.classNames[number] ?? String(number),
);

// ---- Pictures: a canvas shows a point (see the worker); the newest point of a canvas counts.

const painter = {
  worker: null,
  wanted: new Map(), // The point of each canvas that is to be painted.
  painting: null, // The canvas whose picture the worker computes.
  times: [],

  paint(canvas, point, label) {
    canvas.setAttribute("aria-label", label);
    this.wanted.set(canvas, point);
    this.next();
  },

  // Ask for one picture at a time. Those that a control changes, class "large", come first.
  next() {
    if (this.painting || this.wanted.size === 0) {
      return;
    }
    const canvases = [...this.wanted.keys()];
    this.painting = canvases.find((canvas) => canvas.matches(".large")) ?? canvases[0];
    this.worker.postMessage(this.wanted.get(this.painting));
    this.wanted.delete(this.painting);
  },

  painted({ pixels, milliseconds }) {
    const canvas = this.painting;
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
    this.times = [milliseconds, ...this.times].slice(0, TIMED);
    this.painting = null;
    this.next();
    if (!this.painting) {
      showTime();
    }
  },
};

function showTime() {
  const sorted = [...painter.times].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  byId("time").textContent = `${median.toFixed(1)} ms a picture, ${painter.how}`;
}

function seedPoint(seed, label) {
  return { seeds: Array(4).fill(String(seed)), x: 0, y: 0, label };
}

function describe(what, label) {
  return label === null ? `Picture of ${what}` : `Picture of ${what}, ${ofClass(label)}`;
}

function ofClass(label) {
  return `class ${classNames[label]}`;
}

// ---- Controls

function chosenClass() {
  return generator.classes ? Number(document.querySelector("[name=class]:checked").value) : null;
}

// Return the seed in a text field. A field that holds none keeps the last one that it held.
function seedIn(input) {
  const text = input.value.trim();
  const valid = /^\d{1,19}$/.test(text) && BigInt(text) <= LARGEST_SEED;
  input.setAttribute("aria-invalid", String(!valid));
  if (valid) {
    input.dataset.seed = text;
  }
  return BigInt(input.dataset.seed ?? "0");
}

function randomSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

function walkPoint() {
  const position = Number(byId("walk").value);
  const step = Math.floor(position / WALK_STEPS) % WALK_SEEDS;
  const first = seedIn(byId("walk-seed"));
  const start = first + BigInt(step);
  const end = first + BigInt((step + 1) % WALK_SEEDS); // The last one leads back to the first.
  const x = (position % WALK_STEPS) / WALK_STEPS;
  return { seeds: [start, end, start, end].map(String), x, y: 0 };
}

function drawWalk() {
  const point = walkPoint();
  const [start, end] = point.seeds;
  const percent = Math.round(point.x * 100);
  const text = percent ? `${percent}% of the way from seed ${start} to seed ${end}` : `seed ${start}`;
  byId("walk-text").textContent = text;
  byId("walk").setAttribute("aria-valuetext", text);
  const label = chosenClass();
  painter.paint(byId("walk-picture"), { ...point, label }, describe(text, label));
  document.querySelectorAll("#each-class canvas").forEach((canvas, number) => {
    painter.paint(canvas, { ...point, label: number }, describe(text, number));
  });
}

const squareSeeds = [0, 1, 2, 3];

function drawSquare() {
  const x = Number(byId("square-x").value) / 100;
  const y = Number(byId("square-y").value) / 100;
  for (const [axis, share] of [["x", x], ["y", y]]) {
    byId(`square-${axis}-text`).textContent = `${Math.round(share * 100)}%`;
    byId(`square-${axis}`).setAttribute("aria-valuetext", `${Math.round(share * 100)}%`);
  }
  byId("marker").style.left = `${x * 100}%`;
  byId("marker").style.top = `${y * 100}%`;
  const label = chosenClass();
  const between = `a point between seeds ${squareSeeds.join(", ")}`;
  const point = { seeds: squareSeeds.map(String), x, y, label };
  painter.paint(byId("square-picture"), point, describe(between, label));
}

function drawCorners() {
  const label = chosenClass();
  document.querySelectorAll(".corner").forEach((canvas, corner) => {
    const seed = squareSeeds[corner];
    painter.paint(canvas, seedPoint(seed, label), describe(`seed ${seed}`, label));
  });
  drawSquare();
}

function drawGrid() {
  const first = seedIn(byId("grid-seed"));
  const chosen = byId("grid-class").checked;
  document.querySelectorAll("#grid button").forEach((button, index) => {
    const seed = first + BigInt(index);
    let label = null;
    if (generator.classes) {
      label = chosen ? chosenClass() : Number(seed % BigInt(generator.classes));
    }
    const [canvas, caption] = button.children;
    button.dataset.seed = seed;
    button.dataset.label = label;
    caption.textContent = label === null ? `seed ${seed}` : `seed ${seed}, ${ofClass(label)}`;
    painter.paint(canvas, seedPoint(seed, label), describe(`seed ${seed}`, label));
  });
  const last = first + BigInt(GRID_PICTURES - 1);
  const option = chosen ? ` --class ${chosenClass()}` : "";
  byId("grid-command").textContent = `dcgan sample --seeds ${first}-${last}${option}`;
}

// Show the picture of a seed and class at the start of the walk.
function startWalk({ seed, label }) {
  byId("walk-seed").value = seed;
  byId("walk").value = 0;
  if (generator.classes) {
    document.querySelectorAll("[name=class]")[label].checked = true;
  }
  drawWalk();
  drawCorners();
  byId("walk").focus();
}

function drawAll() {
  drawWalk();
  drawCorners();
  drawGrid();
}

const player = {
  frame: 0,
  last: 0,

  toggle() {
    const plays = !this.frame;
    byId("walk-play").setAttribute("aria-pressed", String(plays));
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (plays) {
      this.position = Number(byId("walk").value);
      this.last = performance.now();
      this.frame = requestAnimationFrame((now) => this.step(now));
    }
  },

  step(now) {
    const steps = ((now - this.last) / 1000 / WALK_SECONDS) * WALK_STEPS;
    this.last = now;
    this.position = (this.position + Math.max(0, steps)) % (WALK_SEEDS * WALK_STEPS);
    byId("walk").value = Math.round(this.position);
    drawWalk();
    this.frame = requestAnimationFrame((time) => this.step(time));
  },
};

function dragSquare(event) {
  const area = byId("pad").getBoundingClientRect();
  const share = (value, start, length) => Math.min(1, Math.max(0, (value - start) / length));
  byId("square-x").value = Math.round(100 * share(event.clientX, area.left, area.width));
  byId("square-y").value = Math.round(100 * share(event.clientY, area.top, area.height));
  drawSquare();
}

// ---- Building the page

function make(name, properties = {}, children = []) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function picture() {
  const canvas = make("canvas", { width, height });
  canvas.setAttribute("role", "img");
  return canvas;
}

function buildClasses() {
  const buttons = classNames.map((name, number) =>
    make("label", {}, [
      make("input", { type: "radio", name: "class", value: number, checked: number === 0 }),
      make("span", { textContent: name }),
    ]),
  );
  byId("class-buttons").append(...buttons);
  const shown = classNames.slice(0, MOST_CLASSES);
  byId("each-class").append(
    ...shown.map((name) => make("li", {}, [picture(), make("span", { textContent: name })])),
  );
  if (shown.length < classNames.length) {
    byId("each-class-note").textContent = `The first ${MOST_CLASSES} classes are shown.`;
  }
  for (const id of ["class-section", "each-class-section", "grid-class-label"]) {
    byId(id).hidden = classNames.length === 0;
  }
}

function buildGrid() {
  const entries = Array.from({ length: GRID_PICTURES }, () => {
    const button = make("button", { type: "button" }, [picture(), make("span")]);
    button.addEventListener("click", () => startWalk(button.dataset));
    return make("li", {}, [button]);
  });
  byId("grid").append(...entries);
}

function buildFacts() {
  byId("noise-dim").textContent = generator.noiseDim;
  byId("summary").textContent = generator.summary;
  const rows = [...Object.entries(generator.about), ["speed", ""]];
  for (const [name, value] of rows) {
    const id = name === "speed" ? "time" : "";
    byId("facts").append(make("dt", { textContent: name }), make("dd", { textContent: value, id }));
  }
  const style = document.documentElement.style;
  style.setProperty("--aspect", `${width} / ${height}`);
  style.setProperty("--tile", `${Math.min(160, Math.max(64, width))}px`);
}

function connect() {
  const on = (id, event, action) => byId(id).addEventListener(event, action);
  on("class-buttons", "change", drawAll);
  on("walk", "input", () => {
    if (player.frame) {
      player.toggle();
    }
    drawWalk();
  });
  on("walk-play", "click", () => player.toggle());
  on("walk-seed", "input", drawWalk);
  on("square-x", "input", drawSquare);
  on("square-y", "input", drawSquare);
  on("square-new", "click", () => {
    squareSeeds.forEach((_, corner) => (squareSeeds[corner] = randomSeed()));
    drawCorners();
  });
  on("pad", "pointerdown", (event) => {
    byId("pad").setPointerCapture(event.pointerId);
    dragSquare(event);
  });
  on("pad", "pointermove", (event) => event.buttons && dragSquare(event));
  on("grid-seed", "input", drawGrid);
  on("grid-class", "change", drawGrid);
  on("grid-new", "click", () => {
    byId("grid-seed").value = randomSeed();
    drawGrid();
  });
}

function show(message) {
  byId("status").textContent = message;
  byId("status").hidden = message === "";
}

function open() {
  const source = new Blob([byId("worker").textContent], { type: "text/javascript" });
  painter.worker = new Worker(URL.createObjectURL(source));
  painter.worker.onerror = ({ message }) => show(FAILED + (message ?? "no worker starts"));
  painter.worker.onmessage = ({ data }) => {
    if (!data.ready) {
      painter.painted(data);
      return;
    }
    painter.how = data.simd ? "with WebAssembly" : "in plain JavaScript, which is slower";
    show("");
    document.querySelector("main").hidden = false;
    drawAll();
  };
  const { layers, noiseDim, classes, image } = generator;
  const weights = byId("weights").textContent;
  byId("weights").remove(); // Megabytes that the page needs no more.
  painter.worker.postMessage({ layers, noiseDim, classes, image, weights });
}

buildFacts();
buildClasses();
buildGrid();
connect();
try {
  open();
} catch (error) {
  show(FAILED + error.message);
}
