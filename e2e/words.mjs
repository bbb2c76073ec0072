// The pages' own words, read from their catalogues: a script demands what a reader reads, not what it was when the script
// was written.

import { readFileSync } from "node:fs";

function catalogue(lang) {
  const out = new Map();
  let section = "";
  for (const line of readFileSync(new URL(`../web/locales/${lang}.toml`, import.meta.url), "utf8").split("\n")) {
    const head = /^\[([a-z-]+)\]$/.exec(line);
    if (head) section = head[1];
    const entry = /^([\w-]+) = (".*")$/.exec(line);
    if (entry) out.set(`${section}.${entry[1]}`, JSON.parse(entry[2]));
  }
  return out;
}

export const locale = { en: "en-US", ko: "ko-KR" };

/** Every sentence by language and key. */
export const words = { en: catalogue("en"), ko: catalogue("ko") };

/** say is a sentence with its arguments. */
export function say(lang, key, args = {}) {
  const s = words[lang].get(key);
  if (s === undefined) throw new Error(`the catalogue has no ${key}`);
  return s.replace(/\{\{\.(\w+)\}\}/g, (_, name) => args[name]);
}

export const escaped = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A sentence of the catalogue as a pattern that takes any arguments. */
export function pattern(sentence) {
  return `^${escaped(sentence).replace(/\\\{\\\{\\\.\w+\\\}\\\}/g, ".+?")}$`;
}
