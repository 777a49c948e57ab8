// Networks, run by LiteRT.js.

import { locate } from "./files.js";
import { loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "./litert/index.js";

async function fetchFile(name) {
  const response = await fetch(locate(name));
  if (!response.ok) throw new Error(`${name} cannot be loaded (${response.status}): reload the page`);
  return response;
}

async function load() {
  // it would ask for a graphics card, which these small networks do not need
  Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
  const name = (await supportsFeature("relaxedSimd")) ? "litert_wasm_internal" : "litert_wasm_compat_internal";
  // shipped compressed, since not every host compresses; the name keeps hosts from unpacking it, or packing it twice
  const packed = (await fetchFile(`litert/${name}.wasm.packed`)).body.pipeThrough(new DecompressionStream("gzip"));
  const headers = { "Content-Type": "application/wasm" };
  const module = await WebAssembly.compileStreaming(new Response(packed, { headers }));
  self.Module = {
    printErr: () => {}, // it tells of its delegates; errors are thrown
    instantiateWasm: async (imports, receive) => receive(await WebAssembly.instantiate(module, imports), module),
  };
  await loadLiteRt(locate(`litert/${name}.js`));
}

let loading = null;

/** `run(values)` resolves to the outputs, an array each, for one input; from a file. */
export async function openNetwork(name) {
  const content = fetchFile(name);
  await (loading ??= load());
  const network = await loadAndCompile(new Uint8Array(await (await content).arrayBuffer()), { accelerator: "wasm" });
  const shape = [...network.getInputDetails()[0].shape];

  async function run(values) {
    const input = new Tensor(values, shape);
    const outputs = await network.run(input);
    const arrays = outputs.map((output) => output.toTypedArray());
    for (const tensor of [input, ...outputs]) tensor.delete(); // they lie in the WebAssembly's memory
    return arrays;
  }
  return { run };
}
