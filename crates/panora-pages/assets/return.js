// Follows the button back to the product after a few seconds, unless the person says no.

const button = document.querySelector("[data-return-after]");
const note = document.querySelector("[data-return-note]");
if (button && note) countDown(Number(button.dataset.returnAfter));

function countDown(seconds) {
  const count = note.querySelector("[data-return-count]");
  const write = () => (count.textContent = count.dataset.text.replace("{count}", () => seconds));
  write();
  note.hidden = false;
  const timer = setInterval(() => {
    seconds -= 1;
    write();
    if (seconds > 0) return;
    stop();
    location.assign(button.href);
  }, 1000);
  const stop = () => {
    clearInterval(timer);
    note.hidden = true;
  };
  note.querySelector("[data-return-stay]").addEventListener("click", () => {
    stop();
    button.focus();
  });
  // Kept by the browser and shown again: the person came back on purpose.
  addEventListener("pagehide", stop);
}
