// What may stand in a reader's way, on every page there is: what axe finds, letters that are too faint on what is really
// behind them, controls that Tab does not reach or whose focus is not seen, and motion that the reader did not want.
//
//	node e2e/access.mjs URL [part of a group's name]

import {
  axe,
  check,
  finish,
  group,
  launch,
  narrow,
  run,
  share,
  shownDetail,
  tabTo,
  together,
  whole,
  wide,
} from "./browser.mjs";
import { lines } from "./finder.mjs";
import { lessons, pages, traces } from "./pages.mjs";
import { locale } from "./words.mjs";

const base = process.argv[2];
const browser = await launch();
const all = await pages(base);
const four = traces(base);

// --- contrast ----------------------------------------------------------------------------------------------------------

const required = 4.5;
const invisible = `*, *::placeholder { -webkit-text-fill-color: transparent !important; text-decoration-color: transparent !important;
  caret-color: transparent !important; transition: none !important } svg text, svg tspan { fill: transparent !important }`;

/** faint runs on an empty page: it compares the colours of text with a picture of the page without its text. */
async function faint({ png, texts, required }) {
  const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const parsed = new Map();
  const parse = (colour) => {
    if (!parsed.has(colour)) {
      const m = /^rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)$/.exec(colour);
      if (m) parsed.set(colour, [Number(m[1]), Number(m[2]), Number(m[3]), m[4] === undefined ? 1 : Number(m[4])]);
      else {
        probe.clearRect(0, 0, 1, 1);
        probe.fillStyle = colour;
        probe.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data;
        parsed.set(colour, [r, g, b, a / 255]);
      }
    }
    return parsed.get(colour);
  };
  const light = (c) => {
    const [r, g, b] = c.map((x) => (x / 255 <= 0.04045 ? x / 255 / 12.92 : ((x / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const out = [];
  for (const t of texts) {
    const x = Math.max(0, Math.floor(t.left));
    const y = Math.max(0, Math.floor(t.top));
    const w = Math.min(bitmap.width, Math.ceil(t.right)) - x;
    const h = Math.min(bitmap.height, Math.ceil(t.bottom)) - y;
    if (w < 1 || h < 1) continue;
    const { data } = context.getImageData(x, y, w, h);
    // Colours that are nearly the same are one, so that a gradient counts; those of a few pixels are an edge or a line.
    const colours = new Map();
    for (let i = 0; i < data.length; i += 4) {
      const key = ((data[i] >> 4) << 8) | ((data[i + 1] >> 4) << 4) | (data[i + 2] >> 4);
      const c = colours.get(key) ?? [0, 0, 0, 0];
      for (let k = 0; k < 3; k++) c[k] += data[i + k];
      c[3]++;
      colours.set(key, c);
    }
    const [r, g, b, a] = parse(t.colour);
    const alpha = a * t.opacity;
    let worst = 99;
    for (const [sr, sg, sb, n] of colours.values()) {
      if (n < w * h * 0.08) continue;
      const behind = [sr / n, sg / n, sb / n];
      const ink = [r, g, b].map((v, k) => v * alpha + behind[k] * (1 - alpha));
      const [p, q] = [light(ink), light(behind)].sort((m, n) => n - m);
      worst = Math.min(worst, (p + 0.05) / (q + 0.05));
    }
    if (worst < required) out.push(`${worst.toFixed(2)}:1 ${t.text}`);
  }
  return [...new Set(out)];
}

const blank = await (await browser.newContext()).newPage();

/** contrast measures every text that the page shows, which may scroll as far as it likes. */
async function contrast(page, what) {
  const texts = await lines(page);
  check(texts.length > 4, `${what}: ${texts.length} lines of text`);
  const hidden = await page.evaluateHandle((css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    document.adoptedStyleSheets = [sheet];
  }, invisible);
  await hidden.dispose();
  const png = (await page.screenshot({ animations: "disabled" })).toString("base64");
  await page.evaluate(() => {
    document.adoptedStyleSheets = [];
  });
  const bad = await blank.evaluate(faint, { png, texts, required });
  check(bad.length === 0, `${what}: ${bad.length} texts are too faint: ${bad.slice(0, 5).join("; ")}`);
}

/** unrolled makes a page as high as what is on it. */
async function unrolled(page, size) {
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: size.width, height: Math.max(size.height, Math.min(height, 9000)) });
}

// --- keyboard ------------------------------------------------------------------------------------------------------------

/** What Tab should come to, in order; each gets a number. */
function controls() {
  const out = [];
  const groups = new Set();
  for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")) {
    if (e.disabled || e.type === "hidden" || e.tabIndex < 0 || !e.checkVisibility({ visibilityProperty: true }))
      continue;
    let shown = true;
    for (let p = e; p instanceof SVGElement; p = p.parentElement) shown &&= getComputedStyle(p).display !== "none";
    if (!shown) continue;
    if (e.type === "radio") {
      const key = `${e.form?.id} ${e.name}`;
      const any = [...document.querySelectorAll(`input[type=radio][name="${e.name}"]`)].some((r) => r.checked);
      if (any ? !e.checked : groups.has(key)) continue;
      groups.add(key);
    }
    out.push(e);
  }
  const look = (e) => {
    const parts = [e, e.parentElement, ...[...e.querySelectorAll("*")].slice(0, 8)];
    return parts
      .map((p) => {
        const s = getComputedStyle(p);
        return [s.outlineStyle, s.outlineWidth, s.boxShadow, s.stroke, s.strokeWidth, s.borderColor, s.top].join();
      })
      .join("|");
  };
  window.controls = out;
  window.look = look;
  window.looks = out.map(look);
  return out.length;
}

/** Where the focus is now: the number of the control, and whether a reader sees that it is there. */
function focus() {
  const e = document.activeElement;
  if (!e || e === document.body) return { n: -1 };
  const n = window.controls.indexOf(e);
  const name = `${e.localName}${e.id ? `#${e.id}` : ""}.${e.getAttribute("class") ?? ""} ${e.textContent.trim().slice(0, 20)}`;
  const scrolls = e.scrollHeight > e.clientHeight || e.scrollWidth > e.clientWidth;
  const layer = (x) => (!x ? null : /fixed|sticky/.test(getComputedStyle(x).position) ? x : layer(x.parentElement));
  const rects = [...e.getClientRects()].filter((r) => r.width > 0);
  if (e.matches("label input")) rects.push(e.closest("label").getBoundingClientRect());
  const points = rects.flatMap((r) => {
    const [l, t] = [Math.max(0, r.left), Math.max(0, r.top)];
    const [right, b] = [Math.min(innerWidth, r.right), Math.min(innerHeight, r.bottom)];
    return l < right && t < b
      ? [
          [(l + right) / 2, (t + b) / 2],
          [l + 2, t + 2],
          [right - 2, b - 2],
        ]
      : [];
  });
  const open = points.some(([x, y]) => {
    const hit = document.elementFromPoint(x, y);
    return hit && (e.contains(hit) || hit.contains(e) || layer(hit) === layer(e));
  });
  return { n, name, scrolls, open, seen: n < 0 || window.look(e) !== window.looks[n] };
}

async function keyboard(page, what) {
  await page.evaluate(() => {
    document.activeElement?.blur();
    scrollTo(0, 0);
  });
  const count = await page.evaluate(controls);
  let last = -1;
  const wrong = [];
  for (let i = 0; i < count + 40; i++) {
    await page.keyboard.press("Tab");
    const f = await page.evaluate(focus);
    if (f.n === -1 && !f.name) break; // out of the page: no trap
    if (f.n === 0 && last === count - 1) break; // and in again
    if (f.n < 0) {
      if (!f.scrolls) wrong.push(`Tab comes to ${f.name}`);
      continue;
    }
    if (f.n !== last + 1) wrong.push(`Tab comes to ${f.name}, number ${f.n}, after ${last}`);
    last = f.n;
    if (!f.seen) wrong.push(`the focus does not show on ${f.name}`);
    if (!f.open) wrong.push(`${f.name} has the focus and is out of sight`);
  }
  if (last !== count - 1) wrong.push(`Tab ends at ${last + 1} of ${count}`);
  check(wrong.length === 0, `${what}: ${wrong.length} faults by keyboard: ${wrong.slice(0, 4).join("; ")}`);
}

// --- every page ----------------------------------------------------------------------------------------------------------

await group("pages", async () => {
  // Pages of one address differ in what they show, not in what there is to press.
  const first = new Map();
  for (const [name, href] of Object.entries(all)) {
    // Lessons are of one kind, and so are questions.
    const path = new URL(href).pathname;
    const kind = whole ? path : path.replace(/\/(lessons|questions)\/.*/, "/$1/one");
    const key = name.startsWith("no-") ? name : kind;
    if (!first.has(key)) first.set(key, name);
  }
  const pressed = new Set(first.values());
  const looks = [
    [wide, "light", "en"],
    [narrow, "dark", "ko"],
  ];
  const jobs = Object.entries(all).flatMap((p, i) =>
    (pressed.has(p[0]) ? share(looks, 2, i) : share(looks, 24, i)).map((l) => [...p, ...l]),
  );
  await together(jobs, async ([name, href, viewport, colorScheme, lang]) => {
    const what = `${name} ${viewport.width} ${colorScheme} ${lang}`;
    await run(browser, what, { viewport, colorScheme, locale: locale[lang] }, async (page) => {
      const answer = await page.goto(href);
      if (answer.status() >= 400) page.problems.length = 0; // the browser itself says so on the console
      const moving = await page.evaluate(() => document.getAnimations().length);
      check(moving === 0, `${what}: ${moving} parts move though the reader wants no motion`);
      if (pressed.has(name)) await keyboard(page, what);
      // axe looks at what is there, which every page of an address has alike on a phone; contrast in the dark is measured there.
      if (viewport === wide || pressed.has(name)) await axe(page, what);
      if (viewport === narrow || (await page.locator(".doc, .lone").count())) await unrolled(page, viewport);
      await contrast(page, what);
      if (viewport === wide && pressed.has(name)) {
        await page.emulateMedia({ colorScheme: "dark" });
        await contrast(page, `${name} ${viewport.width} dark ${lang}`);
      }
    });
  });
});

await group("measure", async () => {
  await run(browser, "measure", {}, async (page) => {
    const of = async (html) => {
      await page.setContent(`<!doctype html><body style="background: #fff; font: 20px sans-serif">${html}</body>`);
      const texts = await lines(page);
      await page.addStyleTag({ content: invisible });
      const png = (await page.screenshot()).toString("base64");
      return blank.evaluate(faint, { png, texts, required });
    };
    for (const [name, html, want] of [
      ["black on white", "<p>text</p>", ""],
      ["grey on white", `<p style="color: #999">text</p>`, "2.85:1"],
      ["half transparent", `<p style="opacity: .5">text</p>`, "3.9"],
      ["on a dark rect", `<svg><rect width="90" height="30" fill="#222"/><text y="20" x="5">text</text></svg>`, "1.3"],
      ["a placeholder", `<input placeholder="text" style="background: #777">`, "1."],
    ]) {
      const found = await of(html);
      check(want ? found.length === 1 && found[0].includes(want) : found.length === 0, `measure: ${name}: ${found}`);
    }
  });
});

// --- keys that do something ----------------------------------------------------------------------------------------------

await group("keys", async () => {
  await run(browser, "keys", {}, async (page) => {
    await page.goto(four.nodes);
    const index = () => shownDetail(page).getAttribute("data-i").then(Number);
    await page.keyboard.press("Tab");
    check(
      await page.locator(".skip").evaluate((e) => e === document.activeElement),
      "the first Tab comes to the skip link",
    );
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    check(
      await page.evaluate(() => document.activeElement.closest("#detail") !== null),
      "and the next into the detail",
    );

    await page.locator(".more > summary").focus();
    await page.keyboard.press("Enter");
    check((await page.locator(".more[open]").count()) === 1, "Enter unfolds");
    await page.keyboard.press("Space");
    check((await page.locator(".more[open]").count()) === 0, "Space folds");
    check((await index()) === 0, "and does not play");

    await tabTo(page, '.hop[data-i="3"]');
    await page.keyboard.press("Enter");
    check((await index()) === 3, "Enter in the list goes to a step");
    check(await page.evaluate(() => document.activeElement.matches('.hop[data-i="3"]')), "and the focus stays there");
    await page.locator('#dg .st[tabindex="0"]').focus();
    await page.keyboard.press("ArrowRight");
    check((await index()) === 4, "an arrow goes on");
    await page.keyboard.press("Escape");
    check((await index()) === 4, "Escape leaves the step");
    check(await page.evaluate(() => document.activeElement.matches(".st.is-cur")), "and the focus");

    const playing = () => page.locator("#b-play.is-playing").count();
    await page.locator("#b-play").focus();
    await page.keyboard.press("Enter");
    check((await playing()) === 1, "Enter plays");
    await page.keyboard.press("Space");
    check((await playing()) === 0, "Space pauses");
    await page.locator('[data-speed="2"]').focus();
    await page.keyboard.press("Space");
    check((await page.getAttribute('[data-speed="2"]', "aria-pressed")) === "true", "Space sets the speed");
    check((await playing()) === 0, "and does not play");
    await page.locator("#b-prev").focus();
    const before = await index();
    await page.keyboard.press("Enter");
    check((await index()) === before - 1, "Enter on a button goes back");

    await page.locator(".to-dark").focus();
    await page.keyboard.press("Enter");
    check((await page.getAttribute("html", "data-theme")) === "dark", "Enter changes the theme");
    check(await page.evaluate(() => document.activeElement.matches(".to-light")), "and the focus is on the way back");

    await page.locator('input[name="proto"]:checked').focus();
    await page.keyboard.press("ArrowRight");
    await page.waitForURL((u) => u.searchParams.get("proto") === "udp");
    check(true, "an arrow chooses the protocol");
  });
  const [lesson] = (await lessons(base)).filter((l) => l.id === "same-node");
  await run(browser, "keys in a lesson", {}, async (page) => {
    await page.goto(`${base}/lessons/${lesson.id}?step=route&lang=en`);
    await tabTo(page, ".lstep:not([hidden]) .opt");
    await page.keyboard.press("Enter");
    check(await page.locator(".lstep:not([hidden]) .then").isVisible(), "Enter answers");
    await tabTo(page, "#b-next");
    await page.keyboard.press("Enter");
    await page.waitForURL((u) => u.searchParams.get("step") !== "route");
    check((await page.locator(".lstep:not([hidden])").count()) === 1, "Enter goes on");
  });
});

// --- motion --------------------------------------------------------------------------------------------------------------

await group("motion", async () => {
  const state = () => {
    const stop = document.querySelector(".st.is-cur");
    const want = `translate(${Number(stop.dataset.x).toFixed(2)} ${Number(stop.dataset.y).toFixed(2)})`;
    return {
      there:
        document.querySelector("#pk").getAttribute("transform") === want &&
        document.querySelector(".cel.over").getAnimations().length === 0,
      moving: document.getAnimations().map((a) => a.animationName ?? a.transitionProperty),
      box: document.querySelector("#dg").getAttribute("viewBox"),
      pans: document.querySelector(".sheet").getAnimations().length > 0,
    };
  };
  for (const viewport of [wide, narrow])
    for (const reducedMotion of ["reduce", "no-preference"]) {
      const what = `${reducedMotion} ${viewport.width}`;
      const still = reducedMotion === "reduce";
      await run(browser, what, { viewport, reducedMotion }, async (page) => {
        for (const href of [four.nodes, `${base}/lessons/same-node`]) {
          await page.goto(href);
          const count = href === four.nodes ? 8 : 3;
          let tweened = 0;
          let panned = 0;
          for (let i = 0; i < count; i++) {
            await page.keyboard.press("ArrowRight");
            const s = await page.evaluate(state);
            if (!s.there) tweened++;
            if (s.pans) panned++;
            if (!still) continue;
            check(s.there, `${what}: step ${i + 2}: the packet is there at once`);
            check(s.moving.length === 0, `${what}: step ${i + 2}: ${s.moving} move`);
            const later = await page.evaluate(
              () => new Promise((r) => setTimeout(() => r(document.querySelector("#dg").getAttribute("viewBox")), 60)),
            );
            check(later === s.box, `${what}: step ${i + 2}: the camera moves`);
          }
          // Who wants motion gets it: without this the checks above would hold on a page that never moves.
          if (!still && href === four.nodes) {
            check(tweened > 2, `${what}: the packet runs along its line (${tweened})`);
            check(panned > 0 === (viewport === narrow), `${what}: the camera follows on a narrow screen (${panned})`);
            check((await page.evaluate(state)).moving.includes("breathe"), `${what}: the packet's halo breathes`);
          }
        }
        if (still) {
          await page.goto(four.nodes);
          await page.locator("#b-play").click();
          await page.locator('.detail[data-i="2"]:not([hidden])').waitFor();
          check((await page.evaluate(state)).there, `${what}: play works without motion`);
        }
      });
    }
});

await browser.close();
finish();
