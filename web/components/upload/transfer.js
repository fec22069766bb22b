// One file on its way: create or find the upload, send slices with their SHA-256, complete it.

const API = "/api/v1/uploads";
const PASSING = new Set([0, 408, 425, 429, 500, 502, 503, 504]);

export class Stopped extends Error {}

/** What the appliance answered instead of success. `passing` ones are worth trying again. */
export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail ?? `status ${status}`);
    this.status = status;
    this.code = body.code ?? "";
    this.detail = body.detail ?? "";
    this.hint = body.hint ?? "";
    this.fields = body.fields ?? {};
    // Busy: the appliance still holds on to the connection that was lost, and lets go of it soon.
    this.passing = this.code === "upload.busy" || (PASSING.has(status) && this.code !== "upload.storage_full");
  }
}

function token() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

async function ask(method, url, body) {
  let answer;
  try {
    answer = await fetch(url, {
      method,
      headers: { "X-CSRF-Token": token(), ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Problem(0);
  }
  const told = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, told);
  return told;
}

async function digest(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha-256=:${btoa(String.fromCharCode(...hash))}:`;
}

export class Transfer {
  #request = null;
  #stopped = false;

  constructor(file, { id, options, begun, moved, finishing }) {
    Object.assign(this, { file, id, options, begun, moved, finishing });
  }

  static discard(id) {
    ask("DELETE", `${API}/${id}`).catch(() => {});
  }

  stop() {
    this.#stopped = true;
    this.#request?.abort();
  }

  async run() {
    let { offset, slice_bytes: size } = await this.#begin();
    for (let damaged = 0; offset < this.file.size; ) {
      if (this.#stopped) throw new Stopped();
      this.moved(offset);
      try {
        offset = await this.#slice(offset, size);
        damaged = 0;
      } catch (problem) {
        if (problem.code === "upload.offset_mismatch") offset = problem.fields.offset;
        else if (problem.code === "upload.slice_damaged" && damaged < 3) damaged += 1;
        else throw problem;
      }
    }
    if (this.#stopped) throw new Stopped();
    this.finishing();
    return ask("POST", `${API}/${this.id}/complete`);
  }

  async #begin() {
    if (this.id) {
      const [state, limits] = await Promise.all([ask("GET", `${API}/${this.id}`), ask("GET", `${API}/limits`)]);
      return { slice_bytes: limits.slice_bytes, ...state };
    }
    const made = await ask("POST", API, { filename: this.file.name, size_bytes: this.file.size, ...this.options });
    this.id = made.id;
    this.begun(made.id);
    return made;
  }

  async #slice(offset, size) {
    let bytes;
    try {
      bytes = await this.file.slice(offset, offset + size).arrayBuffer();
    } catch {
      throw new Problem(410, { detail: "The file can no longer be read.", code: "file.unreadable" });
    }
    const sum = await digest(bytes);
    if (this.#stopped) throw new Stopped();
    return new Promise((resolve, reject) => {
      // XMLHttpRequest, because fetch does not tell how much of a request has left.
      const request = new XMLHttpRequest();
      this.#request = request;
      request.open("PUT", `${API}/${this.id}?offset=${offset}`);
      request.setRequestHeader("X-CSRF-Token", token());
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("Content-Digest", sum);
      request.responseType = "json";
      request.upload.addEventListener("progress", (event) => this.moved(offset + event.loaded));
      request.addEventListener("load", () => {
        if (request.status === 200) resolve(request.response.offset);
        else reject(new Problem(request.status, request.response ?? {}));
      });
      request.addEventListener("error", () => reject(new Problem(0)));
      request.addEventListener("abort", () => reject(new Stopped()));
      request.send(bytes);
    });
  }
}
