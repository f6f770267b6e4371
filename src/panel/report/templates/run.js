
// The ranked table: sorted, narrowed and searched. What was chosen stands in the address, as
// #verdict=ship&sort=score&order=turned. Without script all rows stand there in their order.
"use strict";
(() => {
  const FIRST = 50;
  const MORE = 500;
  const table = document.querySelector(".ranked");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const keys = heads.map((head) => head.dataset.key);
  const at = (key) => keys.indexOf(key);
  const box = document.getElementById("narrow");
  const status = box.querySelector("[role=status]");
  const find = document.getElementById("find");
  const selects = ["verdict", "category"].map((id) => document.getElementById(id)).filter(Boolean);
  const more = document.getElementById("more");
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const isText = new Set(["name", "category", "verdict"]);
  const order = ["ship", "split", "skip", "hold", "incomplete"];
  let limit = FIRST;

  const number = (text) => {
    const match = /-?\d+(\.\d+)?/.exec(text);
    return match ? Number(match[0]) : -1;
  };
  const rows = [...body.rows].map((row, place) => {
    const cells = [...row.cells].map((cell) => cell.textContent.trim());
    const verdict = row.cells[at("verdict")].className;
    const category = at("category") < 0 ? "" : cells[at("category")];
    return { row, place, cells, verdict, category, text: fold(`${cells[at("name")]} ${category}`) };
  });
  const value = (each, key) => {
    if (key === "rank") return -each.place;
    if (key === "verdict") return -order.indexOf(each.verdict);
    return isText.has(key) ? fold(each.cells[at(key)]) : number(each.cells[at(key)]);
  };
  const compare = (key) => {
    const values = new Map(rows.map((each) => [each, value(each, key)]));
    if (typeof values.values().next().value === "string") {
      return (a, b) => values.get(a).localeCompare(values.get(b)) || a.place - b.place;
    }
    return (a, b) => values.get(b) - values.get(a) || a.place - b.place;
  };

  const read = () => new URLSearchParams(location.hash.slice(1));
  const write = (state) => {
    limit = FIRST;
    history.replaceState(null, "", `#${state}`);
    apply();
  };
  const change = (choices) => {
    const state = read();
    for (const [name, chosen] of Object.entries(choices)) {
      if (chosen) state.set(name, chosen);
      else state.delete(name);
    }
    write(state);
  };
  const apply = () => {
    const state = read();
    const words = fold(state.get("find") || "").split(/\s+/).filter(Boolean);
    const key = state.get("sort") || "rank";
    const turned = state.get("order") === "turned";
    let shown = rows.filter((each) => words.every((word) => each.text.includes(word)));
    if (find !== document.activeElement) find.value = state.get("find") || "";
    for (const select of selects) {
      const chosen = state.get(select.id) || "";
      select.value = chosen;
      if (chosen) shown = shown.filter((each) => each[select.id] === chosen);
    }
    if (keys.includes(key)) shown.sort(compare(key));
    if (turned) shown.reverse();
    body.replaceChildren(...shown.slice(0, limit).map((each) => each.row));
    for (const head of heads) {
      const natural = isText.has(head.dataset.key) || head.dataset.key === "rank";
      if (head.dataset.key === key) head.setAttribute("aria-sort", natural === !turned ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    const left = shown.length - Math.min(limit, shown.length);
    more.parentElement.hidden = !left;
    more.textContent = `Show ${Math.min(MORE, left).toLocaleString("en")} more`;
    const count = `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} tools`;
    status.textContent = shown.length ? `${count}${left ? `, the first ${limit.toLocaleString("en")} shown` : ""}.` : "No tool is all of this.";
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    if (head.hasAttribute("aria-label")) button.setAttribute("aria-label", head.getAttribute("aria-label"));
    button.addEventListener("click", () => {
      const key = head.dataset.key;
      const again = (read().get("sort") || "rank") === key && !read().has("order");
      change({ sort: key === "rank" ? "" : key, order: again ? "turned" : "" });
    });
    head.append(button);
  }
  find.addEventListener("input", () => change({ find: find.value.trim() }));
  for (const select of selects) select.addEventListener("change", () => change({ [select.id]: select.value }));
  more.addEventListener("click", () => { limit += MORE; apply(); });
  addEventListener("hashchange", () => { limit = FIRST; apply(); });
  box.hidden = false;
  apply();
})();
