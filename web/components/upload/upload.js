// <upload-queue>: takes recordings by drop or choice, tells at once what cannot be sent, and sends the rest in slices.
// An upload outlives a lost connection, a closed tab and a restart of the appliance: its id is kept in this browser until
// it is complete, and the appliance says from which byte to go on.

import { Transfer, Stopped } from "./transfer.js";
import { Remembered } from "./remembered.js";

const RETRY_MS = [1000, 2000, 4000, 8000, 15_000, 30_000];

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function formatSize(bytes, language = document.documentElement.lang) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit += 1) bytes /= 1024;
  const digits = unit === 0 || bytes >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(bytes)} ${units[unit]}`;
}

class Upload {
  constructor(queue, row, { file = null, kept = null }) {
    this.queue = queue;
    this.row = row;
    this.file = file;
    this.kept = kept;
    this.name = file?.name ?? kept.name;
    this.size = file?.size ?? kept.size;
    this.transfer = null;
    this.meeting = null;
    this.began = null;
    this.part("file").textContent = `${this.name} · ${formatSize(this.size)}`;
    this.part("title").value = this.name.replace(/\.[^.]+$/, "").replaceAll("_", " ");
    row.addEventListener("click", (event) => this.act(event.target.closest("[data-act]")?.dataset.act));
  }

  part(name) {
    return this.row.querySelector(`[data-part="${name}"]`);
  }

  get state() {
    return this.row.dataset.state;
  }

  show(state, text = this.queue.texts[state]) {
    this.row.dataset.state = state;
    this.part("state").textContent = text;
    const sending = ["checking", "sending", "lost", "finishing"].includes(state);
    this.row.querySelector('[data-act="pause"]').hidden = !["sending", "lost"].includes(state);
    this.row.querySelector('[data-act="resume"]').hidden = !["paused", "failed"].includes(state) || !this.file;
    this.row.querySelector('[data-act="remove"]').hidden = sending || state === "done";
    this.part("title").disabled = state !== "ready";
    this.part("progress").hidden = ["ready", "refused"].includes(state);
    this.part("progress").classList.toggle("progress-still", ["paused", "failed", "interrupted", "lost"].includes(state));
    this.part("progress").classList.toggle("progress-good", state === "done");
    this.queue.changed();
  }

  moved(sent) {
    const share = this.size ? sent / this.size : 0;
    this.part("progress").value = share;
    this.part("percent").textContent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" }).format(share);
    if (this.state !== "sending") return;
    this.began ??= { at: performance.now(), sent };
    const seconds = (performance.now() - this.began.at) / 1000;
    const rate = (sent - this.began.sent) / seconds;
    const parts = [fill(this.queue.texts.of, { sent: formatSize(sent), size: formatSize(this.size) })];
    if (seconds > 3 && rate > 0) parts.push(fill(this.queue.texts.left, { time: this.queue.duration((this.size - sent) / rate) }));
    this.part("state").textContent = parts.join(" · ");
  }

  act(name) {
    if (name === "pause") {
      this.show("paused");
      this.transfer?.stop();
    }
    if (name === "resume") this.queue.send(this);
    if (name === "remove") this.queue.remove(this);
  }

  async run(options) {
    this.show("checking");
    this.began = null;
    for (let tries = 0; ; ) {
      this.transfer = new Transfer(this.file, {
        id: this.kept?.id,
        options: { ...options, title: this.part("title").value.trim() || undefined },
        begun: (id) => this.begun(id),
        moved: (sent) => {
          if (this.state !== "sending") this.show("sending");
          tries = 0;
          this.moved(sent);
        },
        finishing: () => this.show("finishing"),
      });
      try {
        const made = await this.transfer.run();
        this.finished(made);
        return;
      } catch (problem) {
        if (problem instanceof Stopped || this.state === "paused") return;
        if (problem.status === 401) return this.show("paused", this.queue.texts.signed_out);
        if (problem.status === 404 && this.kept) {
          this.queue.remembered.forget(this.kept.key);
          this.kept = null;
          continue;
        }
        if (!problem.passing) return this.show("failed", [problem.detail, problem.hint].filter(Boolean).join(" "));
        this.show("lost");
        this.began = null;
        await this.queue.connection(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
        tries += 1;
        if (this.state !== "lost") return;
      }
    }
  }

  begun(id) {
    this.kept = this.queue.remembered.keep(this.file, id);
  }

  finished({ meeting_id: meeting }) {
    this.queue.remembered.forget(this.kept.key);
    this.meeting = meeting;
    this.moved(this.size);
    const open = this.part("open");
    open.href = `/meetings/${meeting}`;
    open.hidden = false;
    this.show("done");
  }
}

class UploadQueue extends HTMLElement {
  connectedCallback() {
    this.texts = JSON.parse(this.dataset.texts);
    this.limits = { bytes: Number(this.dataset.maxBytes), free: Number(this.dataset.freeBytes) };
    this.form = this.querySelector("form");
    this.list = this.querySelector(".uploads");
    this.input = this.querySelector('input[type="file"]');
    this.button = this.querySelector("[data-send]");
    this.remembered = new Remembered();
    this.uploads = [];
    this.input.addEventListener("change", () => this.add([...this.input.files]));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.sendAll();
    });
    this.#dropping();
    addEventListener("beforeunload", this.#leaving);
    this.#interrupted();
    this.changed();
  }

  disconnectedCallback() {
    removeEventListener("beforeunload", this.#leaving);
  }

  #leaving = (event) => {
    if (this.uploads.some((upload) => ["checking", "sending", "finishing"].includes(upload.state))) event.preventDefault();
  };

  #dropping() {
    const zone = this.querySelector(".dropzone");
    const over = (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      zone.classList.toggle("dropzone-over", event.type === "dragover");
      if (event.type === "drop") this.add([...event.dataTransfer.files]);
    };
    for (const name of ["dragover", "dragleave", "drop"]) this.addEventListener(name, over);
  }

  async #interrupted() {
    for (const kept of this.remembered.all()) {
      const answer = await fetch(`/api/v1/uploads/${kept.id}`).catch(() => null);
      if (answer?.status === 404) this.remembered.forget(kept.key);
      if (!answer?.ok) continue;
      const { offset } = await answer.json();
      if (this.uploads.some((upload) => upload.kept?.key === kept.key)) continue;
      const upload = this.#place({ kept });
      upload.show("interrupted");
      upload.moved(offset);
    }
  }

  #place(source) {
    const row = this.querySelector("template").content.firstElementChild.cloneNode(true);
    this.list.append(row);
    const upload = new Upload(this, row, source);
    this.uploads.push(upload);
    return upload;
  }

  add(files) {
    for (const file of files) {
      const kept = this.remembered.find(file);
      const waiting = this.uploads.find((upload) => upload.kept && upload.kept.key === kept?.key && upload.state === "interrupted");
      if (waiting) {
        waiting.file = file;
        this.send(waiting);
        continue;
      }
      if (this.uploads.some(({ file: other }) => other && other.name === file.name && other.size === file.size && other.lastModified === file.lastModified)) continue;
      const upload = this.#place({ file, kept });
      const problem = this.#problem(file);
      if (problem) upload.show("refused", problem);
      else upload.show("ready");
    }
    this.input.value = "";
    this.changed();
  }

  #problem(file) {
    if (file.size === 0) return this.texts.empty;
    if (file.size > this.limits.bytes) {
      return fill(this.texts.too_large, { size: formatSize(file.size), limit: formatSize(this.limits.bytes) });
    }
    if (file.size > this.limits.free) return fill(this.texts.no_room, { free: formatSize(this.limits.free) });
    return "";
  }

  remove(upload) {
    if (upload.kept) {
      this.remembered.forget(upload.kept.key);
      Transfer.discard(upload.kept.id);
    }
    const next = upload.row.nextElementSibling ?? upload.row.previousElementSibling;
    upload.row.remove();
    this.uploads = this.uploads.filter((other) => other !== upload);
    (next?.querySelector('[data-act="remove"]:not([hidden])') ?? this.input).focus();
    this.changed();
  }

  get options() {
    const values = new FormData(this.form);
    const speakers = Number(values.get("speakers"));
    const words = values.get("words")?.trim();
    return {
      language: values.get("language") || undefined,
      speakers: speakers > 0 ? speakers : undefined,
      words: words ? words.split(",") : undefined,
    };
  }

  async send(upload) {
    if (this.uploads.some((other) => other !== upload && ["checking", "sending", "lost", "finishing"].includes(other.state))) {
      upload.show("ready");
      return;
    }
    await upload.run(this.options);
    const next = this.sendingAll && this.uploads.find((other) => other.state === "ready");
    if (next) await this.send(next);
    else this.#allDone();
  }

  async sendAll() {
    this.sendingAll = true;
    const first = this.uploads.find((upload) => upload.state === "ready");
    if (first) await this.send(first);
    this.sendingAll = false;
    this.changed();
  }

  #allDone() {
    if (this.uploads.length === 1 && this.uploads[0].meeting) location.assign(`/meetings/${this.uploads[0].meeting}`);
  }

  changed() {
    const ready = this.uploads.filter((upload) => upload.state === "ready").length;
    this.button.disabled = ready === 0 || this.uploads.some((upload) => ["checking", "sending", "finishing"].includes(upload.state));
    const text = ready > 1 ? fill(this.texts.send_many, { count: ready }) : this.texts.send_one;
    this.button.querySelector("span").textContent = text;
  }

  connection(wait) {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        removeEventListener("online", go);
        resolve();
      };
      const timer = setTimeout(go, wait);
      addEventListener("online", go);
    });
  }

  duration(seconds) {
    const minutes = Math.ceil(seconds / 60);
    if (seconds < 60) return this.texts.under_minute;
    if (minutes < 60) return fill(this.texts.minutes, { count: minutes });
    return fill(this.texts.hours, { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
  }
}

customElements.define("upload-queue", UploadQueue);
