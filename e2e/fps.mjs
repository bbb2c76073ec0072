// How smoothly a trace plays on a machine that is six times slower, from the browser's own tracing; by hand, not a gate,
// for it measures whatever else the machine does too. What moves is moved by the compositor, so what counts is the frames
// that it put on the screen; how long the page's own thread was busy at a change of station is told beside it.
//
//	node e2e/fps.mjs URL [slowdown]

import { launch, narrow, open, wide } from "./browser.mjs";
import { traces } from "./pages.mjs";

const [base, slowdown = "6"] = process.argv.slice(2);
const browser = await launch();
const seconds = 10;

/** What the browser's tracing says while the page plays. */
async function recorded(session, begin) {
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const over = new Promise((done) => session.once("Tracing.tracingComplete", done));
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories: ["cc", "benchmark", "disabled-by-default-devtools.timeline.frame", "toplevel"] },
  });
  await begin();
  await session.send("Tracing.end");
  await over;
  return events;
}

/** Of the frames in which something moved: how many the compositor put on the screen, and how many it had to leave out. */
function frames(events) {
  const moving = events
    .filter((e) => e.name === "PipelineReporter" && e.ph === "b" && e.args.frame_reporter?.has_compositor_animation)
    .map((e) => e.args.frame_reporter);
  const of = (state) => new Set(moving.filter((r) => r.state.startsWith(state)).map((r) => r.frame_sequence));
  const shown = of("STATE_PRESENTED"); // one frame may be reported twice: what the compositor had, and then what the page had
  return { shown: shown.size, dropped: [...of("STATE_DROPPED")].filter((n) => !shown.has(n)).length };
}

for (const viewport of [wide, narrow])
  for (const [name, href] of Object.entries(traces(base))) {
    const page = await open(browser, { viewport });
    await page.goto(href);
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setCPUThrottlingRate", { rate: Number(slowdown) });
    let steps = 0;
    const events = await recorded(session, async () => {
      const at = () => page.evaluate(() => Number(document.querySelector(".detail:not([hidden])").dataset.i));
      const first = await at();
      await page.locator("#b-play").click();
      await page.waitForTimeout(seconds * 1000);
      steps = (await at()) - first;
    });
    const { shown, dropped } = frames(events);
    const tasks = events
      .filter((e) => e.ph === "X" && e.name === "ThreadControllerImpl::RunTask")
      .map((e) => e.dur / 1000)
      .sort((a, b) => b - a);
    console.log(
      `${name} ${viewport.width}: ${((60 * shown) / (shown + dropped)).toFixed(1)} fps: ${shown} frames shown, ` +
        `${dropped} dropped, over ${steps} steps; ` +
        `the page's longest tasks ${tasks
          .slice(0, 4)
          .map((t) => t.toFixed(0))
          .join(", ")} ms`,
    );
    await page.context().close();
  }
await browser.close();
