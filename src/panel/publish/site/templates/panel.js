// Search over tools, and lists narrowed and sorted. All else on the pages works without script.
"use strict";
(() => {
  const box = document.querySelector("[data-search]");
  if (!box) return;
  const field = box.querySelector("input");
  const status = box.querySelector("[role=status]");
  const nothing = box.querySelector(".nothing");
  const list = box.querySelector("ul");
  let tools = null;
  let pairs = null;
  let loading = false;

  // A script file and not a fetch: pages opened from disk may not fetch.
  const load = () => {
    if (loading) return;
    loading = true;
    const script = document.createElement("script");
    script.src = box.dataset.search;
    script.onload = () => {
      pairs = new Set(window.panelPairs);
      tools = window.panelTools.map(([name, key, outcome, score, category, purpose]) => {
        const text = fold(`${name} ${category} ${purpose}`);
        const plain = fold(name);
        const detail = [outcome, score, category].filter(Boolean).join(" · ");
        return { name, key, detail, text, plain, bare: squash(plain), words: text.split(/[^\p{L}\p{N}]+/u) };
      });
      search();
    };
    script.onerror = () => { status.textContent = "The list of tools could not be loaded."; };
    document.head.append(script);
  };
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const squash = (text) => text.replace(/[^\p{L}\p{N}]/gu, "");

  // Letters added, left out, changed or swapped with the next.
  const distance = (one, two) => {
    let before = [];
    let last = [...Array(two.length + 1).keys()];
    for (let i = 1; i <= one.length; i += 1) {
      const row = [i];
      for (let j = 1; j <= two.length; j += 1) {
        const same = one[i - 1] === two[j - 1];
        row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
        if (i > 1 && j > 1 && one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1]) {
          row[j] = Math.min(row[j], before[j - 2] + 1);
        }
      }
      [before, last] = [last, row];
    }
    return last[two.length];
  };
  const isNear = (word, other) => {
    const errors = word.length < 4 ? 0 : word.length < 8 ? 1 : 2;
    if (distance(word, other) <= errors) return true;
    return other.length > word.length && distance(word, other.slice(0, word.length)) <= errors;
  };

  // Small is good; -1 where the tool is none that was asked for.
  const rank = (tool, words, bare) => {
    if (bare && tool.bare === bare) return 0;
    if (bare && tool.bare.startsWith(bare)) return 1;
    if (words.every((word) => tool.plain.includes(word)) || (bare.length > 2 && tool.bare.includes(bare))) return 2;
    return words.every((word) => tool.text.includes(word)) ? 3 : -1;
  };
  const rankNear = (tool, words, bare) => {
    if (bare && isNear(bare, tool.bare)) return distance(bare, tool.bare);
    return words.every((word) => tool.words.some((other) => isNear(word, other))) ? 10 : -1;
  };
  const ranked = (by, words, bare) => tools
    .map((tool) => [by(tool, words, bare), tool])
    .filter(([place]) => place >= 0)
    .sort((a, b) => a[0] - b[0] || a[1].plain.localeCompare(b[1].plain))
    .map(([, tool]) => tool);
  const find = (query) => {
    const words = fold(query).split(/\s+/).filter(Boolean);
    const bare = squash(words.join(""));
    const exact = ranked(rank, words, bare);
    return exact.length ? { hits: exact, near: false } : { hits: ranked(rankNear, words, bare), near: true };
  };

  const row = (path, text, note) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = box.dataset.root + path;
    const name = document.createElement("span");
    name.dir = "auto";
    name.textContent = text;
    const detail = document.createElement("span");
    detail.className = "small quiet";
    detail.textContent = note;
    link.append(name, detail);
    item.append(link);
    return item;
  };
  const toolRow = (tool) => row(`tools/${tool.key}.html`, tool.name, tool.detail);
  const pairRow = ([one, two, page]) => row(`compare/${page}.html`, `${one.name} vs ${two.name}`, "side by side");
  const comparisons = (ones, twos) => {
    const made = new Map();
    for (const one of ones) {
      for (const two of twos) {
        const page = [one.key, two.key].sort().join("-vs-");
        const exists = pairs.has(page) || ("everyPair" in box.dataset && page.length <= 150);
        if (one !== two && exists && !made.has(page)) made.set(page, [one, two, page]);
      }
    }
    return [...made.values()];
  };
  const show = (rows, text, none = false) => {
    list.replaceChildren(...rows);
    status.textContent = text;
    nothing.hidden = !none;
  };
  const count = (number) => (number === 1 ? "1 tool found" : `${number} tools found`);

  const searchOne = (query) => {
    const { hits, near } = find(query);
    const text = near ? `No tool is spelled “${query}”` : count(hits.length);
    if (!hits.length) show([], `No tool matches “${query}”.`, true);
    else show(hits.map(toolRow), near ? `${text}. The nearest:` : text);
  };
  const searchTwo = (queries) => {
    const [one, two] = queries.map(find);
    const lost = queries.filter((_, side) => ![one, two][side].hits.length);
    const both = [one, two].flatMap(({ hits }) => hits.slice(0, 3)).filter((tool, at, all) => all.indexOf(tool) === at);
    const compared = "everyPair" in box.dataset
      ? comparisons(one.hits.slice(0, 1), two.hits.slice(0, 1))
      : comparisons(one.hits, two.hits);
    const rows = [...compared.map(pairRow), ...both.map(toolRow)];
    if (lost.length) show(rows, `No tool matches “${lost.join("” or “")}”.`, true);
    else if (compared.length) show(rows, compared.length === 1 ? "1 comparison found" : `${compared.length} comparisons found`);
    else show(rows, "These two have no page side by side. Each by itself:");
  };
  const search = () => {
    const query = field.value.trim().replace(/\s+/g, " ");
    const sides = query.split(/ (?:vs?\.?|versus) /i).filter(Boolean);
    if (!query || !tools) show([], "");
    else if (sides.length === 2) searchTwo(sides);
    else searchOne(query);
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
  const label = ([link] = []) => (
    [...(link?.childNodes ?? [])].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("").trim()
  );
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
      const order = Object.hasOwn(orders, state.get("sort")) ? state.get("sort") : "score";
      sorts.find(([link]) => link.dataset.order === order)[0].setAttribute("aria-current", "true");
      list.append(...(order === "score" ? rows : [...rows].sort(orders[order])));
    }
    const all = chosen.map((facet) => label(links.find(([, key, value]) => key === facet && value === state.get(facet))));
    const count = shown ? `${shown} of ${rows.length} tools` : "No tool is all of these";
    const what = all.filter(Boolean).join(", ");
    status.textContent = chosen.length ? `${count}${what && `: ${what}`}.` : "";
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
  apply();
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
