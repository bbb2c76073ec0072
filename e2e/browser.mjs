// The browser that the scripts share: the system's Chromium, headless, and offline but for the server under test.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let passed = 0;
let failed = 0;

/** The sizes that pages are looked at in: a laptop, a phone and a projector. */
export const wide = { width: 1440, height: 900 };
export const narrow = { width: 390, height: 844 };
export const projector = { width: 1920, height: 1080 };

const flags = [
  "--no-sandbox",
  "--headless",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
}

/** open makes a page that fails on what a reader would never see: console errors and exceptions. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-US", ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (e) => page.problems.push(`exception: ${e.message}`));
  page.on("console", (m) => {
    if (m.type() === "error" && !m.text().includes("422")) page.problems.push(`console: ${m.text()}`);
  });
  return page;
}

/** run opens a page for a group of checks, and closes it; what the browser complained about is a failure. */
export async function run(browser, what, options, checks) {
  const page = await open(browser, { reducedMotion: "reduce", ...options });
  page.setDefaultTimeout(8000);
  try {
    await checks(page);
  } catch (e) {
    check(false, `${what}: ${e.message.split("\n").slice(0, 4).join(" ")}`);
  }
  for (const p of page.problems) check(false, `${what}: ${p}`);
  await page.context().close();
}

/** together does the same to every item, some of them at a time: a page that waits leaves the machine to another. */
export const whole = process.env.PODPATH_E2E === "all";

/**
 * share is every n-th of a list. What is looked at in every language, size and theme with PODPATH_E2E=all (make e2e-all) is
 * looked at in one of them in turn without, so that `make test` does not take half an hour.
 */
export const share = (items, n, from = 0) => (whole ? items : items.filter((_, i) => i % n === from % n));

export async function together(items, work, atOnce = 3) {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** What the API says about the flow that an address shows. */
export async function ask(href) {
  const url = new URL(href);
  url.pathname = "/api/v1/trace";
  return (await fetch(url)).json();
}

/** The part of a trace's page that explains the current station. */
export const shownDetail = (page) => page.locator(".detail:not([hidden])");

/** unfold builds what a page keeps for later, for who reads it as a whole. */
export const unfold = (page) =>
  page.evaluate(() => {
    for (const held of document.querySelectorAll("noscript")) held.outerHTML = held.textContent;
  });

/** group runs checks that belong together, unless the command line asks for another group by part of its name. */
export async function group(name, checks) {
  if (!name.includes(process.argv[3] ?? "")) return;
  const begin = Date.now();
  await checks();
  console.log(`${name}: ${((Date.now() - begin) / 1000).toFixed(1)} s`);
}

/** tabTo presses Tab until the focus is where it should be, as one without a mouse would. */
export async function tabTo(page, selector, text = "") {
  for (let i = 0; i < 250; i++) {
    await page.keyboard.press("Tab");
    const there = await page.evaluate(
      ([q, s]) => document.activeElement?.matches(q) && document.activeElement.textContent.includes(s),
      [selector, text],
    );
    if (there) return;
  }
  throw new Error(`Tab never comes to ${selector} ${text}`);
}

export function check(ok, what) {
  if (ok) passed++;
  else {
    failed++;
    console.log(`FAIL ${what}`);
  }
}

/** finish says how many checks there were, and ends with what came of them. */
export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

/** axe looks for barriers on the page as it is now. */
export async function axe(page, what) {
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const r = await window.axe.run(document, {
      resultTypes: ["violations"],
      rules: { "target-size": { enabled: true } },
    });
    return r.violations.map(
      (v) =>
        `${v.id}: ${v.help}: ${v.nodes
          .map((n) => n.target.join(" "))
          .slice(0, 3)
          .join(" | ")}`,
    );
  });
  check(violations.length === 0, `${what}: axe: ${violations.join("; ")}`);
}
