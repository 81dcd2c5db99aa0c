// New lines of the log as they come, those that are asked for.

const SHOWN = 500;
const list = document.querySelector("[data-log]");
const template = document.querySelector("[data-row]");
const pause = document.querySelector("[data-pause]");
const told = document.querySelector("[data-told]");
const form = document.querySelector(".filters");
let stream = null;
let isPaused = false;

function milliseconds(value) {
  if (value >= 1000) return `${(value / 1000).toFixed(value >= 9950 ? 0 : 1)} s`;
  return `${value < 9.95 && value % 1 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

function makeRow(line) {
  const row = template.content.firstElementChild.cloneNode(true);
  const set = (name, text) => {
    row.querySelector(`[data-field="${name}"]`).textContent = text;
  };
  set("status", line.status);
  set("request", line.request.replace(/ HTTP\/1\.1$/, ""));
  set("took", milliseconds(line.total_ms));
  set("time", line.time.match(/(?<=[:T])\d\d:\d\d:\d\d/)?.[0] ?? "");
  set("site", line.site);
  set("client", line.client);
  row.querySelector("[data-field=status]").dataset.class = String(line.status)[0];
  return row;
}

function hear(event) {
  const lines = JSON.parse(event.data);
  if (!lines.length) return;
  told.textContent = "";
  list.prepend(...lines.map(makeRow));
  while (list.children.length > SHOWN) list.lastElementChild.remove();
}

function open() {
  if (stream || isPaused || document.hidden) return;
  stream = new EventSource(`/v1/log/events?${new URLSearchParams(new FormData(form))}`);
  stream.addEventListener("lines", hear);
}

function close() {
  stream?.close();
  stream = null;
}

if (list) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Go on" : "Pause";
    isPaused ? close() : open();
  });
  form.addEventListener("change", () => form.requestSubmit());
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  open();
}
