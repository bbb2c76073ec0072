// Services in a real browser: endpoints that are picked and shared, Services without endpoints, lines that lead to what
// they follow from, chains with jumps to follow, load balancers, and the questions. Prints what failed; exits 1 then.
//
//	node e2e/services.mjs URL [part of a group's name]

import { ask, check, finish, group, launch, narrow, run, share, shownDetail, tabTo, unfold, wide } from "./browser.mjs";
import { escaped, locale, pattern, say, words } from "./words.mjs";

const base = process.argv[2];
const origin = new URL(base).origin;
const preset = new URL((await fetch(new URL("/trace", base))).url).searchParams.get("preset");
const browser = await launch();

// --- pages ------------------------------------------------------------------------------------------------------------

/** The address of a flow. */
function trace(from, to, more = {}) {
  const url = new URL(`${origin}/trace`);
  for (const [k, v] of Object.entries({ preset, from, to, proto: "tcp", ...more })) url.searchParams.append(k, v);
  return url.href;
}

const search = (page) => decodeURIComponent(new URL(page.url()).search).replaceAll("+", " ");

/**
 * becomes waits for a page to say something, which swaps may do late. It asks from outside: waitForFunction asks once
 * more at the page's next frame, and a page without script has none, so that a click's navigation made it wait for ever.
 */
async function becomes(page, what, condition, arg) {
  const until = Date.now() + 8000;
  for (;;) {
    const is = await page.evaluate(condition, arg).catch((e) => {
      if (!/context was destroyed|navigation/i.test(e.message)) throw e; // the page that was asked is gone
    });
    if (is) return check(true, what);
    if (Date.now() > until) return check(false, `${what}: never came, at ${search(page)}`);
    await page.waitForTimeout(50);
  }
}

/** Waits until one station is shown, the same in the diagram, the list and the panel. */
function isAt(page, station, what) {
  return becomes(
    page,
    what,
    (n) =>
      ["#dg .st.is-cur", ".hop[aria-current]", ".detail:not([hidden])"].every(
        (q) => Number(document.querySelector(q)?.dataset.i ?? -1) === n,
      ),
    station,
  );
}

/** What a page says about which endpoint the packet goes to, place by place. */
function endpoint(station) {
  const one = (q, root = document) => root.querySelector(q)?.textContent.trim() ?? "";
  const st = document.querySelector(`#dg .st[href*="step=${station}"]`);
  const held = document.createElement("template"); // a panel that was not shown yet
  held.innerHTML = document.querySelector(`noscript[data-i="${st?.dataset.i}"]`)?.textContent ?? "";
  const detail = held.content.firstElementChild ?? document.querySelector(`.detail[data-i="${st?.dataset.i}"]`);
  const last = [...document.querySelectorAll("#dg .lane.req .st")].at(-1);
  return {
    label: st ? one(".sub", st) : "",
    rule: detail ? one(".ev .is-match", detail) : "",
    link: detail ? one('.choice .opt a[aria-current="true"] .nm', detail) : "",
    links: detail ? detail.querySelectorAll(".choice .opt a[aria-current]").length : 0,
    select: document.querySelector('select[name^="choice.KUBE-SVC"]')?.selectedOptions[0]?.textContent.trim() ?? "",
    end: decodeURIComponent(last?.getAttribute("href") ?? ""),
    box: [...document.querySelectorAll("#dg .pod:not(.quiet)")].map((b) => one("text", b)),
    list: [...document.querySelectorAll("#hops .grp:not(.rep)")].at(-1)?.textContent ?? "",
  };
}

/** goesTo checks that every part of the page agrees on the endpoint, and that the address has the pick. */
async function goesTo(page, what, pod, address, station = "request/node-a/1/nat-PREROUTING") {
  await becomes(
    page,
    `${what}: the diagram shows ${address}`,
    ([s, a]) => document.querySelector(`#dg .st[href*="step=${s}"] .sub`)?.textContent === `DNAT → ${a}:8080`,
    [station, address],
  );
  const is = await page.evaluate(endpoint, station);
  check(is.label === `DNAT → ${address}:8080`, `${what}: label "${is.label}"`);
  check(is.rule.includes(`--to-destination ${address}:8080`), `${what}: rule "${is.rule}"`);
  check(
    is.link === `${pod} · ${address}:8080` && is.links === 1,
    `${what}: the panel marks "${is.link}" (${is.links})`,
  );
  check(is.select.startsWith(`${pod} · ${address}:8080`), `${what}: the select has "${is.select}"`);
  check(is.end.includes(`step=request/pod/default/${pod}/`), `${what}: it ends at ${is.end}`);
  check(is.end.includes("/deliver"), `${what}: it is delivered: ${is.end}`);
  check(is.box.includes(pod), `${what}: pods in the diagram: ${is.box}`);
  check(is.list.includes(pod), `${what}: the list ends in ${is.list}`);
}

const web = trace("pod/default/netshoot-1", "svc/default/web");
const picked = await ask(web);
const webChoice = picked.choices[0];
const option = (address) => webChoice.options.find((o) => o.label.startsWith(address));
const pick3 = `choice=${webChoice.id}=${option("192.168.3.91").value}`;
const prerouting = "request/node-a/1/nat-PREROUTING";
const select = `select[name="choice.${webChoice.id}"]`;

/** elsewhere opens an address as somebody else would: other language, other screen, without script. */
async function elsewhere(address, what) {
  const others = {
    "a phone in Korean": { viewport: narrow, locale: "ko-KR", hasTouch: true, colorScheme: "dark" },
    "a projector in English": { viewport: { width: 1920, height: 1080 } },
    "no script": { javaScriptEnabled: false, locale: "ko-KR" },
  };
  for (const [name, options] of Object.entries(others)) {
    await run(browser, `${what}, ${name}`, options, async (page) => {
      const answer = await page.goto(address);
      check(answer.status() === 200, `${what}, ${name}: status ${answer.status()}`);
      check(page.url() === address, `${what}, ${name}: the address stays as it is: ${page.url()}`);
      await goesTo(page, `${what}, ${name}`, "web-3", "192.168.3.91");
    });
  }
}

