// A page that came back with errors begins at their summary, so that a screen reader says it and Tab goes on from there.

document.querySelector("[data-focus]")?.focus();
