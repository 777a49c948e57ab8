// Pictures as OpenCV calculates them, to the last bit. A picture is {data, width, height}, RGBA, as ImageData is.

/** The nearest whole number, and of two the even one: as Python and OpenCV round. */
export function round(value) {
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 ? nearest - 1 : nearest;
}

/** Half a picture, as cv2.resize with INTER_AREA. */
export function halve({ data, width, height }) {
  const [w, h] = [width, height].map((side) => Math.max(1, side >> 1));
  if (width % 2 || height % 2) return { data: shrink(data, [width, height], [w, h], 4), width: w, height: h };
  const [from, to] = [new Uint32Array(data.buffer, data.byteOffset), new Uint32Array(w * h)];
  const even = 0xff00ff; // two channels at once, in 16 bits each
  for (let y = 0, at = 0; y < h; y++) {
    for (let x = 0, i = 2 * y * width; x < w; x++, i += 2) {
      const [a, b, c, d] = [from[i], from[i + 1], from[i + width], from[i + width + 1]];
      const low = (a & even) + (b & even) + (c & even) + (d & even) + 0x20002;
      const high = ((a >>> 8) & even) + ((b >>> 8) & even) + ((c >>> 8) & even) + ((d >>> 8) & even) + 0x20002;
      to[at++] = ((low >>> 2) & even) | (((high >>> 2) & even) << 8);
    }
  }
  return { data: new Uint8Array(to.buffer), width: w, height: h };
}

/** For each pixel of a shorter line, [pixel, weight] of those of the longer one that it covers. */
function covered(length, count) {
  const scale = length / count;
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [i * scale, i * scale + scale];
    const cell = Math.min(scale, length - from);
    const last = Math.min(Math.floor(to), length - 1);
    const first = Math.min(Math.ceil(from), last);
    const parts = first - from > 1e-3 ? [[first - 1, Math.fround((first - from) / cell)]] : [];
    for (let pixel = first; pixel < last; pixel++) parts.push([pixel, Math.fround(1 / cell)]);
    if (to - last > 1e-3) parts.push([last, Math.fround(Math.min(to - last, 1, cell) / cell)]);
    return parts;
  });
}

/** Fewer pixels, each the mean of what it covers, as cv2.resize with INTER_AREA; `channels` bytes a pixel. */
export function shrink(pixels, [width, height], [w, h], channels = 1) {
  const smaller = new Uint8Array(w * h * channels);
  if (width % w === 0 && height % h === 0) {
    const [wide, high] = [width / w, height / h];
    const sums = new Uint32Array(smaller.length);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0, row = Math.floor(y / high) * w; x < width; x++) {
        for (let k = 0, to = (row + Math.floor(x / wide)) * channels; k < channels; k++) sums[to + k] += pixels[i++];
      }
    }
    const share = Math.fround(1 / (wide * high));
    const mean = wide * high === 4 && wide === 2 ? (sum) => (sum + 2) >> 2 : (sum) => round(Math.fround(sum * share));
    return smaller.map((_, i) => mean(sums[i]));
  }
  const [columns, rows] = [covered(width, w), covered(height, h)];
  const [line, sum] = [new Float32Array(w * channels), new Float32Array(w * channels)]; // as precise as OpenCV
  rows.forEach((parts, y) => {
    sum.fill(0);
    for (const [row, share] of parts) {
      line.fill(0);
      columns.forEach((covers, x) => {
        for (const [column, weight] of covers) {
          const from = (row * width + column) * channels;
          for (let k = 0; k < channels; k++) line[x * channels + k] += Math.fround(pixels[from + k] * weight);
        }
      });
      for (let i = 0; i < sum.length; i++) sum[i] += Math.fround(line[i] * share);
    }
    smaller.set(sum.map(round), y * sum.length);
  });
  return smaller;
}

/**
 * A square cut from a picture, RGB, by the (2, 3) matrix from its pixels to the picture's: as cv2.warpAffine does it,
 * in 1/32 of a pixel. What lies beyond is black, or repeats the edge.
 */
