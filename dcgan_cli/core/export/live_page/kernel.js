// The inner loop of every dense and convolution layer, in WebAssembly with SIMD instructions.
//
// JavaScript computes one product at a time. SIMD instructions compute four, which makes a picture
// about ten times as fast. The WebAssembly module is small, so this file assembles its bytes when
// the page opens; `multiplyInJavaScript` does the same where a browser has no WebAssembly.
//
// Both functions have the same arguments:
//
//   multiply(x, y, kernel, pairs, groups, inputs, blocks)
//
// For each pair (input pixel, output pixel) and each output channel c they compute
//
//   y[output pixel][c] += sum over i < inputs of x[input pixel][i] * kernel[i][c]
//
// x, y, kernel and pairs are byte offsets in `memory`. Pairs come in groups of PIXELS, in which all
// input offsets stand before all output offsets (int32, in bytes). Output channels come in blocks of
// BLOCK; the kernel is stored as float32 [blocks][inputs][BLOCK].
"use strict";

const BLOCK = 8; // Output channels that are computed at once: two vectors of four.
const VECTOR = 16; // Bytes of four float32.
const PIXELS = 4; // Pixels that are computed at once. 4 x 2 sums fit into the 16 registers.

// Bytes of instructions, from the WebAssembly core specification, section 5.4.
const I32 = 0x7f;
const V128 = 0x7b;
const END = 0x0b;
const code = {
  get: (local) => [0x20, ...unsigned(local)],
  set: (local) => [0x21, ...unsigned(local)],
  constant: (value) => [0x41, ...signed(value)],
  add: [0x6a],
  multiply: [0x6c],
  subtract: [0x6b],
  load: (offset) => [0x28, 2, ...unsigned(offset)],
  loadVector: (offset) => [0xfd, 0x00, 2, ...unsigned(offset)],
  loadSplat: (offset) => [0xfd, 0x09, 2, ...unsigned(offset)], // One value in all four places.
  storeVector: (offset) => [0xfd, 0x0b, 2, ...unsigned(offset)],
  multiplyVectors: [0xfd, 0xe6, 0x01],
  addVectors: [0xfd, 0xe4, 0x01],
  // Repeat `body` while the value that it leaves is not zero.
  loop: (body) => [0x03, 0x40, ...body, 0x0d, 0, END],
};

// Encode an integer as LEB128.
function unsigned(value) {
  const low = value & 0x7f;
  return value < 0x80 ? [low] : [low | 0x80, ...unsigned(value >>> 7)];
}

function signed(value) {
  const low = value & 0x7f;
  const rest = value >> 7;
  const last = (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40);
  return last ? [low] : [low | 0x80, ...signed(rest)];
}

// Return the body of `multiply` for groups of `pixels` pairs.
function multiplyBody(pixels) {
  const [X, Y, KERNEL, PAIRS, GROUPS, INPUTS, BLOCKS] = [0, 1, 2, 3, 4, 5, 6]; // Arguments.
  const PAIR = 7; // Address of the next group of pairs.
  const GROUP = 8; // Groups that are left.
  const INPUT = 9; // Inputs that are left.
  const WEIGHT = 10; // Address of the next weights.
  const from = (p) => 11 + p; // Addresses of input pixels.
  const to = (p) => 11 + pixels + p; // Addresses of output pixels.
  const weights = (v) => 11 + 2 * pixels + v; // Weights of two vectors of output channels.
  const value = 13 + 2 * pixels; // The input, in all four places.
  const sum = (p, v) => 14 + 2 * pixels + 2 * p + v;
  const { get, set, constant, add, subtract, multiply, load, loop } = code;
  const pixel = [...Array(pixels).keys()];
  const vectors = [0, 1];
  const advance = (local, bytes) => [...get(local), ...constant(bytes), ...add, ...set(local)];
  const repeatWhile = (local) => [
    ...get(local), ...constant(1), ...subtract, ...set(local), ...get(local),
  ];

  const oneInput = [
    ...vectors.flatMap((v) => [...get(WEIGHT), ...code.loadVector(VECTOR * v), ...set(weights(v))]),
    ...pixel.flatMap((p) => [
      ...get(from(p)), ...code.loadSplat(0), ...set(value),
      ...vectors.flatMap((v) => [
        ...get(value), ...get(weights(v)), ...code.multiplyVectors,
        ...get(sum(p, v)), ...code.addVectors, ...set(sum(p, v)),
      ]),
      ...advance(from(p), 4),
    ]),
    ...advance(WEIGHT, 4 * BLOCK),
    ...repeatWhile(INPUT),
  ];
  const oneGroup = [
    ...pixel.flatMap((p) => [
      ...get(PAIR), ...load(4 * p), ...get(X), ...add, ...set(from(p)),
      ...get(PAIR), ...load(4 * (pixels + p)), ...get(Y), ...add, ...set(to(p)),
      ...vectors.flatMap((v) => [
        ...get(to(p)), ...code.loadVector(VECTOR * v), ...set(sum(p, v)),
      ]),
    ]),
    ...get(KERNEL), ...set(WEIGHT),
    ...get(INPUTS), ...set(INPUT),
    ...loop(oneInput),
    ...pixel.flatMap((p) => vectors.flatMap((v) => [
      ...get(to(p)), ...get(sum(p, v)), ...code.storeVector(VECTOR * v),
    ])),
    ...advance(PAIR, 8 * pixels),
    ...repeatWhile(GROUP),
  ];
  const oneBlock = [
    ...get(PAIRS), ...set(PAIR),
    ...get(GROUPS), ...set(GROUP),
    ...loop(oneGroup),
    ...advance(Y, 4 * BLOCK),
    ...get(KERNEL), ...get(INPUTS), ...constant(4 * BLOCK), ...multiply, ...add, ...set(KERNEL),
    ...repeatWhile(BLOCKS),
  ];
  const locals = [2, 4 + 2 * pixels, I32, ...unsigned(3 + 2 * pixels), V128];
  return [...locals, ...loop(oneBlock), END];
}

