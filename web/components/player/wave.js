// The recording's shape: one bar per few pixels, played part in the accent, a band of speakers below.

const BAR = 2;
const GAP = 1;
const BAND = 4;

export class Wave {
  #values = null;
  #segments = [];

  constructor(canvas, duration) {
    this.canvas = canvas;
    this.duration = duration;
  }

  peaks(values) {
    this.#values = values;
  }

  speakers(segments) {
    this.#segments = segments;
  }

  draw(at) {
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#bars(context, style, width, height - BAND - 4, at);
    this.#band(context, width, height);
    context.fillStyle = style.getPropertyValue("--ink");
    context.fillRect((at / this.duration) * width, 0, 1.5, height);
  }

  #bars(context, style, width, height, at) {
    const played = style.getPropertyValue("--accent");
    const ahead = style.getPropertyValue("--line-strong");
    const count = Math.floor(width / (BAR + GAP));
    const limit = (at / this.duration) * count;
    for (let index = 0; index < count; index += 1) {
      const tall = Math.max(1.5, this.#loudness(index, count) * height);
      context.fillStyle = index < limit ? played : ahead;
      context.fillRect(index * (BAR + GAP), (height - tall) / 2, BAR, tall);
    }
  }

  #loudness(index, count) {
    const values = this.#values;
    if (!values?.length) return 0;
    const from = Math.floor((index / count) * values.length);
    const to = Math.max(from + 1, Math.floor(((index + 1) / count) * values.length));
    let most = 0;
    for (let i = from; i < to; i += 1) most = Math.max(most, values[i]);
    return Math.sqrt(most / 127);
  }

  #band(context, width, height) {
    for (const { start, end, colour } of this.#segments) {
      context.fillStyle = colour;
      context.fillRect((start / this.duration) * width, height - BAND, Math.max(0.75, ((end - start) / this.duration) * width), BAND);
    }
  }
}
