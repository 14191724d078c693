// How one moves in a timeline: by the mouse, a finger and the keyboard.

TimelineView.prototype.listen = function () {
  const c = this.canvas, place = (e) => { const r = c.getBoundingClientRect(); return [e.clientX - r.left, e.clientY - r.top]; };
  let held = null; // where the pointer was pressed, and what was shown then
  c.addEventListener("pointerdown", (e) => {
    if (e.button) return;
    const [x, y] = place(e);
    held = { x, y, a: this.a, top: this.top, over: y < overviewHeight, moved: false };
    c.setPointerCapture(e.pointerId);
    if (held.over) this.lookAt(x);
  });
  c.addEventListener("pointermove", (e) => {
    const [x, y] = place(e), ns = (this.b - this.a) / (this.width - this.gutter);
    if (!held) return this.hover(x, y);
    held.moved ||= Math.hypot(x - held.x, y - held.y) > 3;
    if (held.over) return this.lookAt(x);
    if (!held.moved) return;
    this.tip.hidden = true;
    this.scrollTo(held.top - (y - held.y));
    this.pan(held.a - (x - held.x) * ns - this.a);
  });
  c.addEventListener("pointerup", (e) => {
    const was = held;
    held = null;
    if (was && !was.over && !was.moved) this.choose(this.find(...place(e)));
  });
  c.addEventListener("pointercancel", () => { held = null; });
  c.addEventListener("pointerleave", () => { this.over = -1; this.cursor = null; this.tip.hidden = true; this.draw(); });
  c.addEventListener("dblclick", (e) => { const i = this.find(...place(e)); if (i >= 0) this.whole(i); });
  c.addEventListener("wheel", (e) => {
    const by = e.deltaMode === 1 ? 16 : 1, sideways = e.shiftKey ? e.deltaY || e.deltaX : Math.abs(e.deltaX) > Math.abs(e.deltaY) ? e.deltaX : 0;
    if (e.ctrlKey || e.metaKey) { e.preventDefault(); return this.zoom(1.003 ** (e.deltaY * by), this.timeAt(Math.max(this.gutter, place(e)[0]))); }
    if (sideways) { e.preventDefault(); return this.pan(sideways * by * (this.b - this.a) / (this.width - this.gutter)); }
    if (this.scrollTo(this.top + e.deltaY * by)) e.preventDefault();
  }, { passive: false });
  c.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !this.t) return;
    const n = this.b - this.a, wait = (by) => { const l = this.listed, k = l.indexOf(this.chosen); if (l.length) this.jump(l[(k + by + l.length + (k < 0 && by < 0 ? 1 : 0)) % l.length]); };
    const keys = {
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), w: () => this.zoom(0.5), "-": () => this.zoom(2), s: () => this.zoom(2), a: () => this.pan(-n / 4), d: () => this.pan(n / 4),
      0: () => this.all(), Home: () => this.all(), n: () => wait(1), p: () => wait(-1), Escape: () => this.choose(-1), Enter: () => this.chosen >= 0 && this.whole(this.chosen),
      ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1), ArrowUp: () => this.climb(-1), ArrowDown: () => this.climb(1),
    };
    if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  });
};

// lookAt moves what is shown to a place of the overview.
TimelineView.prototype.lookAt = function (x) {
  const t = this.t;
  this.pan(t.first + (x - this.gutter) / (this.width - this.gutter) * (t.end - t.first) - (this.a + this.b) / 2);
};

// scrollTo moves the tracks, and tells whether they moved.
TimelineView.prototype.scrollTo = function (top) {
  const to = Math.max(0, Math.min(top, this.height - (this.canvas.clientHeight - topHeight))), moved = to !== this.top;
  this.top = to;
  if (moved) this.draw();
  return moved;
};

// hover tells in short what lies below the pointer.
TimelineView.prototype.hover = function (x, y) {
  const i = this.find(x, y), t = this.t;
  this.cursor = x >= this.gutter && y > overviewHeight ? this.timeAt(x) : null;
  this.over = i;
  this.tip.hidden = i < 0;
  if (i >= 0) {
    const holder = t.holder(i);
    this.tip.textContent = `${t.names[t.name[i]]}, ${this.time(t.to[i] - t.from[i])}${holder ? ", held by " + holder : ""}`;
    this.tip.style.left = Math.max(0, Math.min(x + 12, this.width - this.tip.offsetWidth - 4)) + "px";
    this.tip.style.top = (y + 18 + this.tip.offsetHeight > this.canvas.clientHeight ? y - this.tip.offsetHeight - 8 : y + 18) + "px";
  }
  this.draw();
};

// whole zooms to a slice.
TimelineView.prototype.whole = function (i) {
  const t = this.t, edge = (t.to[i] - t.from[i]) / 20;
  this.see(t.from[i] - edge, t.to[i] + edge);
  this.choose(i);
};

// follow chooses a slice, and brings it into view if it is not.
TimelineView.prototype.follow = function (i) {
  const t = this.t, n = this.b - this.a;
  if (i < 0 || i === undefined) return;
  if (t.from[i] < this.a || t.from[i] > this.b) this.see(t.from[i] - n / 3, t.from[i] + 2 * n / 3);
  this.reveal(this.lanes.find((l) => l.track?.number === t.track[i]).y + t.depth[i] * rowHeight);
  this.choose(i);
};

// firstSeen is where the keyboard begins: the first slice of a track that is visible.
TimelineView.prototype.firstSeen = function (track) {
  const row = track?.rows?.[0] ?? [];
  return row[this.t.after(row, this.a)] ?? row[row.length - 1];
};

// step goes along a row, climb out of a slice and into it, and from track to track.
TimelineView.prototype.step = function (by) {
  const t = this.t;
  if (this.chosen < 0) return this.follow(this.firstSeen(this.lanes.find((l) => l.track?.rows?.length)?.track));
  const row = t.rowOf(this.chosen);
  this.follow(row[lower(row, (i) => i >= this.chosen) + by]);
};
TimelineView.prototype.climb = function (by) {
  const t = this.t, i = this.chosen;
  if (i < 0) return this.step(0);
  const to = by < 0 ? t.outer(i) : t.inner(i);
  if (to >= 0) return this.follow(to);
  const tasks = this.lanes.filter((l) => l.track?.rows?.length).map((l) => l.track), k = tasks.findIndex((s) => s.number === t.track[i]) + by;
  if (tasks[k]) this.follow(this.firstSeen(tasks[k]));
};