// Return the bytes of a module that exports `multiply1` and `multiply4`, for groups of 1 and of
// PIXELS pairs, and imports its memory.
function kernelModule() {
  const text = (string) => withLength([...string].map((letter) => letter.charCodeAt(0)));
  const withLength = (bytes) => [...unsigned(bytes.length), ...bytes];
  const section = (id, entries) => [
    id, ...withLength([...unsigned(entries.length), ...entries.flat()]),
  ];
  const sizes = [1, PIXELS];
  const arguments7 = [0x60, 7, ...Array(7).fill(I32), 0]; // 7 integers, no result.
  return Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // "\0asm", version 1
    ...section(1, [arguments7]), // types
    ...section(2, [[...text("page"), ...text("memory"), 2, 0, 1]]), // imports
    ...section(3, sizes.map(() => [0])), // functions
    ...section(7, sizes.map((size, i) => [...text(`multiply${size}`), 0, i])), // exports
    ...section(10, sizes.map((size) => withLength(multiplyBody(size)))), // code
  ]);
}

// Return the memory of a network and the two functions that compute in it.
//
// `bytes` is how much memory is needed. `memory` is an ArrayBuffer.
function makeKernel(bytes) {
  const page = 65536;
  try {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / page) });
    const module = new WebAssembly.Module(kernelModule());
    const { multiply1, multiply4 } = new WebAssembly.Instance(module, { page: { memory } }).exports;
    return { memory: memory.buffer, multiply1, multiply4, simd: true };
  } catch {
    // No WebAssembly, or none with SIMD instructions: an old browser, or a policy forbids it.
    const memory = new ArrayBuffer(bytes);
    return {
      memory,
      multiply1: multiplyInJavaScript(memory, 1),
      multiply4: multiplyInJavaScript(memory, PIXELS),
      simd: false,
    };
  }
}

// Return `multiply` for groups of `pixels` pairs, about ten times as slow as WebAssembly.
function multiplyInJavaScript(memory, pixels) {
  const floats = new Float32Array(memory);
  const integers = new Int32Array(memory);
  return (x, y, kernel, pairs, groups, inputs, blocks) => {
    for (let block = 0; block < blocks; block++) {
      const weights = kernel / 4 + block * inputs * BLOCK;
      for (let pair = 0; pair < groups * pixels; pair++) {
        const group = pairs / 4 + Math.floor(pair / pixels) * 2 * pixels + (pair % pixels);
        const from = (x + integers[group]) / 4;
        const to = (y + integers[group + pixels]) / 4 + block * BLOCK;
        // Eight variables instead of an array stay in registers.
        let [a, b, c, d, e, f, g, h] = floats.subarray(to, to + BLOCK);
        for (let i = 0, w = weights; i < inputs; i++, w += BLOCK) {
          const value = floats[from + i];
          a += value * floats[w];
          b += value * floats[w + 1];
          c += value * floats[w + 2];
          d += value * floats[w + 3];
          e += value * floats[w + 4];
          f += value * floats[w + 5];
          g += value * floats[w + 6];
          h += value * floats[w + 7];
        }
        floats.set([a, b, c, d, e, f, g, h], to);
      }
    }
  };
}
