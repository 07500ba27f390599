// Listening to a KSL line: one at a time; a part of the page that is replaced keeps showing which one.
"use strict";

(() => {
  const sound = document.getElementById("listening");
  const told = document.getElementById("listened");
  let line = "";

  const show = () => {
    for (const button of document.querySelectorAll("button[data-listen]")) {
      button.setAttribute("aria-pressed", String(button.dataset.listen === line));
    }
  };
  const stop = (text) => {
    line = "";
    sound.pause();
    sound.removeAttribute("src");
    told.textContent = text;
    show();
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-listen]");
    if (!button) return;
    if (button.dataset.listen === line) {
      stop("");
      return;
    }
    line = button.dataset.listen;
    told.textContent = button.textContent;
    sound.src = line;
    sound.play().catch(() => {}); // an error of the sound itself is told by its event
    show();
  });
  const over = () => {
    if (line) stop(told.dataset.over);
  };
  sound.addEventListener("ended", over);
  sound.addEventListener("error", over);
  document.addEventListener("htmx:afterSwap", show);
})();
