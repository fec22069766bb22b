// Keeps the transcript with the sound: the row by binary search, the word by the CSS Custom Highlight API, no extra elements.

/** Index of the last start that is not after `at`, or -1. */
export function lastNotAfter(starts, at) {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const MODEST = matchMedia("(prefers-reduced-motion: reduce)");

export class Following {
  #words = null;
  #current = null;
  #word = -1;
  #follows = true;
  #spoken = globalThis.Highlight ? new Highlight() : null;
  #cited = globalThis.Highlight ? new Highlight() : null;

  constructor(transcript, { lost }) {
    this.lost = lost;
    const colours = new Map(); // asked once per speaker: a style for each of 3 000 rows would cost a second
    const colourOf = (turn) => {
      if (!colours.has(turn.className)) colours.set(turn.className, getComputedStyle(turn).getPropertyValue("--bar"));
      return colours.get(turn.className);
    };
    this.segments = [...(transcript?.querySelectorAll(".segment") ?? [])].map((element) => ({
      element,
      text: element.querySelector("p").firstChild,
      start: Number(element.dataset.start),
      end: Number(element.dataset.end),
      colour: colourOf(element.closest(".turn")),
    }));
    this.starts = Float64Array.from(this.segments, ({ start }) => start);
    this.byElement = new Map(this.segments.map((segment, index) => [segment.element, index]));
    if (this.#spoken) {
      CSS.highlights.set("spoken", this.#spoken);
      CSS.highlights.set("cited", this.#cited);
    }
    const stop = () => this.#stop();
    for (const name of ["wheel", "touchmove"]) addEventListener(name, stop, { passive: true });
    addEventListener("keydown", (event) => {
      if (["PageUp", "PageDown", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key) && event.target === document.body) stop();
    });
  }

  /** Per row: from, to (characters), start, end (milliseconds) of each word, flat. */
  words(rows) {
    this.#words = rows;
  }

  #stop() {
    if (!this.#follows || !this.#current || !this.playing) return;
    this.#follows = false;
    this.lost(true);
  }

  resume(at) {
    this.#follows = true;
    this.lost(false);
    const index = lastNotAfter(this.starts, at);
    if (index >= 0) this.#reveal(this.segments[index].element);
  }

  #reveal(element) {
    const box = element.getBoundingClientRect();
    if (box.top > 120 && box.bottom < innerHeight - 160) return;
    element.scrollIntoView({ block: "center", behavior: MODEST.matches ? "auto" : "smooth" });
  }

  at(seconds, { playing }) {
    this.playing = playing;
    const index = lastNotAfter(this.starts, seconds);
    const segment = index >= 0 && seconds < this.segments[index].end + 0.5 ? this.segments[index] : null;
    if (segment !== this.#current) {
      this.#current?.element.removeAttribute("aria-current");
      segment?.element.setAttribute("aria-current", "true");
      this.#current = segment;
      this.#word = -1;
      this.#spoken?.clear();
      if (segment && playing && this.#follows) this.#reveal(segment.element);
    }
    if (segment) this.#mark(segment, index, seconds * 1000);
  }

  #mark(segment, index, milliseconds) {
    const words = this.#words?.[index];
    if (!words || !this.#spoken) return;
    let word = -1;
    for (let i = 0; i < words.length; i += 4) if (words[i + 2] <= milliseconds) word = i;
    if (word === this.#word) return;
    this.#word = word;
    this.#spoken.clear();
    if (word < 0) return;
    const range = new StaticRange({ startContainer: segment.text, startOffset: words[word], endContainer: segment.text, endOffset: words[word + 1] });
    this.#spoken.add(range);
  }

  /** When the character of a row is said; the row's start while words are not there. */
  timeAt(element, character) {
    const index = this.byElement.get(element);
    const words = this.#words?.[index] ?? [];
    let at = this.segments[index].start;
    for (let i = 0; i < words.length && words[i] <= character; i += 4) at = words[i + 2] / 1000;
    return at;
  }

  /** When the word under a point of the window is said; null where there is none. */
  timeUnder(x, y) {
    const caret = document.caretPositionFromPoint?.(x, y);
    const range = caret ? null : document.caretRangeFromPoint?.(x, y);
    const node = caret?.offsetNode ?? range?.startContainer;
    const element = node?.parentElement?.closest(".segment");
    return element ? this.timeAt(element, caret?.offset ?? range.startOffset) : null;
  }

  show(element, from, to) {
    this.#stop();
    const { text } = this.segments[this.byElement.get(element)];
    if (this.#cited) {
      this.#cited.clear();
      this.#cited.add(new StaticRange({ startContainer: text, startOffset: from, endContainer: text, endOffset: to }));
    }
    document.querySelector(".segment-cited")?.classList.remove("segment-cited");
    element.classList.add("segment-cited");
    element.closest("[data-pane]")?.dispatchEvent(new CustomEvent("pane:show", { bubbles: true }));
    element.scrollIntoView({ block: "center", behavior: MODEST.matches ? "auto" : "smooth" });
    element.querySelector(".segment-time").focus({ preventScroll: true });
  }
}
