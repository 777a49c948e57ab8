// The worker in which the reader calculates: a classic one, since LiteRT.js calls importScripts, which modules lack.

const session = import("./session.js").then(({ openSession }) => openSession());
let last = Promise.resolve(); // questions are answered one after another

async function answer({ id, message, pictures }) {
  try {
    const [content, files] = await (await session).reply(message, pictures);
    postMessage({ id, answer: content, pictures: files });
  } catch (error) {
    const text = String(error.message ?? error);
    postMessage({ id, answer: { kind: "error", text: text[0].toUpperCase() + text.slice(1) }, pictures: [] });
  }
}
onmessage = ({ data }) => (last = last.then(() => answer(data)));
