// What can be had of a trace for elsewhere, read by what reads it: sequence diagrams by Mermaid itself, pictures by the
// browser, the rest by its first lines.
//
//	node e2e/export.mjs URL [FOLDER]     FOLDER: more sequence diagrams, each with the name that it has to show (names.json)

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ask, check, finish, launch, open, share } from "./browser.mjs";
import { pages, traces } from "./pages.mjs";

const base = process.argv[2];
const browser = await launch();
const mermaid = readFileSync(createRequire(import.meta.url).resolve("mermaid/dist/mermaid.min.js"), "utf8");

const page = await open(browser);
await page.goto("about:blank");
await page.addScriptTag({ content: mermaid });
await page.evaluate(() => window.mermaid.initialize({ startOnLoad: false, securityLevel: "strict" }));

const pictures = await open(browser);

/** What Mermaid draws of a text: the names of its lifelines, its notes and messages; or what it says is wrong. */
async function drawn(text) {
  return page.evaluate(async (source) => {
    try {
      const kind = await window.mermaid.parse(source);
      const { svg } = await window.mermaid.render("d", source);
      document.body.innerHTML = svg;
      // A note's lines are texts of their own, one below the other.
      const all = (q) => [...document.querySelectorAll(q)].map((e) => e.textContent.trim());
      return {
        kind: kind.diagramType,
        actors: all("text.actor-box"),
        notes: all(".noteText"),
        messages: all(".messageText"),
        crosses: document.querySelectorAll('[marker-end*="crosshead"]').length,
        title: document.querySelector("svg").textContent,
        odd: [...document.querySelectorAll("svg :is(script, iframe, img, a[href])")].length,
      };
    } catch (e) {
      return { error: e.message };
    }
  }, text);
}

const all = await pages(base);
const flows = {
  ...traces(base),
  reject: all.empty,
  ipip: all.ipip,
  hairpin: all.hairpin,
  three: all["three-nodes"],
  untold: all.untold,
};
for (const [i, [name, href]] of share(Object.entries(flows), 2).entries()) {
  const doc = await ask(href);
  for (const lang of share(["en", "ko"], 2, i)) {
    const what = `${name} ${lang}`;
    const to = (ext) => {
      const url = new URL(href);
      url.pathname = `/trace.${ext}`;
      url.searchParams.set("lang", lang);
      return url.href;
    };
    const answer = await fetch(to("mmd"));
    check(
      answer.headers.get("content-type").startsWith("text/vnd.mermaid"),
      `${what}: ${answer.headers.get("content-type")}`,
    );
    const d = await drawn(await answer.text());
    check(!d.error, `${what}: Mermaid says: ${d.error}`);
    if (d.error) continue;
    check(d.kind === "sequence", `${what}: Mermaid reads it as ${d.kind}`);
    // The page's own list has the names.
    const view = await open(browser, { javaScriptEnabled: false });
    await view.goto(`${href}&lang=${lang}`);
    const names = (await view.locator(".hop .nm").allTextContents()).map((t) => t.trim());
    await view.context().close();
    const said = d.notes.join("\n");
    check(names.length === doc.stations.length, `${what}: ${names.length} names`);
    for (const [i, n] of names.entries())
      check(said.includes(`${i + 1} · ${n}`), `${what}: "${i + 1} · ${n}" is not in it: ${said.slice(0, 300)}`);
    check(
      (doc.outcome === "dropped" || doc.outcome === "rejected") === d.crosses > 0,
      `${what}: ${d.crosses} crosses, ${doc.outcome}`,
    );
    const post = await (await fetch(to("md"))).text();
    check(post.includes(`(<${base.replace(/\/$/, "")}/trace?`), `${what}: the post has no link`);
    check((await (await fetch(to("txt"))).text()).includes(doc.query.protocol), `${what}: the text`);
    check((await (await fetch(to("pcapng"))).arrayBuffer()).byteLength > 500, `${what}: the capture`);
    check((await (await fetch(to("json"))).json()).stations.length === doc.stations.length, `${what}: the document`);
    // Pictures open alone, in their stated size.
    await pictures.goto(to("svg"));
    const root = await pictures.evaluate(() => [
      document.documentElement.nodeName,
      document.documentElement.textContent,
    ]);
    check(root[0] === "svg" && root[1].includes(names[0]), `${what}: the SVG opens as ${root[0]}, without ${names[0]}`);
    await pictures.goto(new URL("/healthz", base).href);
    for (const [ext, more, width] of [
      ["png", "&width=640", 640],
      ["png", "", 1680],
      ["svg", "", 0],
    ]) {
      const size = await pictures.evaluate(async (url) => {
        const img = new Image();
        img.src = url;
        await img.decode();
        return [img.naturalWidth, img.naturalHeight];
      }, to(ext) + more);
      check(width === 0 ? size[0] > 800 : size[0] === width, `${what}: ${ext}${more} is ${size} pixels`);
    }
    check((await fetch(to("docx"))).status === 404, `${what}: there is no such form`);
  }
}

// Names of anything, shown as they are.
const folder = process.argv[3];
if (folder) {
  const flat = (s) => s.replace(/\s+/g, " ").trim();
  for (const [file, name] of Object.entries(JSON.parse(readFileSync(join(folder, "names.json"), "utf8")))) {
    const d = await drawn(readFileSync(join(folder, file), "utf8"));
    check(!d.error, `${JSON.stringify(name)}: Mermaid says: ${d.error}`);
    if (d.error) continue;
    const said = flat([...d.actors, ...d.notes, ...d.messages].join(" "));
    check(said.includes(flat(name)), `${JSON.stringify(name)} is not in ${said.slice(0, 300)}`);
    check(d.odd === 0, `${JSON.stringify(name)}: ${d.odd} elements that no diagram has`);
  }
}

await browser.close();
finish();
