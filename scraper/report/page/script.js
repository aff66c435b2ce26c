"use strict";
(() => {
  // A row is a card on a phone.
  const PAGE = matchMedia("(max-width: 44rem)").matches ? 10 : 25;
  const MASK = "***";
  const all = JSON.parse(document.getElementById("data").textContent);
  const tables = new Map();
  const whole = new Intl.NumberFormat("en-US");

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // What follows writes values as scraper/report/tables.py does.
  const rounded = (value, digits) => {
    const power = 10 ** digits;
    return (Math.floor(value * power + 0.5) / power).toFixed(digits);
  };
  const size = (value) => {
    if (value < 1024) return `${value} B`;
    const units = ["KiB", "MiB", "GiB", "TiB"];
    let unit = -1;
    do {
      value /= 1024;
      unit += 1;
    } while (value >= 1024 && unit < units.length - 1);
    return `${rounded(value, 1)} ${units[unit]}`;
  };
  const seconds = (value) =>
    value >= 1 ? `${rounded(value, 2)} s` : `${rounded(value * 1000, value >= 0.01 ? 0 : 1)} ms`;
  const formats = { number: (value) => whole.format(value), bytes: size, seconds };

  const address = (value) => {
    const text = make("bdi", {}, value);
    // Anything else than http and https may run as a script.
    if (/^https?:\/\//.test(value) && !value.includes(MASK) && !value.endsWith("…"))
      return make("a", { href: value, rel: "noreferrer noopener nofollow" }, text);
    text.className = "plain";
    return text;
  };
  const missing = (text, label) => make("span", label ? { class: "none", "aria-label": label } : { class: "none" }, text);
  const shown = (value, kind) => {
    if (value === null) return missing("–", "none");
    switch (kind) {
      case "url":
        return address(value);
      case "urls":
        if (!value.length) return missing("the list");
        return make("ul", {}, ...value.map((one) => make("li", {}, address(one))));
      case "hops":
        return make("ol", {}, ...value.map(([status, target]) =>
          make("li", {}, make("span", { class: "status" }, String(status)), " ", address(target))));
      case "tag":
        return make("span", { class: "tag" }, value);
      case "status":
        return make("span", { class: value >= 400 ? "status bad" : "status" }, String(value));
      default:
        return kind in formats ? formats[kind](value) : make("bdi", {}, value);
    }
  };
  const flat = (value) => (Array.isArray(value) ? value.map(flat).join(" ") : value === null ? "" : String(value));
  const key = (value) => (Array.isArray(value) ? value.length : value);
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const order = (one, other) => {
    // Cells without a value stand last, whatever the direction.
    if (typeof one === "number" && typeof other === "number") return one - other;
    return collator.compare(String(one), String(other));
  };

  class Table {
    constructor(place, { columns, rows }) {
      this.place = place;
      this.columns = columns;
      this.rows = rows;
      this.found = rows;
      this.page = 0;
      this.sorted = { column: -1, down: false };
      this.body = place.querySelector("tbody");
      this.heads = [...place.querySelectorAll("thead th")];
      this.texts = null;
      this.build();
      this.go(0);
    }

    build() {
      const name = this.place.querySelector("caption").textContent;
      this.place.querySelector("table").setAttribute("role", "table");
      this.input = make("input", { type: "search", placeholder: "Search", "aria-label": `Search: ${name}`, autocomplete: "off", spellcheck: "false" });
      this.count = make("p", { class: "count", role: "status" });
      this.back = make("button", { type: "button", "aria-label": `Previous page: ${name}` }, "Previous");
      this.next = make("button", { type: "button", "aria-label": `Next page: ${name}` }, "Next");
      this.turn = make("div", { class: "turn" }, this.back, this.next);
      this.select = make("select", { "aria-label": `Sort: ${name}` }, make("option", { value: "" }, "as found"));
      this.columns.forEach(([label], column) => {
        this.select.append(make("option", { value: `${column}+` }, `${label} ↑`), make("option", { value: `${column}-` }, `${label} ↓`));
        const button = make("button", { type: "button" }, label);
        this.heads[column].replaceChildren(button);
        button.addEventListener("click", () => this.sort(column));
      });
      const tools = this.place.querySelector(".tools");
      tools.append(make("div", { class: "search" }, this.input), make("label", { class: "sorting" }, "Sort", this.select), this.count, this.turn);
      tools.hidden = this.rows.length < 2;
      this.input.addEventListener("input", () => this.search(this.input.value));
      this.back.addEventListener("click", () => this.go(this.page - 1));
      this.next.addEventListener("click", () => this.go(this.page + 1));
      this.select.addEventListener("change", () => {
        const { value } = this.select;
        this.sorted = value ? { column: parseInt(value, 10), down: value.endsWith("-") } : { column: -1, down: false };
        this.update();
      });
      for (const note of this.place.querySelectorAll(".without-script")) note.remove();
      const rest = this.place.querySelector(".note");
      if (!rest.textContent.trim()) rest.remove();
    }

    sort(column) {
      const again = this.sorted.column === column;
      // Numbers are looked at from the greatest down.
      const first = ["number", "bytes", "seconds", "status", "urls", "hops"].includes(this.columns[column][1]);
      this.sorted = { column, down: again ? !this.sorted.down : first };
      this.select.value = `${column}${this.sorted.down ? "-" : "+"}`;
      this.update();
    }

    search(query) {
      this.input.value = query;
      this.update();
    }

    update() {
      const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.texts ??= words.length ? this.rows.map((row) => flat(row).toLowerCase()) : null;
      this.found = words.length
        ? this.rows.filter((_, number) => words.every((word) => this.texts[number].includes(word)))
        : [...this.rows];
      const { column, down } = this.sorted;
      if (column >= 0) {
        const empty = (row) => row[column] === null || row[column] === "";
        const sign = down ? -1 : 1;
        this.found.sort((one, other) =>
          empty(one) || empty(other) ? empty(one) - empty(other) : sign * order(key(one[column]), key(other[column])));
      }
      this.heads.forEach((head, number) => {
        if (number === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      this.go(0);
    }

    go(page) {
      this.page = page;
      const rows = this.found.slice(page * PAGE, (page + 1) * PAGE).map((row) =>
        make("tr", {}, ...this.columns.map(([label, kind], column) =>
          make("td", { class: kind, "data-label": label }, shown(row[column], kind)))));
      if (!rows.length)
        rows.push(make("tr", { class: "nothing" }, make("td", { colspan: this.columns.length }, "Nothing matches.")));
      this.body.replaceChildren(...rows);
      this.tell();
    }

    tell() {
      const total = this.found.length;
      const first = this.page * PAGE;
      const last = Math.min(first + PAGE, total);
      const of = total === this.rows.length ? whole.format(total) : `${whole.format(total)} found`;
      this.count.textContent = total > PAGE ? `${whole.format(first + 1)} to ${whole.format(last)} of ${of}` : total === 1 && of === "1" ? "1 row" : of === whole.format(total) ? `${of} rows` : of;
      this.turn.hidden = total <= PAGE;
      this.back.disabled = this.page === 0;
      this.next.disabled = last >= total;
    }
  }

  for (const place of document.querySelectorAll("[data-table]")) {
    const name = place.dataset.table;
    tables.set(name, new Table(place, all.tables[name]));
  }

  // A bar leads to the rows that it counts.
  for (const chart of document.querySelectorAll("[data-searches]")) {
    const table = tables.get(chart.dataset.searches);
    if (!table) continue;
    for (const head of chart.querySelectorAll("[data-query]")) {
      const button = make("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        table.search(head.dataset.query);
        table.place.scrollIntoView({ block: "start" });
        table.input.focus({ preventScroll: true });
      });
    }
  }

  const time = document.getElementById("time");
  if (time) {
    const canvas = time.querySelector(".canvas");
    const readout = time.querySelector(".readout");
    const steps = [...canvas.querySelectorAll("g")];
    const rest = readout.textContent;
    let at = -1;
    const read = (number) => {
      steps[at]?.classList.remove("on");
      at = number;
      const step = steps[at];
      canvas.classList.toggle("read", Boolean(step));
      step?.classList.add("on");
      readout.textContent = step ? `${step.dataset.at}: ${step.dataset.told}` : rest;
    };
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "group");
    canvas.setAttribute("aria-label", "Answers a second over time. Left and right arrow keys move through it.");
    canvas.addEventListener("pointermove", (event) => {
      const step = event.target.closest?.("g");
      if (step && steps[at] !== step) read(steps.indexOf(step));
    });
    canvas.addEventListener("pointerdown", (event) => {
      const step = event.target.closest?.("g");
      if (step) read(steps.indexOf(step));
    });
    canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && read(-1));
    canvas.addEventListener("blur", () => read(-1));
    canvas.addEventListener("keydown", (event) => {
      const last = steps.length - 1;
      const to = { ArrowLeft: Math.max(at - 1, 0), ArrowRight: Math.min(at + 1, last), Home: 0, End: last, Escape: -1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      read(to);
    });
  }

  // The section that is read stands out in the navigation.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const visible = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) visible[isIntersecting ? "add" : "delete"](target.id);
    const first = [...links.keys()].find((name) => visible.has(name));
    for (const [name, link] of links) {
      if (name === first) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-20% 0px -60% 0px" });
  for (const name of links.keys()) watcher.observe(document.getElementById(name));
})();
