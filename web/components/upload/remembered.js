// Uploads that are not complete yet, kept in this browser: the id, and enough to know the same file again.

const KEY = "hangjegyzet.uploads";
const KEPT_MS = 2 * 24 * 3600 * 1000;

export class Remembered {
  #read() {
    try {
      const all = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      return Object.fromEntries(Object.entries(all).filter(([, kept]) => Date.now() - kept.at < KEPT_MS));
    } catch {
      return {};
    }
  }

  #write(all) {
    if (Object.keys(all).length) localStorage.setItem(KEY, JSON.stringify(all));
    else localStorage.removeItem(KEY);
  }

  #key(file) {
    return `${file.name}|${file.size}|${file.lastModified}`;
  }

  all() {
    return Object.entries(this.#read()).map(([key, kept]) => ({ key, ...kept }));
  }

  find(file) {
    const key = this.#key(file);
    const kept = this.#read()[key];
    return kept ? { key, ...kept } : null;
  }

  keep(file, id) {
    const key = this.#key(file);
    const kept = { id, name: file.name, size: file.size, at: Date.now() };
    this.#write({ ...this.#read(), [key]: kept });
    return { key, ...kept };
  }

  forget(key) {
    const all = this.#read();
    delete all[key];
    this.#write(all);
  }
}
