// A timeline as data: what tasks did and waited for, and what was counted; read from a file of `vmasim run --trace` or `--events`, or made of the steps
// of an explored run.

const kindStatement = 0, kindFault = 1, kindWait = 2, kindFunction = 3, kindStep = 4;
const waitsFor = "waits for ";

// Timeline has tracks, and slices in columns: slice i began at from[i]. Where a slice is told of in the file is kept; the rest is read when it is asked for.
class Timeline {
  constructor(title) {
    Object.assign(this, { title, tracks: [], names: [], notes: [], waits: [], first: Infinity, end: 0, steps: false });
    for (const column of ["from", "to", "name", "kind", "track", "depth", "begun", "ended"]) this[column] = [];
    this.known = new Map();
    this.read = () => []; // the arguments of a slice, told of at begun[i] and ended[i]
    this.holders = new Map();
  }
  task(name, process) { return this.add({ name, process, rows: [], open: [] }); }
  counter(name, process) { return this.add({ name, process, counts: true, at: [], value: [], most: 0 }); }
  add(track) { track.number = this.tracks.push(track) - 1; return track; }
  word(text) {
    let n = this.known.get(text);
    if (n === undefined) { n = this.names.push(text) - 1; this.known.set(text, n); }
    return n;
  }
  begin(track, at, name, kind, where) {
    const i = this.from.push(at) - 1, depth = track.open.length;
    this.to.push(at); this.name.push(name); this.kind.push(kind); this.track.push(track.number); this.depth.push(depth); this.begun.push(where); this.ended.push(where);
    (track.rows[depth] ??= []).push(i);
    track.open.push(i);
    if (kind === kindWait) this.waits.push(i);
    if (at < this.first) this.first = at;
    return i;
  }
  finish(track, at, where) {
    const i = track.open.pop();
    if (i === undefined) throw new Error(`${track.name} ends something that has not begun`);
    this.to[i] = at; this.ended[i] = where;
    if (at > this.end) this.end = at;
  }
  count(track, at, value) {
    track.at.push(at); track.value.push(value);
    track.most = Math.max(track.most, value);
    if (at > this.end) this.end = at;
    if (at < this.first) this.first = at;
  }
  // close ends what is open still, as in a file that was cut off, and puts the tracks of each process in order.
  close() {
    for (const track of this.tracks) while (track.open?.length) this.finish(track, this.end, this.begun[track.open[track.open.length - 1]]);
    if (this.first > this.end) this.first = 0;
    for (const track of this.tracks) {
      track.waits = track.rows?.map((row) => row.filter((i) => this.kind[i] === kindWait));
      for (const row of [...track.rows ?? [], ...track.waits ?? []]) { // how long all before each are, together
        row.sum = new Float64Array(row.length + 1);
        for (const [k, i] of row.entries()) row.sum[k + 1] = row.sum[k] + this.to[i] - this.from[i];
      }
    }
    this.processes = [...new Set(this.tracks.map((t) => t.process))];
    const rank = (t) => [this.processes.indexOf(t.process), t.counts ? 0 : 1, t.name === "init" ? 0 : 1];
    this.shown = this.steps ? this.tracks : this.tracks.toSorted((a, b) => rank(a).map((r, k) => r - rank(b)[k]).find((d) => d) || a.name.localeCompare(b.name, "en", { numeric: true }));
    return this;
  }
  args(i) { return this.read(i); }
  // holder says who had what slice i waits for, "" if that is not known.
  holder(i) {
    if (this.kind[i] !== kindWait) return "";
    if (!this.holders.has(i)) this.holders.set(i, this.args(i).find(([key]) => key === "held by")?.[1] ?? "");
    return this.holders.get(i);
  }
  // outer is what a slice lies in, -1 for nothing.
  outer(i) { return this.depth[i] ? lastBefore(this.rowOf(i, -1), i) : -1; }
  // inner is the first slice in a slice, -1 for none.
  inner(i) {
    const row = this.rowOf(i, 1), k = row ? lower(row, (j) => j > i) : 0, j = row?.[k] ?? -1;
    return j >= 0 && this.outer(j) === i ? j : -1;
  }
  rowOf(i, below = 0) { return this.tracks[this.track[i]].rows[this.depth[i] + below]; }
  // after finds, in a row, the first slice that ends behind a time.
  after(row, at) { return lower(row, (i) => this.to[i] > at); }
}

