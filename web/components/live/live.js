// <live-part events="ADDRESS" src="ADDRESS">: reads its own HTML again whenever the server says that something changed.
// At most once a second, never two requests at a time; while the connection is lost it asks every ten seconds instead.

const PAUSE_MS = 1000;
const LOST_MS = 10_000;

class LivePart extends HTMLElement {
  #source = null;
  #timer = 0;
  #busy = false;
  #again = false;

  connectedCallback() {
    this.#listen();
    document.addEventListener("visibilitychange", this.#shown);
  }

  disconnectedCallback() {
    this.#source?.close();
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#shown);
  }

  #shown = () => {
    if (document.visibilityState === "visible") this.#soon(0);
  };

  #listen() {
    this.#source = new EventSource(this.getAttribute("events"));
    for (const name of ["message", "job", "end"]) this.#source.addEventListener(name, () => this.#soon(PAUSE_MS));
    this.#source.addEventListener("end", () => this.#source.close());
    this.#source.addEventListener("error", () => this.#soon(LOST_MS));
  }

  #soon(wait) {
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#read();
    }, wait);
  }

  async #read() {
    if (document.visibilityState !== "visible") return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    try {
      await htmx.ajax("GET", this.getAttribute("src"), { target: this, swap: "innerMorph" });
    } finally {
      this.#busy = false;
      if (this.#again) {
        this.#again = false;
        this.#soon(PAUSE_MS);
      }
    }
    if (this.querySelector("[data-reload]")) location.reload();
  }
}

if (globalThis.htmx) customElements.define("live-part", LivePart);
