// Where the files lie that the reader fetches: beside its modules.

export const locate = (name) => new URL(name, import.meta.url).href;