// lower returns the first place in a row from which on something holds.
function lower(row, holds) {
  let a = 0, b = row.length;
  while (a < b) { const m = (a + b) >> 1; if (holds(row[m])) b = m; else a = m + 1; }
  return a;
}
// lastBefore returns the last slice of a row that began before slice i.
function lastBefore(row, i) { return row[lower(row, (j) => j >= i) - 1] ?? -1; }

// readTimeline reads a file. It lets the page answer meanwhile, and tells how far it is.
async function readTimeline(bytes, title, tell = () => {}) {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    bytes = new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
  }
  const t = new Timeline(title), read = { 0x0a: readPerfetto, 0x7b: readLines }[bytes[0]];
  if (!read) throw new Error(`no timeline: expected a file that vmasim run --trace or --events, or --format perfetto, has written`);
  let last = performance.now();
  await read(t, bytes, async (at) => {
    if (performance.now() - last < 40) return;
    tell(at / bytes.length);
    await new Promise((done) => setTimeout(done));
    last = performance.now();
  });
  if (!t.tracks.length) throw new Error("nothing in it, expected tracks of tasks");
  return t.close();
}

// Protobuf reads fields.
class Protobuf {
  constructor(bytes) { this.bytes = bytes; this.at = 0; this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length); this.utf8 = new TextDecoder(); }
  varint() {
    let v = 0, m = 1, c;
    do { c = this.bytes[this.at++]; v += (c & 127) * m; m *= 128; } while (c > 127);
    return v;
  }
  text(to) { return this.utf8.decode(this.bytes.subarray(this.at, to)); }
  // each calls take with each field up to an offset: its number, and its value, or, where it is longer, its end.
  each(to, take) {
    while (this.at < to) {
      const tag = this.varint(), wire = tag & 7, field = tag >>> 3;
      if (wire === 0) { take(field, this.varint()); continue; }
      const end = wire === 1 ? this.at + 8 : wire === 5 ? this.at + 4 : wire === 2 ? this.varint() + this.at : NaN;
      if (!(end <= to)) break;
      take(field, end);
      this.at = end;
    }
    if (this.at !== to) throw new Error(`byte ${Math.min(this.at, to) || to}: a message that is cut off, or no protobuf`);
  }
}

