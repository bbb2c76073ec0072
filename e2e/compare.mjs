// The compare page in a real browser: its columns and rows against the traces that they come from, what the form makes of
// them, and what a shared address shows elsewhere. Prints what failed; exits 1 then.
//
//	node e2e/compare.mjs URL [part of a group's name]

import { ask, check, finish, group, launch, narrow, run, shownDetail, tabTo, wide } from "./browser.mjs";
import { locale, pattern, say, words } from "./words.mjs";

const origin = new URL(process.argv[2]).origin;
const browser = await launch();

// --- pages ------------------------------------------------------------------------------------------------------------

/** The address of a comparison on the study's cluster. */
function comparison(variations, { path = "/compare", ...more } = {}) {
  const url = new URL(origin + path);
  const question = { preset: "eks-study", from: "pod/default/netshoot-1", to: "pod/default/netshoot-3", proto: "tcp" };
  for (const [k, v] of Object.entries({ ...question, ...more })) url.searchParams.append(k, v);
  for (const w of variations) url.searchParams.append("with", w);
  return url.href;
}

const tunnels = comparison(["cni=calico-vxlan", "cni=calico-ipip"]);
const ingress = comparison(["to=lb/default/web-nlb-ip"], { from: "internet", to: "lb/default/web-nlb-instance" });

/** What a page shows, as a reader finds it: columns, figures, and row by row where each column's packet is. */
function shown() {
  const text = (e) => e?.textContent.trim().replace(/\s+/g, " ") ?? "";
  const box = (e) => {
    const { x, y, width, height } = e.getBoundingClientRect();
    return { x, y, width, height };
  };
  const cell = (c) => {
    const a = c.querySelector("a.tx");
    return {
      station: a ? new URL(a.href).searchParams.get("step") : "",
      href: a?.href ?? "",
      title: text(a?.querySelector("b")?.firstChild),
      number: text(c.querySelector(".ln u")),
      note: text(c.querySelector(".note")),
      gap: text(c.querySelector(".gap")),
      extra: c.classList.contains("x"),
      cased: [...c.classList].find((k) => /^cas/.test(k)) ?? "",
      time: text(c.querySelector(".lt > span")),
      ...box(c),
    };
  };
  return {
    lang: document.documentElement.lang,
    columns: [...document.querySelectorAll(".sum thead th")].map((th) => ({
      name: text(th.querySelector("a")),
      href: th.querySelector("a").href,
      remove: th.querySelector(".rm")?.href ?? "",
    })),
    figures: [...document.querySelectorAll(".sum tbody tr")].map((tr) => [...tr.querySelectorAll("td")].map(text)),
    legs: [...document.querySelectorAll("section.rows")].map((s) => ({
      reply: s.classList.contains("rep"),
      folds: [...s.querySelectorAll(".fold")].map((f) => Number(text(f).match(/\d+/)?.[0])),
      rows: [...s.querySelectorAll("li.crow")].map((r) => ({
        state: ["same", "differs", "extra", "missing"].find((k) => r.classList.contains(k)) ?? r.className,
        cells: [...r.querySelectorAll(".cc")].map(cell),
      })),
    })),
    clipped: [...document.querySelectorAll(".heads svg, .busy svg")]
      .map((part) => {
        const widest = Math.max(0, ...[...part.querySelectorAll("text")].map((t) => t.getBBox().width));
        return [text(part), widest, part.querySelector("rect").getBBox().width];
      })
      .filter(([label, is, room]) => label !== "" && is > room + 0.5)
      .map(([label, is, room]) => `${label}: ${is.toFixed(1)} in ${room.toFixed(1)}`),
    errors: [...document.querySelectorAll("[role=alert]")].map(text),
  };
}

/** Without what a language or a screen changes: which stations stand side by side. */
function essence(page) {
  return JSON.stringify({
    columns: page.columns.length,
    legs: page.legs.map((l) => l.rows.map((r) => [r.state, r.cells.map((c) => [c.station, c.extra, c.time])])),
    numbers: page.figures.map((row) => row.map((v) => v.match(/\d+/g))),
  });
}

