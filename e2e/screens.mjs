// Pictures of the pages, to look at:
//
//	node e2e/screens.mjs URL DIRECTORY                  every page below, wide and narrow, light and dark, in both languages
//	node e2e/screens.mjs URL DIRECTORY nlb 390          those whose file's name has all of these parts
//	node e2e/screens.mjs URL DIRECTORY lost=/trace?from=…&to=…  any other address, under a name of its own

import { mkdirSync } from "node:fs";
import { launch, open } from "./browser.mjs";

const [base, dir, ...rest] = process.argv.slice(2);
if (!base || !dir) {
  console.error("usage: node e2e/screens.mjs URL DIRECTORY [part of a name | name=/path]...");
  process.exit(2);
}
mkdirSync(dir, { recursive: true });

const preset = new URL((await fetch(new URL("/trace", base))).url).searchParams.get("preset");
const origin = new URL(base).origin;
const flow = (from, to, more = "") => `?preset=${preset}&from=${from}&to=${to}&proto=tcp${more}`;

/** The option that leads to an address, as the choice parameter of a flow's address. */
async function choice(query, address) {
  const doc = await (await fetch(`${origin}/api/v1/trace${query}`)).json();
  for (const c of doc.choices ?? [])
    for (const o of c.options) if (o.label.startsWith(address)) return `&choice=${c.id}=${o.value}`;
  throw new Error(`${query}: nothing leads to ${address}`);
}

const web = flow("pod/default/netshoot-1", "svc/default/web");
const far = flow("pod/default/netshoot-4", "192.168.1.201", "&dport=80");
const step = (id) => `&step=request/${id}`;
/** name → path; a path without a step shows the share of the way that is given with it. */
const pages = {
  pod: ["/", 0.4],
  internet: [`/trace${flow("pod/default/netshoot-2", "internet")}`, 0.75],
  service: [`/trace${web}${await choice(web, "192.168.3.91")}${step("node-a/1/nat-PREROUTING")}`],
  "service-start": [`/trace${web}`],
  empty: [`/trace${flow("pod/default/netshoot-1", "svc/default/web-empty")}${step("node-a/1/filter-FORWARD")}`],
  "empty-back": [`/trace${flow("pod/default/netshoot-1", "svc/default/web-empty")}`, 0.99],
  local: [`/trace${flow("internet", "node/node-c", "&dport=30081")}${step("node-c/1/filter-INPUT")}`],
  "nlb-instance": [
    `/trace${flow("internet", "lb/default/web-nlb-instance")}${step("nlb-default-web-nlb-instance/1/fabric")}`,
  ],
  "nlb-instance-pick": [`/trace${flow("internet", "lb/default/web-nlb-instance")}${step("node-a/1/nat-PREROUTING")}`],
  "nlb-ip": [`/trace${flow("internet", "lb/default/web-nlb-ip")}${step("nlb-default-web-nlb-ip/1/fabric")}`],
  "nlb-hairpin": [`/trace${flow("node/node-a", "192.168.1.201", "&dport=80")}`, 0.99],
  hairpin: [`/trace${flow("pod/default/web-1", "svc/default/web")}${step("node-a/1/nat-POSTROUTING")}`],
  sticky: [`/trace${flow("pod/default/netshoot-1", "svc/default/web-sticky")}${step("node-a/1/nat-PREROUTING")}`],
  headless: [`/trace${flow("pod/default/netshoot-1", "svc/default/web-headless")}`],
  "three-nodes": [`/trace${far}${await choice(far, "192.168.2.91")}`, 0.3],
  "three-nodes-back": [`/trace${far}${await choice(far, "192.168.2.91")}`, 0.8],
  "bad-choice": [`/trace${web}&choice=KUBE-SVC-NONE=x`],
  node: [`/node${web}&node=node-a`],
  "node-chain": [`/node${web}&node=node-a#nat-KUBE-SERVICES`],
  "node-plain": [`/node?preset=${preset}&node=node-b`],
  questions: ["/questions"],
  controllers: ["/questions/controllers"],
  "client-address": ["/questions/client-address"],
  "no-endpoints": ["/questions/no-endpoints"],
};
const named = rest.filter((r) => /^[a-z0-9-]+=\//.test(r));
const parts = rest.filter((r) => !named.includes(r));
const shown = named.length > 0 ? {} : pages;
for (const n of named) {
  const at = n.indexOf("=");
  shown[n.slice(0, at)] = [n.slice(at + 1)];
}

const looks = [
  [{ width: 1440, height: 900 }, "light", "en"],
  [{ width: 1440, height: 900 }, "dark", "ko"],
  [{ width: 390, height: 844 }, "light", "ko"],
  [{ width: 390, height: 844 }, "dark", "en"],
  [{ width: 1920, height: 1080 }, "light", "ko"],
];

const browser = await launch();
for (const [name, [path, share = 0]] of Object.entries(shown)) {
  for (const [size, theme, lang] of looks) {
    const file = `${name}-${size.width}-${theme}-${lang}.png`;
    if (!parts.every((p) => file.includes(p))) continue;
    const page = await open(browser, { viewport: size, reducedMotion: "reduce" });
    const url = new URL(await (await fetch(new URL(path, origin))).url);
    url.searchParams.set("lang", lang);
    url.searchParams.set("theme", theme);
    url.hash = new URL(path, origin).hash;
    await page.goto(url.href);
    const count = await page.locator(".dot").count();
    if (count > 0 && share > 0) {
      await page.locator(`.dot[data-i="${Math.floor(count * share)}"]`).dispatchEvent("click");
      await page.waitForTimeout(150);
    }
    const doc = await page.locator(".doc").count();
    await page.screenshot({ path: `${dir}/${file}`, fullPage: doc > 0 });
    for (const p of page.problems) console.log(file, p);
    await page.context().close();
  }
}
await browser.close();