// readPerfetto reads the messages that vmasim writes of Perfetto's format; others are passed over. Numbers are those of report/perfetto.go.
async function readPerfetto(t, bytes, pause) {
  const r = new Protobuf(bytes), tracks = new Map(), processes = new Map(), sequences = new Map();
  let at, sequence, flags, event, interned, described;
  const packet = (field, v) => {
    if (field === 8) at = v; else if (field === 10) sequence = v; else if (field === 13) flags = v;
    else if (field === 11) event = [r.at, v]; else if (field === 12) interned = [r.at, v]; else if (field === 60) described = [r.at, v];
  };
  const inside = ([from, to], take) => { r.at = from; r.each(to, take); };
  let iid, text;
  const internedName = (field, v) => { if (field === 1) iid = v; else if (field === 2) text = r.text(v); };
  const describe = (table) => {
    const d = {};
    inside(described, (field, end) => {
      if (field === 1) d.uuid = end;
      else if (field === 2) d.name = r.text(end);
      else if (field === 5) d.parent = end;
      else if (field === 8) d.counts = true;
      else if (field === 3) r.each(end, (f, v) => { if (f === 1) d.process = v; else if (f === 6) d.name = r.text(v); });
      else if (field === 4) r.each(end, (f, v) => { if (f === 1) d.of = v; else if (f === 5) d.name = r.text(v); });
    });
    if (d.process) processes.set(d.process, d.name);
    else d.track = d.counts ? t.counter(d.name, tracks.get(d.parent)?.name ?? "") : t.task(d.name ?? "", processes.get(d.of) ?? "");
    if (d.track) d.track.table = table;
    tracks.set(d.uuid, d);
  };
  const annotations = (where, take) => {
    r.at = where;
    const end = (r.varint(), r.varint() + r.at);
    event = undefined;
    r.each(end, packet);
    if (event) inside(event, (field, end) => {
      if (field !== 4) return;
      let key, value = "";
      r.each(end, (f, v) => { if (f === 1) key = v; else if (f === 6) value = r.text(v); });
      take(key, value);
    });
  };
  t.read = (i) => {
    const all = [], keys = t.tracks[t.track[i]].table.keys, take = (key, value) => all.push([keys.get(key) ?? "", value]);
    annotations(t.begun[i], take);
    if (t.ended[i] !== t.begun[i]) annotations(t.ended[i], take);
    return all;
  };
  let kind, track, name, annotated, value;
  const happens = (field, v) => {
    if (field === 9) kind = v; else if (field === 11) track = v; else if (field === 10) name = v; else if (field === 4) annotated = true;
    else if (field === 44) value = r.view.getFloat64(v - 8, true);
  };
  for (let n = 0; r.at < bytes.length; n++) {
    const where = r.at;
    if (r.varint() !== 10) throw new Error(`byte ${where}: expected a packet of a Perfetto trace`);
    const end = r.varint() + r.at;
    if (!(end <= bytes.length)) { t.notes.push("the file is cut off"); break; }
    at = sequence = flags = 0; event = interned = described = undefined;
    r.each(end, packet);
    if (flags & 1 || !sequences.has(sequence)) sequences.set(sequence, { names: new Map(), keys: new Map() });
    const table = sequences.get(sequence);
    if (interned) inside(interned, (field, end) => {
      if (field !== 2 && field !== 3) return;
      r.each(end, internedName);
      (field === 2 ? table.names : table.keys).set(iid, field === 2 ? t.word(text) : text);
    });
    if (described) describe(table);
    if (event) {
      kind = track = name = 0; annotated = false; value = undefined;
      inside(event, happens);
      const on = tracks.get(track), word = table.names.get(name);
      if (!on) throw new Error(`byte ${where}: an event of a track that is not declared`);
      if (kind === 1) t.begin(on.track, at, word ?? t.word("?"), perfettoKind(t.names[word] ?? "", on.track, annotated), where);
      else if (kind === 2) t.finish(on.track, at, where);
      else if (kind === 4) t.count(on.track, at, value);
      else if (kind === 3) t.notes.push(t.names[word]);
      if (annotated && kind === 1) t.steps = true;
    }
    r.at = end;
    if (n % 512 === 0) await pause(where);
  }
}

// perfettoKind tells by its name and place what a slice is; only steps have arguments as they begin.
function perfettoKind(name, track, annotated) {
  if (name.startsWith(waitsFor)) return kindWait;
  if (name === "page fault") return kindFault;
  return annotated ? kindStep : track.open.length ? kindFunction : kindStatement;
}

