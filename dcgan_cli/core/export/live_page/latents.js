// Latent vectors: of a seed, exactly as `dcgan sample` draws them, and between those of seeds.
//
// The program calls numpy.random.Generator(Philox(key=seed)).standard_normal(dtype=float32). This
// file computes the same numbers, so a seed gives the same picture here and there.
"use strict";

// Philox4x64 with 10 rounds. Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3",
// section 3.3: multipliers and what is added to the key after each round.
const PHILOX_MULTIPLIERS = [0xd2e7470ee14c6c93n, 0xca5a826395121157n];
const PHILOX_KEY_STEPS = [0x9e3779b97f4a7c15n, 0xbb67ae8584caa73bn];
const PHILOX_ROUNDS = 10;
const MASK_64 = (1n << 64n) - 1n;

// Return a function that returns the next 32 random bits of a key (a BigInt below 2**64).
function philox(key) {
  let counter = 0n;
  let bits = []; // Those not returned yet, the next ones last.
  return () => {
    if (bits.length === 0) {
      counter += 1n;
      bits = philoxBlock(counter, key).flatMap((word) => [
        Number(word & 0xffffffffn),
        Number(word >> 32n),
      ]);
      bits.reverse();
    }
    return bits.pop();
  };
}

// Return four random words of 64 bits.
function philoxBlock(counter, key) {
  let [a, b, c, d] = [counter, 0n, 0n, 0n];
  let [k, l] = [key, 0n];
  for (let round = 0; round < PHILOX_ROUNDS; round++) {
    const first = PHILOX_MULTIPLIERS[0] * a;
    const second = PHILOX_MULTIPLIERS[1] * c;
    [a, b, c, d] = [
      (second >> 64n) ^ b ^ k,
      second & MASK_64,
      (first >> 64n) ^ d ^ l,
      first & MASK_64,
    ];
    k = (k + PHILOX_KEY_STEPS[0]) & MASK_64;
    l = (l + PHILOX_KEY_STEPS[1]) & MASK_64;
  }
  return [a, b, c, d];
}

// Tables of the ziggurat method with 256 layers of equal area. Marsaglia & Tsang 2000, "The Ziggurat
// Method for Generating Random Variables", section 3. `edge` is where the tail begins, `area` the
// area of a layer below exp(-x * x / 2).
const ZIGGURAT = (() => {
  const edge = 3.6541528853610088;
  const area = 0.004928673233974658;
  const steps = 2 ** 23; // Different values of the 23 random bits that give the position.
  const density = (x) => Math.exp(-0.5 * x * x);
  const width = new Float64Array(256);
  const height = new Float32Array(256);
  const scale = new Float32Array(256);
  const inside = new Int32Array(256); // Positions below this are under the curve for certain.
  width[0] = area / density(edge);
  width[255] = edge;
  for (let i = 254; i > 0; i--) {
    width[i] = Math.sqrt(-2 * Math.log(area / width[i + 1] + density(width[i + 1])));
  }
  for (let i = 0; i < 256; i++) {
    height[i] = i ? density(width[i]) : 1;
    scale[i] = width[i] / steps;
    const inner = i ? width[i - 1] : edge;
    inside[i] = i === 1 ? 0 : Math.round((inner / width[i]) * steps);
  }
  return { edge: Math.fround(edge), inverse: Math.fround(1 / edge), height, scale, inside };
})();

// Return a standard normal float32. All steps round to float32 where NumPy's do.
function standardNormal(nextBits) {
  const float = Math.fround;
  const { edge, inverse, height, scale, inside } = ZIGGURAT;
  const uniform = () => (nextBits() >>> 8) / 2 ** 24;
  const exponential = () => -float(Math.log1p(-uniform()));
  for (;;) {
    const bits = nextBits();
    const layer = bits & 0xff;
    const position = bits >>> 9;
    const distance = float(position * scale[layer]);
    const x = bits & 0x100 ? -distance : distance;
    if (position < inside[layer]) {
      return x;
    }
    if (layer === 0) {
      for (;;) {
        const beyond = float(inverse * exponential());
        const y = exponential();
        if (float(y + y) > float(beyond * beyond)) {
          return (position >>> 8) & 1 ? -float(edge + beyond) : float(edge + beyond);
        }
      }
    }
    const between = float(height[layer - 1] - height[layer]);
    if (float(float(between * uniform()) + height[layer]) < Math.exp(-0.5 * x * x)) {
      return x;
    }
  }
}

// Return the latent vector of a seed (a BigInt).
function latentOfSeed(seed, noiseDim) {
  const nextBits = philox(seed);
  return Float32Array.from({ length: noiseDim }, () => standardNormal(nextBits));
}

// Interpolate along a great circle, so that the length stays typical. Shoemake 1985, "Animating
// Rotation with Quaternion Curves".
function between(start, end, share) {
  if (share === 0) {
    return start;
  }
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const cosine = dot(start, end) / Math.sqrt(dot(start, start) * dot(end, end));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  const [a, b] =
    sine < 1e-6
      ? [1 - share, share]
      : [Math.sin((1 - share) * angle) / sine, Math.sin(share * angle) / sine];
  return start.map((value, i) => a * value + b * end[i]);
}
