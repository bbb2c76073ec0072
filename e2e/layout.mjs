// Looks for text that overlaps, is cut or sticks out: on every page there is, in three sizes and both languages, and at
// every step of four traces. Colours take no room, so one theme stands for both; screens.mjs looks at both.
//
//	node e2e/layout.mjs URL [part of a group's name]

import { check, finish, group, launch, narrow, projector, run, share, together, wide } from "./browser.mjs";
import { find } from "./finder.mjs";
import { pages, traces } from "./pages.mjs";
import { locale } from "./words.mjs";

const base = process.argv[2];
const browser = await launch();
const languages = ["en", "ko"];
const all = await pages(base);

/** resize changes a page's size in place, and folds the form as a page that is opened in that size has it. */
async function resize(page, size) {
  await page.setViewportSize(size);
  await page.evaluate(() => {
    const form = document.querySelector("#pickd");
    if (form) form.open = !matchMedia("(max-width: 1180px)").matches;
    return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  });
}

function report(faults, what) {
  check(faults.length === 0, `${what}: ${faults.length} faults: ${faults.slice(0, 4).join("; ")}`);
}

// --- the finder itself: it must find what is planted, and nothing else --------------------------------------------------

const style = "font: 16px/24px sans-serif; margin: 0";
const planted = {
  "text on text": [`<p style="${style}">below</p><p style="${style}; margin-top: -20px">above</p>`, "lies on"],
  "a label in a drawing on another": [
    `<svg width="200" height="50"><text x="5" y="20">one</text><text x="20" y="24">two</text></svg>`,
    "lies on",
  ],
  "a label on a station": [
    `<svg id="dg" width="200" height="60"><text x="5" y="30">label</text><a class="st"><circle cx="20" cy="26" r="9"/></a></svg>`,
    "lies on",
  ],
  "cut in its width": [
    `<p style="${style}; width: 60px; overflow: hidden; white-space: nowrap">a long sentence</p>`,
    "is cut by",
  ],
  "cut in its height": [
    `<p style="${style}; width: 90px; height: 30px; overflow: hidden">two lines of it</p>`,
    "is cut by",
  ],
  "cut by a drawing": [`<svg width="60" height="30"><text x="5" y="20">a long label</text></svg>`, "is cut by"],
  "cut by a drawing in a drawing": [
    `<svg width="200" height="30"><svg x="10%" width="20%" height="30"><text y="20">a long label</text></svg></svg>`,
    "is cut by",
  ],
  "out of a button": [`<button style="width: 50px; white-space: nowrap">a long word or two</button>`, "leaves button"],
  "out of a card, below": [
    `<div style="${style}; height: 20px; width: 80px; border: 1px solid">three words here</div>`,
    "leaves",
  ],
  "out of its port": [
    `<svg width="200" height="40"><g class="port"><rect x="5" y="5" width="40" height="24" fill="none" stroke="#000"/><text x="9" y="22">eth0@if3</text></g></svg>`,
    "leaves the box",
  ],
  "off the screen": [`<p style="${style}; position: absolute; left: -30px">somewhere</p>`, "is off the screen"],
  "wider than the screen": [`<div style="width: 3000px; height: 10px"></div>`, "wider than the screen"],
  "a broken word": [`<p style="${style}; width: 50px; overflow-wrap: anywhere">Walkthroughs</p>`, "is broken in p"],
  "cut in a field": [
    `<input value="a value that is longer than its field" style="width: 60px">`,
    "is cut in its field",
  ],
};
const sound = {
  "two lines": `<p style="${style}; line-height: 16px">one</p><p style="${style}; line-height: 16px">two</p>`,
  "scrolled out": `<div style="height: 40px; overflow: auto"><p style="${style}">1</p><p>2</p><p>3</p></div><p>after</p>`,
  folded: `<details><summary>more</summary><p>within</p></details><p>after</p>`,
  hidden: `<p hidden>not here</p><p style="visibility: hidden; margin-bottom: -20px">nor here</p><p>here</p>`,
  "for a reader who does not see": `<p class="vh" style="position: absolute; width: 1px; overflow: hidden">said</p><p>seen</p>`,
  "a bar over the page": `<p>text</p><div style="position: fixed; top: 0; background: #fff">the bar</div>`,
  "cut on purpose": `<ol><li class="ldot"><span style="display: block; width: 30px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis">a long name</span></li></ol>`,
  "a station and its number": `<svg id="dg" width="80" height="60"><a class="st"><circle cx="20" cy="26" r="9"/><text class="n" x="16" y="30" font-size="11">7</text></a></svg>`,
};

await group("finder", async () => {
  await run(browser, "finder", {}, async (page) => {
    for (const [name, [html, want]] of Object.entries(planted)) {
      await page.setContent(`<!doctype html><body>${html}</body>`);
      const found = await find(page);
      check(
        found.length === 1 && found[0].includes(want),
        `finder: ${name}: want "${want}", found ${found.join("; ")}`,
      );
    }
    for (const [name, html] of Object.entries(sound)) {
      await page.setContent(`<!doctype html><body>${html}</body>`);
      const found = await find(page);
      check(found.length === 0, `finder: ${name} is no fault: ${found.join("; ")}`);
    }
  });
});

// --- every page ----------------------------------------------------------------------------------------------------------

await group("pages", async () => {
  const linked = new Map();
  const jobs = share(Object.entries(all), 5).flatMap((p, i) => share(languages, 2, i).map((lang) => [...p, lang]));
  await together(jobs, async ([name, href, lang]) => {
    await run(browser, `${name} ${lang}`, { viewport: wide, locale: locale[lang] }, async (page) => {
      const answer = await page.goto(href);
      if (answer.status() >= 400) page.problems.length = 0; // the browser itself says so on the console
      check(answer.status() < 400 || name.startsWith("no-"), `${name}: status ${answer.status()}`);
      for (const size of [wide, projector, narrow]) {
        if (size !== wide) await resize(page, size);
        report(await find(page), `${name} ${lang} ${size.width}`);
      }
      const paths = await page.evaluate(() =>
        [...document.querySelectorAll("a[href]:not([download])")].map((a) => [a.origin, a.pathname]),
      );
      for (const [origin, path] of paths) if (origin === new URL(base).origin) linked.set(path, name);
    });
  });
  // A page that is linked from anywhere is looked at.
  const entered = new Set(Object.values(all).map((href) => new URL(href).pathname));
  for (const [path, from] of linked) check(entered.has(path), `${path}, linked from ${from}, is not in pages.mjs`);
});

// --- every step of four traces -------------------------------------------------------------------------------------------

await group("steps", async () => {
  const jobs = Object.entries(traces(base)).flatMap((t, i) =>
    share(
      [wide, projector, narrow].flatMap((size) => languages.map((lang) => [...t, lang, size])),
      6,
      i * 3 + (i % 2),
    ),
  );
  await together(jobs, async ([name, href, lang, viewport]) => {
    const what = `${name} ${lang} ${viewport.width}`;
    await run(browser, what, { viewport, locale: locale[lang] }, async (page) => {
      await page.goto(href);
      const count = await page.locator(".dot").count();
      check(count > 5, `${what}: has ${count} steps`);
      for (let i = 0; i < count; i++) {
        const at = await page.locator(".detail:not([hidden])").getAttribute("data-i");
        check(at === String(i), `${what}: the key leads to step ${at}, want ${i}`);
        report(await find(page), `${what} step ${i + 1}`);
        await page.keyboard.press("ArrowRight");
      }
    });
  });
});

await browser.close();
finish();