// --- a: the columns are the traces -------------------------------------------------------------------------------------

await group("rows", async () => {
  for (const [name, href, columns] of [
    ["tunnels", tunnels, 3],
    ["load balancers", ingress, 2],
    ["a drop", comparison(["set=externalsnat=true"], { to: "internet" }), 2],
    [
      "premises",
      comparison(["cni=calico-vxlan"], { preset: "onprem-study", to: "pod/default/netshoot-4", cni: "calico-bgp" }),
      2,
    ],
  ])
    for (const lang of ["en", "ko"]) {
      const what = `${name} in ${lang}`;
      await run(browser, what, { locale: locale[lang], viewport: wide }, async (page) => {
        await page.goto(href);
        const is = await page.evaluate(shown);
        check(is.columns.length === columns, `${what}: ${is.columns.length} columns, want ${columns}`);
        check(is.clipped.length === 0, `${what}: labels wider than their parts: ${is.clipped.join("; ")}`);
        const rows = is.legs.flatMap((l) => l.rows);
        check(
          rows.every((r) => r.cells.length === columns && r.cells.some((c) => c.station !== "")),
          `${what}: each row has a cell a column, and at least one stop`,
        );
        check(
          rows.every((r) =>
            r.cells.every((c) => Math.abs(c.y - r.cells[0].y) < 1 && Math.abs(c.width - r.cells[0].width) < 1),
          ),
          `${what}: cells of a row stand side by side, all of one width`,
        );
        for (const r of rows) {
          const there = r.cells.map((c) => c.station !== "");
          const some = there[0] ? (there.every((x) => x) ? "same differs" : "missing") : "extra";
          check(some.split(" ").includes(r.state), `${what}: a row that is ${r.state} has ${there}`);
        }
        for (const [i, column] of is.columns.entries()) {
          const trace = await ask(column.href);
          const cells = rows.map((r) => r.cells[i]).filter((c) => c.station !== "");
          const want = trace.stations.map((s) => s.id);
          const have = cells.map((c) => c.station);
          check(
            have.join() === want.join(),
            `${what}, ${column.name}: stops ${have.length}, the trace has ${want.length}, in its order`,
          );
          const marked = cells.filter((c) => c.number === "✕").length;
          check(
            marked === trace.legs.filter((l) => l.outcome !== "delivered").length,
            `${what}, ${column.name}: ${marked} marked as its end`,
          );
          const none = rows.map((r) => r.cells[i]).filter((c) => c.station === "");
          const gaps = ["compare.missing", "ui.compare-not-reached"].map((k) => say(lang, k));
          check(
            none.every((c) => gaps.includes(c.gap)),
            `${what}, ${column.name}: what is not there is said: ${none.map((c) => c.gap)}`,
          );
        }
      });
    }
});

// --- b: what the tunnel adds is marked ---------------------------------------------------------------------------------

await group("marks", async () => {
  for (const lang of ["en", "ko"])
    await run(browser, `marks ${lang}`, { locale: locale[lang] }, async (page) => {
      await page.goto(tunnels);
      const { legs } = await page.evaluate(shown);
      for (const leg of legs) {
        const what = `marks ${lang}, ${leg.reply ? "reply" : "request"}`;
        for (const i of [1, 2]) {
          const extra = leg.rows
            .filter((r) => r.cells[0].station === "")
            .map((r) => r.cells[i])
            .filter((c) => c.station !== "");
          check(extra.length === 10, `${what}, column ${i}: ${extra.length} stops that the native way does not have`);
          check(
            extra.every((c) => c.extra && c.note !== ""),
            `${what}, column ${i}: each is marked and says what it adds`,
          );
          const bytes = extra.map((c) => c.note).filter((n) => /\d+ B$/.test(n));
          check(bytes.join() === (i === 1 ? "+50 B,−50 B" : "+20 B,−20 B"), `${what}, column ${i}: bytes ${bytes}`);
        }
        check(
          leg.rows.every((r) => !r.cells[0].extra),
          `${what}: the native way has nothing extra`,
        );
        const gap = say(lang, "compare.missing");
        check(
          leg.rows.every((r) => r.cells[0].station !== "" || r.cells[0].gap === gap),
          `${what}: the native column says "${gap}"`,
        );
      }
    });
});

