// Projecting: what a room reads is large, what stands around it is gone, and the current step cannot be missed.

import { axe, check, finish, launch, open, run } from "./browser.mjs";
import { locale } from "./words.mjs";

const base = process.argv[2];
const browser = await launch();
const size = (page, q) =>
  page
    .locator(q)
    .first()
    .evaluate((e) => Number.parseFloat(getComputedStyle(e).fontSize));
const pages = {
  trace: [
    "/trace?preset=eks-study&from=pod/default/netshoot-2&to=internet&proto=tcp&dport=8080",
    ".detail:not([hidden]) .lead",
  ],
  lesson: ["/lessons/internet?step=snat", ".lstep:not([hidden]) .words"],
};

for (const [name, [path, sentence]] of Object.entries(pages))
  for (const lang of ["en", "ko"])
    await run(
      browser,
      `${name} ${lang}`,
      { viewport: { width: 1920, height: 1080 }, locale: locale[lang] },
      async (page) => {
        const what = `${name} ${lang}`;
        await page.goto(`${base}${path}`);
        const before = await size(page, sentence);
        await page.keyboard.press("p");
        check(
          (await size(page, sentence)) >= 32,
          `${what}: the sentence is ${await size(page, sentence)} px, it was ${before}`,
        );
        for (const q of [".top nav", ".pick", ".hopsw", ".where"])
          check(
            (await page.locator(q).count()) === 0 || !(await page.locator(q).first().isVisible()),
            `${what}: ${q} is gone`,
          );
        const chip = await page.locator("#pk .halo").boundingBox();
        check(chip.width >= 60, `${what}: the packet's place is ${chip.width} px wide`);
        const others = await size(page, "#dg .st:not(.is-cur) .ttl");
        check(
          (await size(page, "#dg .st.is-cur .ttl")) > others * 1.4,
          `${what}: the current stop's name is larger than the others`,
        );
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(wider <= 0, `${what}: ${wider} px too wide`);
        await axe(page, what);
        // it stays from page to page, and ends with the same key
        await page.keyboard.press("ArrowRight");
        await page.goto(`${base}/lessons/same-node`);
        check((await page.locator("html[data-project]").count()) === 1, `${what}: the next page is projected too`);
        await page.keyboard.press("p");
        check((await page.locator("html[data-project]").count()) === 0, `${what}: P ends it`);
        await page.reload();
        check(await page.locator(".top nav").isVisible(), `${what}: and it stays ended`);
      },
    );

await run(browser, "without a script", { javaScriptEnabled: false }, async (page) => {
  await page.goto(`${base}${pages.lesson[0]}`);
  await page.locator("a.project").click();
  check((await page.locator("html[data-project]").count()) === 1, "a link projects");
  await page.locator("a.unproject").click();
  check((await page.locator("html[data-project]").count()) === 0, "and a link ends it");
});

const full = await open(browser, { viewport: { width: 1920, height: 1080 } });
await full.goto(`${base}${pages.trace[0]}`);
await full.locator("a.project").click();
await full
  .waitForFunction(() => document.fullscreenElement !== null)
  .catch(() => check(false, "it takes the whole screen"));
check((await full.evaluate(() => document.fullscreenElement?.tagName)) === "HTML", "the page takes the whole screen");
await full.context().close();

await browser.close();
finish();
