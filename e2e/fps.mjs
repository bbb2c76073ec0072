// How smoothly a trace plays on a machine that is six times slower, from the browser's own tracing; by hand, not a gate,
// for it measures whatever else the machine does too.
//
//	node e2e/fps.mjs URL [slowdown]

import { launch, open, wide } from "./browser.mjs";
import { traces } from "./pages.mjs";

const [base, slowdown = "6"] = process.argv.slice(2);
const browser = await launch();
const seconds = 10;

/** What the browser's tracing says about the page's main thread while the page played. */
async function recorded(session, begin) {
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const over = new Promise((done) => session.once("Tracing.tracingComplete", done));
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: {
      includedCategories: [
        "devtools.timeline",
        "disabled-by-default-devtools.timeline",
        "devtools.timeline.frame",
        "cc",
      ],
    },
  });
  await begin();
  await session.send("Tracing.end");
  await over;
  return events;
}

for (const [name, href] of Object.entries(traces(base))) {
  const page = await open(browser, { viewport: wide });
  await page.goto(href);
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: Number(slowdown) });
  let deltas = [];
  const events = await recorded(session, async () => {
    deltas = await page.evaluate(
      (ms) =>
        new Promise((done) => {
          document.querySelector("#b-play").click();
          const times = [];
          const tick = (now) => {
            times.push(now);
            if (now - times[0] < ms) requestAnimationFrame(tick);
            else done(times.slice(1).map((t, i) => t - times[i]));
          };
          requestAnimationFrame(tick);
        }),
      seconds * 1000,
    );
  });
  const spent = {};
  for (const e of events)
    if (
      e.ph === "X" &&
      e.tdur &&
      /^(FunctionCall|FireAnimationFrame|UpdateLayoutTree|Layout|PrePaint|Paint|Layerize|Commit)$/.test(e.name)
    )
      spent[e.name] = (spent[e.name] ?? 0) + e.tdur / 1000;
  const drawn = events.filter((e) => e.name === "DrawFrame").length;
  const dropped = events.filter((e) => e.name === "DroppedFrame").length;
  deltas.sort((a, b) => a - b);
  const at = (share) => deltas[Math.min(deltas.length - 1, Math.floor(deltas.length * share))].toFixed(1);
  const mean = deltas.reduce((a, b) => a + b, 0) / deltas.length;
  console.log(
    `${name}: ${(1000 / mean).toFixed(1)} fps of the page's own; ${drawn} drawn, ${dropped} dropped in ${seconds} s; ` +
      `frames ${at(0.5)} ms (half), ${at(0.95)} ms (95 %), ${at(0.99)} ms (99 %), ${at(1)} ms (longest)`,
  );
  const parts = Object.entries(spent).sort((a, b) => b[1] - a[1]);
  console.log(
    `  main thread, ms a frame: ${parts.map(([k, v]) => `${k} ${(v / deltas.length).toFixed(2)}`).join(", ")}`,
  );
  await page.context().close();
}
await browser.close();
