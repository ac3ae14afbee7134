// The generator: reads the layers of the page and computes pictures with them.
//
// A layer is an object with
//
//   kind        "dense", "convolution" or "transposed" (convolution)
//   input       [height, width, channels]; a vector is [1, 1, length]
//   output      the same
//   size        height and width of the kernel (1 for dense layers)
//   strides     1 for dense layers
//   resize      factor of nearest-neighbour enlargement before a convolution, otherwise 1
//   activation  "linear", "leaky_relu" (with `slope`; 0 is ReLU) or "tanh"
//   exponent    the kernel is multiplied by 2 ** exponent
//
// Its weights follow each other in `bytes`: the kernel as float16 [size, size, inputs, outputs], then
// the bias as float32 [outputs]. Normalization is part of both.
"use strict";

class Network {
  // `image` is [height, width, channels] of the picture.
  constructor(layers, image, bytes) {
    let position = 0; // In `bytes`.
    let address = 0; // In the memory of the kernel.
    const reserve = (count) => {
      const reserved = address;
      address += roundUp(4 * count, VECTOR);
      return reserved;
    };
    const first = layers[0].input[2];
    let input = { address: reserve(first), height: 1, width: 1, channels: first, stride: first };
    this.latent = input.address;
    this.steps = layers.map((layer) => {
      input = reshaped(input, layer.input);
      const step = planLayer(layer, input, reserve);
      const weights = layer.size ** 2 * input.channels * layer.output[2];
      step.kernelBytes = [position, weights];
      step.biasBytes = [position + 2 * weights, layer.output[2]];
      position += 2 * weights + 4 * layer.output[2];
      input = step.output;
      return step;
    });
    this.image = reshaped(input, image);
    if (position !== bytes.length) {
      throw new Error(`the page is damaged: ${bytes.length} bytes of weights, not ${position}`);
    }
    this.kernel = makeKernel(address);
    this.floats = new Float32Array(this.kernel.memory);
    this.integers = new Int32Array(this.kernel.memory);
    const halves = float16Table();
    this.steps.forEach((step) => this.fill(step, bytes, halves));
  }

  // Copy the weights and the pixel pairs of a layer to the memory of the kernel.
  fill(step, bytes, halves) {
    const [kernelStart, weights] = step.kernelBytes;
    const kernel = new Float32Array(weights);
    const factor = 2 ** step.layer.exponent;
    for (let i = 0, at = kernelStart; i < weights; i++, at += 2) {
      kernel[i] = halves[bytes[at] | (bytes[at + 1] << 8)] * factor;
    }
    const [biasStart, units] = step.biasBytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset + biasStart, 4 * units);
    step.bias = Float32Array.from({ length: step.output.stride }, (_, i) =>
      i < units ? view.getFloat32(4 * i, true) : 0,
    );
    for (const tap of step.taps) {
      this.integers.set(tap.pairList, tap.pairs / 4);
      delete tap.pairList;
      for (const position of tap.positions) {
        this.addKernel(tap.kernel / 4, kernel, position, step.input.channels, units);
      }
    }
  }

  // Add the weights of one kernel position to those at `target`: float32 [blocks][inputs][BLOCK].
  addKernel(target, kernel, position, inputs, units) {
    const start = position * inputs * units;
    for (let unit = 0; unit < units; unit++) {
      const column = target + Math.floor(unit / BLOCK) * inputs * BLOCK + (unit % BLOCK);
      for (let i = 0; i < inputs; i++) {
        this.floats[column + i * BLOCK] += kernel[start + i * units + unit];
      }
    }
  }

  // Return the picture of a latent vector (with the one-hot class, if there are classes) as RGBA.
  draw(latent) {
    this.floats.set(latent, this.latent / 4);
    for (const step of this.steps) {
      this.run(step);
    }
    return this.toPixels(this.image);
  }

  run({ layer, input, output, bias, taps }) {
    const multiply = output.group === 1 ? this.kernel.multiply1 : this.kernel.multiply4;
    const pixels = output.height * output.width;
    const start = output.address / 4;
    for (let pixel = 0; pixel < pixels; pixel++) {
      this.floats.set(bias, start + pixel * output.stride);
    }
    const blocks = output.stride / BLOCK;
    for (const { kernel, pairs, groups } of taps) {
      multiply(input.address, output.address, kernel, pairs, groups, input.channels, blocks);
    }
    const end = start + pixels * output.stride;
    if (layer.activation === "tanh") {
      for (let i = start; i < end; i++) {
        this.floats[i] = Math.tanh(this.floats[i]);
      }
    } else if (layer.activation === "leaky_relu") {
      for (let i = start; i < end; i++) {
        const value = this.floats[i];
        this.floats[i] = value < 0 ? value * layer.slope : value;
      }
    }
  }

  // Convert an image in [-1, 1] to RGBA. The array rounds to the nearest, as the program does.
  toPixels({ address, height, width, channels, stride }) {
    const pixels = new Uint8ClampedArray(4 * height * width);
    const step = channels === 1 ? 0 : 1; // Grey: the same value three times.
    for (let pixel = 0; pixel < height * width; pixel++) {
      const from = address / 4 + pixel * stride;
      for (let colour = 0; colour < 3; colour++) {
        pixels[4 * pixel + colour] = (this.floats[from + colour * step] + 1) * 127.5;
      }
      pixels[4 * pixel + 3] = 255;
    }
    return pixels;
  }
}

