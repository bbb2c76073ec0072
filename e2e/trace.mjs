// Plays traces in a real browser and checks that the diagram, the list, the detail, the timeline and the address agree
// at every station. Prints one line a check; exits 1 with what failed.
//
//	node e2e/trace.mjs URL

import { readFileSync } from "node:fs";
import { ask, axe, check, finish, launch, narrow, open, share, whole, wide } from "./browser.mjs";
import { locale, say } from "./words.mjs";

const base = process.argv[2];

const home = new URL((await fetch(new URL("/trace", base))).url);

function address(params) {
  const url = new URL(home);
  for (const [k, v] of Object.entries(params)) {
    if (v === "") url.searchParams.delete(k);
    else url.searchParams.set(k, v);
  }
  return url.href;
}

/** What each of the views says is current. */
async function state(page) {
  return page.evaluate(() => {
    const one = (q) => [...document.querySelectorAll(q)];
    const index = (el) => (el ? Number(el.dataset.i) : -1);
    const shown = one(".detail:not([hidden])");
    const stop = document.querySelector(".st.is-cur");
    return {
      stops: one(".st.is-cur").length,
      stop: index(stop),
      lane: stop?.closest(".lane").classList.contains("is-off") ?? null,
      href: stop?.getAttribute("href"),
      hop: index(document.querySelector(".hop[aria-current]")),
      dot: index(document.querySelector(".dot[aria-current]")),
      details: shown.length,
      detail: index(shown[0]),
      title: shown[0]?.querySelector("h1")?.textContent,
      hopTitle: document.querySelector(".hop[aria-current] .nm")?.textContent,
      here: one("#dg .is-here").map((e) => e.id),
      wantHere: stop?.dataset.here,
      live: document.querySelector("#live")?.textContent,
      url: location.pathname + decodeURIComponent(location.search),
      tab: one('.st[tabindex="0"]').map(index),
      chip: document.querySelector("#pk").getAttribute("transform"),
      at: [stop?.dataset.x, stop?.dataset.y].map(Number),
    };
  });
}

async function agree(page, i, what) {
  const s = await state(page);
  const same = s.stops === 1 && s.stop === i && s.hop === i && s.dot === i && s.details === 1 && s.detail === i;
  check(same, `${what}: station ${i}: diagram ${s.stop}, list ${s.hop}, timeline ${s.dot}, detail ${s.detail}`);
  check(s.lane === false, `${what}: station ${i}: its lane is lit`);
  check(s.title === s.hopTitle, `${what}: station ${i}: detail says ${s.title}, list ${s.hopTitle}`);
  check(
    s.here.length === 1 && s.here[0] === s.wantHere,
    `${what}: station ${i}: here is ${s.here}, want ${s.wantHere}`,
  );
  check(s.tab.length === 1 && s.tab[0] === i, `${what}: station ${i}: tab stop at ${s.tab}`);
  return s;
}

/** The packet has arrived at the current station. */
async function settled(page) {
  await page.waitForFunction(() => {
    const stop = document.querySelector(".st.is-cur");
    const want = `translate(${Number(stop.dataset.x).toFixed(2)} ${Number(stop.dataset.y).toFixed(2)})`;
    const moving = document.querySelector(".cel.over").getAnimations().length > 0;
    return document.querySelector("#pk").getAttribute("transform") === want && !moving;
  });
}

/** What the page says about the kernel is what the API says: the sentence, what was not judged, the command. */
async function saysChecked(page, lang, what) {
  const { checked } = await ask(page.url());
  const { state, differences: count, compared = 0, agree = 0, kernel, date } = checked;
  const section = page.locator(".checked");
  const says = (await section.locator(".says").textContent()).trim();
  const want = say(lang, `checked.${state}`, { kernel, date, compared, agree, count });
  check(says === want, `${what}: says "${says}", want "${want}"`);
  check(await section.evaluate((e, s) => e.classList.contains(s), state), `${what}: drawn as ${state}`);
  const notes = await section.locator("> p:not(.says)").allTextContents();
  const fabric = notes.includes(say(lang, "ui.checked-fabric"));
  check(fabric === (checked.imitated ?? []).includes("fabric"), `${what}: what is no Linux: ${notes}`);
  const lacking = (checked.notChecked ?? []).length;
  check(notes.length - (fabric ? 1 : 0) === lacking, `${what}: ${lacking} reasons, the page has ${notes}`);
  const command = (await section.locator(".self code").textContent()).trim().replace(/\s+/g, " ");
  check(command === checked.command, `${what}: command ${command}, want ${checked.command}`);
  check(
    (await section.locator(".self code").isVisible()) === ["skipped", "changed", "unchecked"].includes(state),
    `${what}: the command stands open where nothing was checked`,
  );
  return state;
}

