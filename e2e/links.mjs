// Frozen links in a real browser: made on the share page, opened by another reader, deleted by their key.
//
//	node e2e/links.mjs URL

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { axe, check, finish, group, launch, narrow, run, share, tabTo, wide } from "./browser.mjs";
import { find } from "./finder.mjs";
import { traces } from "./pages.mjs";
import { locale, say } from "./words.mjs";

const base = process.argv[2];
const browser = await launch();
const four = traces(base);
const at = `${four.nodes}&step=request/node-a/1/nat-POSTROUTING`;

/** shares by the page's form and gives the link and its key, as the page hands them over. */
async function make(page, what, { title = "", note = "" } = {}) {
  await page.goto(at);
  if (!(await page.locator(".share-to").isVisible())) await page.locator("#pickd > summary").click();
  await page.locator(".share-to").click();
  await page.waitForURL((u) => u.pathname === "/share");
  check(
    new URL(page.url()).searchParams.get("step") === "request/node-a/1/nat-POSTROUTING",
    `${what}: the step comes along`,
  );
  await page.fill("#sh-title", title);
  await page.locator(".freeze > .field textarea").fill(note);
  await page.locator(".freeze button[type=submit]").click();
  await page.locator("#sh-keyf").waitFor();
  return { href: await page.inputValue("#sh-id"), key: await page.inputValue("#sh-keyf") };
}

for (const [i, [lang, size]] of [
  ["en", wide],
  ["ko", narrow],
].entries()) {
  await group(`share ${lang}`, async () => {
    let link;
    const title = `${lang}: ENI1 → ENI0?`;
    await run(browser, `${lang}: share`, { viewport: size, locale: locale[lang] }, async (page) => {
      link = await make(page, lang, { title, note: "one\ntwo" });
      check(/\/s\/[0-9a-z]{26}$/.test(link.href), `${lang}: the link is ${link.href}`);
      const faults = await find(page);
      check(faults.length === 0, `${lang}: handed over: ${faults.join("; ")}`);
      await axe(page, `${lang}: handed over`);
    });
    const opened = async (what, options, check_) =>
      run(browser, `${lang}: ${what}`, { viewport: size, locale: locale[lang], ...options }, async (page) => {
        const answer = await page.goto(link.href);
        if (answer.status() >= 400) page.problems.length = 0;
        await check_(page, answer.status());
      });
    for (const javaScriptEnabled of share([true, false], 2, i))
      await opened(`open, script ${javaScriptEnabled}`, { javaScriptEnabled }, async (page, status) => {
        check(status === 200, `${lang}: opened: ${status}`);
        check((await page.title()) === `${title} · podpath`, `${lang}: called ${await page.title()}`);
        const note = page.locator(".detail:not([hidden]) .snote p:not(.label)");
        check((await note.allTextContents()).join("|") === "one|two", `${lang}: the note is there`);
        check((await page.locator('.hop[data-i="6"][aria-current]').count()) === 1, `${lang}: it opens at the step`);
        check(
          (await page.locator("#pickd").textContent()).includes(say(lang, "share.same")),
          `${lang}: today says the same`,
        );
        if (javaScriptEnabled) await page.keyboard.press("ArrowRight");
        else await page.locator("#b-next").click();
        await page.locator('.hop[data-i="7"][aria-current]').waitFor();
        const here = new URL(page.url());
        check(here.pathname === new URL(link.href).pathname, `${lang}: a step on is still the link: ${here}`);
        check(here.searchParams.get("step") === "request/node-a/1/transmit", `${lang}: and has the step: ${here}`);
        await page.goto(page.url());
        check((await page.locator('.hop[data-i="7"][aria-current]').count()) === 1, `${lang}: which opens again`);
        check(
          (await page.locator(".detail:not([hidden]) .snote").count()) === 0,
          `${lang}: the note is only where it was made`,
        );
      });
    // A wrong key, then the right one, by keyboard.
    await opened("delete", {}, async (page) => {
      await page.goto(`${link.href}/delete`);
      await page.fill("#sh-keyf", "nonsense");
      const [answer] = await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
      page.problems.length = 0;
      check(answer.status() === 403, `${lang}: a wrong key: ${answer.status()}`);
      check(
        (await page.locator("#key-error").textContent()) === say(lang, "share.wrong-key"),
        `${lang}: and is called so`,
      );
      await tabTo(page, "#sh-keyf");
      await page.keyboard.type(link.key);
      await tabTo(page, ".freeze button");
      await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
      check((await page.locator("h1").textContent()) === say(lang, "share.deleted"), `${lang}: deleted`);
    });
    await opened("gone", {}, async (page, status) => {
      check(status === 410, `${lang}: afterwards: ${status}`);
      check((await page.locator("h1").textContent()) === say(lang, "share.gone-deleted"), `${lang}: said kindly`);
      check(
        (await page.locator("main").textContent()).includes(new Date().toISOString().slice(0, 10)),
        `${lang}: with the day`,
      );
      await page.locator("main a").click();
      check(new URL(page.url()).pathname === "/", `${lang}: and leads on`);
    });
  });
}

