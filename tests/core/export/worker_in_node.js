// Computes pictures with the worker of an exported page, in Node.js.
// node worker_in_node.js PAGE < points.json > pixels (RGBA, one picture after the other)
"use strict";

const fs = require("fs");

const page = fs.readFileSync(process.argv[2], "utf8");
const text = (id) => page.match(new RegExp(`id="${id}">([^]*?)</script>`))[1];
const { layers, image, noiseDim, classes } = JSON.parse(text("generator"));
globalThis.postMessage = ({ pixels }) => pixels && fs.writeSync(1, pixels);
globalThis.onmessage = null;
new Function(`${text("worker")}; globalThis.onmessage = onmessage;`)();
onmessage({ data: { layers, image, noiseDim, classes, weights: text("weights") } });
for (const data of JSON.parse(fs.readFileSync(0, "utf8"))) {
  onmessage({ data });
}
