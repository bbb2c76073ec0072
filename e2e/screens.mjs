// Pictures of the pages, to look at: node e2e/screens.mjs URL DIRECTORY [part of a name]

import { mkdirSync } from "node:fs";
import { launch, open } from "./browser.mjs";

const [base, dir, only = ""] = process.argv.slice(2);
if (!base || !dir) {
  console.error("usage: node e2e/screens.mjs URL DIRECTORY [part of a name]");
  process.exit(2);
}
mkdirSync(dir, { recursive: true });

const home = new URL(await (await fetch(base)).url);
const from = home.searchParams.get("from");
const scenarios = (process.env.SCENARIOS ?? `pod=${home.searchParams.get("to")},internet=internet`)
  .split(",")
  .map((s) => s.split("="));
const wide = { width: 1440, height: 900 };
const narrow = { width: 390, height: 844 };
const projector = { width: 1920, height: 1080 };

const shots = [];
for (const [name, to] of scenarios) {
  shots.push({ name, to, size: wide, theme: "light", lang: "en", share: 0.4 });
  shots.push({ name, to, size: wide, theme: "dark", lang: "ko", share: 0.75 });
  shots.push({ name, to, size: narrow, theme: "light", lang: "ko", share: 0.25 });
  shots.push({ name, to, size: projector, theme: "light", lang: "ko", share: 0.5 });
}

const browser = await launch();
for (const s of shots) {
  const file = `${s.name}-${s.size.width}-${s.theme}-${s.lang}.png`;
  if (!file.includes(only)) continue;
  const page = await open(browser, { viewport: s.size, reducedMotion: "reduce" });
  const url = new URL(home);
  url.searchParams.set("from", process.env.FROM ?? from);
  url.searchParams.set("to", s.to);
  url.searchParams.set("lang", s.lang);
  url.searchParams.set("theme", s.theme);
  await page.goto(url.href);
  const count = await page.locator(".dot").count();
  if (count > 0) {
    const n = Math.floor(count * s.share);
    await page.locator(`.dot[data-i="${n}"]`).dispatchEvent("click");
    await page.waitForTimeout(150);
  }
  await page.screenshot({ path: `${dir}/${file}` });
  for (const p of page.problems) console.log(file, p);
  await page.context().close();
}
await browser.close();
