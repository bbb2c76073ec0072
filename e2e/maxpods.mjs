// The page of how many pods fit on a node, in a real browser: its numbers against ones derived by hand, the form with and
// without the script and by keyboard, and the drawing's room. Prints what failed; exits 1 then.
//
//	node e2e/maxpods.mjs URL [part of a group's name]

import { check, finish, group, launch, narrow, run, tabTo, wide } from "./browser.mjs";
import { locale, say } from "./words.mjs";

const origin = new URL(process.argv[2]).origin;
const browser = await launch();
const languages = ["en", "ko"];

const at = (type, more = "") => `${origin}/maxpods?type=${type}${more}`;

/** What the page shows, as a reader finds it. */
function shown() {
  const text = (e) => e?.textContent.trim().replace(/\s+/g, " ") ?? "";
  const cells = (q) =>
    [...document.querySelectorAll(`${q} tbody tr`)].map((tr) => [...tr.querySelectorAll("td")].map(text));
  const slots = [...document.querySelectorAll(".srow .slot")];
  return {
    lang: document.documentElement.lang,
    title: document.title,
    big: text(document.querySelector(".big output")),
    raised: text(document.querySelector(".raised")),
    formula: text(document.querySelector(".formula")),
    who: cells("section[aria-labelledby=mp-who]"),
    takes: cells("section[aria-labelledby=mp-subnet]").map((r) => r[0]),
    enis: document.querySelectorAll(".eni").length,
    slots: Object.fromEntries(
      ["pri", "use", "warm", "cut", "none"].map((k) => [k, slots.filter((s) => s.matches(`.${k}`)).length]),
    ),
    errors: [...document.querySelectorAll(".bad")].map(text),
    type: document.getElementById("mp-type")?.value,
    mode: document.querySelector("[name=mode]:checked")?.value,
    custom: document.getElementById("mp-custom")?.checked,
    focus: document.activeElement?.id ?? "",
    other: document.querySelector(".langs a:not([aria-current])")?.href ?? "",
  };
}

/** waits until the big number is one. */
const number = (page, n) =>
  page.waitForFunction((n) => document.querySelector(".big output")?.textContent.trim() === n, n);

// --- a: numbers --------------------------------------------------------------------------------------------------------

// type, rest of the address, big number, end of the formula, [by itself, at most] of group, nodeadm and kubelet, addresses
const byHand = [
  ["t3.medium", "", "17", "= 17", "17 17 17 17 110 17", "6 18 18", { pri: 3, use: 15, warm: 0, cut: 0 }],
  [
    "t3.medium",
    "&mode=prefix",
    "110",
    "= 242 → 110",
    "17 110 17 242 110 242",
    "81 243 114",
    { pri: 2, use: 7, warm: 0, cut: 9 },
  ],
  [
    "m5.4xlarge",
    "",
    "110",
    "= 234 → 110",
    "110 110 234 234 110 234",
    "30 240 120",
    { pri: 4, use: 108, warm: 8, cut: 120 },
  ],
  [
    "m5.24xlarge",
    "",
    "250",
    "= 737 → 250",
    "250 250 737 737 110 737",
    "50 750 300",
    { pri: 6, use: 248, warm: 46, cut: 450 },
  ],
  [
    "m5.24xlarge",
    "&mode=prefix",
    "250",
    "= 11762 → 250",
    "250 250 737 11762 110 11762",
    "785 11775 257",
    { pri: 1, use: 16, warm: 0, cut: 733 },
  ],
  ["p5.48xlarge", "", "100", "= 100", "100 100 100 100 110 100", "50 100 100", { pri: 2, use: 98, warm: 0, cut: 0 }],
  ["c4.large", "&mode=prefix", "29", "= 29", "29 29 29 29 110 29", "10 30 30", { pri: 3, use: 27, warm: 0, cut: 0 }],
];