const browser = await launch();
const scenarios = (process.env.SCENARIOS ?? `${home.searchParams.get("to")},internet`).split(",");

for (const [i, lang] of ["en", "ko"].entries()) {
  for (const to of process.env.SCENARIOS ? scenarios : share(scenarios, 2, i)) {
    const what = `${lang} ${to}`;
    const turn = (n) => whole || process.env.SCENARIOS || (i + n) % 2 === 0;
    // By mouse: the "next" button to the end, with motion.
    if (turn(0)) {
      const page = await open(browser, { locale: lang === "ko" ? "ko-KR" : "en-US" });
      await page.goto(address({ to, step: "" }));
      check((await page.getAttribute("html", "lang")) === lang, `${what}: html lang follows the browser`);
      const n = await page.locator(".st").count();
      check(n > 5, `${what}: has ${n} stations`);
      await agree(page, 0, `${what} mouse`);
      const seen = new Set();
      for (let i = 1; i < n; i++) {
        await page.click("#b-next");
        const s = await agree(page, i, `${what} mouse`);
        check(s.url === decodeURIComponent(s.href), `${what}: station ${i}: URL ${s.url}, link ${s.href}`);
        check(s.url.includes("&step="), `${what}: station ${i}: URL names the station`);
        check((s.live ?? "").includes(s.title), `${what}: station ${i}: announced "${s.live}"`);
        seen.add(s.url);
      }
      check(seen.size === n - 1, `${what}: every station has an address of its own`);
      await settled(page);
      check((await page.getAttribute("#b-next", "aria-disabled")) === "true", `${what}: next is off at the end`);
      // A station of the diagram, the list and the timeline, by click.
      for (const [view, i] of [
        [".st", 3],
        [".hop", n - 2],
        [".dot", 1],
      ]) {
        await page.locator(`${view}[data-i="${i}"]`).dispatchEvent("click", { button: 0 });
        await agree(page, i, `${what} click ${view}`);
      }
      // The permalink of a middle station, reloaded.
      const mid = Math.floor(n / 2);
      await page.locator(`.hop[data-i="${mid}"]`).click();
      const before = await agree(page, mid, `${what} middle`);
      await page.reload();
      const after = await agree(page, mid, `${what} reload`);
      check(before.url === after.url && before.title === after.title, `${what}: reload finds the same station`);
      for (const p of page.problems) check(false, `${what}: ${p}`);
      await page.context().close();
    }
    // By keyboard.
    if (turn(1)) {
      const page = await open(browser, { locale: lang === "ko" ? "ko-KR" : "en-US", reducedMotion: "reduce" });
      await page.goto(address({ to, step: "" }));
      const n = await page.locator(".st").count();
      for (let i = 1; i < n; i++) {
        await page.keyboard.press("ArrowRight");
        const s = await agree(page, i, `${what} keyboard`);
        const want = `translate(${s.at[0].toFixed(2)} ${s.at[1].toFixed(2)})`;
        check(s.chip === want, `${what}: reduced motion: packet at ${s.chip}, want ${want}`);
      }
      await page.keyboard.press("ArrowRight");
      await agree(page, n - 1, `${what} beyond the end`);
      await page.keyboard.press("Home");
      await agree(page, 0, `${what} Home`);
      await page.keyboard.press("End");
      await agree(page, n - 1, `${what} End`);
      await page.keyboard.press("ArrowLeft");
      await agree(page, n - 2, `${what} ArrowLeft`);
      // Focus stays with the current station.
      await page.locator(`.st[data-i="${n - 2}"]`).focus();
      await page.keyboard.press("ArrowLeft");
      const focused = await page.evaluate(() => Number(document.activeElement.dataset.i));
      check(focused === n - 3, `${what}: focus follows to ${focused}`);
      await page.context().close();
    }
    // Play, on a clock that is run by hand.
    if (turn(0)) {
      const page = await open(browser, { locale: lang === "ko" ? "ko-KR" : "en-US" });
      await page.clock.install();
      await page.goto(address({ to, step: "" }));
      await page.clock.pauseAt(new Date(Date.now() + 10_000));
      const n = await page.locator(".st").count();
      await page.locator("body").press("Space");
      await agree(page, 1, `${what} play starts`);
      await page.clock.runFor(1000);
      await agree(page, 1, `${what} play waits`);
      await page.click('[data-speed="2"]');
      await page.clock.runFor(1950 * n);
      await agree(page, n - 1, `${what} play ends`);
      check(
        !(await page.locator("#b-play").evaluate((b) => b.classList.contains("is-playing"))),
        `${what}: play stops at the end`,
      );
      await page.context().close();
    }
    // Without JavaScript: every station is a page of its own.
    if (turn(1)) {
      const page = await open(browser, { javaScriptEnabled: false, locale: lang === "ko" ? "ko-KR" : "en-US" });
      await page.goto(address({ to, step: "" }));
      check((await page.locator("#dg .st").count()) > 5, `${what} no script: the diagram is there`);
      const link = page.locator('.hop[data-i="4"]');
      const title = (await link.locator(".nm").textContent()).trim();
      await link.click();
      check(
        (await page.locator(".detail:visible h1").textContent()).trim() === title,
        `${what} no script: the link shows ${title}`,
      );
      check(page.url().includes("step="), `${what} no script: the address names the station`);
      check((await page.locator(".detail:visible").count()) === 1, `${what} no script: one detail`);
      check((await page.locator(".st.is-cur").getAttribute("data-i")) === "4", `${what} no script: the diagram agrees`);
      check((await page.locator("#b-play").isVisible()) === false, `${what} no script: no dead play button`);
      await page.click("#b-next");
      check((await page.locator(".st.is-cur").getAttribute("data-i")) === "5", `${what} no script: next`);
      const other = lang === "ko" ? "en" : "ko";
      await page.click(`.langs a[lang="${other}"]`);
      check((await page.getAttribute("html", "lang")) === other, `${what} no script: the language switch`);
      check(
        (await page.locator(".st.is-cur").getAttribute("data-i")) === "5",
        `${what} no script: the switch keeps the station`,
      );
      await page.context().close();
    }
  }
}

