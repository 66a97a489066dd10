// The contents of a long page: folded where they stand above the text, open where they stand beside it.

const narrow = matchMedia("(max-width: 59.99rem)");
const contents = document.querySelector("[data-contents]");
const fold = () => (contents.open = !narrow.matches);
narrow.addEventListener("change", fold);
fold();
contents.addEventListener("click", (event) => {
  if (narrow.matches && event.target.closest("a")) contents.open = false;
});
