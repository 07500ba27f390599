// Listening to a KSL line: one at a time. The samples are played as they come; an <audio> element would first gather
// a minute of them. A part of the page that is replaced keeps showing which line is heard.
"use strict";

(() => {
  const HEADER = 44; // octets of the WAV header
  const LEAD = 0.15; // seconds between the arrival of samples and their turn
  const told = document.getElementById("listened");
  const heard = document.getElementById("heard");
  let line = "";
  let leave = null;

  const show = () => {
    for (const button of document.querySelectorAll("button[data-listen]")) {
      const playing = button.dataset.listen === line;
      button.setAttribute("aria-pressed", String(playing));
      button.textContent = playing ? button.dataset.stop : button.dataset.name;
      const place = button.closest("li");
      if (place) place.classList.toggle("heard", place.querySelector('button[aria-pressed="true"]') !== null);
    }
  };

  const play = async (address, signal, sound) => {
    const answer = await fetch(address, { signal });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const reader = answer.body.getReader();
    let waiting = new Uint8Array(0);
    let skip = HEADER;
    let turn = 0;
    let seconds = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const whole = new Uint8Array(waiting.length + value.length);
      whole.set(waiting);
      whole.set(value, waiting.length);
      const start = Math.min(skip, whole.length);
      skip -= start;
      const count = Math.floor((whole.length - start) / 2);
      waiting = whole.slice(start + 2 * count);
      if (!count) continue;
      const view = new DataView(whole.buffer, start, 2 * count);
      const portion = sound.createBuffer(1, count, 8000);
      const samples = portion.getChannelData(0);
      for (let n = 0; n < count; n += 1) samples[n] = view.getInt16(2 * n, true) / 32768;
      const source = sound.createBufferSource();
      source.buffer = portion;
      source.connect(sound.destination);
      turn = Math.max(turn, sound.currentTime + LEAD);
      source.start(turn);
      turn += portion.duration;
      source.onended = () => {
        seconds += portion.duration;
        heard.textContent = `${seconds.toFixed(1)} s`;
      };
    }
  };

  const stop = (text) => {
    line = "";
    if (leave) leave();
    leave = null;
    told.textContent = text;
    show();
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-listen]");
    if (!button) return;
    const again = button.dataset.listen === line;
    stop("");
    if (again) return;
    const mine = (line = button.dataset.listen);
    const going = new AbortController();
    const sound = new AudioContext();
    leave = () => {
      going.abort();
      sound.close();
    };
    told.textContent = button.dataset.playing;
    show();
    let text = told.dataset.over;
    try {
      await play(mine, going.signal, sound);
    } catch (error) {
      text = error.message;
    }
    if (line === mine && !going.signal.aborted) stop(text);
  });
  document.addEventListener("htmx:afterSwap", show);
})();