await group("numbers", async () => {
  for (const lang of languages)
    await run(browser, `numbers ${lang}`, { locale: locale[lang], viewport: wide }, async (page) => {
      for (const [type, more, big, end, who, takes, slots] of byHand) {
        const what = `${type}${more} in ${lang}`;
        await page.goto(at(type, more));
        const is = await page.evaluate(shown);
        check(is.lang === lang, `${what}: the page is in ${is.lang}`);
        check(is.big === big, `${what}: ${is.big} pods, want ${big}`);
        check(is.formula.endsWith(end), `${what}: the formula is ${is.formula}, want … ${end}`);
        check(is.who.flat().join(" ") === who, `${what}: who says ${is.who.flat().join(" ")}, want ${who}`);
        check(is.takes.join(" ") === takes, `${what}: takes ${is.takes.join(" ")}, want ${takes}`);
        for (const [k, n] of Object.entries(slots))
          check(is.slots[k] === n, `${what}: ${is.slots[k]} slots are ${k}, want ${n}`);
        const raised = type === "t3.medium" && more ? say(lang, "maxpods.until-raised", { n: "17" }) : "";
        check(is.raised === raised, `${what}: says "${is.raised}", want "${raised}"`);
      }
      await page.goto(at("t3.medium", "&mode=prefix&custom=true"));
      const is = await page.evaluate(shown);
      check(is.slots.none === 5 && is.enis === 3, `custom networking in ${lang}: ${is.slots.none} slots without pods`);
      check(
        is.who[0][0] === say(lang, "maxpods.not-known"),
        `custom networking in ${lang}: the group sets ${is.who[0][0]}`,
      );
      const text = await page.locator("main").textContent();
      for (const id of ["q-formula", "q-ceiling", "a-128", "q-prefix", "q-raise", "a-raise-4", "q-nodeadm"])
        check(text.includes(say(lang, `maxpods.${id}`)), `${lang}: the page does not say maxpods.${id}`);
    });
});

// --- b: the form -------------------------------------------------------------------------------------------------------

await group("form", async () => {
  await run(browser, "form", { viewport: wide }, async (page) => {
    await page.goto(at("t3.medium"));
    await page.evaluate(() => {
      window.stays = true;
    });
    await page.locator("label", { hasText: say("en", "maxpods.mode-prefix") }).click();
    await number(page, "110");
    let is = await page.evaluate(shown);
    check(is.mode === "prefix" && page.url().includes("mode=prefix"), `prefix: mode ${is.mode}, address ${page.url()}`);
    check(is.other.includes("mode=prefix"), `prefix: the other language is at ${is.other}`);
    await page.locator("#mp-custom").check();
    await page.waitForFunction(() => document.querySelector(".formula")?.textContent.includes("= 162"));
    check(page.url().includes("custom=true"), `custom: address ${page.url()}`);
    await page.locator("#mp-type").fill("m5.large");
    await page.locator("#mp-type").press("Enter");
    await page.waitForFunction(() => document.querySelector(".formula")?.textContent.includes("= 290"));
    is = await page.evaluate(shown);
    check(is.title.startsWith("m5.large"), `m5.large: title ${is.title}`);
    check(is.focus === "mp-type", `m5.large: the focus is at "${is.focus}"`);
    check(await page.evaluate(() => window.stays === true), "the page was loaded anew");

    await page.locator("#mp-type").fill("t3.mediun");
    await page.locator("#mp-type").press("Enter");
    await page.locator("#type-error").waitFor();
    is = await page.evaluate(shown);
    check(is.errors.join().includes("t3.mediun") && is.big === "", `typo: ${is.errors.join()}, number "${is.big}"`);
    check(
      await page.locator("#mp-type").evaluate((e) => e.getAttribute("aria-describedby") === "type-error"),
      "typo: the field names no error",
    );
    await page.locator("#type-error a", { hasText: "t3.medium" }).click();
    await number(page, "110");
    is = await page.evaluate(shown);
    check(
      is.type === "t3.medium" && is.custom && is.mode === "prefix",
      `what it may have meant: ${JSON.stringify(is)}`,
    );

    await page.goto(at("t3.medium"));
    await page.locator("label", { hasText: say("en", "maxpods.mode-prefix") }).click();
    await number(page, "110");
    await page.goBack();
    await number(page, "17");
    check((await page.evaluate(shown)).mode === "secondary", "back: the mode is still prefix");
  });
  await run(browser, "no script", { viewport: narrow, javaScriptEnabled: false, locale: locale.ko }, async (page) => {
    await page.goto(at("t3.medium"));
    await page.locator("label", { hasText: say("ko", "maxpods.mode-prefix") }).click();
    await page.locator("#mp-custom").check();
    await page.locator("#mp-type").fill("m5.large");
    await page.locator("button[type=submit]").click();
    check(
      (await page.locator(".formula").textContent()).includes("= 290"),
      "without the script: not the number that was asked for",
    );
    check(page.url() === at("m5.large", "&mode=prefix&custom=true"), `without the script: address ${page.url()}`);
  });
  for (const lang of languages)
    await run(browser, `mistakes ${lang}`, { locale: locale[lang] }, async (page) => {
      for (const [query, id, args] of [
        ["type=potato", "unknown-type", { value: "potato" }],
        ["type=t3.medium&mode=turbo", "bad-mode", { value: "turbo" }],
        ["type=t3.medium&custom=maybe", "bad-custom", { value: "maybe" }],
      ]) {
        const answer = await page.goto(`${origin}/maxpods?${query}`);
        const { errors } = await page.evaluate(shown);
        check(answer.status() === 422, `${query}: status ${answer.status()}`);
        check(errors.join() === say(lang, `maxpods.${id}`, args), `${query} in ${lang}: ${errors.join()}`);
      }
    });
});

