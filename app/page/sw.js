// Keeps the program, so that it works without a network. The build writes `BUILD` {version, files} above.

const PREFIX = `ferlib ${registration.scope} `;
const CACHE = PREFIX + BUILD.version;

// a function that uses relaxed SIMD: LiteRT has one program for browsers that know it, and one for the others
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15,
  253, 128, 2, 11];
const LITERT = `reader/litert/litert_wasm_${WebAssembly.validate(Uint8Array.from(RELAXED)) ? "" : "compat_"}internal`;

async function install() {
  const cache = await caches.open(CACHE);
  const files = [...BUILD.files, `${LITERT}.js`, `${LITERT}.wasm.packed`];
  // asks the server whether the browser's own copies are still good
  await cache.addAll(files.map((file) => new Request(file, { cache: "no-cache" })));
  await skipWaiting();
}

async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await clients.claim();
}

/** What is kept, or what the server says; pages of the report are kept as they are read. */
async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const response = await fetch(request);
  if (response.status === 200) await cache.put(request, response.clone());
  return response;
}

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));
addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(registration.scope)) event.respondWith(answer(request));
});
