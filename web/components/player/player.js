// <meeting-player>: plays the recording, draws the peaks that the appliance computed, and marks the spoken word.
// The browser decodes only what it plays; a click on a word, a time or a wave seeks.

import { Following } from "./following.js";
import { Wave } from "./wave.js";

const STEP_S = 5;
const SMALL_STEP_S = 3;
const RATES = [0.75, 1, 1.25, 1.5, 1.75, 2];

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

class MeetingPlayer extends HTMLElement {
  connectedCallback() {
    this.audio = this.querySelector("audio");
    this.slider = this.querySelector('[role="slider"]');
    this.playButton = this.querySelector('[data-act="play"]');
    this.rate = this.querySelector('[data-part="rate"]');
    this.duration = Number(this.dataset.duration);
    this.until = Infinity;
    this.wanted = null;
    this.wave = new Wave(this.slider.querySelector("canvas"), this.duration);
    this.following = new Following(document.getElementById("transcript"), {
      lost: (lost) => (this.querySelector('[data-act="follow"]').hidden = !lost),
    });
    this.wave.speakers(this.following.segments);
    this.#listen();
    this.#load();
    this.#show();
  }

  get position() {
    return this.wanted ?? this.audio.currentTime;
  }

  async #load() {
    const read = async (address, kind) => {
      const answer = await fetch(address);
      return answer.ok ? answer[kind]() : null;
    };
    const [peaks, words] = await Promise.all([
      this.dataset.peaks ? read(this.dataset.peaks, "arrayBuffer") : null,
      this.dataset.words ? read(this.dataset.words, "json") : null,
    ]);
    if (peaks) this.wave.peaks(new Int8Array(peaks));
    if (words) this.following.words(words);
    this.#show();
  }

  #listen() {
    this.addEventListener("click", (event) => this.#act(event.target.closest("[data-act]")?.dataset.act));
    this.rate.addEventListener("change", () => (this.audio.playbackRate = Number(this.rate.value)));
    this.slider.addEventListener("pointerdown", (event) => this.#drag(event));
    this.slider.addEventListener("keydown", (event) => this.#slide(event));
    for (const name of ["play", "pause", "seeked", "ended", "loadedmetadata"]) this.audio.addEventListener(name, () => this.#show());
    this.audio.addEventListener("loadedmetadata", () => {
      if (this.wanted !== null) this.audio.currentTime = this.wanted;
      this.wanted = null;
    });
    this.audio.addEventListener("error", () => this.#tellTrouble());
    this.audio.addEventListener("playing", () => (this.querySelector('[data-part="trouble"]').hidden = true));
    document.addEventListener("keydown", this.#shortcut);
    document.addEventListener("click", this.#seekFromText);
    document.addEventListener("player:play-words", this.#playWords);
    document.addEventListener("transcript:show", this.#showWords);
    new ResizeObserver(() => this.#show()).observe(this.slider);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#show());
  }

  disconnectedCallback() {
    this.audio.pause();
    document.removeEventListener("keydown", this.#shortcut);
    document.removeEventListener("click", this.#seekFromText);
    document.removeEventListener("player:play-words", this.#playWords);
    document.removeEventListener("transcript:show", this.#showWords);
  }

  #act(name) {
    if (name === "play") this.toggle();
    if (name === "back") this.seek(this.position - STEP_S);
    if (name === "forward") this.seek(this.position + STEP_S);
    if (name === "follow") this.following.resume(this.position);
  }

  // A browser tells no reason: the appliance is asked for one, such as a recording that is still in the backups.
  async #tellTrouble() {
    const line = this.querySelector('[data-part="trouble"]');
    const answer = await fetch(this.audio.currentSrc, { headers: { Range: "bytes=0-0" } }).catch(() => null);
    const problem = answer && !answer.ok ? await answer.json().catch(() => null) : null;
    line.textContent = problem ? [problem.detail, problem.hint].filter(Boolean).join(" ") : line.dataset.format;
    line.hidden = false;
  }

  toggle() {
    this.until = Infinity;
    if (this.audio.paused) this.play();
    else this.audio.pause();
  }

  play() {
    if (this.audio.error) {
      // What failed may be mended: a disk was connected again.
      this.wanted = this.position;
      this.audio.load();
    }
    this.audio.play().catch(() => {}); // a format that cannot be played is told by the error event
    this.following.resume(this.position);
  }

  seek(seconds) {
    const target = Math.min(Math.max(0, seconds), this.duration);
    this.until = Infinity;
    // Before the recording's head is loaded there is nothing to seek in: remember it, and begin loading.
    if (this.audio.readyState === HTMLMediaElement.HAVE_NOTHING) {
      this.wanted = target;
      if (this.audio.networkState === HTMLMediaElement.NETWORK_IDLE || this.audio.preload === "none") {
        this.audio.preload = "metadata";
        this.audio.load();
      }
    } else this.audio.currentTime = target;
    this.#show();
  }

  #playWords = ({ detail }) => {
    const start = this.following.timeAt(detail.segment, detail.character);
    this.seek(start);
    this.until = start + detail.seconds;
    this.play();
  };

  #showWords = ({ detail }) => this.following.show(detail.segment, detail.from, detail.to);

  #seekFromText = (event) => {
    const time = event.target.closest?.("[data-seek]");
    const segmentTime = event.target.closest?.(".segment-time");
    if (time) {
      event.preventDefault();
      this.seek(Number(time.dataset.seek));
      if (time.dataset.until) this.until = Number(time.dataset.until);
      this.play();
    } else if (segmentTime) {
      event.preventDefault();
      this.seek(Number(segmentTime.closest(".segment").dataset.start));
      this.play();
    } else if (event.target.closest?.(".segment p") && getSelection().isCollapsed) {
      const at = this.following.timeUnder(event.clientX, event.clientY);
      if (at !== null) this.seek(at);
    }
  };

  #drag(event) {
    this.slider.setPointerCapture(event.pointerId);
    const move = ({ clientX }) => {
      const box = this.slider.getBoundingClientRect();
      this.seek(((clientX - box.left) / box.width) * this.duration);
    };
    move(event);
    this.slider.addEventListener("pointermove", move);
    this.slider.addEventListener("pointerup", () => this.slider.removeEventListener("pointermove", move), { once: true });
  }

  #slide(event) {
    const to = {
      ArrowLeft: this.position - STEP_S,
      ArrowDown: this.position - STEP_S,
      ArrowRight: this.position + STEP_S,
      ArrowUp: this.position + STEP_S,
      PageDown: this.position - 60,
      PageUp: this.position + 60,
      Home: 0,
      End: this.duration,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.seek(to);
  }

  #shortcut = (event) => {
    const { key, code, ctrlKey, altKey } = event;
    const step = (by) => this.seek(this.position + by);
    const faster = (by) => {
      const next = RATES[Math.min(Math.max(RATES.indexOf(this.audio.playbackRate) + by, 0), RATES.length - 1)];
      this.audio.playbackRate = next;
      this.rate.value = String(next);
    };
    if (ctrlKey && code === "Space") this.toggle();
    else if (altKey && code === "KeyJ") step(-STEP_S);
    else if (altKey && code === "KeyL") step(STEP_S);
    else if (key === "F1") step(-SMALL_STEP_S);
    else if (key === "F2") step(SMALL_STEP_S);
    else if (key === "F3") faster(-1);
    else if (key === "F4") faster(1);
    else return;
    event.preventDefault();
  };

  #show = () => {
    const at = this.position;
    if (!this.audio.paused && at >= this.until) {
      this.until = Infinity;
      this.audio.pause();
    }
    const playing = !this.audio.paused;
    this.playButton.setAttribute("aria-pressed", String(playing));
    this.querySelector('[data-part="clock"]').textContent = clock(at);
    this.slider.setAttribute("aria-valuenow", String(Math.round(at)));
    this.slider.setAttribute("aria-valuetext", this.dataset.position.replace("{time}", clock(at)).replace("{whole}", clock(this.duration)));
    this.wave.draw(at);
    this.following.at(at, { playing });
    if (playing) requestAnimationFrame(this.#show);
  };
}

customElements.define("meeting-player", MeetingPlayer);
