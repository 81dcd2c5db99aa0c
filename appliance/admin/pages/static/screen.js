// The picture that the box's screen shows, each second, and its buttons.

const EVERY_MS = 1000;
// What is drawn for an OLED is shown pixel by pixel.
const SMALL_PX = 300;
const picture = document.querySelector("[data-screen]");
const told = document.querySelector("[data-told]");
const way = document.querySelector("[data-way]");
const buttons = document.querySelector("[data-buttons]");
const KEYS = { ArrowRight: "next", ArrowLeft: "back" };

function say(what, wayOut) {
  if (told.textContent !== what) told.textContent = what;
  if (way.textContent !== wayOut) way.textContent = wayOut;
}

async function explain(answer) {
  const { error } = await answer.json();
  const [what, wayOut] = [error.what, error.way_out].map((text) => text && `${text[0].toUpperCase()}${text.slice(1)}.`);
  say(what, wayOut);
}

async function look() {
  try {
    const answer = await fetch("/v1/screen.png");
    picture.hidden = buttons.hidden = !answer.ok;
    if (!answer.ok) return await explain(answer);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) {
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    }
    const fresh = `data:image/png;base64,${btoa(text)}`;
    if (picture.src !== fresh) picture.src = fresh;
    say("", "");
  } catch {
    // live.js says that the box is away.
  }
}

async function press(button) {
  try {
    const answer = await fetch("/v1/screen/press", {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRF-Token": document.querySelector("meta[name=csrf]").content,
      },
      body: JSON.stringify({ button }),
    });
    if (!answer.ok) await explain(answer);
    else setTimeout(look, 150);
  } catch {
    say("The box does not answer.", "Is it switched on?");
  }
}

async function follow() {
  if (!document.hidden) await look();
  setTimeout(follow, EVERY_MS);
}

picture.addEventListener("load", () => picture.classList.toggle("is-small", picture.naturalWidth < SMALL_PX));
buttons.addEventListener("submit", (event) => {
  event.preventDefault();
  press(event.submitter.value);
});
buttons.addEventListener("keydown", (event) => {
  if (KEYS[event.key]) {
    event.preventDefault();
    press(KEYS[event.key]);
  }
});
follow();
