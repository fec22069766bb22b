// "?" opens the list of keys, except where somebody is writing.

document.addEventListener("keydown", (event) => {
  const writing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "?" || writing || event.ctrlKey || event.altKey || event.metaKey) return;
  const list = document.getElementById("keys");
  if (list && !list.open) list.showModal();
});
