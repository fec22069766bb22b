// <pane-switch>: in a narrow window, chooses which of two panes is seen; in a wide one both are.

class PaneSwitch extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const name = event.target.closest("[data-show]")?.dataset.show;
      if (name) this.show(name);
    });
    document.addEventListener("pane:show", this.#asked);
  }

  disconnectedCallback() {
    document.removeEventListener("pane:show", this.#asked);
  }

  #asked = (event) => this.show(event.target.dataset.pane);

  show(name) {
    this.dataset.shows = name;
    for (const button of this.querySelectorAll("[data-show]")) button.setAttribute("aria-pressed", String(button.dataset.show === name));
  }
}

customElements.define("pane-switch", PaneSwitch);
