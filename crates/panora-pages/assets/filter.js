// Narrows a list while the person types. Enter still asks the server, which is the way without scripts.

for (const input of document.querySelectorAll("[data-filter]")) {
  const list = document.querySelector(input.dataset.filter);
  if (!list) continue;
  input.hidden = false;
  input.addEventListener("input", () => narrow(list, input.value));
  if (input.value) input.setSelectionRange(input.value.length, input.value.length);
}

function narrow(list, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const group of list.querySelectorAll("[data-filter-group]")) {
    const items = [...group.querySelectorAll("[data-filter-words]")];
    for (const item of items) {
      item.hidden = !words.every((word) => item.dataset.filterWords.includes(word));
    }
    const shown = items.filter((item) => !item.hidden).length;
    group.hidden = shown === 0;
    found += shown;
  }
  tell(found, typed);
}

function tell(found, typed) {
  const none = document.querySelector("[data-filter-none]");
  if (none) {
    none.hidden = found > 0;
    const title = none.querySelector("[data-filter-title]");
    title.textContent = title.dataset.text.replace("{search}", () => typed);
  }
  const count = document.querySelector("[data-filter-count]");
  if (count) {
    count.textContent = found === 1 ? count.dataset.one : count.dataset.many.replace("{count}", () => found);
  }
}