// --- a: pick an endpoint, share the link, open it elsewhere, see the same endpoint ------------------------------------

await group("pick and share", async () => {
  const ways = {
    "the form, by mouse": async (page) => {
      await page.selectOption(select, option("192.168.3.91").value);
    },
    "the form, by keyboard": async (page) => {
      await tabTo(page, select);
      await page.keyboard.press("ArrowDown");
      await page.waitForFunction((v) => decodeURIComponent(location.search).includes(v), option("192.168.2.91").value);
      await becomes(
        page,
        "the form, by keyboard: the focus stays in the field",
        (q) => document.activeElement?.matches(q),
        select,
      );
      await page.keyboard.press("ArrowDown");
    },
    "the panel, by mouse": async (page) => {
      await page.locator('.hop[data-i="3"]').click();
      await shownDetail(page).locator(".choice .opt a").filter({ hasText: "web-3" }).click();
    },
    "the panel, by keyboard": async (page) => {
      for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
      await tabTo(page, ".detail:not([hidden]) .choice .opt a", "web-3");
      await page.keyboard.press("Enter");
    },
  };
  for (const [what, act] of Object.entries(ways)) {
    const lang = what.includes("keyboard") ? "ko" : "en";
    let shared = "";
    const options = { locale: locale[lang], permissions: ["clipboard-read", "clipboard-write"] };
    await run(browser, what, options, async (page) => {
      await page.goto(web);
      check(!search(page).includes("choice="), `${what}: nothing is picked at first`);
      check((await page.locator(select).count()) === 1, `${what}: the form has the field`);
      const label = say(lang, "choice.statistic");
      check((await page.locator(select).getAttribute("id")) !== null, `${what}: the field can be labelled`);
      check((await page.getByLabel(label).count()) === 1, `${what}: the field is called "${label}"`);
      await act(page);
      await page.waitForFunction((v) => decodeURIComponent(location.search).includes(v), pick3);
      await goesTo(page, what, "web-3", "192.168.3.91");
      // A pick in the panel leaves the reader where it was made.
      if (what.includes("panel")) {
        check(search(page).includes(`step=${prerouting}`), `${what}: the address names the station: ${search(page)}`);
        await isAt(page, 3, `${what}: it stays at its station`);
      }
      await page.locator('.hop[data-i="5"]').click();
      await page.getByRole("button", { name: say(lang, "ui.copy-link") }).click();
      await page
        .getByRole("status")
        .filter({ hasText: say(lang, "ui.copied") })
        .waitFor();
      shared = await page.evaluate(() => navigator.clipboard.readText());
      check(shared === page.url(), `${what}: copied ${shared}, the address is ${page.url()}`);
      check(decodeURIComponent(shared).includes(pick3), `${what}: what was copied has the pick`);
    });
    if (what.startsWith("the form")) await elsewhere(shared, what);
    else
      await run(browser, `${what}, shared`, { locale: "ko-KR" }, async (page) => {
        await page.goto(shared);
        await goesTo(page, `${what}, shared`, "web-3", "192.168.3.91");
        await isAt(page, 5, `${what}, shared: at the station that was shared`);
      });
  }

  // Without script, the link in the panel is a link.
  await run(browser, "pick without script", { javaScriptEnabled: false }, async (page) => {
    await page.goto(`${web}&step=${prerouting}`);
    await page.locator(".detail:visible .choice .opt a").filter({ hasText: "web-3" }).click();
    check(search(page).includes(pick3), "pick without script: the address has the pick");
    await goesTo(page, "pick without script", "web-3", "192.168.3.91");
    await isAt(page, 3, `pick without script: it stays at its station`);
    await page.selectOption(select, option("192.168.2.91").value);
    await page.getByRole("button", { name: say("en", "ui.trace"), exact: true }).click();
    await goesTo(page, "the form without script", "web-2", "192.168.2.91");
    check(!search(page).includes("choice.KUBE"), `the form without script: a plain address: ${search(page)}`);
  });

  // What becomes of a pick when something else changes.
  await run(browser, "a pick and other fields", {}, async (page) => {
    const what = "a pick and other fields";
    await page.goto(`${web}&${pick3}`);
    await page.evaluate(() => {
      window.stillHere = true;
    });
    await page.locator(".more > summary").click();
    await page.fill("#f-ttl", "9");
    await page.locator("#f-ttl").press("Tab");
    await page.waitForFunction(() => location.search.includes("ttl=9"));
    check(search(page).includes(pick3), `${what}: another TTL keeps it: ${search(page)}`);
    await goesTo(page, `${what}: TTL`, "web-3", "192.168.3.91");
    await page.selectOption("#f-from", "pod/default/netshoot-3");
    await page.waitForFunction(() => decodeURIComponent(location.search).includes("netshoot-3"));
    check(search(page).includes(pick3), `${what}: a source on another node keeps it: ${search(page)}`);
    await goesTo(page, `${what}: source`, "web-3", "192.168.3.91", "request/node-b/1/nat-PREROUTING");
    await page.selectOption("#f-to", "pod/default/web-2");
    await page.waitForFunction(() => decodeURIComponent(location.search).includes("to=pod/default/web-2"));
    await page.waitForFunction(() => !document.querySelector('select[name^="choice."]'));
    check(!search(page).includes("choice"), `${what}: a pod as destination drops it: ${search(page)}`);
    check((await page.getByRole("alert").count()) === 0, `${what}: and says nothing about it`);
    const rests = await page.locator(".rests li").allTextContents();
    const about = say("en", "code.assume-choice", { id: webChoice.id });
    check(!rests.includes(about), `${what}: nor among what the trace assumes`);
    check((await page.locator("#dg .st").count()) > 10, `${what}: there is a trace`);
    await page.goBack();
    await goesTo(page, `${what}: back`, "web-3", "192.168.3.91", "request/node-b/1/nat-PREROUTING");
    await page.selectOption(select, "");
    await page.waitForFunction(() => !location.search.includes("choice"));
    await goesTo(page, `${what}: the first one`, "web-1", "192.168.1.91", "request/node-b/1/nat-PREROUTING");
    check(await page.evaluate(() => window.stillHere === true), `${what}: all of it without a reload`);
  });
});

