// The page stays as the box is: figures each second, everything else when it has changed.

const SILENT_MS = 4000;
const RETRY_MS = 2000;
// No sooner, whatever changes; no later, so that "5 min" does not stay.
const REDRAW_MS = 2000;
const STALE_MS = 30000;
const body = document.body;
const lost = document.querySelector("[data-lost]");
let stream = null;
let heardAt = Date.now();
let openedAt = 0;
let isRedrawing = false;
let redrawnAt = Date.now();

/** Takes the parts of this page that the server marked anew, and leaves the rest alone. */
async function redraw() {
  if (isRedrawing || Date.now() - redrawnAt < REDRAW_MS) return;
  isRedrawing = true;
  redrawnAt = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    if (answer.redirected) return location.assign(answer.url);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const region of document.querySelectorAll("[data-region]")) {
      const other = fresh.querySelector(`[data-region="${region.dataset.region}"]`);
      // Whoever is about to press a button there is not interrupted.
      if (other && region.innerHTML !== other.innerHTML && !region.contains(document.activeElement)) {
        region.replaceChildren(...other.childNodes);
      }
    }
    body.dataset.revision = fresh.body.dataset.revision;
    document.dispatchEvent(new Event("redrawn"));
  } catch {
    // The next event asks again.
  } finally {
    isRedrawing = false;
  }
}

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function setState(place, state) {
  const mark = place.querySelector(".mark");
  const use = mark?.querySelector("use");
  if (!use || use.getAttribute("href") === `#${state}`) return;
  use.setAttribute("href", `#${state}`);
  mark.setAttribute("class", `mark ${state}`);
  place.className = place.className.replace(/\b(up|warning|down|draining|unknown)\b/, state);
}

function show(news) {
  for (const place of document.querySelectorAll("[data-live]")) {
    const text = news.shown[place.dataset.live];
    if (text !== undefined) setText(place, text);
  }
  for (const place of document.querySelectorAll("[data-rate]")) {
    setText(place, news.rates[place.dataset.rate] ?? place.dataset.idle ?? "");
  }
  for (const place of document.querySelectorAll("[data-gauge]")) {
    place.setAttribute("width", news.gauges[place.dataset.gauge] ?? 0);
  }
  for (const place of document.querySelectorAll("[data-lamp], [data-hero]")) {
    setState(place, news.state);
  }
  const icon = document.querySelector("link[rel=icon]");
  const picture = icon.href.replace(/lamp-\w+\.svg$/, `lamp-${news.state}.svg`);
  if (icon.href !== picture) icon.href = picture;
  if (news.revision !== body.dataset.revision || Date.now() - redrawnAt > STALE_MS) redraw();
}

function hear(event) {
  heardAt = Date.now();
  const wasLost = !lost.hidden;
  lost.hidden = true;
  body.classList.remove("is-stale");
  const news = JSON.parse(event.data);
  show(news);
  document.dispatchEvent(new CustomEvent("live", { detail: { news, wasLost } }));
}

function open() {
  if (stream || document.hidden) return;
  openedAt = Date.now();
  stream = new EventSource("/live");
  stream.addEventListener("live", hear);
  stream.onerror = close;
}

function close() {
  stream?.close();
  stream = null;
}

/** Whether nobody is logged in any more; then the way in is shown. */
async function look() {
  try {
    const answer = await fetch("/v1/session");
    if (answer.status === 401 || answer.status === 403) location.assign(`/login?then=${encodeURIComponent(location.pathname)}`);
  } catch {
    // The box is away: that is said already.
  }
}

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  if (now - heardAt >= SILENT_MS) {
    body.classList.add("is-stale");
    lost.hidden = false;
    setText(
      lost,
      "The box does not answer: what is shown is from before. Is it switched on, and are you in its network? Trying again.",
    );
    if (now - openedAt >= SILENT_MS) close();
    look();
  }
  open();
}, RETRY_MS);

// A page that nobody looks at asks nothing, and leaves the browser's few connections to others.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    close();
  } else {
    heardAt = Date.now();
    open();
  }
});
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", open);
open();
