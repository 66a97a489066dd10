// Showing a secret, and taking a form or a link once only. Without this file both still work.

for (const button of document.querySelectorAll("[data-reveal]")) {
  const input = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => show(button, input, input.type === "password"));
  input.form.addEventListener("submit", () => show(button, input, false));
}

function show(button, input, visible) {
  input.type = visible ? "text" : "password";
  button.textContent = visible ? button.dataset.hide : button.dataset.show;
  button.setAttribute("aria-pressed", String(visible));
}

for (const element of document.querySelectorAll("[data-once]")) {
  element.addEventListener(element.tagName === "FORM" ? "submit" : "click", (event) => {
    // Another tab or window is another time.
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (element.dataset.taken) {
      event.preventDefault();
      return;
    }
    element.dataset.taken = "yes";
    setBusy(element, event.submitter ?? element);
  });
}

function setBusy(element, pressed) {
  const label = pressed.textContent;
  pressed.setAttribute("aria-disabled", "true");
  if (pressed.dataset.busy) pressed.textContent = pressed.dataset.busy;
  const free = () => {
    delete element.dataset.taken;
    pressed.removeAttribute("aria-disabled");
    pressed.textContent = label;
  };
  // Back from the next page, which the browser may have kept as it was; or it never came.
  addEventListener("pageshow", free, { once: true });
  setTimeout(free, 20_000);
}