// --- b: a Service without endpoints -----------------------------------------------------------------------------------

await group("no endpoints", async () => {
  for (const lang of ["en", "ko"]) {
    const what = `no endpoints, ${lang}`;
    await run(browser, what, { locale: locale[lang] }, async (page) => {
      await page.goto(trace("pod/default/netshoot-1", "svc/default/web-empty"));
      check((await page.locator('select[name^="choice."]').count()) === 0, `${what}: there is nothing to pick`);
      const banner = page.locator("aside.outcome");
      const text = await banner.textContent();
      check(text.includes(say(lang, "ui.outcome-rejected")), `${what}: the banner says ${text}`);
      check(text.includes("icmp-port-unreachable"), `${what}: and with what: ${text}`);
      await banner.getByRole("link").click();
      const drops = page.locator("#dg .st.drop");
      check((await drops.count()) === 1, `${what}: one station is marked`);
      check((await drops.locator(".ttl").textContent()) === "FORWARD", `${what}: it is FORWARD`);
      check((await drops.locator(".oct").count()) === 1, `${what}: it is an octagon`);
      await isAt(page, 5, `${what}: the banner leads to it`);
      const detail = shownDetail(page);
      const rule = await detail.locator(".ev li.is-drop, .ev li.is-match").allTextContents();
      check(
        rule.some((r) => r.includes("has no endpoints") && r.includes("REJECT --reject-with icmp-port-unreachable")),
        `${what}: the rule: ${rule.join(" | ")}`,
      );
      const err = await detail.locator(".err").textContent();
      check(
        err.includes(say(lang, "ui.would")) && err.includes("has no endpoints"),
        `${what}: what would help: ${err}`,
      );
      // The answer: a lane of its own, drawn, to the client.
      check((await page.locator(".lanes .p").textContent()).includes(say(lang, "ui.icmp-error")), `${what}: its name`);
      await page.keyboard.press("End");
      const lane = page.locator("#dg .lane.rep:not(.is-off)");
      check((await lane.locator(".st:visible").count()) > 3, `${what}: its stations are drawn`);
      const drawn = await lane.locator(".seg-l.is-past").evaluateAll((l) => l.map((p) => p.getTotalLength()));
      check(drawn.length > 2 && drawn.every((d) => d > 1), `${what}: its line is drawn: ${drawn}`);
      const end = page.locator("#dg .st.is-cur");
      const href = decodeURIComponent(await end.getAttribute("href"));
      check(href.includes("step=icmp-error/pod/default/netshoot-1/"), `${what}: it ends at ${href}`);
      const inside = await end.evaluate((st) => {
        const box = [...document.querySelectorAll("#dg .pod")].find((b) => b.textContent.includes("netshoot-1"));
        const [a, b] = [
          st.querySelector("circle").getBoundingClientRect(),
          box.querySelector("rect").getBoundingClientRect(),
        ];
        return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom + 1;
      });
      check(inside, `${what}: its last station is in the client's box`);
      const title = await shownDetail(page).locator("h1").textContent();
      check(title === say(lang, "station.reply-deliver"), `${what}: it is received: ${title}`);
      check((await shownDetail(page).locator(".stack").textContent()).includes("ICMP"), `${what}: it is ICMP`);
    });
  }
});

// --- c: externalTrafficPolicy Local on a node without an endpoint ------------------------------------------------------

await group("no local endpoint", async () => {
  for (const lang of ["en", "ko"]) {
    const what = `no local endpoint, ${lang}`;
    await run(browser, what, { locale: locale[lang] }, async (page) => {
      const href = trace("internet", "node/node-c", { dport: "30081" });
      const { legs } = await ask(href);
      await page.goto(href);
      const banner = await page.locator("aside.outcome").textContent();
      check(banner.includes(say(lang, "ui.outcome-dropped")), `${what}: the banner says ${banner}`);
      check(banner.includes("node-c"), `${what}: and where: ${banner}`);
      await page.keyboard.press("End");
      const stop = page.locator("#dg .st.drop.is-cur");
      check((await stop.locator(".ttl").textContent()) === "INPUT", `${what}: it ends in INPUT`);
      const detail = shownDetail(page);
      const rule = await detail.locator(".ev li.is-drop, .ev li.is-match").allTextContents();
      check(
        rule.some((r) => r.includes("has no local endpoints") && r.includes("-j DROP")),
        `${what}: the rule: ${rule.join(" | ")}`,
      );
      const err = await detail.locator(".err").textContent();
      check(err.includes(say(lang, "ui.drop-reason")) && err.includes("NETFILTER_DROP"), `${what}: the reason: ${err}`);
      const dropped = legs[0].hops.at(-1).steps.findLast((s) => s.would);
      const would = say(lang, `code.${dropped.would.code}`, dropped.would.args);
      check(err.includes(say(lang, "ui.would")) && err.includes(would), `${what}: what would help: ${err}`);
      check(would.includes("has no local endpoints"), `${what}: it names the rule: ${would}`);
      check((await page.locator("#dg .lane.rep .st").count()) === 0, `${what}: nothing comes back`);
      check((await page.locator(".lanes .p").count()) === 0, `${what}: and the timeline has one rail`);
      check((await page.locator(".rail").count()) === 1, `${what}: one rail is drawn`);
    });
  }
});

// --- d: what a line follows from --------------------------------------------------------------------------------------

