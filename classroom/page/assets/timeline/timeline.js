// The picture of a timeline: a canvas on which only what is visible is drawn, and beside it what was chosen and the longest waits.

const rowHeight = 18, countsHeight = 38, headHeight = 24, overviewHeight = 34, axisHeight = 22, topHeight = overviewHeight + axisHeight, glyph = 6.65;
const longest = 100; // waits are listed

// lasted words a time in ns.
function lastedFor(ns) {
  for (const [unit, n] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) if (ns >= n) return `${Number((ns / n).toPrecision(3))} ${unit}`;
  return `${Math.round(ns)} ns`;
}

// exactly words a time so that its digits go down to every, or to thousandths.
function exactly(ns, every = 0) {
  const of = every || ns / 100, [unit, n] = [["s", 1e9, 1e8], ["ms", 1e6, 1e5], ["µs", 1e3, 1e2]].find(([, , least]) => of >= least) ?? ["ns", 1];
  return `${(ns / n).toLocaleString("en", { maximumFractionDigits: every ? Math.max(0, Math.ceil(-Math.log10(every / n) - 1e-9)) : 3 })} ${unit}`;
}

// TimelineView is a view of a timeline in an element. A step that is chosen can be gone to.
class TimelineView {
  constructor(parent, goTo, back) {
    Object.assign(this, { goTo, t: null, filed: false, a: 0, b: 1, top: 0, chosen: -1, over: -1, at: null, lanes: [], height: 0 });
    const button = (text, title, onclick) => element("button", { type: "button", title, onclick }, text);
    this.file = element("input", { type: "file", hidden: true, "aria-label": "a file", onchange: () => this.file.files[0] && this.open(this.file.files[0]) });
    this.back = element("button", { type: "button", hidden: true, onclick: back }, "the explored run");
    this.span = element("output", { class: "hint small" });
    this.said = element("p", { class: "small", role: "status" });
    this.canvas = element("canvas", { tabindex: 0, role: "application", "aria-describedby": "timeline-keys" });
    this.tip = element("div", { class: "tip", hidden: true });
    this.about = element("div", { role: "status" });
    this.locks = element("select", { "aria-label": "Waits for", onchange: () => this.list() });
    this.waits = element("table", {});
    this.zooms = element("span", { hidden: true }, button("−", "show more time (-)", () => this.zoom(2)), " ", button("+", "show less time (+)", () => this.zoom(0.5)), " ", button("all", "show all of it (0)", () => this.all()));
    this.stage = element("div", { class: "timeline", hidden: true },
      this.box = element("div", { class: "timeline-box" }, this.canvas, this.tip),
      element("p", { class: "small hint", id: "timeline-keys" }, "Drag to move, Ctrl and the wheel or + and − to zoom, a double click to see one thing as a whole. ← → ↑ ↓ go to the neighbours of what is chosen, Enter shows it as a whole, n and p go to the next longest wait, 0 shows all."),
      element("div", { class: "two" }, element("div", {}, element("h2", {}, "What is chosen"), this.about),
        this.waiting = element("div", {}, element("div", { class: "row" }, element("h2", {}, "The longest waits"), this.locks), element("div", { class: "timeline-waits" }, this.waits))));
    parent.append(element("div", { class: "row" }, button("open a file…", "that vmasim run --trace or --events, or --format perfetto, has written", () => this.file.click()), this.back, this.zooms, this.span, this.file), this.said, this.stage);
    addEventListener("dragover", (e) => { if (parent.checkVisibility()) e.preventDefault(); });
    addEventListener("drop", (e) => { if (parent.checkVisibility() && e.dataTransfer.files[0]) { e.preventDefault(); this.open(e.dataTransfer.files[0]); } });
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.box);
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  }

  say(text, wrong) { this.said.textContent = text; this.said.classList.toggle("wrong", !!wrong); }

  // open reads a file, of which bytes, if given, are the content.
  async open(file, bytes) {
    const mine = this.opening = {};
    try {
      this.say(`${file.name} is read`);
      bytes ??= new Uint8Array(await file.arrayBuffer());
      const t = await readTimeline(bytes, file.name, (part) => this.say(`${file.name} is read: ${Math.round(100 * part)} %`));
      if (this.opening === mine) { this.show(t); this.filed = true; this.of = null; this.back.hidden = !this.goTo; }
    } catch (e) {
      if (this.opening === mine) { this.say(`${file.name}: ${e.message}`, true); this.opening = null; }
    }
    this.file.value = "";
  }

  show(t) {
    Object.assign(this, { t, top: 0, chosen: -1, over: -1, at: null, opening: null });
    this.stage.hidden = this.zooms.hidden = false; this.back.hidden = true;
    this.say([t.title, ...t.notes].filter(Boolean).join(" · "));
    this.layOut();
    const tasks = t.shown.filter((s) => !s.counts).length;
    this.canvas.setAttribute("aria-label", `A timeline of ${tasks} tasks, ${this.time(t.end - t.first)} long, with ${t.waits.length} waits`);
    const words = [...new Set(t.shown.filter((s) => s.rows).flatMap((s) => (s.rows[0] ?? []).map((i) => t.name[i])))].map((n) => t.names[n].split(" ")[0]);
    this.colours = new Map([...new Set(words)].map((w, i) => [w, `t${i % 6}`]));
    t.byLength = t.waits.toSorted((a, b) => t.to[b] - t.from[b] - t.to[a] + t.from[a]);
    const locks = new Map();
    for (const i of t.waits) {
      const l = locks.get(t.name[i]) ?? { n: 0, ns: 0 };
      l.n++; l.ns += t.to[i] - t.from[i];
      locks.set(t.name[i], l);
    }
    const option = (value, text, n, ns) => element("option", { value }, `${text}: ${n} ${n === 1 ? "wait" : "waits"}, ${this.time(ns)}`);
    this.locks.replaceChildren(option("", "all", t.waits.length, [...locks.values()].reduce((sum, l) => sum + l.ns, 0)),
      ...[...locks].sort(([, a], [, b]) => b.ns - a.ns).map(([name, l]) => option(name, t.names[name].slice(waitsFor.length), l.n, l.ns)));
    this.waiting.hidden = !t.waits.length;
    this.list();
    this.choose(-1);
    this.all();
  }

  time(ns) { return this.t.steps ? `${Number((ns / stepTime).toFixed(1))} ${ns === stepTime ? "step" : "steps"}` : lastedFor(ns); }
  when(at) { return this.t.steps ? `step ${at / stepTime}` : `at ${exactly(at - this.t.first)}`; }

  // list shows the longest waits, for one lock or all.
  list() {
    const t = this.t, of = this.locks.value;
    this.listed = (of ? t.byLength.filter((i) => t.name[i] === +of) : t.byLength).slice(0, longest);
    const head = element("tr", {}, ...["lasted", "for", "task", "held by"].map((h) => element("th", { scope: "col" }, h)));
    this.waits.replaceChildren(element("thead", {}, head), element("tbody", {}, ...this.listed.map((i) => element("tr", {},
      element("td", {}, element("button", { type: "button", class: "link", onclick: () => this.jump(i) }, this.time(t.to[i] - t.from[i]))),
      ...[t.names[t.name[i]].slice(waitsFor.length), t.tracks[t.track[i]].name, t.holder(i) || "–"].map((text) => element("td", {}, text))))));
  }

  // choose tells of a slice.
  choose(i) {
    const t = this.t;
    this.chosen = i;
    this.draw();
    for (const [k, tr] of [...this.waits.tBodies[0].rows].entries()) tr.classList.toggle("now", this.listed[k] === i);
    if (i < 0) return this.about.replaceChildren(element("p", { class: "hint" }, "Nothing yet: click on something" + (t.waits.length ? ", or on a wait in the list." : ".")));
    const args = t.args(i), of = (key) => args.find(([k]) => k === key)?.[1], outer = [];
    for (let j = t.outer(i); j >= 0; j = t.outer(j)) outer.unshift(t.names[t.name[j]]);
    const rows = [["task", t.tracks[t.track[i]].name], ["begins", this.when(t.from[i])], ["lasts", this.time(t.to[i] - t.from[i])], ["in", outer.join(" › ")], ...args];
    const step = t.kind[i] === kindStep && this.goTo && !this.filed ? of("step") : null;
    this.about.replaceChildren(element("h3", {}, t.names[t.name[i]]), element("dl", {}, ...rows.filter(([, v]) => v).flatMap(([k, v]) => [element("dt", {}, k), element("dd", {}, v)])));
    if (step) this.about.append(element("button", { type: "button", onclick: () => this.goTo(+step) }, `show step ${step} in the run`));
  }

  // jump chooses a slice and brings it into view, in the middle third.
  jump(i) {
    const t = this.t, n = Math.max(t.to[i] - t.from[i], this.least() / 3), lane = this.lanes.find((l) => l.track?.number === t.track[i]);
    this.see(t.from[i] - n, t.from[i] + 2 * n);
    this.reveal(lane.y + t.depth[i] * rowHeight);
    this.choose(i);
  }
  reveal(y) {
    const room = this.canvas.clientHeight - topHeight;
    if (y < this.top || y + rowHeight > this.top + room) this.top = Math.max(0, Math.min(y - room / 3, this.height - room));
  }

  least() { return this.t.steps ? stepTime / 2 : 20; }
  see(a, b) {
    const t = this.t, whole = Math.max(t.end - t.first, this.least()), n = Math.min(Math.max(b - a, this.least()), whole), middle = (a + b) / 2;
    this.a = Math.max(t.first, Math.min(middle - n / 2, t.first + whole - n));
    this.b = this.a + n;
    this.draw();
  }
  all() { this.see(this.t.first, this.t.end); }
  // zoom keeps a time where it is: what is chosen, if that is visible, or the middle.
  zoom(by, at) {
    const i = this.chosen, middle = i >= 0 ? (this.t.from[i] + this.t.to[i]) / 2 : NaN;
    at ??= middle > this.a && middle < this.b ? middle : (this.a + this.b) / 2;
    this.see(at - (at - this.a) * by, at + (this.b - at) * by);
  }
  pan(ns) { const n = this.b - this.a, a = Math.max(this.t.first, Math.min(this.a + ns, this.t.end - n)); this.see(a, a + n); }

  // layOut gives each track its place.
  layOut() {
    let y = 4;
    this.lanes = [];
    for (const [k, track] of this.t.shown.entries()) {
      if (this.t.processes.length > 1 && track.process !== this.t.shown[k - 1]?.process) { this.lanes.push({ y, h: headHeight, head: track.process }); y += headHeight; }
      const h = track.counts ? countsHeight : Math.max(1, track.rows.length) * rowHeight;
      this.lanes.push({ y, h, track });
      y += h + 7;
    }
    this.height = y;
    this.canvas.style.height = `min(${y + topHeight}px, 65vh)`;
    this.longest = Math.max(9, ...this.t.shown.map((s) => s.name.length));
  }

  draw() {
    if (!this.t || this.drawing) return;
    this.drawing = requestAnimationFrame(() => { this.drawing = 0; if (this.canvas.clientWidth) this.paint(); });
  }

  x(at) { return this.gutter + (at - this.a) / (this.b - this.a) * (this.width - this.gutter); }
  timeAt(x) { return this.a + (x - this.gutter) / (this.width - this.gutter) * (this.b - this.a); }

  paint() {
    const c = this.canvas, scale = devicePixelRatio || 1, g = this.g = c.getContext("2d"), style = getComputedStyle(document.documentElement), t = this.t;
    this.width = c.clientWidth;
    this.gutter = 15 + Math.max(9, Math.min(this.longest, this.width / 5 / glyph)) * glyph;
    const height = c.clientHeight;
    if (c.width !== Math.round(this.width * scale) || c.height !== Math.round(height * scale)) { c.width = Math.round(this.width * scale); c.height = Math.round(height * scale); }
    this.css = Object.fromEntries(["ink", "paper", "soft", "line", "faint", "mark", "bad", "t0", "t1", "t2", "t3", "t4", "t5"].map((name) => [name, style.getPropertyValue("--" + name).trim()]));
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.font = '11px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'; g.textBaseline = "middle";
    g.fillStyle = this.css.paper; g.fillRect(0, 0, this.width, height);
    const lines = this.ticks();
    g.save();
    g.beginPath(); g.rect(0, topHeight, this.width, height - topHeight); g.clip();
    g.translate(0, topHeight - this.top);
    g.fillStyle = this.css.soft;
    for (const at of lines) g.fillRect(Math.round(this.x(at)), this.top, 1, height);
    this.drawn = 0;
    for (const lane of this.lanes) {
      if (lane.y + lane.h < this.top || lane.y > this.top + height) continue;
      if (lane.head) { this.text(lane.head, 6, lane.y + headHeight / 2, this.width, "ink", "bold"); continue; }
      if (lane.track.counts) this.counter(lane); else this.task(lane);
      g.fillStyle = this.css.paper; g.fillRect(0, lane.y - 3, this.gutter, lane.h + 6);
      this.text(lane.track.name, 6, lane.y + rowHeight / 2, this.gutter - 8, "ink", lane.track.counts ? "" : "bold");
      if (lane.track.counts) this.text(this.countAt(lane.track), 6, lane.y + rowHeight / 2 + 15, this.gutter - 8, "faint");
      g.fillStyle = this.css.line; g.fillRect(0, lane.y + lane.h + 3, this.width, 1);
    }
    for (const [at, colour] of [[this.at, "bad"], [this.cursor, "faint"]]) if (at != null && this.x(at) >= this.gutter) { g.fillStyle = this.css[colour]; g.fillRect(Math.round(this.x(at)), this.top, colour === "bad" ? 2 : 1, height); }
    g.restore();
    this.overview();
    this.span.textContent = t.steps ? `steps ${(this.a / stepTime).toFixed(1)} to ${(this.b / stepTime).toFixed(1)}` : `${lastedFor(this.b - this.a)} of ${lastedFor(t.end - t.first)}, from ${lastedFor(this.a - t.first)} on`;
  }

  // text writes what of a text has room.
  text(text, x, y, room, colour, weight = "") {
    const n = Math.floor(room / glyph);
    if (n < 1) return;
    const g = this.g, font = g.font;
    g.fillStyle = this.css[colour];
    if (weight) g.font = weight + " " + font;
    g.fillText(text.length > n ? text.slice(0, n - 1) + "…" : text, x, y);
    g.font = font;
  }

  // ticks draws the axis, and returns where its lines are.
  ticks() {
    const t = this.t, base = t.steps ? 0 : t.first, n = this.b - this.a, rough = n * 110 / Math.max(110, this.width - this.gutter), power = 10 ** Math.floor(Math.log10(rough));
    let every = [1, 2, 5, 10].find((m) => m * power >= rough) * power;
    if (t.steps) every = Math.max(stepTime, every);
    const lines = [];
    for (let k = Math.ceil((this.a - base) / every); base + k * every <= this.b && lines.length < 1000; k++) lines.push(base + k * every);
    for (const at of lines) {
      const label = t.steps ? String(Math.round(at / stepTime)) : at === base ? "0" : exactly(at - base, every), x = this.x(at) + 3;
      if (x + label.length * glyph < this.width) this.text(label, x, overviewHeight + axisHeight / 2, 110, "faint");
    }
    this.g.fillStyle = this.css.line; this.g.fillRect(0, topHeight - 1, this.width, 1);
    for (const at of lines) this.g.fillRect(Math.round(this.x(at)), topHeight - 7, 1, 6);
    return lines;
  }

  // task draws the slices of a task, and the waits above all, so that none is lost.
  task(lane) {
    for (const [depth, row] of lane.track.rows.entries()) this.row(row, lane.y + depth * rowHeight, false);
    for (const [depth, row] of lane.track.waits.entries()) this.row(row, lane.y + depth * rowHeight, true);
  }
  // row draws those that share a pixel as one, the paler the less of the pixel they fill.
  row(row, y, waits) {
    const { t, g, css } = this, pixel = (this.b - this.a) / (this.width - this.gutter);
    for (let k = t.after(row, this.a); k < row.length && t.from[row[k]] < this.b;) {
      const i = row[k], x1 = Math.max(this.gutter, this.x(t.from[i])), x2 = Math.min(this.width, this.x(t.to[i])), alone = x2 - x1 >= 1, wait = t.kind[i] === kindWait;
      const next = alone ? k + 1 : Math.max(k + 1, t.after(row, this.timeAt(x1 + 1))), w = Math.max(x2 - x1, 1), h = rowHeight - 2;
      this.drawn++;
      if (wait === waits) {
        const filled = alone ? 1 : Math.min(1, (row.sum[next] - row.sum[k]) / pixel);
        const solid = wait ? 1 : !alone ? 0.7 : { [kindStatement]: 0.35, [kindStep]: 0.08 }[t.kind[i]] ?? 0.17;
        if (alone) { g.fillStyle = css.paper; g.fillRect(x1, y, w, h); }
        g.fillStyle = css[wait ? "bad" : t.kind[i] === kindStatement ? this.colours.get(t.names[t.name[i]].split(" ")[0]) : "t5"];
        g.globalAlpha = solid * (0.3 + 0.7 * filled); g.fillRect(x1, y, w, h); g.globalAlpha = 1;
        if (w > 3) g.fillRect(x1, y, 2, h);
        if (w > 20) this.text(t.names[t.name[i]] + (wait && t.holder(i) ? " ← " + t.holder(i) : ""), x1 + 5, y + rowHeight / 2 - 0.5, w - 8, wait ? "paper" : "ink");
      }
      for (const j of [this.over, this.chosen]) if (j >= i && j <= row[next - 1] && t.track[j] === t.track[i] && t.depth[j] === t.depth[i]) { g.strokeStyle = css.ink; g.lineWidth = j === this.chosen ? 2 : 1; g.strokeRect(x1 - 0.5, y - 0.5, Math.max(w, 3), h + 1); }
      k = next;
    }
  }

  // counter draws a counter as steps.
  counter(lane) {
    const { g, css } = this, track = lane.track, most = track.most || 1, bottom = lane.y + lane.h, y = (v) => bottom - v / most * (lane.h - 4);
    let k = Math.max(0, lower(track.at, (at) => at > this.a) - 1), x = this.x(track.at[k]);
    g.beginPath(); g.moveTo(x, bottom);
    for (; k < track.at.length && this.x(track.at[k]) <= this.width; k++) {
      x = Math.max(this.gutter, this.x(track.at[k]));
      g.lineTo(x, y(track.value[k])); // and level to the next
      const next = k + 1 < track.at.length ? Math.min(this.width, this.x(track.at[k + 1])) : Math.min(this.width, this.x(this.t.end));
      g.lineTo(Math.max(x, next), y(track.value[k]));
      x = Math.max(x, next);
      this.drawn++;
    }
    g.lineTo(x, bottom); g.closePath();
    g.globalAlpha = 0.25; g.fillStyle = css.t0; g.fill(); g.globalAlpha = 1;
    g.strokeStyle = css.t0; g.lineWidth = 1; g.stroke();
    this.text(this.number(track.most), this.gutter + 3, lane.y + 7, 90, "faint");
  }
  number(v) { return v.toLocaleString("en", { maximumFractionDigits: v < 1 ? 4 : 1 }); }
  countAt(track) {
    const k = lower(track.at, (at) => at > (this.cursor ?? this.b)) - 1;
    return k < 0 ? "" : this.number(track.value[k]);
  }

  // overview draws the whole above: how many tasks are in a statement, and how many of them wait.
  overview() {
    const { t, g, css } = this, left = this.gutter, n = Math.max(1, Math.floor(this.width - left)), whole = t.end - t.first || 1;
    if (t.busy?.length !== n) {
      const bins = (rows) => {
        const all = new Float32Array(n), wide = whole / n;
        for (const row of rows) for (const i of row) {
          for (let at = t.from[i], k = Math.min(n - 1, Math.floor((at - t.first) / wide)); k < n && (at < t.to[i] || at === t.from[i]); k++) {
            const end = Math.min(t.to[i], t.first + (k + 1) * wide);
            all[k] += Math.max(end - at, wide / 50) / wide;
            if (end >= t.to[i]) break;
            at = end;
          }
        }
        return all;
      };
      const tasks = t.shown.filter((s) => s.rows);
      t.busy = bins(tasks.map((s) => s.rows[0] ?? [])); t.waited = bins(tasks.flatMap((s) => s.waits));
    }
    const tasks = Math.max(1, t.shown.filter((s) => s.rows).length, ...[t.busy, t.waited].map((bins) => bins.reduce((a, b) => Math.max(a, b), 0)));
    g.fillStyle = css.paper; g.fillRect(0, 0, this.width, overviewHeight);
    this.text("all of it", 6, overviewHeight / 2, left - 8, "faint");
    for (const [bins, colour] of [[t.busy, css.t5], [t.waited, css.bad]]) {
      g.globalAlpha = colour === css.bad ? 0.9 : 0.3; g.fillStyle = colour;
      for (let k = 0; k < n; k++) if (bins[k]) { const h = Math.max(1.5, bins[k] / tasks * (overviewHeight - 6)); g.fillRect(left + k, overviewHeight - 2 - h, 1, h); }
    }
    g.globalAlpha = 1;
    const x1 = left + (this.a - t.first) / whole * n, x2 = left + (this.b - t.first) / whole * n;
    g.globalAlpha = 0.65; g.fillStyle = css.soft; g.fillRect(left, 0, x1 - left, overviewHeight); g.fillRect(x2, 0, this.width - x2, overviewHeight); g.globalAlpha = 1;
    g.strokeStyle = css.t0; g.lineWidth = 1.5; g.strokeRect(x1, 1, Math.max(x2 - x1, 3) - 1, overviewHeight - 2);
    g.fillStyle = css.line; g.fillRect(0, overviewHeight, this.width, 1);
  }

  // find returns the slice at a place of the canvas, -1 for none: of those that lie in one pixel a wait, or else the longest.
  find(x, y) {
    const t = this.t, at = y - topHeight + this.top, lane = this.lanes.find((l) => at >= l.y && at < l.y + l.h);
    if (!lane?.track?.rows || y < topHeight || x < this.gutter) return -1;
    const row = lane.track.rows[Math.floor((at - lane.y) / rowHeight)] ?? [], till = this.timeAt(x + 1.5), weight = (i) => t.to[i] - t.from[i] + (t.kind[i] === kindWait ? t.end : 0);
    let best = -1;
    for (let k = t.after(row, this.timeAt(x - 1.5)), n = 0; k < row.length && t.from[row[k]] <= till && n < 5000; k++, n++) if (best < 0 || weight(row[k]) > weight(best)) best = row[k];
    return best;
  }
}
