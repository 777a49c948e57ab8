// Reads faces in the browser: the same questions and answers as the kernel's.

const SILENT = "No answer in time: this device is busy.";
const BROKEN = "The reader cannot be loaded: reload the page.";

/** What is handed over to the worker instead of being copied. */
const toTransfer = (picture) =>
  [picture instanceof ImageData ? picture.data.buffer : picture].filter((part) => !(part instanceof Blob));

/**
 * The reader whose worker has this address: `ask(message, pictures, timeout)` resolves to [answer, pictures] or rejects
 * with an Error, whose `silent` is true when no answer came in time.
 */
export function openReader(address) {
  const worker = new Worker(address);
  const waiting = new Map();
  let count = 0;
  worker.onmessage = ({ data: { id, answer, pictures } }) => waiting.get(id)?.(answer, pictures);
  worker.onerror = () => waiting.forEach((settle) => settle({ kind: "error", text: BROKEN }));

  function ask(message, pictures, timeout) {
    const id = ++count;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(Object.assign(new Error(SILENT), { silent: true }));
      }, timeout);
      waiting.set(id, (answer, received) => {
        clearTimeout(timer);
        waiting.delete(id);
        if (answer.kind === "error") reject(new Error(answer.text));
        else resolve([answer, received]);
      });
      worker.postMessage({ id, message, pictures }, pictures.flatMap(toTransfer));
    });
  }

  function close() {
    worker.terminate();
    waiting.clear();
  }
  return { ask, close };
}
