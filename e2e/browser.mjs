// The browser that the scripts share: the system's Chromium, headless, and offline but for the server under test.

import { chromium } from "playwright-core";

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
