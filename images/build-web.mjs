// Copies the browser code that others wrote from node_modules into web/static/vendor, with version and hash in each name,
// and writes manifest.json, by which the portal finds it: {"htmx.js": "htmx-4.0.1-1a2b3c4d.js", …}.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const target = join(root, "web", "static", "vendor");
const manifest = {};

function versionOf(name) {
  return JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")).version;
}

function place(logical, version, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8);
  const dot = logical.lastIndexOf(".");
  const name = `${logical.slice(0, dot)}-${version}-${hash}${logical.slice(dot)}`;
  writeFileSync(join(target, name), content);
  manifest[logical] = name;
}

function sprite() {
  const names = readFileSync(join(root, "web", "static", "icons.txt"), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith("#"));
  const symbols = names.map((name) => {
    const svg = readFileSync(join(modules, "lucide-static", "icons", `${name}.svg`), "utf8");
    const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/\s+/g, " ").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24">${shapes}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg"><!-- Lucide, ISC licence -->${symbols.join("")}</svg>\n`;
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });

const htmx = readFileSync(join(modules, "htmx.org", "dist", "htmx.min.js"), "utf8").replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
place("htmx.js", versionOf("htmx.org"), htmx);
for (const range of ["latin", "latin-ext"]) {
  const font = readFileSync(join(modules, "@fontsource-variable/inter", "files", `inter-${range}-wght-normal.woff2`));
  place(`inter-${range}.woff2`, versionOf("@fontsource-variable/inter"), font);
}
place("icons.svg", versionOf("lucide-static"), sprite());
writeFileSync(join(target, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
console.error(`web/static/vendor: ${Object.values(manifest).join(", ")}`);
