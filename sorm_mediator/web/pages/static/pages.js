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

  // A part that is replaced keeps what was opened in it, where it was scrolled to, and the focus. One that says the
  // same as before, or in which text is being selected, is left alone.
  const said = new WeakMap();
  let kept = null;
  const focusable = (part) => [...part.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
  const key = (one) => [one.tagName, one.id, one.getAttribute("href"), one.name, one.value, one.textContent].join("\n");
  const scrolled = (part) => [...part.querySelectorAll(".scroll")];
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.target;
    const selection = getSelection();
    const selecting = !selection.isCollapsed && part.contains(selection.anchorNode);
    if (part.id !== "told" && (selecting || said.get(part) === event.detail.serverResponse)) {
      event.detail.shouldSwap = false;
      return;
    }
    said.set(part, event.detail.serverResponse);
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const same = focused ? focusable(part).filter((one) => key(one) === key(focused)) : [];
    kept = {
      part,
      opened: [...part.querySelectorAll("details[id][open]")].map((one) => one.id),
      places: scrolled(part).map((one) => [one.scrollLeft, one.scrollTop]),
      key: focused && key(focused),
      nth: focused && same.indexOf(focused),
    };
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (!kept || kept.part !== event.detail.target) return;
    const { part, opened, places, key: wanted, nth } = kept;
    kept = null;
    for (const id of opened) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    scrolled(part).forEach((one, at) => places[at] && one.scrollTo(...places[at]));
    if (wanted !== null) {
      const again = focusable(part).filter((one) => key(one) === wanted)[nth];
      if (again) again.focus({ preventScroll: true });
    }
  });
})();