// --- c: by keyboard ----------------------------------------------------------------------------------------------------

await group("keyboard", async () => {
  for (const viewport of [wide, narrow])
    await run(browser, `keyboard ${viewport.width}`, { viewport }, async (page) => {
      await page.goto(at("t3.medium"));
      await tabTo(page, "#mp-type");
      await tabTo(page, "button[type=submit]");
      await tabTo(page, "#mp-secondary");
      await page.keyboard.press("ArrowRight");
      await number(page, "110");
      let is = await page.evaluate(shown);
      check(is.focus === "mp-prefix", `arrow: the focus is at "${is.focus}"`);
      await page.keyboard.press("Tab");
      is = await page.evaluate(shown);
      check(is.focus === "mp-custom", `Tab from the modes comes to "${is.focus}"`);
      await page.keyboard.press("Space");
      await page.waitForFunction(() => document.querySelector(".formula")?.textContent.includes("= 162"));
      await tabTo(page, ".tries a", "m5.large");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelector(".formula")?.textContent.includes("= 290"));
      is = await page.evaluate(shown);
      check(is.type === "m5.large" && is.custom, `an example: ${is.type}, custom ${is.custom}`);
    });
});

// --- d: room ----------------------------------------------------------------------------------------------------------

/** What of the drawing or the tables does not fit where it is. */
function cramped() {
  const out = [];
  const box = (e) => e.getBoundingClientRect();
  for (const row of document.querySelectorAll(".srow")) {
    const r = box(row);
    let last;
    for (const s of row.children) {
      const b = box(s);
      if (b.left < r.left - 0.5 || b.right > r.right + 0.5 || b.bottom > r.bottom + 0.5)
        out.push(`a slot of ${row.previousElementSibling.textContent} is outside`);
      if (last && Math.abs(b.top - last.top) < 1 && b.left < last.right) out.push("slots overlap");
      if (b.width < 2.5 || b.height < 8) out.push(`a slot is ${b.width} × ${b.height}`);
      if (s.scrollWidth > s.clientWidth + 1) out.push(`"${s.textContent}" is wider than its slot`);
      last = b;
    }
  }
  for (const name of document.querySelectorAll(".eni > span")) {
    const range = document.createRange();
    range.selectNodeContents(name);
    const slots = box(name.nextElementSibling);
    const b = box(range);
    if (b.right > slots.left && b.bottom > slots.top + 1) out.push(`${name.textContent} lies on its slots`);
  }
  for (const c of document.querySelectorAll(".nums td, .nums th, .seg label"))
    if (c.scrollWidth > c.clientWidth + 1) out.push(`"${c.textContent.trim().slice(0, 30)}" is cut`);
  return [...new Set(out)];
}

const looks = {
  medium: at("t3.medium"),
  raised: at("t3.medium", "&mode=prefix&custom=true"),
  capped: at("m5.24xlarge"),
  largest: at("r9g.24xlarge"),
  "largest-prefix": at("r9g.24xlarge", "&mode=prefix"),
  unknown: at("mac-m4.metal", "&custom=true"),
  cards: at("p5.48xlarge"),
  typo: at("t3", "&mode=turbo"),
};

await group("room", async () => {
  for (const viewport of [wide, narrow])
    await run(browser, "room", { viewport }, async (page) => {
      for (const [name, href] of Object.entries(looks)) {
        await page.goto(href);
        const bad = await page.evaluate(cramped);
        check(bad.length === 0, `${name} ${viewport.width}: ${bad.slice(0, 4).join("; ")}`);
      }
    });
});

await browser.close();
finish();
