// Search over tools. Everything else on the pages works without script.
"use strict";
(() => {
  const box = document.querySelector("[data-search]");
  if (!box) return;
  const field = box.querySelector("input");
  const status = box.querySelector("[role=status]");
  const list = box.querySelector("ul");
  const shown = 12;
  let tools = null;
  let loading = false;

  // A script file and not a fetch: pages opened from disk may not fetch.
  const load = () => {
    if (loading) return;
    loading = true;
    const script = document.createElement("script");
    script.src = box.dataset.search;
    script.onload = () => {
      tools = window.panelTools.map(([name, key, outcome, category, purpose]) => ({
        name, key, outcome, category, text: fold(`${name} ${category} ${purpose}`), plain: fold(name),
      }));
      search();
    };
    script.onerror = () => { status.textContent = "The list of tools could not be loaded."; };
    document.head.append(script);
  };
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  const rank = (tool, words) => {
    if (!words.every((word) => tool.text.includes(word))) return -1;
    if (tool.plain.startsWith(words[0])) return 0;
    return words.every((word) => tool.plain.includes(word)) ? 1 : 2;
  };
  const row = (tool) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `${box.dataset.root}tools/${tool.key}.html`;
    const name = document.createElement("span");
    name.dir = "auto";
    name.textContent = tool.name;
    const detail = document.createElement("span");
    detail.className = "small quiet";
    detail.textContent = `${tool.outcome} · ${tool.category}`;
    link.append(name, detail);
    item.append(link);
    return item;
  };
  const search = () => {
    const words = fold(field.value).split(/\s+/).filter(Boolean);
    if (!words.length || !tools) {
      list.replaceChildren();
      status.textContent = "";
      return;
    }
    const matches = tools
      .map((tool) => [rank(tool, words), tool])
      .filter(([place]) => place >= 0)
      .sort((a, b) => a[0] - b[0] || a[1].plain.localeCompare(b[1].plain))
      .map(([, tool]) => tool);
    list.replaceChildren(...matches.slice(0, shown).map(row));
    const more = matches.length > shown ? `, the first ${shown} shown` : "";
    status.textContent = matches.length === 1 ? "1 tool found" : `${matches.length} tools found${more}`;
  };
  const move = (event) => {
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "Escape") {
      field.value = "";
      search();
      field.focus();
    } else if (event.key === "ArrowDown" && links.length) {
      event.preventDefault();
      links[Math.min(at + 1, links.length - 1)].focus();
    } else if (event.key === "ArrowUp" && at >= 0) {
      event.preventDefault();
      (at ? links[at - 1] : field).focus();
    } else if (event.key === "Enter" && document.activeElement === field && links.length) {
      event.preventDefault();
      links[0].click();
    }
  };
  field.addEventListener("focus", load);
  field.addEventListener("input", search);
  box.addEventListener("keydown", move);
  box.hidden = false;
})();

// A citation opens its passage beside the text, without script too. With it the focus goes there and
// back, Escape or a click beside it closes it, and going back in the browser leaves the page.
(() => {
  let from = null;
  const shown = () => document.querySelector(".passages > div:target");
  const close = () => {
    location.replace(shown().querySelector("a.aloft").hash);
    if (from) from.focus({ preventScroll: true });
    from = null;
  };
  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a");
    const passage = link && document.querySelector(".passages") && document.getElementById(link.hash.slice(1));
    if (passage && passage.matches(".passages > div") && link.pathname === location.pathname) {
      event.preventDefault();
      from = link;
      location.replace(link.hash);
      passage.tabIndex = -1;
      passage.focus({ preventScroll: true });
    } else if (shown() && (link ? link.matches("a.aloft") : !shown().contains(event.target))) {
      if (link) event.preventDefault();
      close();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown()) close();
  });
})();
