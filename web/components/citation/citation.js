// A citation [n] opens who said it, when, in which exact words, and plays eight seconds of it. Without this script it is a
// link to its row of the transcript.

const SECONDS = 8;

/** Where `quote` stands in `text`, blind to case, to spacing and to punctuation that a model may have changed. */
export function findQuote(text, quote) {
  const pattern = quote
    .trim()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[^\\p{L}\\p{N}]+");
  const found = pattern && new RegExp(pattern, "iu").exec(text);
  return found ? { from: found.index, to: found.index + found[0].length } : null;
}

function textOf(segment) {
  return segment.querySelector("p").firstChild;
}

class Citation {
  constructor(popover) {
    this.popover = popover;
    this.link = null;
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a.cite");
      if (!link) return;
      event.preventDefault();
      this.open(link);
    });
    popover.addEventListener("click", (event) => this.#act(event.target.closest("[data-act]")?.dataset.act));
    popover.addEventListener("toggle", (event) => {
      this.link?.setAttribute("aria-expanded", String(event.newState === "open"));
      if (event.newState === "closed" && popover.contains(document.activeElement)) this.link?.focus();
    });
  }

  open(link) {
    const segment = document.getElementById(`s${link.dataset.segment}`);
    if (!segment) return;
    if (this.popover.matches(":popover-open")) this.popover.hidePopover();
    this.link = link;
    this.segment = segment;
    const text = textOf(segment).data;
    this.range = findQuote(text, link.dataset.quote) ?? { from: 0, to: text.length };
    this.#fill("who", segment.closest(".turn").dataset.speaker);
    this.#fill("time", segment.querySelector(".segment-time").textContent);
    this.#fill("before", text.slice(0, this.range.from));
    this.#fill("quote", text.slice(this.range.from, this.range.to));
    this.#fill("after", text.slice(this.range.to));
    this.popover.showPopover();
    this.#place();
    this.popover.querySelector('[data-act="play"]').focus({ preventScroll: true });
  }

  #fill(part, text) {
    this.popover.querySelector(`[data-part="${part}"]`).textContent = text;
  }

  #place() {
    const from = this.link.getBoundingClientRect();
    const own = this.popover.getBoundingClientRect();
    const left = Math.max(8, Math.min(from.left, innerWidth - own.width - 8));
    const fitsBelow = from.bottom + 6 + own.height < innerHeight - 8;
    this.popover.style.left = `${left}px`;
    this.popover.style.top = `${fitsBelow ? from.bottom + 6 : Math.max(8, from.top - 6 - own.height)}px`;
  }

  #act(name) {
    if (name === "play") {
      const detail = { segment: this.segment, character: this.range.from, seconds: SECONDS };
      document.dispatchEvent(new CustomEvent("player:play-words", { detail }));
    }
    if (name === "show") {
      this.popover.hidePopover();
      document.dispatchEvent(new CustomEvent("transcript:show", { detail: { segment: this.segment, ...this.range } }));
    }
  }
}

const popover = document.getElementById("citation");
if (popover) new Citation(popover);