// --- c: from a cell to its trace, from a trace to its comparison -------------------------------------------------------

await group("links", async () => {
  await run(browser, "a cell's link", {}, async (page) => {
    await page.goto(tunnels);
    const { legs } = await page.evaluate(shown);
    const encap = legs[0].rows.flatMap((r) => r.cells).find((c) => c.note === "+50 B");
    await page.goto(encap.href);
    const title = await shownDetail(page).locator("h1").textContent();
    check(title.trim() === encap.title, `a cell leads to "${title}", it is called "${encap.title}"`);
    check(
      new URL(page.url()).searchParams.get("cni") === "calico-vxlan",
      "a cell of a column leads to the column's plugin",
    );
  });
  await run(browser, "the page's link", {}, async (page) => {
    await page.goto(
      comparison([], { path: "/trace", to: "pod/default/netshoot-4", dport: "9090", set: "externalsnat=true" }),
    );
    await page.locator("header a", { hasText: say("en", "ui.nav-compare") }).click();
    await page.waitForURL((u) => u.pathname === "/compare");
    const q = new URL(page.url()).searchParams;
    check(
      q.get("to") === "pod/default/netshoot-4" && q.get("dport") === "9090" && q.get("set") === "externalsnat=true",
      `the question comes along: ${q}`,
    );
    check(
      q.getAll("with").join() === "cni=calico-vxlan,cni=calico-ipip",
      `beside the other networks: ${q.getAll("with")}`,
    );
  });
  await run(browser, "remove", {}, async (page) => {
    await page.goto(tunnels);
    await page
      .getByRole("link", { name: say("en", "ui.compare-remove", { name: say("en", "cni.calico-vxlan") }) })
      .click();
    await page.waitForURL((u) => u.searchParams.getAll("with").join() === "cni=calico-ipip");
    const { columns } = await page.evaluate(shown);
    check(
      columns.map((c) => c.name).join() === [say("en", "cni.aws-vpc-cni"), say("en", "cni.calico-ipip")].join(),
      `left: ${columns.map((c) => c.name)}`,
    );
  });
});

// --- d: only what differs ----------------------------------------------------------------------------------------------

await group("only", async () => {
  for (const javaScriptEnabled of [true, false])
    await run(browser, `only, script ${javaScriptEnabled}`, { javaScriptEnabled }, async (page) => {
      await page.goto(tunnels);
      const all = await page.locator("li.crow").evaluateAll((rows) => rows.map((r) => r.classList.contains("same")));
      await page.getByRole("link", { name: say("en", "ui.compare-only") }).click();
      await page.waitForURL((u) => u.searchParams.get("only") === "differences");
      const rest = await page.locator("li.crow").evaluateAll((rows) => rows.map((r) => r.classList.contains("same")));
      const folded = await page
        .locator(".fold")
        .evaluateAll((f) => f.map((x) => Number(x.textContent.match(/\d+/)[0])));
      check(all.includes(true) && !rest.includes(true), "only: no row that is the same");
      check(rest.length === all.filter((same) => !same).length, `only: ${rest.length} rows left`);
      check(
        folded.reduce((a, b) => a + b, 0) === all.filter((same) => same).length,
        `only: ${folded} counted as left out`,
      );
      await page.getByRole("link", { name: say("en", "ui.compare-all") }).click();
      await page.waitForURL((u) => !u.searchParams.has("only"));
      check((await page.locator("li.crow").count()) === all.length, "all stops are back");
    });
});

// --- e: the form -------------------------------------------------------------------------------------------------------

