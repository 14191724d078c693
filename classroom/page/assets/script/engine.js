// The engine, which runs in workers.
const lesson = JSON.parse($("lesson").textContent);

// Engine is the engine in a worker. Its questions are answered one after the other.
class Engine {
  static source; // of the worker
  static async prepare() { Engine.source ??= URL.createObjectURL(new Blob([await gunzipped("worker")], { type: "text/javascript" })); }
  constructor(load, died) {
    this.asked = new Map(); this.last = 0;
    this.worker = new Worker(Engine.source);
    this.loaded = new Promise((done, fail) => {
      this.worker.onmessage = ({ data }) => {
        if (data.loaded) return done(data.loaded);
        if (data.died) { fail(new Error(data.died)); this.end(data.died); return died(data.died); }
        const q = this.asked.get(data.id);
        if (data.progress) return q?.tell?.(data.progress);
        this.asked.delete(data.id);
        q?.done(data.answer);
      };
      this.worker.onerror = (e) => { fail(new Error(e.message)); died(e.message); };
    });
    this.worker.postMessage({ load });
  }
  ask(what, value, tell) {
    return new Promise((done) => {
      const id = ++this.last;
      this.asked.set(id, { done, tell });
      this.worker.postMessage({ id, what, value });
    });
  }
  cancel() { this.worker.postMessage({ cancel: true }); }
  end(why) {
    this.worker.terminate();
    for (const q of this.asked.values()) q.done({ mistakes: [{ line: 0, column: 0, message: why }] });
    this.asked.clear();
  }
}
