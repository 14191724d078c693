// The worker that the engine runs in. The page has put wasm_exec.js before this text.
"use strict";
let ready;
self.onmessage = async ({ data }) => {
  if (data.load) {
    ready = start(data.load);
    try { self.postMessage({ loaded: await ready }); } catch (e) { self.postMessage({ died: String(e) }); }
    return;
  }
  if (data.cancel) { self.vmasim.cancel(); return; }
  await ready;
  const tell = (text) => self.postMessage({ id: data.id, progress: JSON.parse(text) });
  self.postMessage({ id: data.id, answer: JSON.parse(await self.vmasim.ask(data.what, JSON.stringify(data.value ?? null), tell)) });
};

// start runs the engine, a compiled module or the gzip of one, and returns the module.
async function start(engine) {
  const go = new Go();
  let module = engine, instance;
  if (engine instanceof WebAssembly.Module) {
    instance = await WebAssembly.instantiate(engine, go.importObject);
  } else {
    const stream = new Blob([engine]).stream().pipeThrough(new DecompressionStream("gzip"));
    ({ module, instance } = await WebAssembly.instantiateStreaming(new Response(stream, { headers: { "Content-Type": "application/wasm" } }), go.importObject));
  }
  go.run(instance).then(() => self.postMessage({ died: "the engine has ended" }), (e) => self.postMessage({ died: String(e) }));
  return module;
}
