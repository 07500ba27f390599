// What every page does beyond htmx: tells when the server can't be reached, and keeps opened details open.
"use strict";

(() => {
  // A page that is left ends its streams itself: a browser would report each of them as a fault.
  const sources = [];
  htmx.createEventSource = (url) => {
    const source = new EventSource(url);
    sources.push(source);
    return source;
  };
  for (const leaving of ["beforeunload", "pagehide"]) {
    window.addEventListener(leaving, () => sources.splice(0).forEach((source) => source.close()));
  }
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

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
