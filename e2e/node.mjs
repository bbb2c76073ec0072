// The node page in a real browser: the anatomy of every node of every preset, what is selected in it and in the lines.

import { axe, check, finish, group, launch, narrow, open, run, share, tabTo, wide } from "./browser.mjs";
import { find } from "./finder.mjs";
import { locale, say } from "./words.mjs";

const base = process.argv[2];
const browser = await launch();
const pane = (page) => page.locator(".pane:not([hidden])");

/** The presets with their plugins, as the compare page's form and the node page's list have them. */
async function everyNode() {
  const page = await open(browser);
  await page.goto(`${base}/trace?preset=eks-study`);
  const presets = await page.locator("#query select[name=preset] option").evaluateAll((o) => o.map((e) => e.value));
  const out = [];
  for (const preset of presets) {
    await page.goto(`${base}/trace?preset=${preset}`);
    const plugins = await page.locator("#query select[name=cni] option").evaluateAll((o) => o.map((e) => e.value));
    for (const cni of plugins) {
      await page.goto(`${base}/node?preset=${preset}&cni=${cni}`);
      for (const node of await page.locator("#f-node option").evaluateAll((o) => o.map((e) => e.value)))
        out.push(`${base}/node?preset=${preset}&cni=${cni}&node=${node}`);
    }
  }
  await page.context().close();
  return out;
}

await group("every node", async () => {
  const nodes = await everyNode();
  check(nodes.length >= 40, `there are ${nodes.length} nodes`);
  await run(browser, "every node", { viewport: wide }, async (page) => {
    for (const [i, href] of share(nodes, 3).entries()) {
      const lang = i % 2 ? "ko" : "en";
      await page.goto(`${href}&lang=${lang}`);
      const bad = await find(page);
      check(bad.length === 0, `${href} ${lang}: ${bad.slice(0, 3).join("; ")}`);
      check((await page.locator("#an .clk").count()) >= 3, `${href}: interfaces can be selected`);
    }
  });
});

await group("selecting", async () => {
  for (const [lang, size] of [
    ["en", wide],
    ["ko", narrow],
  ])
    await run(browser, `select ${lang}`, { viewport: size, locale: locale[lang] }, async (page) => {
      const href = `${base}/node?preset=eks-study&node=node-a`;
      await page.goto(href);
      check(
        (await page.locator("#filt").textContent()).trim() === say(lang, "anatomy.nothing"),
        `${lang}: nothing is selected`,
      );
      await page.locator('#an .clk[data-thing="if-eni75d67f33154"]').dispatchEvent("click");
      check(
        (await page.locator("#filt").textContent()).includes("eni75d67f33154"),
        `${lang}: it says what is selected`,
      );
      check(new URL(page.url()).searchParams.get("select") === "if-eni75d67f33154", `${lang}: the address has it`);
      check((await page.locator("#an .relbox .pod").count()) === 1, `${lang}: its pod is marked`);
      // every line that mentions it, in every tab, and no other
      const wrong = await page.evaluate(
        () =>
          [...document.querySelectorAll(".pane li[data-about]")].filter((l) => {
            const t = l.querySelector(".vb").textContent;
            const about = /eni75d67f33154|192\.168\.1\.52(?!\d)|eni[+*]/.test(t);
            return about !== l.classList.contains("rel");
          }).length,
      );
      check(wrong === 0, `${lang}: ${wrong} lines are marked wrongly`);
      for (const [tab, n] of [
        ["rules", 2],
        ["routes", 1],
      ]) {
        await page.locator(`[data-tab=${tab}]`).click();
        check((await pane(page).locator("li.rel").count()) === n, `${lang}: ${tab}: ${n} lines`);
        check(
          (await page.locator(`[data-tab=${tab}] small`).textContent()) === String(n),
          `${lang}: ${tab}: the tab counts them`,
        );
      }
      // the reverse: an address in a line
      await page.locator("[data-tab=rules]").click();
      await pane(page).locator(".tok", { hasText: "192.168.1.91" }).first().click();
      check(
        (await page.locator('#an .chip.rel[data-thing="ip-192.168.1.91"]').count()) === 1,
        `${lang}: its chip is marked`,
      );
      await page.reload();
      check(
        (await page.locator('#an .chip.rel[data-thing="ip-192.168.1.91"]').count()) === 1,
        `${lang}: the address keeps it`,
      );
      await page.locator("#clear").click();
      check((await page.locator(".rel").count()) === 0, `${lang}: nothing is marked any more`);
      await axe(page, `node ${lang}`);
    });
  await run(browser, "without a script", { javaScriptEnabled: false }, async (page) => {
    await page.goto(`${base}/node?preset=eks-study&node=node-a&tab=rules`);
    await page.locator('#an .clk[data-thing="if-ens6"]').click();
    check(new URL(page.url()).searchParams.get("tab") === "rules", "a link keeps the tab");
    check((await pane(page).locator("li.rel").count()) >= 2, "and marks the lines of the card's own table");
    await page.locator("[data-tab=iptables]").click();
    check(await page.locator("#nat-KUBE-SERVICES").isVisible(), "a tab is a link");
  });
  await run(browser, "keyboard", {}, async (page) => {
    await page.goto(`${base}/node?preset=eks-study&node=node-a`);
    await tabTo(page, '#an .clk[data-thing="if-ens5"]');
    await page.keyboard.press("Enter");
    check((await page.locator("#filt").textContent()).includes("ens5"), "Enter selects");
    await tabTo(page, "[data-tab=routes]");
    await page.keyboard.press("Enter");
    check((await pane(page).getAttribute("data-pane")) === "routes", "Enter opens a tab");
  });
});

await group("jumps", async () => {
  await run(browser, "hooks and chains", {}, async (page) => {
    await page.goto(`${base}/node?preset=eks-study&node=node-a`);
    await page.locator('#an .tbl[data-panel="nat-POSTROUTING"]').click();
    check(await page.locator("#nat-POSTROUTING").isVisible(), "a hook leads to its chain");
    await page.locator("#nat-POSTROUTING .jump", { hasText: "AWS-SNAT-CHAIN-0" }).click();
    check(new URL(page.url()).hash === "#nat-AWS-SNAT-CHAIN-0", "a jump is followed");
    check(await page.locator("#nat-AWS-SNAT-CHAIN-0").isVisible(), "to its chain");
    await page.goto(`${base}/node?preset=eks-study&cni=calico-vxlan&node=node-a&tab=iptables`);
    await page.locator("#filter-FORWARD .jump", { hasText: "cali-FORWARD" }).click();
    check(new URL(page.url()).hash === "#filter-cali-FORWARD", "whatever the plugin calls its chains");
    await page.goto(`${base}/node?preset=eks-study&node=node-a#nat-KUBE-SERVICES`);
    check(await page.locator("#nat-KUBE-SERVICES").isVisible(), "an address with a chain opens its tab");
  });
});

await browser.close();
finish();
