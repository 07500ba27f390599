// Live units: the latest lines in a bounded window. Only the lines in sight are elements of the page.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const MOST = 10000; // lines that are kept
  const ROW = 22; // pixels of a line, as in pages.css
  const list = document.getElementById("lines");
  const sizer = list.querySelector(".sizer");
  const filters = document.getElementById("filters");
  const count = document.getElementById("count");
  const pause = document.getElementById("pause");
  const opened = document.getElementById("opened");
  let all = [];
  let shown = [];
  let waiting = []; // came while paused
  let lost = 0;
  let paused = false;
  let chosen = 0; // number of the chosen line
  let drawing = false;

  const wanted = () => {
    const data = new FormData(filters);
    const kinds = new Set(data.getAll("kind"));
    const object = data.get("object").trim();
    const call = data.get("call").trim();
    const text = data.get("text").trim().toLowerCase();
    return (one) =>
      kinds.has(one.kind) &&
      (!object || one.objects.some((number) => String(number) === object)) &&
      (!call || one.calls.some((known) => known !== null && String(known) === call)) &&
      (!text || one.line.toLowerCase().includes(text));
  };
  let wants = wanted();

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  const draw = () => {
    drawing = false;
    sizer.style.height = `${shown.length * ROW}px`;
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
    const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / ROW) + 10);
    const rows = [];
    for (let at = first; at < last; at += 1) {
      const one = shown[at];
      const row = document.createElement("div");
      row.id = `line-${one.n}`;
      row.className = `line ${one.kind}`;
      row.role = "option";
      row.ariaPosInSet = String(at + 1);
      row.ariaSetSize = String(shown.length);
      row.ariaSelected = String(one.n === chosen);
      row.style.top = `${at * ROW}px`;
      row.textContent = one.line;
      rows.push(row);
    }
    sizer.replaceChildren(...rows);
    if (rows.some((row) => row.id === `line-${chosen}`)) list.setAttribute("aria-activedescendant", `line-${chosen}`);
    else list.removeAttribute("aria-activedescendant");
    const parts = all.length ? [fill(count.dataset.shown, { shown: shown.length, all: all.length })] : [count.dataset.none];
    if (waiting.length) parts.push(fill(count.dataset.waiting, { count: waiting.length }));
    if (lost) parts.push(fill(count.dataset.lost, { count: lost }));
    count.textContent = parts.join(" · ");
  };
  const drawSoon = () => {
    if (!drawing) {
      drawing = true;
      requestAnimationFrame(draw);
    }
  };

  const take = (lines) => {
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - ROW;
    all.push(...lines);
    shown.push(...lines.filter(wants));
    if (all.length > MOST) {
      all = all.slice(-MOST);
      const gone = shown.findIndex((one) => one.n >= all[0].n);
      const dropped = gone < 0 ? shown.length : gone;
      shown = shown.slice(dropped);
      if (!atEnd) list.scrollTop -= dropped * ROW;
    }
    if (atEnd) {
      sizer.style.height = `${shown.length * ROW}px`;
      list.scrollTop = list.scrollHeight;
    }
    drawSoon();
  };

  const choose = (at) => {
    if (at < 0 || at >= shown.length) return;
    chosen = shown[at].n;
    const top = at * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    drawSoon();
  };
  const open = () => {
    if (chosen) htmx.ajax("GET", opened.dataset.part + chosen, { target: opened, swap: "innerHTML" });
  };

  list.addEventListener("scroll", drawSoon);
  window.addEventListener("resize", drawSoon);
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".line");
    if (!row) return;
    choose(shown.findIndex((one) => `line-${one.n}` === row.id));
    open();
  });
  list.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
    const at = shown.findIndex((one) => one.n === chosen);
    const start = at < 0 ? shown.length - 1 : at;
    const next = { ArrowUp: start - (at < 0 ? 0 : 1), ArrowDown: start + 1, PageUp: Math.max(0, start - page),
      PageDown: Math.min(shown.length - 1, start + page), Home: 0, End: shown.length - 1 }[event.key];
    if (next !== undefined) choose(next);
    else if (event.key === "Enter") open();
    else return;
    event.preventDefault();
  });
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", () => {
    wants = wanted();
    shown = all.filter(wants);
    sizer.style.height = `${shown.length * ROW}px`;
    list.scrollTop = list.scrollHeight;
    drawSoon();
  });
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) {
      const lines = waiting;
      waiting = [];
      take(lines);
    }
    drawSoon();
  });

  const source = htmx.createEventSource(list.dataset.feed);
  source.addEventListener("lines", (event) => {
    const { lines, lost: gone } = JSON.parse(event.data);
    lost += gone;
    // A server that was started again counts from the beginning.
    const kept = paused && waiting.length ? waiting : all;
    if (kept.length && lines[0].n <= kept[kept.length - 1].n) {
      all = [];
      shown = [];
      waiting = [];
    }
    if (paused) {
      waiting.push(...lines);
      if (waiting.length > MOST) waiting = waiting.slice(-MOST);
      drawSoon();
    } else take(lines);
  });
  source.addEventListener("error", () => document.dispatchEvent(new Event("htmx:sseError")));
  source.addEventListener("open", () => document.dispatchEvent(new Event("htmx:sseOpen")));
  drawSoon();
});
