// Words of the other language: on a Korean page no sentence of the English catalogue stands, nor anything else that reads
// like one. What is hidden is read too: it is what the page shows at its other steps.
//
//	node e2e/korean.mjs URL

import { check, finish, group, launch, run, share, together, unfold } from "./browser.mjs";
import { pages } from "./pages.mjs";
import { locale, pattern, words } from "./words.mjs";

const base = process.argv[2];
const browser = await launch();

/** What of a page is text, and not a command, an address, a name or what the kernel's tools print. */
function texts() {
  const out = new Set();
  const prints =
    "code, pre, .mono, .vb, .jump, .sub, .stack, .bytes, .hm, .hit, .ev b, .wr b small, #dg .dev, script, style";
  const mono = new Map();
  const isMono = (e) => {
    if (!mono.has(e)) mono.set(e, e.closest(prints) !== null || /^[^,]*mono/i.test(getComputedStyle(e).fontFamily));
    return mono.get(e);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const text = n.data.trim().replace(/\s+/g, " ");
    const e = n.parentElement;
    if (text && !isMono(e) && !e.closest("[lang=en]")) out.add(`${e.closest("option") ? "option" : "text"}|${text}`);
  }
  const said = "aria-label title placeholder alt data-say data-hook-label data-play data-pause data-copied data-failed";
  for (const a of said.split(" "))
    for (const e of document.querySelectorAll(`[${a}]`)) {
      const text = e.getAttribute(a).trim();
      if (text && !e.closest("[lang=en]")) out.add(`${a}|${text}`);
    }
  out.add(`title|${document.title}`);
  const about = document.querySelector("meta[name=description]");
  if (about) out.add(`description|${about.content}`);
  return [...out];
}

/** Sentences of the English catalogue that the Korean one says otherwise, and words that stand alone. */
const english = [...words.en]
  .filter(([k, v]) => words.ko.get(k) !== v && /[A-Za-z]{2}.*\s|^[A-Z]?[a-z]{3,}$/.test(v) && !/^\{\{\.\w+\}\}/.test(v))
  .map(([k, v]) => [k, new RegExp(pattern(v), "s")]);

/** isSentence tells English from a list of names: three words or more, of which one is no name of a thing. */
function isSentence(text) {
  if (/[가-힣]/.test(text)) return false;
  const small = text.match(/(?<![\w./:@=-])[A-Za-z]{2,}(?![\w./:@=-])/g) ?? [];
  return (
    small.length >= 3 &&
    small.some((w) => /^(the|a|an|is|are|of|to|in|on|by|for|with|and|or|not|it|that|from|at|as)$/i.test(w))
  );
}

await group("words", async () => {
  check(english.length > 200, `${english.length} sentences to look for`);
  for (const [text, want] of [
    ["The packet is dropped here", true],
    ["PREROUTING", false],
    ["pod netshoot-1 node-a", false],
    ["패킷이 the node에 도착", false],
  ])
    check(isSentence(text) === want, `"${text}" is taken for ${want ? "no " : "a "}sentence`);
  const found = new Map();
  await together(share(Object.entries(await pages(base)), 6), async ([name, href]) => {
    await run(browser, name, { locale: locale.ko }, async (page) => {
      const answer = await page.goto(href, { waitUntil: "domcontentloaded" });
      if (answer.status() >= 400) page.problems.length = 0; // the browser itself says so on the console
      check((await page.getAttribute("html", "lang")) === "ko", `${name}: in Korean`);
      await unfold(page);
      const all = await page.evaluate(texts);
      check(all.filter((t) => /[가-힣]/.test(t)).length > 10, `${name}: there is Korean on it`);
      for (const t of all) found.set(t, name);
    });
  });
  console.log(`${found.size} texts`);
  for (const [entry, name] of found) {
    const at = entry.indexOf("|");
    const [where, text] = [entry.slice(0, at), entry.slice(at + 1)];
    if (text === "router") continue; // the name of the site's router, which is also the word for one
    // An option's value may be a word.
    const key = english.find(([k, re]) => re.test(text) && !(where === "option" && k === "ui.nothing"))?.[0];
    check(!key, `${name}: ${where}: "${text}" is English (${key})`);
    check(key || !isSentence(text), `${name}: ${where}: "${text}" reads like English`);
  }
});

await browser.close();
finish();
