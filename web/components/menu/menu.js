// Puts an opened popover beside the button that opened it, inside the window; the browser does the rest.

function place(list, button) {
  const from = button.getBoundingClientRect();
  const own = list.getBoundingClientRect();
  const gap = 4;
  const left = Math.max(8, Math.min(from.right - own.width, innerWidth - own.width - 8));
  const below = from.bottom + gap + own.height <= innerHeight;
  list.style.position = "fixed";
  list.style.left = `${from.left + own.width <= innerWidth - 8 ? from.left : left}px`;
  list.style.top = `${below ? from.bottom + gap : Math.max(8, from.top - gap - own.height)}px`;
  list.style.margin = "0";
}

document.addEventListener(
  "toggle",
  (event) => {
    const list = event.target;
    if (event.newState !== "open" || !list.classList?.contains("menu-list")) return;
    const button = document.querySelector(`[popovertarget="${CSS.escape(list.id)}"]`);
    if (button) place(list, button);
    list.querySelector("a, button")?.focus({ preventScroll: true });
  },
  true,
);

document.addEventListener("keydown", (event) => {
  const list = event.target.closest?.(".menu-list");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!list || !step) return;
  const items = [...list.querySelectorAll("a, button")];
  items.at((items.indexOf(document.activeElement) + step) % items.length)?.focus();
  event.preventDefault();
});

// What was chosen closes its menu: a download leaves the page where it is.
document.addEventListener("click", (event) => {
  const item = event.target.closest?.(".menu-item");
  if (item) item.closest("[popover]")?.hidePopover();
});
