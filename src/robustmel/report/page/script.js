"use strict";
const cards = [...document.querySelectorAll(".card")];
const filters = [...document.querySelectorAll("[data-filter]")];
const count = document.getElementById("count");
function apply() {
  let shown = 0;
  for (const card of cards) {
    const fits = filters.every((filter) => !filter.value || card.dataset[filter.dataset.filter] === filter.value);
    card.hidden = !fits;
    shown += fits;
  }
  if (count) count.textContent = shown + " of " + cards.length;
}
for (const filter of filters) filter.addEventListener("change", apply);
apply();
