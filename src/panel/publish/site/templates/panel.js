// Search over tools, and lists narrowed and sorted. All else on the pages works without script.
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
// Lists of tools: several facets at once, and their order. The choice stands in the address, as
// #verdict=ship&kind=library; one facet alone is what the style sheet does without script.
(() => {
  const narrow = document.querySelector(".narrow");
  if (!narrow) return;
  const list = document.querySelector(".verdicts");
  const rows = [...list.children];
  const status = narrow.querySelector("[role=status]");
  const facets = ["verdict", "kind", "price", "category"];
  const name = (row) => row.querySelector(".name a").textContent;
  const date = (row) => row.querySelector("time").dateTime;
  const orders = {
    name: (a, b) => name(a).localeCompare(name(b)),
    date: (a, b) => date(b).localeCompare(date(a)),
  };
  const links = [...narrow.querySelectorAll("a")].map((link) => {
    const choice = link.dataset.facet || link.id || link.getAttribute("href").slice(1);
    link.removeAttribute("id"); // else the page would jump to the link that is clicked
    return [link, ...choice.split("=")];
  });
  const sorts = links.filter(([link]) => link.dataset.order);
  const inPlace = sorts[0][0].getAttribute("href").startsWith("#");

  const read = () => new Map(
    location.hash.slice(1).split("&").map((part) => part.split("=")).filter((part) => part.length === 2),
  );
  const write = (state) => [...state].map((part) => part.join("=")).join("&");
  const apply = () => {
    const state = read();
    const chosen = facets.filter((facet) => state.has(facet));
    let shown = 0;
    for (const row of rows) {
      row.hidden = !chosen.every((facet) => row.dataset[facet] === state.get(facet));
      shown += row.hidden ? 0 : 1;
    }
    narrow.classList.toggle("narrowed", chosen.length > 0);
    for (const [link, facet, value] of links) {
      if (link.dataset.order && !inPlace) link.hash = write(state);
      else if (value && state.get(facet) === value) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (inPlace) {
      const order = state.get("sort") in orders ? state.get("sort") : "score";
      sorts.find(([link]) => link.dataset.order === order)[0].setAttribute("aria-current", "true");
      list.append(...(order === "score" ? rows : rows.toSorted(orders[order])));
    }
    const found = shown ? `${shown} of ${rows.length} tools.` : "No tool has all of these: take one back.";
    status.textContent = chosen.length ? found : "";
  };
  narrow.addEventListener("click", (event) => {
    const [link, key, value] = links.find(([each]) => each.contains(event.target)) || [];
    if (!link || (link.dataset.order && !inPlace)) return;
    event.preventDefault();
    const state = value ? read() : new Map();
    if (value && state.get(key) === value) state.delete(key);
    else if (value) state.set(key, value);
    location.hash = write(state) || "all";
  });
  addEventListener("hashchange", apply);
  if (inPlace) sorts[0][0].closest("[role=group]").hidden = false;
  for (const details of narrow.querySelectorAll("details")) details.open = facets.slice(1).some((facet) => read().has(facet));
  apply();
})();