// Return values with another shape. Only vectors are reshaped; their pixels follow each other.
function reshaped(values, [height, width, channels]) {
  const isSame = height === values.height && width === values.width;
  return { ...values, height, width, channels, stride: isSame ? values.stride : channels };
}

// Plan a layer: what to multiply with which part of the kernel, and where everything is in memory.
//
// The plan is a list of taps. In a tap, the same part of the kernel connects many pairs of an input
// and an output pixel.
function planLayer(layer, input, reserve) {
  const [height, width, channels] = layer.output;
  const stride = roundUp(channels, BLOCK);
  const pixels = height * width;
  // One pixel more than needed: groups that are not full write there.
  const output = {
    address: reserve((pixels + 1) * stride), height, width, channels, stride,
    group: pixels === 1 ? 1 : PIXELS,
  };
  const taps = [];
  for (const rows of tapsOfAxis(layer, input.height)) {
    for (const columns of tapsOfAxis(layer, input.width)) {
      const pairs = rows.pairs.flatMap(([fromRow, toRow]) =>
        columns.pairs.map(([fromColumn, toColumn]) => [
          4 * input.stride * (fromRow * input.width + fromColumn),
          4 * stride * (toRow * width + toColumn),
        ]),
      );
      const pairList = groupPairs(pairs, output.group, 4 * stride * pixels);
      taps.push({
        positions: rows.positions.flatMap((row) =>
          columns.positions.map((column) => row * layer.size + column),
        ),
        kernel: reserve(input.channels * stride),
        pairs: reserve(pairList.length),
        groups: pairList.length / (2 * output.group),
        pairList,
      });
    }
  }
  return { layer, input, output, taps };
}

// Return the taps of a layer along one axis with `length` input pixels, each with its kernel
// positions and its pairs of an input and an output pixel. Padding is "same", as TensorFlow defines
// it; pairs with padding are left out.
function tapsOfAxis({ kind, size, strides, resize }, length) {
  const taps = new Map();
  const add = (name, position, pairs) => {
    if (pairs.length > 0) {
      const tap = taps.get(name) ?? { positions: [], pairs };
      tap.positions.push(position);
      taps.set(name, tap);
    }
  };
  const indices = (count) => [...Array(count).keys()];
  if (kind === "transposed") {
    const before = Math.floor(Math.max(size - strides, 0) / 2);
    for (const position of indices(size)) {
      const pairs = indices(length)
        .map((from) => [from, from * strides + position - before])
        .filter(([, to]) => to >= 0 && to < length * strides);
      add(position, position, pairs);
    }
    return [...taps.values()];
  }
  const enlarged = length * resize;
  const outputs = Math.ceil(enlarged / strides);
  const before = Math.floor(Math.max((outputs - 1) * strides + size - enlarged, 0) / 2);
  for (const position of indices(size)) {
    // After enlargement, several kernel positions meet the same input pixel: in every `resize`-th
    // output pixel the same ones. They become one tap, whose weights are their sum.
    for (const phase of indices(resize)) {
      const pairs = indices(outputs)
        .filter((to) => to % resize === phase)
        .map((to) => [to * strides + position - before, to])
        .filter(([row]) => row >= 0 && row < enlarged)
        .map(([row, to]) => [Math.floor(row / resize), to]);
      add(`${phase} ${Math.floor((phase + position - before) / resize)}`, position, pairs);
    }
  }
  return [...taps.values()];
}

// Arrange pairs in groups of `size`; fill the last one with pairs that write to `unused`.
function groupPairs(pairs, size, unused) {
  const list = new Int32Array(2 * roundUp(pairs.length, size));
  for (let i = 0; i < list.length / 2; i++) {
    const [from, to] = pairs[i] ?? [0, unused];
    const at = 2 * size * Math.floor(i / size) + (i % size);
    list[at] = from;
    list[at + size] = to;
  }
  return list;
}

// Return the value of each of the 65,536 float16 numbers (IEEE 754, binary16).
function float16Table() {
  return Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 31) {
      return fraction ? NaN : sign * Infinity;
    }
    return exponent
      ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
      : sign * fraction * 2 ** -24;
  });
}

function roundUp(value, multiple) {
  return Math.ceil(value / multiple) * multiple;
}