// Whether a kernel was asked, from the results that podpath comes with: a packet that was sent, one that was not, a network
// that could not be built, and one that nobody tried. All of it is there without script.
{
  const results = JSON.parse(readFileSync(new URL("../internal/checked/results.json", import.meta.url), "utf8"));
  const network = results.networks.find((n) => n.flows.some((f) => !f.why && !f.noDF));
  const flow = network.flows.find((f) => !f.why && !f.noDF);
  const skipped = results.networks.find((n) => n.flows.length === 0 && n.skipped);
  const query = (n, f, more = {}) => {
    const url = new URL("/trace", home);
    const set = { preset: n.preset, from: f.from, to: f.to, proto: f.protocol, dport: f.port, sport: f.sourcePort };
    for (const [k, v] of Object.entries({ ...set, ttl: f.ttl, payload: f.payload })) if (v) url.searchParams.set(k, v);
    for (const [k, v] of Object.entries({ ...n.options, ...more })) {
      if (k === "cni") url.searchParams.set(k, v);
      else url.searchParams.append("set", `${k}=${v}`);
    }
    for (const [k, v] of Object.entries(f.choices ?? {})) url.searchParams.append("choice", `${k}=${v}`);
    return url.href;
  };
  const cases = [
    ["sent", query(network, flow), flow.differences ? "differs" : "agrees"],
    ["not sent", query(network, { ...flow, ttl: 37 }), "others"],
    ["not tried", query(network, flow, { clustercidr: "10.203.0.0/16" }), "unchecked"],
  ];
  if (skipped) cases.push(["not built", query(skipped, { ...flow, choices: {} }), "skipped"]);
  for (const [i, lang] of ["en", "ko"].entries()) {
    for (const [name, href, want] of share(cases, 2, i)) {
      const what = `${lang} kernel, ${name}`;
      const page = await open(browser, { javaScriptEnabled: false, locale: locale[lang] });
      await page.goto(href);
      const state = await saysChecked(page, lang, what);
      // Results of another day's network are no results.
      check(state === want || (state === "changed" && want !== "unchecked"), `${what}: ${state}, want ${want}`);
      const flows = page.locator(".checked .flows");
      if (state === "agrees" || state === "differs" || state === "others") {
        check(!(await flows.locator("li").first().isVisible()), `${what}: the packets are folded`);
        await flows.locator("summary").click();
        check(await flows.locator("li").first().isVisible(), `${what}: the packets open`);
        check((await flows.locator("li").count()) === network.flows.length, `${what}: every packet is listed`);
        const own = await flows.locator("a[aria-current]").count();
        check(own === (state === "others" ? 0 : 1), `${what}: ${own} packets are the page's own`);
        for (const link of (await flows.locator("a").all()).slice(0, 3)) {
          const to = new URL(await link.getAttribute("href"), home).href;
          const other = await open(browser, { javaScriptEnabled: false, locale: locale[lang] });
          check((await other.goto(to)).status() === 200, `${what}: ${to}`);
          await other.locator(".checked .flows summary").click();
          const marked = await other.locator(".checked .flows a[aria-current]").getAttribute("href");
          check(new URL(marked, home).href === to, `${what}: ${to} marks ${marked}`);
          await other.context().close();
        }
      } else check((await flows.count()) === 0, `${what}: no list`);
      await page.context().close();
      {
        const [theme, viewport] = lang === "ko" ? ["light", narrow] : ["dark", wide];
        const page = await open(browser, { viewport, reducedMotion: "reduce" });
        await page.goto(`${href}&lang=${lang}&theme=${theme}`);
        await page.evaluate(() => {
          for (const d of document.querySelectorAll(".checked details")) d.open = true;
        });
        await axe(page, `${what} ${theme} ${viewport.width}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(over <= 0, `${what} ${viewport.width}: ${over} pixels too wide`);
        for (const p of page.problems) check(false, `${what}: ${p}`);
        await page.context().close();
      }
    }
  }
}

// The form: a change swaps the work area, pushes the address, and the player goes on with the new trace.
{
  const page = await open(browser, { reducedMotion: "reduce" });
  await page.goto(address({ step: "", lang: "en" }));
  const before = await page.locator(".st").count();
  await page.evaluate(() => {
    window.stillHere = true;
  });
  await page.selectOption("#f-to", "internet");
  await page.waitForFunction(() => location.search.includes("to=internet"));
  await page.waitForFunction((n) => document.querySelectorAll(".st").length !== n, before);
  check(await page.evaluate(() => window.stillHere === true), "form: no full reload");
  check((await page.title()).includes("Internet"), `form: the title follows: ${await page.title()}`);
  await agree(page, 0, "form");
  await saysChecked(page, "en", "form");
  await page.keyboard.press("Escape");
  await page.locator("#b-next").click();
  await agree(page, 1, "form, then next");
  await page.goBack();
  await page.waitForFunction((n) => document.querySelectorAll(".st").length === n, before);
  check(!page.url().includes("to=internet"), "form: back leads to the trace before");

  // A bad choice: the message stands beside the field.
  await page.goto(address({ step: "", lang: "en" }));
  await page.fill("#f-dport", "99999");
  await page.locator("#f-dport").press("Tab");
  await page.waitForSelector("#dport-error");
  check((await page.getAttribute("#f-dport", "aria-invalid")) === "true", "bad port: aria-invalid");
  check((await page.getAttribute("#f-dport", "aria-describedby")) === "dport-error", "bad port: aria-describedby");
  await axe(page, "bad port");
  await page.fill("#f-dport", "8080");
  await page.locator("#f-dport").press("Tab");
  await page.waitForSelector("#dg .st.is-cur");
  check((await page.locator("#dport-error").count()) === 0, "good port again: no message");

  // An address is typed: the field appears when it is asked for.
  await page.selectOption("#f-to", "");
  check(await page.locator('input[name="to-address"]').isVisible(), "address: the field shows");
  check(
    await page.locator('input[name="to-address"]').evaluate((e) => e === document.activeElement),
    "address: it has the focus",
  );
  for (const p of page.problems) check(false, `form: ${p}`);
  await page.context().close();
}

// Theme: the switch works in place and is kept.
{
  const page = await open(browser, { colorScheme: "light" });
  await page.goto(address({ step: "" }));
  await page.click(".to-dark");
  check((await page.getAttribute("html", "data-theme")) === "dark", "theme: dark at once");
  // The page's process hands the cookie to the network's by a way of its own: a reload in the same instant can overtake it.
  const until = Date.now() + 5000;
  const kept = async () => (await page.context().cookies()).some((c) => c.name === "theme" && c.value === "dark");
  while (!(await kept()) && Date.now() < until) await page.waitForTimeout(20);
  check(await kept(), "theme: the cookie keeps it");
  await page.reload();
  check((await page.getAttribute("html", "data-theme")) === "dark", "theme: dark after a reload");
  await page.context().close();
}

// Narrow: the camera follows the packet; nothing scrolls sideways.
{
  const page = await open(browser, { viewport: { width: 390, height: 844 }, reducedMotion: "reduce", hasTouch: true });
  await page.goto(address({ step: "" }));
  const first = await page.getAttribute("#dg", "viewBox");
  await page.keyboard.press("End");
  const last = await page.getAttribute("#dg", "viewBox");
  check(first.split(" ")[2] === "408.0", `narrow: camera ${first}`);
  for (let i = 0; i < 12; i++) await page.keyboard.press("ArrowLeft");
  check((await page.getAttribute("#dg", "viewBox")) !== last, "narrow: the camera follows");
  await page.keyboard.press("f");
  check((await page.getAttribute("#dg", "viewBox")).startsWith("0.0 0.0 840.0"), "narrow: F shows the whole map");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wide <= 0, `narrow: ${wide} pixels too wide`);
  await page.context().close();
}

await browser.close();
finish();
