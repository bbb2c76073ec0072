// Pictures of the pages, to look at, and on each the finder's word on text that overlaps or is cut (`make screens`):
//
//	node e2e/screens.mjs URL DIRECTORY                  every page, three sizes, light and dark, in both languages
//	node e2e/screens.mjs URL DIRECTORY nlb 390          those whose file's name has all of these parts
//	node e2e/screens.mjs URL DIRECTORY lost=/trace?from=…&to=…  any other address, under a name of its own

import { mkdirSync } from "node:fs";
import { check, finish, launch, narrow, projector, run, together, wide } from "./browser.mjs";
import { find } from "./finder.mjs";
import { pages } from "./pages.mjs";
import { locale } from "./words.mjs";

const [base, dir, ...rest] = process.argv.slice(2);
if (!base || !dir) {
  console.error("usage: node e2e/screens.mjs URL DIRECTORY [part of a name | name=/path]...");
  process.exit(2);
}
mkdirSync(dir, { recursive: true });

const named = rest.filter((r) => /^[a-z0-9-]+=\//.test(r));
const parts = rest.filter((r) => !named.includes(r));
const shown = named.length > 0 ? {} : await pages(base);
for (const n of named) {
  const at = n.indexOf("=");
  shown[n.slice(0, at)] = new URL(n.slice(at + 1), base).href;
}

const jobs = Object.entries(shown).flatMap(([name, href]) =>
  [wide, projector, narrow].flatMap((viewport) =>
    ["en", "ko"].flatMap((lang) =>
      ["light", "dark"].map((theme) => [`${name}-${viewport.width}-${theme}-${lang}`, href, viewport, lang, theme]),
    ),
  ),
);
const browser = await launch();
await together(
  jobs.filter(([file]) => parts.every((p) => `${file}.png`.includes(p))),
  async ([file, href, viewport, lang, colorScheme]) =>
    run(browser, file, { viewport, colorScheme, locale: locale[lang] }, async (page) => {
      const answer = await page.goto(href);
      if (answer.status() >= 400) page.problems.length = 0; // the browser itself says so on the console
      const faults = await find(page);
      check(faults.length === 0, `${file}: ${faults.join("; ")}`);
      const whole = (await page.locator(".doc").count()) > 0; // a page that is read from top to bottom
      await page.screenshot({ path: `${dir}/${file}.png`, fullPage: whole });
    }),
);
await browser.close();
finish();
