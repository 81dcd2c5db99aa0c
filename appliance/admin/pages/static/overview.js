// Five minutes of traffic as columns, one for each five seconds, as the box's screen draws them.

const SAMPLES_A_COLUMN = 5;
const COLUMNS = 60;
const KEPT = SAMPLES_A_COLUMN * COLUMNS;
const NAMES = ["requests_per_s", "errors_per_s", "p50_ms", "p99_ms", "bytes_in_per_s", "bytes_out_per_s"];
const samples = Object.fromEntries(NAMES.map((name) => [name, []]));
let untilS = null;

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Columns that stay where they are while time goes on: their edges are fixed in time. */
function columns(name, join) {
  const values = samples[name];
  const shift = untilS === null ? 0 : Math.round(untilS) % SAMPLES_A_COLUMN;
  const found = [];
  let end = values.length;
  let width = shift || SAMPLES_A_COLUMN;
  while (end > 0 && found.length < COLUMNS) {
    const part = values.slice(Math.max(0, end - width), end).filter((value) => value !== null);
    found.push(part.length ? join(part) : 0);
    end -= width;
    width = SAMPLES_A_COLUMN;
  }
  return found;
}

/** The next round figure: 1, 2 or 5 and zeros. */
function roundUp(value) {
  if (value <= 1) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * size >= value) * size;
}

function short(value, unit) {
  if (unit === "ms") return value >= 1000 ? `${value / 1000} s` : `${value} ms`;
  for (const [size, sign] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (value >= size) return `${value / size}${unit === "B/s" ? " " : ""}${sign}${unit}`;
  }
  return `${value}${unit === "B/s" ? " " : ""}${unit}`;
}

function draw(name, parts, unit, floor = 0) {
  const plot = document.querySelector(`[data-plot="${name}"]`);
  const svg = plot.querySelector("svg");
  const highest = Math.max(floor, ...parts.flatMap((part) => part.values));
  const top = roundUp(highest);
  svg.setAttribute("viewBox", `0 0 ${COLUMNS * 10} 100`);
  const paths = parts.map(({ values, kind }) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", kind);
    path.setAttribute(
      "d",
      values
        .map((value, index) => {
          const height = (value / top) * 100;
          const x = (COLUMNS - 1 - index) * 10 + 1;
          return height > 0 ? `M${x} ${100 - Math.max(height, 1.5)}h8V100h-8z` : "";
        })
        .join(""),
    );
    return path;
  });
  svg.replaceChildren(...paths);
  plot.querySelector("[data-top]").textContent = short(top, unit);
}

function drawAll() {
  draw(
    "requests",
    [
      { values: columns("requests_per_s", mean), kind: "lit" },
      { values: columns("errors_per_s", mean), kind: "bad" },
    ],
    "/s",
  );
  const most = (values) => Math.max(...values);
  draw(
    "latency",
    [
      { values: columns("p99_ms", most), kind: "dim" },
      { values: columns("p50_ms", mean), kind: "lit" },
    ],
    "ms",
  );
  draw(
    "bytes",
    [
      { values: columns("bytes_out_per_s", mean), kind: "lit" },
      { values: columns("bytes_in_per_s", mean), kind: "dim" },
    ],
    "B/s",
    1000,
  );
}

async function load() {
  try {
    const answer = await fetch("/v1/history");
    if (!answer.ok) return;
    const history = await answer.json();
    for (const name of NAMES) samples[name] = history[name].slice(-KEPT);
    untilS = history.until_s;
    drawAll();
  } catch {
    // live.js says that the box is away.
  }
}

document.addEventListener("live", ({ detail: { news, wasLost } }) => {
  if (wasLost || untilS === null || news.until_s - untilS > 2.5) {
    load();
  } else if (news.until_s > untilS) {
    untilS = news.until_s;
    for (const name of NAMES) {
      samples[name].push(news.plotted[name]);
      if (samples[name].length > KEPT) samples[name].shift();
    }
    drawAll();
  }
});
load();
