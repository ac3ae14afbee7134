// The worker: computes pictures while the page stays responsive.
//
// Messages to it: first { layers, image, noiseDim, classes, weights } with the weights as base64
// and the others as in network.js, then one message per picture, a point:
//
//   seeds  four seeds as text; the latent vectors of the first two are the upper corners of a square
//   x, y   place in the square, from 0 to 1
//   label  number of the class, or null
//
// It answers { ready, simd } and then { pixels, milliseconds } for each point, in order.
"use strict";

const REMEMBERED = 1000; // Latent vectors.

let generator = null;
const latents = new Map();

function latent(seed) {
  if (!latents.has(seed)) {
    if (latents.size >= REMEMBERED) {
      latents.clear();
    }
    latents.set(seed, latentOfSeed(BigInt(seed), generator.noiseDim));
  }
  return latents.get(seed);
}

function latentOfPoint({ seeds, x, y }) {
  const [topLeft, topRight, bottomLeft, bottomRight] = seeds.map(latent);
  return between(between(topLeft, topRight, x), between(bottomLeft, bottomRight, x), y);
}

function open({ layers, image, noiseDim, classes, weights }) {
  const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
  generator = { network: new Network(layers, image, bytes), noiseDim, classes };
  postMessage({ ready: true, simd: generator.network.kernel.simd });
}

function drawPoint(point) {
  const start = performance.now();
  const { network, noiseDim, classes } = generator;
  const input = new Float32Array(noiseDim + classes);
  input.set(latentOfPoint(point));
  if (classes) {
    input[noiseDim + point.label] = 1;
  }
  const pixels = network.draw(input);
  postMessage({ pixels, milliseconds: performance.now() - start }, [pixels.buffer]);
}

onmessage = ({ data }) => (generator ? drawPoint(data) : open(data));