// Encrypted: the server keeps what it cannot read, the key is in no address that it sees.
await group("encrypted", async () => {
  const secret = "codename: heron";
  const plain = [secret, "KUBE-POSTROUTING", "192.168.1.52"];
  const open_ = async (what, href, lang, checks) =>
    run(
      browser,
      `encrypted, ${what}`,
      { locale: locale[lang], viewport: lang === "ko" ? narrow : wide },
      async (page) => {
        await page.goto(href);
        await checks(page);
      },
    );
  let link = "";
  let key = "";
  await run(browser, "encrypt", {}, async (page) => {
    const sent = [];
    page.on("request", (r) => sent.push(r.url()));
    await page.goto(at.replace("/trace", "/share"));
    await page.fill("#sh-title", secret);
    await page.locator("[data-seal]").click();
    await page.locator("#sh-keyf").waitFor();
    link = await page.inputValue("#sh-id");
    key = await page.inputValue("#sh-keyf");
    check(/\/s\/[0-9a-z]{26}#k1:[A-Za-z0-9_-]{43}z$/.test(link), `encrypted: the link is ${link}`);
    check(
      (await page.locator("main").textContent()).includes(say("en", "share.sealed-made")),
      "encrypted: and is called so",
    );
    check((await page.locator("#sh-frame").count()) === 0, "encrypted: there is no frame that could not open it");
    await page.locator("#sh-open").click();
    await page.locator(".hop[aria-current]").waitFor();
    for (const url of sent) check(!url.includes("k1:"), `encrypted: a request's address has the key: ${url}`);
  });
  for (const lang of ["en", "ko"])
    await open_(`opened ${lang}`, link, lang, async (page) => {
      await page.locator('.hop[data-i="6"][aria-current]').waitFor({ state: "attached" });
      check((await page.title()) === `${secret} · podpath`, `encrypted ${lang}: called ${await page.title()}`);
      check(
        (await page.locator("#pickd").textContent()).includes(say(lang, "share.same")),
        `encrypted ${lang}: today says the same`,
      );
      await page.keyboard.press("ArrowRight");
      await page.locator('.hop[data-i="7"][aria-current]').waitFor({ state: "attached" });
      check(new URL(page.url()).hash === new URL(link).hash, `encrypted ${lang}: a step on keeps the key`);
      await page.reload();
      await page.locator('.hop[data-i="7"][aria-current]').waitFor({ state: "attached" });
      if (lang === "en") {
        await page.locator(".frozen .more summary").click();
        const [file] = await Promise.all([
          page.waitForEvent("download"),
          page.locator('.files a[href*=".txt"]').click(),
        ]);
        check(readFileSync(await file.path(), "utf8").includes("KUBE-POSTROUTING"), "encrypted: the file");
        await page.locator('.langs a[lang="ko"]').click();
        await page.locator('.hop[data-i="7"][aria-current]').waitFor();
        check((await page.locator("html").getAttribute("lang")) === "ko", "encrypted: the language changes");
      }
    });
  const told = (what, href, text) =>
    open_(what, href, "en", async (page) => {
      await page.locator("h1:visible", { hasText: text }).waitFor();
      const page_ = await page.content();
      for (const word of plain) check(!page_.includes(word), `${what}: the page has ${word}`);
    });
  await told("without its key", link.split("#")[0], say("en", "share.key-missing"));
  await told("with a key cut off", link.slice(0, -8), say("en", "share.key-wrong"));
  await told("with another key", link.replace(/#k1:.{4}/, "#k1:AAAA"), say("en", "share.key-wrong"));
  // What the server has of it, as it gives it and as it stores it.
  const api = await (await fetch(link.split("#")[0].replace("/s/", "/api/v1/links/"))).text();
  const stored = (process.env.PODPATH_LINKS ? ["", "-wal"] : [])
    .map((end) => `${process.env.PODPATH_LINKS}${end}`)
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "latin1"))
    .join("");
  check(stored.includes(new URL(link).pathname.slice(3)), "encrypted: the store has the link");
  for (const word of [secret])
    check(!stored.includes(word) && !api.includes(word), `encrypted: the server has ${word}`);
  for (const word of plain) check(!api.includes(word), `encrypted: the server gives ${word}`);
  check(!stored.includes(new URL(link).hash.slice(4, 30)), "encrypted: the store has the key");
  await open_("delete", `${link.split("#")[0]}/delete`, "en", async (page) => {
    await page.fill("#sh-keyf", key);
    await Promise.all([page.waitForNavigation(), page.locator(".freeze button").click()]);
    check((await page.locator("h1").textContent()) === say("en", "share.deleted"), "encrypted: deleted");
  });
});

// In a frame of another site's page: the trace plays there, and leads to podpath in a tab of its own.
await group("frame", async () => {
  for (const [i, size] of [wide, narrow].entries()) {
    const lang = i ? "ko" : "en";
    await run(browser, `frame ${lang}`, { viewport: size, locale: locale[lang] }, async (page) => {
      await page.goto(at.replace("/trace", "/share"));
      const markup = await page.inputValue("#sh-frame");
      const blog = createServer((_, answer) => {
        answer.setHeader("Content-Type", "text/html");
        answer.end(`<!doctype html><title>blog</title><body><h1>A blog</h1>${markup}`);
      });
      await new Promise((ok) => blog.listen(0, "127.0.0.1", ok));
      await page.goto(`http://127.0.0.1:${blog.address().port}/`);
      const frame = page.frameLocator("iframe");
      await frame.locator("#b-next").click();
      await frame.locator('.dot[data-i="7"][aria-current]').waitFor();
      check((await frame.locator(".detail:not([hidden]) h1").count()) === 1, `frame ${lang}: one step is told`);
      check(!(await frame.locator(".hopsw").isVisible()), `frame ${lang}: without what stands around it`);
      const [tab] = await Promise.all([page.context().waitForEvent("page"), frame.locator(".fbar a").click()]);
      await tab.waitForLoadState();
      check(new URL(tab.url()).pathname === "/trace", `frame ${lang}: leads to ${tab.url()}`);
      check(
        new URL(tab.url()).searchParams.get("step") === "request/node-a/1/transmit",
        `frame ${lang}: at its step: ${tab.url()}`,
      );
      blog.close();
    });
  }
  // What is not made for a frame does not open in one.
  await run(browser, "no frame", {}, async (page) => {
    await page.setContent(`<iframe src="${four.nodes}"></iframe>`);
    await page.waitForTimeout(500);
    check(
      page.frames().every((f) => !f.url().includes("/trace")),
      "the trace's own page opens in a frame",
    );
    page.problems.length = 0; // the browser says that it was refused
  });
});

// The button copies what the field shows.
await group("copy", async () => {
  await run(browser, "copy", { permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
    await page.goto(at.replace("/trace", "/share"));
    for (const id of ["sh-live", "sh-frame"]) {
      await page.locator(`[data-copy="${id}"]`).click();
      await page.locator(".toast").first().waitFor();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      check(copied === (await page.inputValue(`#${id}`)), `${id}: ${copied}`);
    }
    check(
      (await page.inputValue("#sh-live")) === decodeURIComponent(at),
      `the live link is ${await page.inputValue("#sh-live")}`,
    );
  });
});

await browser.close();
finish();
