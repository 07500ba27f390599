// What every page does beyond htmx: tells when the server can't be reached, and keeps opened details open.
"use strict";

(() => {
  const offline = (gone) => {
    const notice = document.getElementById("offline");
    if (notice) notice.hidden = !gone;
  };
  document.addEventListener("htmx:sendError", () => offline(true));
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr && event.detail.xhr.status) offline(false);
    // The session is over: the server asks for the token at the next page.
    if (event.detail.xhr && event.detail.xhr.status === 401) location.reload();
  });
  document.addEventListener("htmx:sseError", () => offline(true));
  document.addEventListener("htmx:sseOpen", () => offline(false));

  // A part that is replaced keeps what was opened in it, by id.
  let opened = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    opened = [...event.detail.target.querySelectorAll("details[id][open]")].map((one) => one.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of opened) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
  });
})();
