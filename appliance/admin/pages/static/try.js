// What would happen if the form were saved, while it is filled in.

const PAUSE_MS = 700;
const form = document.querySelector("[data-try]");
const place = document.querySelector("[data-findings]");
const ownHost = location.pathname.match(/^\/sites\/([^/]+)\/edit$/)?.[1];
let timer = 0;
let asked = null;

async function tryOut() {
  const fields = new URLSearchParams(new FormData(form));
  if (ownHost) fields.set("host", decodeURIComponent(ownHost));
  if (!fields.get("host")?.trim() || !fields.get("backends")?.trim()) return;
  asked?.abort();
  asked = new AbortController();
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/try", { method: "POST", body: fields, signal: asked.signal });
    const text = await answer.text();
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    place.replaceChildren(...fresh.body.childNodes);
    place.setAttribute("aria-busy", "false");
  } catch {
    // Another question was asked meanwhile, or the box is away.
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(tryOut, PAUSE_MS);
});
if (ownHost) tryOut();
document.querySelector('[aria-invalid="true"]')?.focus();