/** follow takes a line's link to its cause, in place. */
async function follow(page, what, line, kind, lang, keyboard, want) {
  await page.evaluate(() => {
    window.stillHere = true;
  });
  const why = shownDetail(page)
    .locator(".ev li")
    .filter({ hasText: line })
    .locator(".why")
    .filter({
      hasText: say(lang, `because.${kind}`),
    });
  check((await why.count()) === 1, `${what}: ${await why.count()} causes "${say(lang, `because.${kind}`)}"`);
  const cause = await why.locator("code").textContent();
  const link = why.locator("a[data-i]");
  const n = Number(await link.textContent());
  if (keyboard) {
    await link.focus();
    await page.keyboard.press("Enter");
  } else await link.click();
  await isAt(page, n - 1, `${what}: the link ${n} leads to its station`);
  check(await page.evaluate(() => window.stillHere === true), `${what}: no reload`);
  check(search(page).includes(`step=${want}`), `${what}: the address: ${search(page)}`);
  const rules = await shownDetail(page).locator(".ev > li > span").allTextContents();
  check(cause !== "" && rules.some((r) => r.includes(cause)), `${what}: "${cause}" is not at the station it led to`);
  const focus = await page.evaluate(() => {
    const e = document.activeElement;
    return e !== document.body && e.closest("[hidden]") === null && e.getClientRects().length > 0;
  });
  check(focus, `${what}: the focus is not lost`);
  return cause;
}

await group("causes", async () => {
  for (const lang of ["en", "ko"]) {
    await run(browser, `un-NAT, ${lang}`, { locale: locale[lang] }, async (page) => {
      const what = `un-NAT, ${lang}`;
      await page.goto(`${web}&${pick3}`);
      const back = page.locator('#dg .lane.rep .st[href*="mangle-POSTROUTING"]').last();
      const sub = await back.locator(".sub").textContent();
      check(sub === "un-NAT → 10.100.20.1:80", `${what}: the label "${sub}"`);
      await back.dispatchEvent("click", { button: 0 });
      const cause = await follow(page, what, "192.168.3.91", "mapping", lang, lang === "ko", prerouting);
      check(cause.includes("-j DNAT --to-destination 192.168.3.91:8080"), `${what}: the cause "${cause}"`);
    });
    // A masquerade is there because of a mark, and the mark because of a jump.
    await run(browser, `masquerade, ${lang}`, { locale: locale[lang] }, async (page) => {
      for (const [kind, rule] of [
        ["mark", "-A KUBE-MARK-MASQ -j MARK"],
        ["jump", "-j KUBE-MARK-MASQ"],
      ]) {
        const what = `masquerade, ${lang}, ${kind}`;
        await page.goto(
          `${trace("internet", "node/node-a", { dport: "30080" })}&step=request/node-a/1/nat-POSTROUTING`,
        );
        const cause = await follow(page, what, "-j MASQUERADE", kind, lang, lang === "en", prerouting);
        check(cause.includes(rule), `${what}: the cause "${cause}"`);
      }
    });
  }
});

// --- e: chains with jumps ---------------------------------------------------------------------------------------------

/** landed checks that the page shows the chain that its address names. */
async function landed(page, what, chain) {
  await page.waitForURL((u) => u.hash === `#nat-${chain}`);
  await becomes(page, `${what}: ${chain} is in sight`, () => {
    const box = document.querySelector(":target")?.getBoundingClientRect();
    return box && box.height > 20 && box.top >= -1 && box.top < innerHeight / 2;
  });
  const head = await page.locator(":target h3 > code").textContent();
  check(head === chain, `${what}: the chain is ${head}`);
}

await group("chains", async () => {
  const svc = webChoice.id;
  const sep = option("192.168.3.91").value;
  for (const [lang, viewport] of [
    ["en", wide],
    ["ko", narrow],
  ]) {
    const what = `chains, ${lang}`;
    await run(browser, what, { locale: locale[lang], viewport }, async (page) => {
      await page.goto(`${web}&${pick3}&step=${prerouting}`);
      const jump = shownDetail(page).locator("a.jump").filter({ hasText: svc });
      await jump.focus();
      await page.keyboard.press("Enter");
      await landed(page, what, svc);
      check(new URL(page.url()).pathname === "/node", `${what}: on the node's page`);
      check(search(page).includes("node=node-a"), `${what}: of that node: ${search(page)}`);
      check((await page.locator("h1").textContent()).startsWith("node-a"), `${what}: it says so`);
      const target = page.locator(":target");
      // The packet met the third rule; for the others it says which match failed.
      const lines = await target.locator(".ev > li").evaluateAll((l) =>
        l.map((li) => ({
          cls: li.className,
          hits: [...li.querySelectorAll("a.hit")].map((a) => a.textContent),
          text: li.textContent,
        })),
      );
      check(lines.length === 3, `${what}: ${lines.length} rules`);
      check(
        lines[2].cls.includes("is-match") && lines[2].hits.join() === "4",
        `${what}: the rule met is marked: ${JSON.stringify(lines[2])}`,
      );
      check(lines[2].text.includes(say(lang, "ui.verdict-match")), `${what}: it says so in words: ${lines[2].text}`);
      const missed = new RegExp(escaped(say(lang, "miss.statistic", { have: "@", want: "@" })).replaceAll("@", ".+"));
      for (const l of lines.slice(0, 2)) {
        check(l.cls.includes("is-tried") && l.hits.length === 0, `${what}: a rule passed over is marked: ${l.cls}`);
        check(missed.test(l.text), `${what}: and says what failed: ${l.text}`);
      }
      await target.locator("a.jump").filter({ hasText: sep }).click();
      await landed(page, `${what}, on`, sep);
      check((await page.locator(":target .is-match a.hit").count()) === 1, `${what}: the DNAT rule is marked`);
      const from = page.locator(":target .from");
      check((await from.textContent()).includes(say(lang, "ui.called-by")), `${what}: what jumps there`);
      await from.getByRole("link", { name: svc }).click();
      await landed(page, `${what}, back`, svc);
      await page.locator(":target a.hit").click();
      await page.waitForURL((u) => u.pathname === "/trace");
      await isAt(page, 3, `${what}: back in the trace, at the station`);
      await goesTo(page, `${what}, back in the trace`, "web-3", "192.168.3.91");
    });

    // On the trace page: rules passed over, folded, each with the match that failed.
    await run(browser, `passed over, ${lang}`, { locale: locale[lang], viewport }, async (page) => {
      const to = trace("pod/default/netshoot-1", "svc/default/web-sticky");
      await page.goto(`${to}&step=${prerouting}`);
      const { legs, stations } = await ask(to);
      const st = stations.find((s) => s.id === prerouting);
      const misses = legs[st.leg].hops[st.hop].steps
        .slice(st.first, st.last + 1)
        .flatMap((s) => (s.misses ?? []).map((m) => ({ ...m, table: s.table })));
      check(misses.length > 5, `passed over, ${lang}: ${misses.length} rules were passed over`);
      for (const s of await shownDetail(page).locator(".ev li.is-miss summary").all()) await s.click();
      const shown = shownDetail(page).locator(".ev li.is-miss .ev li");
      const texts = await shown.allTextContents();
      for (const m of misses) {
        const note = say(lang, `miss.${m.code}`, m.args.have ? m.args : { ...m.args, have: say(lang, "ui.nothing") });
        const line = texts.find((x) => x.includes(m.text));
        check(line?.includes(note), `passed over, ${lang}: "${m.text}" lacks "${note}": ${line}`);
      }
      check(await shown.last().isVisible(), `passed over, ${lang}: they can be seen`);
      // The same on the node's page.
      await shown.locator("a.jump").first().click();
      await page.waitForURL((u) => u.pathname === "/node");
      for (const m of misses) {
        const chain = m.text.split(" ")[1];
        const line = page
          .locator(`#${m.table}-${chain} .ev li.is-tried`)
          .filter({ hasText: m.text.slice(`-A ${chain} `.length) });
        const note = say(lang, `miss.${m.code}`, m.args.have ? m.args : { ...m.args, have: say(lang, "ui.nothing") });
        check(
          (await line.count()) === 1 && (await line.textContent()).includes(note),
          `node, ${lang}: "${m.text}" lacks "${note}"`,
        );
      }
    });
  }

  // Without a packet, and to another node with it.
  await run(browser, "node", {}, async (page) => {
    await page.goto(`${origin}/node?preset=${preset}`);
    check(
      (await page.locator("a.hit, .is-match, .is-tried").count()) === 0,
      "node: nothing is marked without a packet",
    );
    await page.goto(`${web.replace("/trace", "/node")}&${pick3}&node=node-b`);
    check((await page.locator("a.hit").count()) === 0, "node: the packet does not come by node-b");
    await page.getByLabel(say("en", "ui.node"), { exact: true }).selectOption("node-c");
    await page
      .locator(".sel")
      .getByRole("button", { name: say("en", "ui.show") })
      .click();
    await page.waitForURL((u) => u.searchParams.get("node") === "node-c");
    check(search(page).includes(pick3), `node: another node keeps the packet: ${search(page)}`);
    check((await page.locator("a.hit").count()) > 3, "node: it comes by node-c");
    for (const a of await page.locator("a.hit").evaluateAll((l) => l.map((x) => x.getAttribute("href"))))
      check(a.includes("step=") && a.includes("node-c"), `node: a mark leads to ${a}`);
    await page.locator(".head a").click();
    await page.waitForURL((u) => u.pathname === "/trace");
    await goesTo(page, "node, back", "web-3", "192.168.3.91");
  });
});

