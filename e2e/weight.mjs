// What the pages cost: bytes over the wire for who comes for the first time and for who comes again, nothing from anywhere
// else, no fonts, and nothing that moves while the page loads.
//
//	node e2e/weight.mjs URL

import { check, finish, group, launch, narrow, run, together, whole, wide } from "./browser.mjs";
import { pages } from "./pages.mjs";
import { trickle } from "./trickle.mjs";

const base = process.argv[2];
const browser = await launch();
const all = await pages(base);
const budget = 100_000;

/** watch adds up what a page's requests cost, headers and all, as they came over the wire. */
async function watch(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const seen = { bytes: 0, parts: [], hosts: new Set(), fonts: 0 };
  const urls = new Map();
  session.on("Network.requestWillBeSent", ({ requestId, request, redirectResponse }) => {
    if (redirectResponse) seen.bytes += redirectResponse.encodedDataLength;
    urls.set(requestId, request.url);
    if (!/^(data|blob|about):/.test(request.url)) seen.hosts.add(new URL(request.url).host);
  });
  session.on("Network.responseReceived", ({ type }) => {
    if (type === "Font") seen.fonts++;
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    seen.bytes += encodedDataLength;
    seen.parts.push(
      `${(urls.get(requestId) ?? "?").replace(/^https?:\/\/[^/]+/, "").slice(0, 40)} ${encodedDataLength}`,
    );
  });
  return seen;
}

await group("bytes", async () => {
  const sizes = [];
  const asked = ["home", "trace", "vxlan-end"];
  const some = Object.entries(all).filter(([name], i) => whole || asked.includes(name) || i % 4 === 0);
  await together(some, async ([name, href]) => {
    await run(browser, name, {}, async (page) => {
      const first = await watch(page);
      const answer = await page.goto(href, { waitUntil: "load" });
      if (answer.status() >= 400) page.problems.length = 0; // the browser itself says so on the console
      await page.waitForTimeout(50); // the last of them may still be counted
      sizes.push([first.bytes, name]);
      check(first.bytes > 5000, `${name}: ${first.bytes} bytes: was anything counted?`);
      const hosts = [...first.hosts].filter((h) => h !== new URL(base).host);
      check(hosts.length === 0, `${name}: asks ${hosts}`);
      check(first.fonts === 0, `${name}: loads ${first.fonts} fonts`);
      check(first.bytes <= budget, `${name}: ${first.bytes} bytes: ${first.parts.join(", ")}`);
      if (name !== "trace" && name !== "home") return;
      console.log(`${name}: ${first.bytes} bytes: ${first.parts.join(", ")}`);
      const again = await watch(page);
      await page.goto(`${all.internet}`, { waitUntil: "load" });
      console.log(`${name}, then another trace: ${again.bytes} bytes`);
      check(again.bytes < first.bytes * 0.6, `${name}: what is kept is loaded again: ${again.parts.join(", ")}`);
    });
  });
  sizes.sort((a, b) => b[0] - a[0]);
  console.log(
    `heaviest: ${sizes
      .slice(0, 3)
      .map(([n, what]) => `${what} ${n}`)
      .join(", ")}`,
  );
});

await group("stillness", async () => {
  const slow = await trickle(base);
  const names = ["home", "trace", "lesson-worker-node", "lesson-same-node", "lessons", "node", "compare", "maxpods"];
  const looks = [wide, narrow].flatMap((viewport) => names.map((name) => [name, viewport]));
  await together(looks, async ([name, viewport]) => {
    const what = `${name} ${viewport.width}`;
    await run(browser, what, { viewport }, async (page) => {
      await page.addInitScript(() => {
        window.shifts = 0;
        new PerformanceObserver((list) => {
          for (const e of list.getEntries()) window.shifts += e.value;
        }).observe({ type: "layout-shift", buffered: true });
      });
      const { pathname, search } = new URL(all[name]);
      await page.goto(slow.url + pathname + search, { waitUntil: "load" });
      await page.waitForTimeout(100);
      const shifts = await page.evaluate(() => window.shifts);
      check(shifts < 0.01, `${what}: the page moves by ${shifts.toFixed(3)} while it comes`);
    });
  });
  slow.stop();
});

await browser.close();
finish();
