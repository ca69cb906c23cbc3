"use strict";
/* The tree and its waterfall. All text becomes text nodes; nothing is parsed as markup. */
(() => {
  const CHUNK = 200, FIRST_ROWS = 120, LEAST_SPAN = 0.001;
  const make = (name, kind, text) => {
    const node = document.createElement(name);
    if (kind) node.className = kind;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const many = (number, one, more) => `${number.toLocaleString("en")} ${number === 1 ? one : more}`;
  const seconds = (value) => {
    if (value === null || value === undefined) return "";
    if (value === 0) return "0 s";
    if (value < 0.01) return `${(value * 1000).toFixed(1)} ms`;
    if (value < 9.95) return `${value.toFixed(value < 0.995 ? 2 : 1)} s`;
    if (value < 60) return `${value.toFixed(0)} s`;
    const whole = Math.round(value);
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
    if (whole < 86400) return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole % 3600 / 60)).padStart(2, "0")} min`;
    return `${Math.floor(whole / 86400)} d ${Math.floor(whole % 86400 / 3600)} h`;
  };

  class Chart {
    constructor(place, data) {
      this.data = data;
      this.from = 0;
      this.to = data.length;
      this.rows = [];
      this.open = new Set();
      this.more = new Map();
      this.current = null;
      this.selected = null;
      this.build(place);
      this.openSome();
      this.draw();
    }

    build(place) {
      const tools = make("div", "bar-tools");
      tools.setAttribute("role", "toolbar");
      tools.setAttribute("aria-label", "Zoom and levels");
      const button = (text, title, act) => {
        const one = make("button", "", text);
        one.type = "button";
        one.title = title;
        one.addEventListener("click", act);
        tools.append(one);
      };
      button("Zoom in", "key +", () => this.zoom(0.5));
      button("Zoom out", "key −", () => this.zoom(2));
      button("◀", "earlier: key <", () => this.pan(-0.5));
      button("▶", "later: key >", () => this.pan(0.5));
      button("Whole job", "key 0", () => this.range(0, this.data.length));
      button("Open all", "", () => this.openAll(true));
      button("Close all", "", () => this.openAll(false));
      tools.children[2].setAttribute("aria-label", "Earlier");
      tools.children[3].setAttribute("aria-label", "Later");
      this.chart = make("div", "chart");
      this.axis = make("div", "axis");
      this.axis.setAttribute("aria-hidden", "true");
      this.axis.append(make("div"), make("div", "track"));
      this.grid = make("div", "grid");
      this.grid.setAttribute("role", "treegrid");
      this.grid.setAttribute("aria-label", "Tasks and runs of the job");
      this.detail = make("div", "detail");
      this.detail.setAttribute("role", "status");
      this.chart.append(this.axis, this.grid);
      place.replaceChildren(tools, this.chart, this.detail);
      this.detail.textContent =
        "Arrow keys move and open, Enter tells more of a row, z zooms to it, + − 0 zoom, < > move in time.";
      this.grid.addEventListener("keydown", (event) => this.key(event));
      this.grid.addEventListener("click", (event) => this.click(event));
      this.chart.addEventListener("wheel", (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        const track = this.axis.lastChild.getBoundingClientRect();
        this.zoom(event.deltaY > 0 ? 1.25 : 0.8, (event.clientX - track.left) / track.width);
      }, { passive: false });
    }

    /* What is below an item: a task has runs, a run has tasks. */
    static below(item) { return item.r || item.k || []; }
    static isTask(item) { return item.r !== undefined; }

    openSome() {
      let count = this.data.tasks.length, level = this.data.tasks;
      while (level.length && count < FIRST_ROWS) {
        const next = [];
        for (const item of level) {
          const below = Chart.below(item);
          if (!below.length || count + Math.min(below.length, CHUNK) > 2 * FIRST_ROWS) continue;
          this.open.add(item);
          count += Math.min(below.length, CHUNK);
          next.push(...below);
        }
        level = next;
      }
      const walk = (item) => {
        let worth = item.s === "failed";
        for (const one of Chart.below(item)) worth = walk(one) || worth;
        if (worth && Chart.below(item).length && this.open.size < 400) this.open.add(item);
        return worth;
      };
      this.data.tasks.forEach(walk);
    }

    openAll(isOpen) {
      const walk = (item) => {
        if (Chart.below(item).length) this.open.add(item);
        Chart.below(item).forEach(walk);
      };
      this.open.clear();
      if (isOpen) this.data.tasks.forEach(walk);
      this.draw();
    }

    draw() {
      const wanted = this.current;
      const had = this.grid.contains(document.activeElement);
      this.rows = [];
      const nodes = [];
      const level = (items, depth, key) => {
        const most = this.more.get(key) || CHUNK;
        items.slice(0, most).forEach((item, index) => {
          nodes.push(this.row(item, depth, index + 1, items.length, key === this ? null : key));
          if (this.open.has(item)) level(Chart.below(item), depth + 1, item);
        });
        if (items.length > most) nodes.push(this.moreRow(key, items.length - most, depth));
      };
      level(this.data.tasks, 0, this);
      this.grid.replaceChildren(...nodes);
      const at = Math.max(0, this.rows.findIndex((row) => row.item === wanted));
      if (this.rows.length) this.focus(at, had);
      this.place();
    }

    row(item, depth, position, size, above) {
      const node = make("div", `row ${Chart.isTask(item) ? "task" : "run"}`);
      node.setAttribute("role", "row");
      node.setAttribute("aria-level", depth + 1);
      node.setAttribute("aria-posinset", position);
      node.setAttribute("aria-setsize", size);
      node.setAttribute("aria-selected", item === this.selected);
      node.tabIndex = -1;
      if (item.s === "failed") node.classList.add("bad");
      if (item.s === "never started") node.classList.add("never");
      const label = make("div", "label");
      label.setAttribute("role", "gridcell");
      label.style.setProperty("--depth", depth);
      const below = Chart.below(item);
      const twist = make("span", "twist", below.length ? (this.open.has(item) ? "▾" : "▸") : "");
      twist.setAttribute("aria-hidden", "true");
      if (below.length) node.setAttribute("aria-expanded", this.open.has(item));
      label.append(twist, make("span", "name", this.name(item)));
      if (item.c) {
        const star = make("span", "star", "◆");
        star.title = "on the critical path";
        star.setAttribute("role", "img");
        star.setAttribute("aria-label", "on the critical path");
        label.append(star);
      }
      label.append(make("span", "figures", this.figures(item)));
      const track = make("div", "track");
      track.setAttribute("role", "gridcell");
      track.setAttribute("aria-label", this.times(item));
      const bars = [];
      const bar = (start, end, kind) => {
        if (start === null || end === null) return;
        const one = make("div", kind);
        track.append(one);
        bars.push([one, start, Math.max(start, end)]);
      };
      const end = item.e === null ? this.data.length : item.e;
      if (Chart.isTask(item)) bar(item.b, end, "t");
      else {
        if (item.b !== null) bar(item.b, item.t === null ? end : item.t, "q");
        const failed = item.f ? "c followed" : "c bad";
        const kind = item.s === "failed" ? failed : item.e === null ? "c open" : "c";
        if (item.t !== null) bar(item.t, end, item.c ? `${kind} critical` : kind);
      }
      node.append(label, track);
      this.rows.push({ item, node, bars, above });
      return node;
    }

    moreRow(key, left, depth) {
      const node = make("div", "row more");
      node.setAttribute("role", "row");
      node.tabIndex = -1;
      const label = make("div", "label", `… ${left.toLocaleString("en")} more: Enter shows some`);
      label.setAttribute("role", "gridcell");
      label.style.setProperty("--depth", depth);
      node.append(label);
      this.rows.push({ item: null, key, node, bars: [] });
      return node;
    }

    name(item) {
      if (!Chart.isTask(item)) return `organization ${item.o}`;
      const round = item.n ? ` · round ${item.n}` : "";
      return `task ${item.i}${round}${item.x ? " · creator unknown" : ""}`;
    }

    figures(item) {
      if (Chart.isTask(item)) {
        const done = item.r.filter((run) => run.s === "completed").length;
        return item.z ? `${done} of ${item.z} completed` : "no run known";
      }
      const word = item.w || item.s;
      const parts = [{ completed: "✓", failed: `✕ ${word}`, "not finished": word }[item.s] || item.s];
      if (item.t !== null && item.e !== null) parts.push(seconds(item.e - item.t));
      if (item.a) parts.push(many(item.a, "retry", "retries"));
      return parts.join(" ");
    }

    times(item) {
      const told = [];
      if (item.b !== null) told.push(`from ${seconds(item.b)}`);
      if (item.e !== null) told.push(`to ${seconds(item.e)}`);
      return told.join(" ");
    }

    place() {
      const span = this.to - this.from;
      const part = (value) => (value - this.from) / span * 100;
      for (const { bars } of this.rows) {
        for (const [node, start, end] of bars) {
          const hidden = end < this.from || start > this.to;
          node.hidden = hidden;
          node.style.display = hidden ? "none" : "";
          const left = Math.max(part(start), -1), right = Math.min(part(end), 101);
          node.style.left = `${left}%`;
          node.style.width = `${Math.max(0, right - left)}%`;
        }
      }
      const track = this.axis.lastChild;
      const step = this.step(span, track.clientWidth);
      const ticks = [];
      const last = make("span", "tick last", seconds(this.to));
      const until = this.to - 110 / Math.max(1, track.clientWidth) * span;
      for (let value = Math.ceil(this.from / step) * step; value < until; value += step) {
        const tick = make("span", "tick", step < 1 ? `${Number(value.toFixed(6))} s` : seconds(value));
        tick.style.left = `${part(value)}%`;
        ticks.push(tick);
      }
      last.style.left = "100%";
      track.replaceChildren(...ticks, last);
    }

    step(span, width) {
      const least = span / Math.max(2, Math.floor(width / 90));
      const steps = [60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400];
      if (least > 86400) return 86400 * Math.ceil(least / 86400);
      if (least > 30) return steps.find((one) => one >= least);
      const size = 10 ** Math.floor(Math.log10(least));
      return [1, 2, 5, 10].map((one) => one * size).find((one) => one >= least * 0.999);
    }

    range(from, to) {
      const length = this.data.length;
      const span = Math.min(length, Math.max(to - from, Math.min(LEAST_SPAN, length)));
      this.from = Math.min(Math.max(0, from), length - span);
      this.to = this.from + span;
      this.place();
    }

    zoom(factor, at = 0.5) {
      const span = this.to - this.from, middle = this.from + at * span;
      this.range(middle - at * span * factor, middle + (1 - at) * span * factor);
    }

    pan(share) {
      const span = this.to - this.from;
      this.range(this.from + share * span, this.to + share * span);
    }

    zoomTo(item) {
      if (!item || item.b === null && item.t === null) return;
      const start = item.b === null ? item.t : item.b;
      const end = item.e === null ? this.data.length : item.e;
      const room = Math.max(end - start, LEAST_SPAN) * 0.05;
      this.range(start - room, end + room);
    }

    focus(index, take = true) {
      const row = this.rows[index];
      if (!row) return;
      for (const other of this.rows) other.node.tabIndex = -1;
      row.node.tabIndex = 0;
      this.current = row.item;
      this.at = index;
      if (take) row.node.focus();
    }

    toggle(index, isOpen) {
      const { item } = this.rows[index];
      if (!item || !Chart.below(item).length || this.open.has(item) === isOpen) return false;
      if (isOpen) this.open.add(item); else this.open.delete(item);
      this.focus(index);
      this.draw();
      return true;
    }

    activate(index) {
      const { item, key } = this.rows[index];
      if (item === null) {
        this.more.set(key, (this.more.get(key) || CHUNK) + CHUNK);
        this.draw();
        this.focus(Math.min(index, this.rows.length - 1));
        return;
      }
      this.selected = item;
      for (const row of this.rows) row.node.setAttribute("aria-selected", row.item === item);
      this.tell(item, this.rows[index].above);
    }

    key(event) {
      const index = this.at, step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (step) this.focus(Math.min(this.rows.length - 1, Math.max(0, index + step)));
      else if (event.key === "Home") this.focus(0);
      else if (event.key === "End") this.focus(this.rows.length - 1);
      else if (event.key === "ArrowRight") {
        if (!this.toggle(index, true) && this.open.has(this.rows[index].item)) this.focus(index + 1);
      } else if (event.key === "ArrowLeft") {
        if (!this.toggle(index, false)) this.focus(this.above(index));
      } else if (event.key === "Enter" || event.key === " ") this.activate(index);
      else if (event.key === "+" || event.key === "=") this.zoom(0.5);
      else if (event.key === "-" || event.key === "−") this.zoom(2);
      else if (event.key === "0") this.range(0, this.data.length);
      else if (event.key === "<" || event.key === ",") this.pan(-0.5);
      else if (event.key === ">" || event.key === ".") this.pan(0.5);
      else if (event.key === "z") this.zoomTo(this.rows[index].item);
      else return;
      event.preventDefault();
    }

    above(index) {
      const level = (at) => Number(this.rows[at].node.getAttribute("aria-level"));
      for (let at = index - 1; at >= 0; at -= 1) if (level(at) < level(index)) return at;
      return index;
    }

    click(event) {
      const node = event.target.closest(".row");
      const index = this.rows.findIndex((row) => row.node === node);
      if (index < 0) return;
      this.focus(index);
      const { item } = this.rows[index];
      if (event.target.closest(".twist")) this.toggle(index, !this.open.has(item));
      else this.activate(index);
    }

    tell(item, above) {
      const within = above ? `${Chart.isTask(item) ? " of " : " in "}${this.name(above)}` : "";
      const title = make("b", "", this.name(item) + within);
      const list = make("dl");
      const fact = (name, value) => {
        if (value === "" || value === null || value === undefined) return;
        const pair = make("div");
        pair.append(make("dt", "", name), make("dd", "", String(value)));
        list.append(pair);
      };
      fact("begins at", item.b === null ? "" : seconds(item.b));
      fact("ends at", item.e === null ? "" : seconds(item.e));
      if (Chart.isTask(item)) {
        fact("organizations", item.z);
        fact("took", item.b === null || item.e === null ? "" : seconds(item.e - item.b));
      } else {
        fact("status", item.w || item.s);
        fact("error", item.y);
        fact("run", item.i);
        fact("in the queue", item.b === null ? "" : seconds((item.t === null ? item.e : item.t) - item.b));
        fact("computing", item.t === null || item.e === null ? "" : seconds(item.e - item.t));
        if (item.m) fact("requests, retries, polls", `${item.q}, ${item.a}, ${item.p}`);
        else fact("its container", "exported nothing");
        if (item.k2) fact("clocks", "server and node disagree: do not believe the queue time");
      }
      if (item.c) fact("critical path", "yes");
      this.detail.replaceChildren(title, list);
    }
  }

  const charts = JSON.parse(document.getElementById("data").textContent);
  document.querySelectorAll(".waterfall").forEach((place, index) => {
    const chart = new Chart(place, charts[index]);
    window.addEventListener("resize", () => chart.place());
  });
})();