// --- f: questions -----------------------------------------------------------------------------------------------------

const questions = { controllers: 2, "client-address": 3, "no-endpoints": 3, ranges: 3, "source-check": 3, policy: 3 };

/** What a question's page is made of, as it is laid out. */
function layout() {
  const box = (e) => {
    const b = e.getBoundingClientRect();
    return { x: Math.round(b.left), y: Math.round(b.top), w: Math.round(b.width), h: Math.round(b.height) };
  };
  const lines = (e) => {
    // Only the title's own text: a tag and the place's name may wrap.
    const range = document.createRange();
    range.selectNodeContents([...e.childNodes].find((n) => n.nodeType === 3 && n.textContent.trim() !== ""));
    return new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size;
  };
  return [...document.querySelectorAll(".ways")].map((w) => ({
    heads: [...w.querySelectorAll(".wh .wc")].map(box),
    rows: [...w.querySelectorAll(".wr")].map((r) =>
      [...r.querySelectorAll(".wc")].map((c) => ({
        ...box(c),
        n: c.querySelector("u")?.textContent.trim() ?? "",
        title: [...(c.querySelector("b")?.childNodes ?? [])].find((n) => n.nodeType === 3)?.textContent.trim() ?? "",
        lines: c.querySelector("b") ? lines(c.querySelector("b")) : 0,
        over: c.scrollWidth - c.clientWidth,
        href: c.querySelector("a")?.getAttribute("href") ?? "",
        drop: c.classList.contains("drop"),
      })),
    ),
  }));
}

