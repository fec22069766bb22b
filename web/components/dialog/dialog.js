// Buttons with data-opens="ID" open that dialog, buttons with data-closes close the one they stand in.

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  if (opener) {
    opener.closest("[popover]")?.hidePopover();
    document.getElementById(opener.dataset.opens)?.showModal();
  }
  event.target.closest?.("[data-closes]")?.closest("dialog")?.close();
  if (event.target instanceof HTMLDialogElement && event.target.getAttribute("closedby") === "any") event.target.close();
});
