// The worker that the engine runs in. In a page wasm_exec.js stands before this text.
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

// unpacked reads base 85 with v for <: five digits from ! on are four bytes, and z is four zeros.
function unpacked(text) {
  const zeros = text.split("z").length - 1;
  const out = new Uint8Array(4 * zeros + Math.floor((text.length - zeros) * 4 / 5) + 4);
  let n = 0, word = 0, digits = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 122) { n += 4; continue; }
    word = word * 85 + (c === 118 ? 27 : c - 33);
    if (++digits < 5) continue;
    out[n++] = word >>> 24; out[n++] = word >>> 16; out[n++] = word >>> 8; out[n++] = word;
    word = digits = 0;
  }
  const rest = digits - 1; // bytes of a last word that is not whole
  for (; digits > 0 && digits < 5; digits++) word = word * 85 + 84;
  for (let i = 0; i < rest; i++) out[n++] = word >>> (24 - 8 * i);
  return out.subarray(0, n);
}

// start runs the engine, a compiled module or the packed gzip of one, and returns the module.
async function start(engine) {
  const go = new Go();
  let module = engine, instance;
  if (engine instanceof WebAssembly.Module) {
    instance = await WebAssembly.instantiate(engine, go.importObject);
  } else {
    const stream = new Blob([unpacked(engine)]).stream().pipeThrough(new DecompressionStream("gzip"));
    ({ module, instance } = await WebAssembly.instantiateStreaming(new Response(stream, { headers: { "Content-Type": "application/wasm" } }), go.importObject));
  }
  go.run(instance).then(() => self.postMessage({ died: "the engine has ended" }), (e) => self.postMessage({ died: String(e) }));
  return module;
}