export function warp({ data, width, height }, [[a, b, c], [d, e, f]], size, repeatEdge = false) {
  const cut = new Uint8Array(3 * size * size);
  const across = Int32Array.from({ length: size }, (_, x) => round(a * x * 1024));
  const down = Int32Array.from({ length: size }, (_, x) => round(d * x * 1024));
  // without arrays, since this is the loop that takes the time
  for (let y = 0, to = 0; y < size; y++) {
    const left = round((b * y + c) * 1024) + 16;
    const top = round((e * y + f) * 1024) + 16;
    for (let x = 0; x < size; x++) {
      const u = (left + across[x]) >> 5;
      const v = (top + down[x]) >> 5;
      let x0 = u >> 5;
      let y0 = v >> 5;
      let x1 = x0 + 1;
      let y1 = y0 + 1;
      let right = u & 31;
      let lower = v & 31;
      let leftward = 32 - right;
      let upper = 32 - lower;
      if (x0 < 0 || y0 < 0 || x1 >= width || y1 >= height) {
        if (!repeatEdge) {
          if (x0 < 0 || x0 >= width) leftward = 0;
          if (x1 < 0 || x1 >= width) right = 0;
          if (y0 < 0 || y0 >= height) upper = 0;
          if (y1 < 0 || y1 >= height) lower = 0;
        }
        [x0, x1] = [Math.max(0, Math.min(x0, width - 1)), Math.max(0, Math.min(x1, width - 1))];
        [y0, y1] = [Math.max(0, Math.min(y0, height - 1)), Math.max(0, Math.min(y1, height - 1))];
      }
      const p = 4 * (y0 * width + x0);
      const q = 4 * (y0 * width + x1);
      const r = 4 * (y1 * width + x0);
      const s = 4 * (y1 * width + x1);
      const wp = upper * leftward;
      const wq = upper * right;
      const wr = lower * leftward;
      const ws = lower * right;
      cut[to++] = (data[p] * wp + data[q] * wq + data[r] * wr + data[s] * ws + 512) >> 10;
      cut[to++] = (data[p + 1] * wp + data[q + 1] * wq + data[r + 1] * wr + data[s + 1] * ws + 512) >> 10;
      cut[to++] = (data[p + 2] * wp + data[q + 2] * wq + data[r + 2] * wr + data[s + 2] * ws + 512) >> 10;
    }
  }
  return cut;
}

/** Grey pixels of coloured ones, as cv2.cvtColor; `channels` bytes a pixel. */
export function toGrey(pixels, channels) {
  const grey = new Uint8Array(pixels.length / channels);
  for (let to = 0, i = 0; to < grey.length; to++, i += channels) {
    grey[to] = (9798 * pixels[i] + 19235 * pixels[i + 1] + 3735 * pixels[i + 2] + 16384) >> 15;
  }
  return grey;
}

/** Brightens a square of pixels, in place, whose brightest parts are below a grey value; gives it back. */
export function lighten(pixels, size, darkBelow) {
  const channels = pixels.length / size ** 2;
  const counts = new Uint32Array(256);
  for (let y = 0; y < size; y += 4) {
    for (let x = 0; x < size; x += 4) {
      for (let k = 0; k < channels; k++) counts[pixels[(y * size + x) * channels + k]]++;
    }
  }
  const at = (rank) => {
    let value = -1;
    for (let seen = 0; seen <= rank; ) seen += counts[++value];
    return value;
  };
  const rank = (channels * Math.ceil(size / 4) ** 2 - 1) * 0.99; // the 99th percentile, as NumPy interpolates it
  const [low, high, way] = [at(Math.floor(rank)), at(Math.ceil(rank)), rank % 1];
  const brightest = Math.max(8, way < 0.5 ? low + (high - low) * way : high - (high - low) * (1 - way));
  if (brightest >= darkBelow) return pixels;
  const gain = Math.fround(255 / brightest);
  const lighter = Uint8Array.from({ length: 256 }, (_, value) => Math.min(255, Math.fround(value * gain)));
  for (let i = 0; i < pixels.length; i++) pixels[i] = lighter[pixels[i]];
  return pixels;
}
