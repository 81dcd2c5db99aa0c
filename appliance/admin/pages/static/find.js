// Sites that have some letters in their name, while they are typed.

const field = document.querySelector("[data-find]");
const told = document.querySelector("[data-found]");

function choose() {
  const wanted = field.value.trim().toLowerCase();
  const rows = document.querySelectorAll("[data-name]");
  let found = 0;
  for (const row of rows) {
    row.hidden = !row.dataset.name.toLowerCase().includes(wanted);
    found += row.hidden ? 0 : 1;
  }
  told.textContent = wanted ? `${found} of ${rows.length}` : "";
}

field?.addEventListener("input", choose);
document.addEventListener("redrawn", () => field && choose());
