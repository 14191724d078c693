// What a page does first: it looks whether this browser can run it, and unpacks the script, which has little room beside the engine.

// without says why there is no engine. What the address says can be read, and copied to where there is one.
function without(why) {
  trouble(why);
  for (const e of document.querySelectorAll("main button, main select")) e.disabled = true;
  try { $("text").value = JSON.parse(decodeURIComponent(location.hash.slice(1))).t ?? ""; } catch { /* nothing that can be read */ }
}

// gunzipped is the text in a script element, which is base 64 of a gzip.
function gunzipped(id) {
  const packed = Uint8Array.from(atob($(id).textContent), (c) => c.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
async function runPacked(id) { document.head.append(element("script", {}, await gunzipped(id))); }

function boot() {
  if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function" || typeof Worker !== "function") {
    return without("This browser cannot run the engine: it lacks WebAssembly, workers or DecompressionStream. Open the page in one of 2023 or later, with the same address.");
  }
  runPacked("script").catch((e) => without("The page is damaged: " + e.message));
}
boot();