await group("questions", async () => {
  await run(browser, "questions", {}, async (page) => {
    for (const id of Object.keys(questions)) {
      await page.goto(`${origin}/questions`);
      const name = say("en", `question.${id}`);
      await page.getByRole("link", { name }).click();
      await page.waitForURL((u) => u.pathname === `/questions/${id}`);
      check((await page.getByRole("heading", { level: 1 }).textContent()) === name, `questions: ${id} has its title`);
    }
    await page
      .getByRole("navigation")
      .getByRole("link", { name: say("en", "ui.nav-questions") })
      .click();
    check(new URL(page.url()).pathname === "/questions", "questions: the menu leads back to all of them");
  });
  for (const [id, columns] of share(Object.entries(questions), 2)) {
    const what = `question ${id}`;
    let hrefs = [];
    for (const viewport of [wide, narrow]) {
      await run(browser, `${what} ${viewport.width}`, { viewport, locale: locale.ko }, async (page) => {
        const name = `${what} ${viewport.width}`;
        await page.goto(`${origin}/questions/${id}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(over <= 0, `${name}: ${over} pixels too wide`);
        const legs = await page.evaluate(layout);
        hrefs = legs.flatMap((l) => l.rows.flat()).filter((c) => c.href !== "");
        check(legs.length === 2, `${name}: ${legs.length} directions`);
        for (const l of legs) {
          check(l.heads.length === columns, `${name}: ${l.heads.length} columns`);
          for (const [i, r] of l.rows.entries()) {
            check(r.length === columns, `${name}, row ${i}: ${r.length} cells`);
            check(
              r.some((c) => c.href !== ""),
              `${name}, row ${i}: somebody comes by`,
            );
            for (const [k, c] of r.entries()) {
              check(
                c.y === r[0].y && c.h === r[0].h,
                `${name}, row ${i}: cell ${k} at ${c.y}+${c.h}, the first at ${r[0].y}+${r[0].h}`,
              );
              check(
                Math.abs(c.x - l.heads[k].x) <= 1,
                `${name}, row ${i}: cell ${k} at x ${c.x}, its column at ${l.heads[k].x}`,
              );
              check(c.over <= 0, `${name}, row ${i}: ${c.title} is ${c.over} pixels too wide`);
              if (/^[A-Z]+$/.test(c.title))
                check(c.lines === 1, `${name}, row ${i}: ${c.title} is broken into ${c.lines} lines`);
            }
            // A row is one stop: what is called like a hook is that hook in every column.
            const hooks = new Set(r.map((c) => c.title).filter((x) => /^[A-Z]{5,}$/.test(x)));
            check(hooks.size <= 1, `${name}, row ${i}: ${[...hooks]} in one row`);
          }
          for (let k = 0; k < columns; k++) {
            const order = l.rows.map((r) => r[k]).filter((c) => c.href !== "");
            for (let i = 1; i < order.length; i++)
              if (!order[i].drop)
                check(
                  Number(order[i].n) === Number(order[i - 1].n) + 1,
                  `${name}, column ${k}: ${order[i].n} after ${order[i - 1].n}`,
                );
          }
        }
      });
    }
    // Every station leads to its trace, at that station.
    await run(browser, what, { locale: locale.ko }, async (page) => {
      await page.goto(`${origin}/questions/${id}`);
      const some = share(hrefs, 4);
      const at = await page.evaluate(
        (all) =>
          Promise.all(
            all.map(async (href) => {
              const text = await (await fetch(href)).text();
              const doc = new DOMParser().parseFromString(text, "text/html");
              const hop = doc.querySelector(".hop[aria-current]");
              return {
                n: hop ? Number(hop.dataset.i) + 1 : 0,
                title: hop?.querySelector(".nm").textContent.trim() ?? "",
                drop: hop?.classList.contains("drop"),
              };
            }),
          ),
        some.map((h) => h.href),
      );
      check(hrefs.length > 20, `${what}: ${hrefs.length} stations`);
      for (const [i, h] of some.entries()) {
        check(h.drop ? at[i].drop : at[i].n === Number(h.n), `${what}: station ${h.n} leads to station ${at[i].n}`);
        check(at[i].title === h.title, `${what}: ${h.title} leads to ${at[i].title}`);
      }
      // The keyboard comes by every link.
      if (!share(Object.keys(questions), 4).includes(id)) return;
      const links = await page.locator("a[href], button:visible, .scroll").count();
      const seen = new Set();
      for (let i = 0; i < links + 4; i++) {
        await page.keyboard.press("Tab");
        const href = await page.evaluate(() => {
          const e = document.activeElement;
          if (!e.matches("main a, main .scroll")) return "";
          const b = e.getBoundingClientRect();
          const inSight = b.bottom > 0 && b.top < innerHeight && getComputedStyle(e).outlineStyle !== "none";
          return inSight ? (e.getAttribute("href") ?? "table") : "";
        });
        if (href) seen.add(href);
      }
      for (const h of hrefs) check(seen.has(h.href), `${what}: Tab never comes to ${h.n} ${h.title}`);
      check(seen.has("table"), `${what}: nor to the table that may scroll`);
    });
    await run(browser, `${what} without script`, { javaScriptEnabled: false, locale: locale.ko }, async (page) => {
      await page.goto(`${origin}/questions/${id}`);
      check((await page.locator(".wr:visible").count()) > 10, `${what} without script: the rows are there`);
      const link = page.locator(".wr .wc a").nth(4);
      const title = (await link.locator("b").evaluate((b) => b.firstChild.textContent)).trim();
      await link.click();
      check(
        (await page.locator(".detail:visible h1").textContent()).trim() === title,
        `${what} without script: ${title}`,
      );
    });
  }
});

// --- g: load balancers ------------------------------------------------------------------------------------------------

await group("load balancers", async () => {
  const kinds = {
    "web-nlb-instance": {
      at: ["192.168.1.10:31080", "192.168.3.10:31080"],
      target: ["node-a", "node-c"],
      code: "lb-client-kept",
    },
    "web-nlb-ip": {
      at: ["192.168.1.91:8080", "192.168.3.91:8080"],
      target: ["web-1", "web-3"],
      code: "lb-client-hidden",
    },
  };
  for (const lang of ["en", "ko"]) {
    for (const [name, want] of Object.entries(kinds)) {
      const what = `${name}, ${lang}`;
      await run(browser, what, { locale: locale[lang] }, async (page) => {
        await page.goto(trace("internet", `lb/default/${name}`));
        await page.evaluate(() => {
          window.stillHere = true;
        });
        const station = page.locator(`#dg .st[href*="step=request/nlb-default-${name}"]`);
        const inBox = await station.evaluate((st, n) => {
          const box = [...document.querySelectorAll("#dg .dev")].find((b) => b.textContent.includes(`default/${n}`));
          if (!box?.textContent.includes("NLB")) return false;
          const [a, b] = [
            st.querySelector("circle").getBoundingClientRect(),
            box.querySelector("rect").getBoundingClientRect(),
          ];
          return a.left + a.width / 2 >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
        }, name);
        check(inBox, `${what}: the station is in the load balancer's box`);
        const label = await station.locator(".ttl").textContent();
        check(label === say(lang, "station.fabric-nlb"), `${what}: it is called ${label}`);
        // DNS address, and with it the zone and the target.
        const dns = page.getByLabel(say(lang, "choice.dns"), { exact: true });
        check((await dns.locator("option").count()) === 3, `${what}: three addresses`);
        for (const i of [0, 1]) {
          if (i === 1) {
            const zone = (await dns.locator("option").allTextContents()).findIndex((o) =>
              o.includes("ap-northeast-2c"),
            );
            await dns.selectOption({ index: zone });
            await page.waitForFunction(
              (n) =>
                decodeURIComponent(location.search)
                  .replaceAll("+", " ")
                  .includes(`choice=dns lb/default/${n}=ap-northeast-2c`),
              name,
            );
            await becomes(page, `${what}: node-c gets it`, () =>
              [...document.querySelectorAll("#hops .grp")].some((g) => g.textContent === "node-c"),
            );
          }
          await page.locator(`.hop[href*="request/nlb-default-${name}"]`).click();
          const detail = shownDetail(page);
          const choice = detail.locator(".choice");
          check(
            (await choice.locator("h2").textContent()).includes(say(lang, "choice.flow-hash")),
            `${what}: the target is a choice`,
          );
          const target = await choice.locator('.opt a[aria-current="true"]').textContent();
          check(target.includes(want.target[i]) && target.includes(want.at[i]), `${what}: the target is ${target}`);
          check(
            (await choice.locator("p").textContent()) === say(lang, "choice-note.flow-hash"),
            `${what}: what the odds are`,
          );
          const ip = want.at[i].split(":")[0];
          check(
            (await detail.locator(".ev li.is-match").textContent()).includes(`→ ${ip}`),
            `${what}: it rewrites to ${ip}`,
          );
          const note = new RegExp(pattern(words[lang].get(`code.${want.code}`)).slice(1, -1));
          check(note.test(await detail.textContent()), `${what}: what it does about the client's address`);
        }
        check(await page.evaluate(() => window.stillHere === true), `${what}: without a reload`);
        if (name === "web-nlb-ip") {
          check(
            (await page.locator('select[name^="choice.KUBE"]').count()) === 0,
            `${what}: kube-proxy chooses nothing`,
          );
          check(!(await page.locator("#dg").textContent()).includes("DNAT"), `${what}: and rewrites nothing`);
        }
      });
    }
    // With cross-zone load balancing there are targets to pick, too.
    await run(browser, `load balancer's target, ${lang}`, { locale: locale[lang] }, async (page) => {
      const what = `load balancer's target, ${lang}`;
      await page.goto(trace("internet", "lb/default/web-nlb-instance", { set: "crosszone=true" }));
      const target = page.getByLabel(say(lang, "choice.flow-hash"), { exact: true });
      check((await target.locator("option").count()) === 3, `${what}: three targets`);
      await target.selectOption("node-c");
      const pick = "choice=nlb-default-web-nlb-instance=node-c";
      await page.waitForFunction((v) => decodeURIComponent(location.search).includes(v), pick);
      check(search(page).includes("set=crosszone=true"), `${what}: the option stays: ${search(page)}`);
      const shown = async (p, of) => {
        await becomes(p, `${of}: node-c gets it`, () =>
          [...document.querySelectorAll("#hops .grp")].some((g) => g.textContent === "node-c"),
        );
        await p.locator('.hop[href*="request/nlb-default-web-nlb-instance"]').click();
        const rule = await p.locator(".detail:visible .ev li.is-match").textContent();
        check(rule.includes("192.168.3.10"), `${of}: it rewrites to node-c: ${rule}`);
        const on = await p.locator('.detail:visible .choice .opt a[aria-current="true"]').textContent();
        check(on.includes("node-c"), `${of}: the panel marks ${on}`);
      };
      await shown(page, what);
      await run(browser, `${what}, elsewhere`, { javaScriptEnabled: false, viewport: narrow }, async (other) => {
        await other.goto(page.url());
        check(search(other).includes(pick), `${what}, elsewhere: the address`);
        await shown(other, `${what}, elsewhere`);
      });
      await shownDetail(page).locator(".choice .opt a").filter({ hasText: "node-b" }).click();
      await page.waitForFunction(() => decodeURIComponent(location.search).includes("nlb-instance=node-b"));
      await isAt(page, 3, `${what}: the panel's pick stays at its station`);
    });
    // A client that is its own target: the kernel takes the packet for forged.
    await run(browser, `load balancer hairpin, ${lang}`, { locale: locale[lang] }, async (page) => {
      const what = `load balancer hairpin, ${lang}`;
      await page.goto(trace("node/node-a", "192.168.1.201", { dport: "80" }));
      const banner = await page.locator("aside.outcome").textContent();
      check(banner.includes(say(lang, "ui.outcome-dropped")), `${what}: the banner says ${banner}`);
      check(banner.includes(say(lang, "code.martian-source", { src: "192.168.1.10" })), `${what}: and why: ${banner}`);
      await page.locator("aside.outcome a").click();
      check((await page.locator("#dg .st.drop.is-cur").count()) === 1, `${what}: the drop is shown`);
      const err = await shownDetail(page).locator(".err").textContent();
      check(err.includes("IP_LOCAL_SOURCE"), `${what}: the kernel's name for it: ${err}`);
      check((await page.locator("#dg .lane.rep .st").count()) === 0, `${what}: nothing comes back`);
    });
  }
});

// --- h: a pod through its own Service ---------------------------------------------------------------------------------

await group("hairpin", async () => {
  for (const lang of ["en", "ko"]) {
    const what = `hairpin, ${lang}`;
    await run(browser, what, { locale: locale[lang] }, async (page) => {
      await page.goto(trace("pod/default/web-1", "svc/default/web"));
      await page.selectOption(select, option("192.168.2.91").value);
      await goesTo(page, `${what}, first another`, "web-2", "192.168.2.91");
      await page.selectOption(select, "");
      await goesTo(page, what, "web-1", "192.168.1.91");
      check((await page.locator("aside.outcome").count()) === 0, `${what}: it arrives, there and back`);
      const hrefs = await page
        .locator("#dg .lane.req .st")
        .evaluateAll((l) => l.map((a) => decodeURIComponent(a.getAttribute("href"))));
      check(
        hrefs.at(-1).includes("step=request/pod/default/web-1/2/deliver"),
        `${what}: in the pod that it left: ${hrefs.at(-1)}`,
      );
      await page.locator('.hop[href*="request/node-a/1/nat-POSTROUTING"]').click();
      const match = await shownDetail(page).locator(".ev li.is-match").textContent();
      check(match.includes("-j MASQUERADE"), `${what}: the node puts its own address in: ${match}`);
      check(
        (await page.locator("#dg .st.is-cur .sub").textContent()).startsWith("SNAT → 192.168.1.10:"),
        `${what}: as the diagram says`,
      );
      const cause = await follow(page, what, "-j MASQUERADE", "jump", lang, false, prerouting);
      check(
        cause.includes("-s 192.168.1.91/32") && cause.includes("-j KUBE-MARK-MASQ"),
        `${what}: because the pod is its own endpoint: ${cause}`,
      );
      // Two stops of one pod do not lie on each other.
      const near = await page.evaluate(() => {
        const c = [...document.querySelectorAll("#dg .lane.req .st")].map((s) => [
          Number(s.dataset.x),
          Number(s.dataset.y),
        ]);
        return Math.min(...c.flatMap(([x, y], i) => c.slice(i + 1).map(([u, v]) => Math.hypot(x - u, y - v))));
      });
      check(near >= 15, `${what}: stations ${near.toFixed(1)} units apart`);
    });
  }
});

// --- three nodes in one leg: nothing is cut or lies on something else ----------------------------------------------------

await group("room", async () => {
  const href = trace("pod/default/netshoot-4", "192.168.1.201", { dport: "80" });
  const { choices } = await ask(href);
  const kube = choices.find((c) => c.kind === "statistic");
  const to = kube.options.find((o) => o.label.startsWith("192.168.2.91")).value;
  for (const width of [1920, 1440, 1000, 390])
    for (const lang of ["en", "ko"]) {
      const what = `room, ${lang} ${width}`;
      await run(browser, what, { viewport: { width, height: 900 }, locale: locale[lang] }, async (page) => {
        await page.goto(`${href}&choice=${kube.id}=${to}`);
        const is = await page.evaluate(() => {
          const mid = (e) => {
            const b = e.getBoundingClientRect();
            return [b.left + b.width / 2, b.top + b.height / 2];
          };
          const rings = [...document.querySelectorAll(".dot .ring")].map(mid);
          const lines = (e) => {
            const range = document.createRange();
            range.selectNodeContents(e);
            return new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size;
          };
          return {
            stations: document.querySelectorAll("#dg .st").length,
            cut: [...document.querySelectorAll(".tl-head")]
              .filter((t) => t.getBoundingClientRect().width > t.ownerSVGElement.width.baseVal.value)
              .map((t) => t.textContent),
            shortened: [...document.querySelectorAll(".tl-head")]
              .map((t) => t.textContent)
              .filter((t) => t.includes("…")),
            near: Math.min(
              ...rings.flatMap(([x, y], i) => rings.slice(i + 1).map(([u, v]) => Math.hypot(x - u, y - v))),
            ),
            broken: [...document.querySelectorAll(".hop .nm")]
              .filter((n) => /^[A-Z]{5,}$/.test(n.textContent) && lines(n) > 1)
              .map((n) => n.textContent),
            over: document.documentElement.scrollWidth - innerWidth,
            // A label is a line of text at a station; what lies on it is another station's label or circle.
            labels: [...document.querySelectorAll("#dg .lane:not(.is-off) .st .ttl")].flatMap((t, i, all) => {
              const a = t.getBoundingClientRect();
              return all.slice(i + 1).flatMap((u) => {
                const b = u.getBoundingClientRect();
                const on = a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
                return on ? [`${t.textContent} on ${u.textContent}`] : [];
              });
            }),
          };
        });
        // The current station's label is in its tinted box.
        await page.locator('.hop[href*="request/nlb-"]').click();
        const out = await page.evaluate(() => {
          const [box, text] = [".tag", ".ttl"].map((q) => document.querySelector(`#dg .st.is-cur ${q}`).getBBox());
          return text.x + text.width - box.x - box.width;
        });
        check(out <= 0, `${what}: the label is ${out} units out of its box`);
        check(is.stations > 45, `${what}: ${is.stations} stations`);
        check(is.cut.length === 0, `${what}: the timeline cuts ${is.cut}`);
        check(is.shortened.length === 0, `${what}: the timeline shortens ${is.shortened}`);
        check(is.near >= 24, `${what}: dots of the timeline ${is.near} pixels apart`);
        check(is.broken.length === 0, `${what}: the list breaks ${is.broken}`);
        check(is.labels.length === 0, `${what}: labels: ${is.labels.slice(0, 3)}`);
        check(is.over <= 0, `${what}: ${is.over} pixels too wide`);
      });
    }
});

await group("words", async () => {
  await run(browser, "words", { locale: locale.ko }, async (page) => {
    // korean.mjs looks for words of the other language; these are the new parts' own.
    const expect = async (selector, keys) => {
      const have = (await page.locator(selector).allTextContents()).map((s) => s.trim());
      for (const k of keys)
        check(
          have.some((h) => h.includes(say("ko", k))),
          `words: ${selector} lacks ${k}: ${have.slice(0, 3)}`,
        );
    };
    await page.goto(`${web}&${pick3}&step=${prerouting}`);
    await unfold(page);
    await expect(".detail .choice h2", ["choice.statistic"]);
    await expect(".detail .choice p", ["choice-note.statistic"]);
    await expect(".pickf label", ["choice.statistic"]);
    await expect(".detail .why", ["because.mapping"]);
    await page.goto(`${web.replace("/trace", "/node")}&${pick3}&node=node-a`);
    await expect(".head p", ["ui.node-flow"]);
    await expect(".from", ["ui.called-by"]);
    await expect(".chainv .none", ["ui.no-rules"]);
    await page.goto(`${origin}/questions/client-address`);
    await expect(".sum th", ["ui.fact-outcome", "ui.fact-client", "ui.fact-rewrites", "question.client-address-local"]);
    await expect(".wh", ["ui.request", "ui.comes-back", "ui.silence", "question.client-address-cluster-note"]);
    await expect(".prose p", ["question.client-address-answer-1", "question.client-address-answer-3"]);
    await expect(".wr .pl", ["place.node-kind", "place.pod-kind", "place.external-kind"]);
  });
});

await browser.close();
finish();
