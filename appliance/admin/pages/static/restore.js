// A backup's file is sent as it is.

const form = document.querySelector("[data-restore]");
const place = document.querySelector("[data-told]");

const SVG = "http://www.w3.org/2000/svg";

function makeMark(state) {
  const mark = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  mark.setAttribute("class", `mark ${state}`);
  mark.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#${state}`);
  mark.append(use);
  return mark;
}

function say(state, what, wayOut) {
  const box = document.createElement("div");
  const words = document.createElement("p");
  const strong = document.createElement("b");
  box.className = "said";
  strong.textContent = what;
  words.append(strong);
  const way = document.createElement("p");
  way.className = "way";
  way.textContent = wayOut;
  box.append(makeMark(state), words, way);
  place.replaceChildren(box);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch("/v1/restore", {
      method: "POST",
      headers: {
        "Content-Type": "application/gzip",
        "X-CSRF-Token": document.querySelector("meta[name=csrf]").content,
      },
      body: form.querySelector("input").files[0],
    });
    const content = await answer.json();
    if (answer.ok) {
      const roots = content.roots ? `, and ${content.roots} of the authority's roots` : "";
      say("up", `Restored: ${content.sites} site${content.sites === 1 ? "" : "s"}${roots}.`, "All of it is in force.");
      form.reset();
    } else {
      const { what, way_out } = content.error;
      say("down", `Not restored: ${what}.`, `${way_out}.`);
    }
  } catch {
    say("down", "The box does not answer.", "Nothing may have been restored: try again.");
  }
  button.disabled = false;
});
