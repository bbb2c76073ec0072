// A network of one's own: pasted, traced, changed, sent as a link that holds it, and shared; nothing of it in any address that a
// server sees.
//
//	node e2e/own.mjs URL

import { readFileSync } from "node:fs";
import { axe, check, finish, group, launch, narrow, open, run, wide } from "./browser.mjs";
import { find } from "./finder.mjs";
import { locale, say } from "./words.mjs";

const base = process.argv[2];
const browser = await launch();

const cluster = `name: mine
vpc:
  cidrs: [10.0.0.0/16]
  subnets: [{name: a, zone: a, cidr: 10.0.1.0/24}]
nodes: [{name: n1, enis: [{subnet: a, address: 10.0.1.10}]}]
pods:
  - {namespace: default, name: client, node: n1, address: 10.0.1.11}
  - {namespace: default, name: secret-api, node: n1, address: 10.0.1.12, labels: {app: api}}
---
apiVersion: v1
kind: Service
metadata: {namespace: default, name: api}
spec: {clusterIP: 172.20.0.5, selector: {app: api}, ports: [{port: 80, targetPort: 9090}]}
`;

const arrived = (page) => page.locator("#dg .st.is-cur").waitFor();

for (const [lang, size] of [
  ["en", wide],
  ["ko", narrow],
]) {
  await group(`own ${lang}`, async () => {
    let link = "";
    await run(browser, `own ${lang}`, { viewport: size, locale: locale[lang] }, async (page) => {
      const seen = [];
      page.on("request", (r) => seen.push(r.url()));
      await page.goto(`${base}/own`);
      await page.fill("#own-text", cluster);
      await page.locator("form[data-own] button[type=submit]").click();
      await arrived(page);
      check((await page.title()) === "client → secret-api · podpath", `${lang}: ${await page.title()}`);
      check(new URL(page.url()).hash.startsWith("#p1:"), `${lang}: the address holds the network`);
      check(page.url().endsWith("z"), `${lang}: and ends in a letter`);
      // On through the trace, and to another destination: the address keeps what it holds.
      const { hash } = new URL(page.url());
      await page.keyboard.press("ArrowRight");
      await page.locator('.hop[data-i="1"][aria-current]').waitFor({ state: "attached" });
      check(
        new URL(page.url()).searchParams.has("step") && new URL(page.url()).hash === hash,
        `${lang}: a step on: ${page.url().slice(0, 140)}`,
      );
      if (!(await page.locator("#f-to").isVisible())) await page.locator("#pickd > summary").click();
      await page.selectOption("#f-to", "svc/default/api");
      await page.waitForFunction(() => location.search.includes("to=svc/default/api"));
      await page.locator("#dg .sub", { hasText: "DNAT → 10.0.1.12:9090" }).first().waitFor({ state: "attached" });
      await page.waitForFunction((h) => location.hash === h, hash);
      const faults = await find(page);
      check(faults.length === 0, `${lang}: ${faults.join("; ")}`);
      await axe(page, `${lang}: one's own`);
      link = page.url();
      await page.goBack();
      await page.waitForFunction(() => !location.search.includes("svc/default/api"));
      await arrived(page);
      check((await page.title()) === "client → secret-api · podpath", `${lang}: back: ${await page.title()}`);
      for (const url of seen)
        check(
          !url.includes("p1:") && !/10\.0\.1\./.test(url),
          `${lang}: a request's address holds the network: ${url}`,
        );
    });
    // Another reader, who has only the link.
    await run(browser, `own ${lang}, another`, { viewport: size, locale: locale[lang] }, async (page) => {
      await page.goto(link);
      await page.locator("#dg .sub", { hasText: "DNAT → 10.0.1.12:9090" }).first().waitFor({ state: "attached" });
      check((await page.title()) === "client → api · podpath", `${lang}: another sees ${await page.title()}`);
      // The node's page, and the share page with its picture; a file; a frozen link.
      await page.locator("header nav a").nth(3).click();
      await page.locator("#an").waitFor();
      check((await page.locator("h1").first().textContent()).includes("n1"), `${lang}: the node's page`);
      await page.goto(link.replace("/trace", "/share"));
      await page.locator(".shot img").waitFor();
      await page.waitForFunction(() => document.querySelector(".shot img").src.startsWith("blob:"));
      check(
        (await page.inputValue("#sh-live")).endsWith(new URL(link).hash),
        `${lang}: the share page gives the whole link`,
      );
      const [file] = await Promise.all([page.waitForEvent("download"), page.locator('.files a[href*=".mmd"]').click()]);
      check(readFileSync(await file.path(), "utf8").includes("DNAT → 10.0.1.12"), `${lang}: the file`);
      await page.fill("#sh-title", "mine");
      await page.locator(".freeze button[type=submit]").click();
      await page.locator("#sh-keyf").waitFor();
      await page.goto(await page.inputValue("#sh-id"));
      check((await page.title()) === "mine · podpath", `${lang}: frozen: ${await page.title()}`);
      check(
        (await page.locator("#pickd").textContent()).includes(say(lang, "share.same")),
        `${lang}: today says the same`,
      );
    });
  });
}

await group("faults", async () => {
  const told = async (what, href, text, options = {}) => {
    const page = await open(browser, { locale: locale.en, reducedMotion: "reduce", ...options });
    await page.goto(href);
    await page.locator("h1:visible", { hasText: text }).waitFor({ timeout: 8000 });
    check(true, what);
    await page.context().close();
  };
  const page = await open(browser, { locale: locale.en });
  await page.goto(`${base}/own`);
  await page.fill("#own-text", cluster);
  await page.locator("form[data-own] button[type=submit]").click();
  await arrived(page);
  const link = page.url();
  // Too large for a link: it stays in this tab, and the share page says so.
  await page.goto(`${base}/own`);
  const noise = Array.from(
    { length: 3000 },
    (_, i) => `# ${(i * 2654435761) % 4294967296} ${(i * 40503) % 65536}`,
  ).join("\n");
  // Playwright types a text line by line; a paste takes a tenth of a second.
  await page.locator("#own-text").evaluate((e, text) => {
    e.value = text;
  }, `${cluster}${noise}\n`);
  await page.locator("form[data-own] button[type=submit]").click();
  await arrived(page);
  check(new URL(page.url()).hash === "", `a large one is in the address: ${page.url().length}`);
  await page.reload();
  await arrived(page);
  await page.locator(".share-to").click();
  await page.locator(".freeze").waitFor();
  check(
    (await page.locator("main").textContent()).includes(say("en", "own.too-long")),
    "the share page says that it is too large",
  );
  check((await page.locator("#sh-live").count()) === 0, "and gives no link that would not work");
  const large = page.url();
  await page.context().close();

  await told("cut off", link.slice(0, -30), say("en", "own.fault"));
  await told("of a later podpath", link.replace("#p1:", "#p2:"), say("en", "own.fault"));
  await told("only in another's tab", large, say("en", "own.missing"));
  await told("without script", link, say("en", "own.needs-script"), { javaScriptEnabled: false });
});

await browser.close();
finish();
