// The reader in the browser of a notebook: the kernel sends its files, once, and no picture goes there.

const TIMEOUT = 120_000; // for a file, over a slow line

/** A reader of files that the kernel sends; its modules find one another, and their files, by the addresses that they get. */
async function loadReader(line) {
  const placed = {}; // addresses by name
  const place = (name) => (placed[name] ??= fetchFile(name));

  function keep(content, type) {
    return URL.createObjectURL(new Blob([content], { type }));
  }

  /** The address of a file; a module's imports come before it. */
  async function fetchFile(name) {
    const [, [content]] = await line.ask({ kind: "file", name }, [], TIMEOUT);
    if (!name.endsWith(".js")) return keep(content);
    let text = new TextDecoder().decode(content);
    for (const [quoted, path] of text.matchAll(/"(\.\/[\w./-]+\.js)"/g)) {
      const other = new URL(path, `file:///${name}`).pathname.slice(1);
      text = text.replaceAll(quoted, JSON.stringify(await place(other)));
    }
    return keep(text, "text/javascript");
  }

  const [{ names }] = await line.ask({ kind: "names" }, [], TIMEOUT);
  const { supportsFeature } = await import(await place("litert/index.js"));
  const program = `litert/litert_wasm_${(await supportsFeature("relaxedSimd")) ? "" : "compat_"}internal.`;
  const fetched = names.filter((name) => name.startsWith(program) || !/\.js$|^litert/.test(name));
  // LiteRT looks at how an address ends
  const find = async (name) => [name, `${await place(name)}#${name}`];
  const addresses = Object.fromEntries(await Promise.all(fetched.map(find)));
  placed["files.js"] = keep(`export const locate = (name) => (${JSON.stringify(addresses)})[name];`, "text/javascript");

  const { openReader } = await import(await place("reader.js"));
  const { ask, close } = openReader(await place("worker.js"));

  async function closeAll() {
    close();
    for (const address of Object.values(placed)) URL.revokeObjectURL(await address);
  }
  return { ask, close: closeAll };
}

/** `open()` gives a view its line to the one reader of the demo, which is closed with the last view. */
function initialize({ model }) {
  let [reader, views] = [null, 0];

  function load() {
    const loading = loadReader(openLine(model));
    loading.catch(() => (reader = null)); // may be tried again
    return loading;
  }

  function open() {
    views += 1;
    const ask = async (...question) => (await (reader ??= load())).ask(...question);
    const close = () => {
      views -= 1;
      if (views) return;
      reader?.then((last) => last.close());
      reader = null;
    };
    return { ask, close };
  }
  return { open };
}

export default { initialize };
