// Follows a review as it happens. Without script the page says how to look again.
"use strict";
(() => {
  const box = document.querySelector("[data-progress]");
  if (!box || !window.EventSource) return;
  const doing = box.querySelector("[data-doing]");
  const list = box.querySelector("[data-steps]");
  const manual = box.querySelector("[data-manual]");
  const row = (step) => {
    const item = document.createElement("li");
    const label = document.createElement("label");
    const title = document.createElement("span");
    title.textContent = step.title;
    const bar = document.createElement("progress");
    bar.max = Math.max(step.total, 1);
    bar.value = step.done;
    label.append(title, " ", bar);
    const status = document.createElement("span");
    status.className = "small quiet";
    status.textContent = step.status;
    item.append(label, " ", status);
    return item;
  };
  const source = new EventSource(box.dataset.progress);
  source.onopen = () => { manual.hidden = true; };
  source.onerror = () => { manual.hidden = false; };
  source.addEventListener("progress", (event) => {
    const shown = JSON.parse(event.data);
    // Said aloud by screen readers, so only when it says something new.
    if (doing.textContent !== shown.doing) doing.textContent = shown.doing;
    list.replaceChildren(...shown.steps.map(row));
    if (shown.ended) {
      source.close();
      location.reload();
    }
  });
})();