// readLines reads lines of JSON.
async function readLines(t, bytes, pause) {
  const utf8 = new TextDecoder(), kinds = { statement: kindStatement, fault: kindFault, wait: kindWait };
  const line = (at) => { const end = bytes.indexOf(10, at); return utf8.decode(bytes.subarray(at, end < 0 ? bytes.length : end)); };
  t.read = (i) => t.ended[i] === t.begun[i] ? [] : Object.entries(JSON.parse(line(t.ended[i])).args ?? {});
  let tracks = new Map(), base = 0, of = "";
  for (let at = 0, n = 1; at < bytes.length; n++) {
    const end = bytes.indexOf(10, at), where = at, text = line(at);
    at = end < 0 ? bytes.length : end + 1;
    let e;
    try { e = JSON.parse(text); } catch (why) {
      if (end < 0) { t.notes.push("the file is cut off"); break; }
      throw new Error(`line ${n}: ${why.message}`);
    }
    if (!e.event || !("at_ns" in e)) throw new Error(`line ${n}: expected a line that vmasim run --events has written, with keys event and at_ns`);
    if (of !== e.scenario) { tracks = new Map(); base = t.end; of = e.scenario; }
    if (e.event === "recorded") { t.notes.push("recorded " + e.name); of = ""; continue; }
    const key = e.event === "count" ? "counter " + e.name : e.task;
    if (!tracks.has(key)) tracks.set(key, e.event === "count" ? t.counter(e.name, e.scenario) : t.task(e.task, e.scenario));
    const track = tracks.get(key), time = base + e.at_ns;
    if (e.event === "count") t.count(track, time, e.value);
    else if (e.event === "begin") t.begin(track, time, t.word(e.what === "wait" ? waitsFor + e.name : e.name), kinds[e.what], where);
    else t.finish(track, time, where);
    if (n % 256 === 0) await pause(where);
  }
}

const stepTime = 1000; // what a step takes, in ns, as in the files that --format perfetto writes

// ofRun makes the timeline of an explored run: its time is the number of the step. It is what report/steptrace.go writes.
function ofRun(run) {
  const t = new Timeline(run.title || run.scenario);
  t.steps = true;
  t.read = (i) => t.begun[i] ?? [];
  for (const name of run.tasks) {
    const track = t.task(name, ""), queued = (run.queued ?? []).filter((q) => q.task === name), open = [];
    let last = 0;
    const leave = (n) => { while (open.length > n) { t.finish(track, (last + 1) * stepTime, t.begun[track.open[track.open.length - 1]]); open.pop(); } };
    const slice = (from, to, text, kind, args) => { t.begin(track, from * stepTime, t.word(text), kind, args); t.finish(track, to * stepTime, args); };
    const wait = (to) => {
      const q = queued.shift(), of = (run.holdings ?? []).filter((h) => h.lock === q.lock && h.task !== name && h.from <= q.from && (!h.to || h.to > q.from));
      slice(last + 1, to, `${waitsFor}${q.lock} ${q.mode}`.trim(), kindWait, [["held by", of.map((h) => h.task + (h.function ? " in " + h.function : "")).join(", ")]]);
    };
    for (const s of run.steps) {
      if (s.task !== name) continue;
      while (queued.length && queued[0].from === last && queued[0].to === s.step && s.step > last + 1) wait(s.step);
      const inside = s.statement && s.stack[0] !== s.statement ? [s.statement, ...s.stack] : s.stack;
      let same = 0;
      while (same < Math.min(inside.length, open.length) && inside[same] === open[same]) same++;
      leave(same);
      for (const text of inside.slice(same)) { t.begin(track, s.step * stepTime, t.word(text), open.length ? kindFunction : kindStatement); open.push(text); }
      last = s.step;
      const args = { step: String(s.step), cell: s.cell, old: s.old, new: s.new, violates: s.violations?.join(", "), notes: s.notes?.join("; ") };
      slice(s.step, s.step + 1, `${s.operation} ${s.cell}`.trim(), kindStep, Object.entries(args).filter(([, v]) => v));
    }
    if (queued.length && queued[0].from === last && !queued[0].to) { wait(run.steps.length + 1); last = run.steps.length; }
    leave(0);
  }
  const broken = run.violated?.[0]?.oracle ?? (run.ending === "finished" ? "" : run.ending);
  if (broken) t.notes.push(broken);
  return t.close();
}