await group("form", async () => {
  const ways = {
    "by mouse": {},
    "without script": { javaScriptEnabled: false },
    "by keyboard": {},
  };
  for (const [way, options] of Object.entries(ways))
    await run(browser, `form ${way}`, options, async (page) => {
      await page.goto(tunnels);
      check(!(await page.locator(".ask form").isVisible()), `form ${way}: folded where there is a comparison`);
      const field = page.locator('input[name="with"]').last();
      if (way === "by keyboard") {
        await tabTo(page, ".ask summary");
        await page.keyboard.press("Enter");
        await tabTo(page, 'input[value="calico-ipip"]');
        await page.keyboard.press("Space");
        await tabTo(page, 'input[name="with"]');
        await page.keyboard.type(" set=networkpolicy=default-deny  cni=calico-vxlan");
        await page.keyboard.press("Enter");
      } else {
        await page.locator(".ask summary").click();
        await page.locator('input[value="calico-ipip"]').uncheck();
        await field.fill(" set=networkpolicy=default-deny  cni=calico-vxlan");
        await page.locator(".ask button[type=submit]").click();
      }
      const want = ["cni=calico-vxlan", "set=networkpolicy=default-deny cni=calico-vxlan"];
      await page.waitForURL((u) => u.searchParams.getAll("with").join("|") === want.join("|"));
      const q = [...new URL(page.url()).searchParams];
      check(
        q.every(([, v]) => v !== ""),
        `form ${way}: an address with empty fields: ${page.url()}`,
      );
      check(!q.some(([k]) => k === "cni"), `form ${way}: the cluster's own plugin is not named`);
      check((await page.locator(".sum thead th").count()) === 3, `form ${way}: three columns`);
      check(
        (await page.locator('input[name="with"]').first().inputValue()) === want[1],
        `form ${way}: the change stands in the form again`,
      );
    });
  for (const lang of ["en", "ko"])
    for (const [bad, key, args] of [
      ["colour=red", "field.bad-with", { value: "colour=red" }],
      ["cni=flannel", "field.bad-option", { key: "cni", value: "flannel" }],
      ["to=pod/default/nobody", "field.unknown-place", { value: "pod/default/nobody" }],
    ])
      await run(browser, `${bad} in ${lang}`, { locale: locale[lang] }, async (page) => {
        const answer = await page.goto(comparison([bad]));
        const { errors } = await page.evaluate(shown);
        const what = `${bad} in ${lang}`;
        check(answer.status() === 422, `${what}: status ${answer.status()}`);
        const sentence = new RegExp(pattern(words[lang].get(key)).slice(1));
        check(errors.length === 1 && sentence.test(errors[0]), `${what}: says ${errors}`);
        for (const v of Object.values(args)) check(errors.join().includes(v), `${what}: names ${v}: ${errors}`);
        check(!/\b(cni|option|field)\.\w/.test(errors.join()), `${what}: a key in a sentence: ${errors}`);
        check(await page.locator(".ask form").isVisible(), `${what}: the form is open`);
      });
});

// --- f: an address elsewhere -------------------------------------------------------------------------------------------

await group("shared", async () => {
  for (const [name, href] of Object.entries({ tunnels, ingress })) {
    let first = "";
    for (const [where, options] of Object.entries({
      "a laptop": { viewport: wide, locale: locale.en },
      "a phone in Korean": { viewport: narrow, locale: locale.ko, hasTouch: true, colorScheme: "dark" },
      "a browser without script": { javaScriptEnabled: false, locale: locale.ko },
    }))
      await run(browser, `${name} shared, ${where}`, options, async (page) => {
        await page.goto(href);
        const is = await page.evaluate(shown);
        check(is.lang === options.locale.slice(0, 2), `${name}, ${where}: in ${is.lang}`);
        if (first === "") first = essence(is);
        check(essence(is) === first, `${name}, ${where}: shows something else`);
        check(
          decodeURIComponent(page.url()) === decodeURIComponent(href),
          `${name}, ${where}: the address became ${page.url()}`,
        );
      });
  }
});

await browser.close();
finish();
