import { launch, open } from "./browser.mjs";
import { pages } from "./pages.mjs";

const [b, name, w, h, lang, out, sel] = process.argv.slice(2);
const all = name.startsWith("/") ? { x: new URL(name, b).href } : await pages(b);
const browser = await launch();
const page = await open(browser, {
  locale: lang === "ko" ? "ko-KR" : "en-US",
  viewport: { width: +w, height: +h },
  reducedMotion: "reduce",
});
await page.goto(name.startsWith("/") ? all.x : all[name]);
if (sel) await page.locator(sel).first().screenshot({ path: out });
else await page.screenshot({ path: out });
await browser.close();
