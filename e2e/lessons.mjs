// The walkthroughs in a real browser: every lesson, every step, in both languages; keys, questions, progress, permalinks.

import { check, finish, group, launch, narrow, open, run, share, wide } from "./browser.mjs";
import { find } from "./finder.mjs";
import { locale, say } from "./words.mjs";

const base = process.argv[2];
const browser = await launch();
const shown = (page) => page.locator(".lstep:not([hidden])");
const at = (page, n) => page.locator(`.ldot[aria-current="step"] b:text-is("${n}")`).waitFor();

/** The lessons as their list has them: id and steps. */
async function lessons() {
  const page = await open(browser);
  await page.goto(`${base}/lessons`);
  const out = await page.evaluate(() =>
    [...document.querySelectorAll("[data-lesson]")].map((e) => [e.dataset.lesson, Number(e.dataset.steps)]),
  );
  await page.context().close();
  return out;
}
const all = await lessons();
check(all.length > 0, "there are lessons");

await group("every step", async () => {
  const looks = [
    ["en", wide],
    ["ko", narrow],
  ];
  for (const [i, [id, steps]] of all.entries())
    for (const [lang, size] of share(looks, 4, i))
      await run(browser, `${id} ${lang}`, { viewport: size, locale: locale[lang] }, async (page) => {
        await page.goto(`${base}/lessons/${id}`);
        for (let n = 1; n <= steps; n++) {
          await at(page, n);
          if (await shown(page).locator(".ask").count()) {
            check(
              !(await shown(page).locator(".then").isVisible()),
              `${id} ${n} ${lang}: the answer shows before the question`,
            );
            await page.keyboard.press("ArrowRight");
            await shown(page).locator(".then").waitFor();
            check((await shown(page).locator(".ask .right").count()) === 1, `${id} ${n} ${lang}: one answer is right`);
          }
          const claims = await shown(page).locator(".claim").count();
          check(claims > 0, `${id} ${n} ${lang}: no sentence is borne out`);
          check((await shown(page).locator(".proofs li").count()) > 0, `${id} ${n} ${lang}: no proof`);
          const faults = await find(page);
          check(faults.length === 0, `${id} ${n} ${lang}: ${faults.join("; ")}`);
          if (n < steps) await page.keyboard.press("ArrowRight");
        }
        check(await shown(page).locator(".ended").isVisible(), `${id} ${lang}: the last step says that it is over`);
      });
});

const [first, count] = all.find(([id]) => id === "same-node");

await group("questions", async () => {
  await run(browser, "answers", {}, async (page) => {
    await page.goto(`${base}/lessons/${first}?step=route&lang=en`);
    const before = await page.locator("#dg .st.is-cur").getAttribute("data-i");
    await shown(page).locator(".opt", { hasText: "network card" }).click();
    await shown(page).locator(".then").waitFor();
    check(
      (await shown(page).locator(".mine .no").textContent()) === say("en", "lesson.wrong"),
      "a wrong answer is called wrong",
    );
    check(
      (await shown(page).locator(".right .ok").textContent()) === say("en", "lesson.right"),
      "the right one is shown",
    );
    check(
      (await page.locator("#dg .st.is-cur").getAttribute("data-i")) !== before,
      "the packet goes on with the answer",
    );
  });
  await run(browser, "without a script", { javaScriptEnabled: false }, async (page) => {
    await page.goto(`${base}/lessons/${first}?step=route&lang=ko`);
    check(!(await shown(page).locator(".then").isVisible()), "the answer is hidden");
    await shown(page).locator(".opt").first().click();
    check(await shown(page).locator(".then").isVisible(), "a link answers");
    await page.locator("#b-next").click();
    check((await page.locator('.ldot[aria-current="step"]').count()) === 1, "the next step is a link");
    check(new URL(page.url()).searchParams.get("step") === "forward", "the next step has its address");
  });
});

await group("way through", async () => {
  await run(browser, "keys and address", {}, async (page) => {
    await page.goto(`${base}/lessons/${first}?lang=en`);
    await page.keyboard.press("ArrowRight");
    await at(page, 2);
    check(new URL(page.url()).searchParams.get("step") === "neighbour", "the address names the step");
    await page.keyboard.press("End");
    await at(page, count);
    await page.keyboard.press("Home");
    await at(page, 1);
    await page.locator(".langs a[lang=ko]").click();
    check((await page.locator("html").getAttribute("lang")) === "ko", "the language changes");
    await page.goto(`${base}/lessons`);
    check(
      (await page.locator(`[data-lesson=${first}] .done`).textContent()).trim() === say("ko", "lesson.done"),
      "the list knows how far the reader came",
    );
    await page.goto(`${base}/lessons/internet?step=snat`);
    await page.goto(`${base}/`);
    await page.locator("[data-lesson=internet] a").click();
    check(new URL(page.url()).searchParams.get("step") === "snat", "a lesson that was begun goes on from there");
    await page.goto(`${base}/lessons`);
    check(await page.locator(`[data-lesson=${first}].is-done`).isVisible(), "and keeps it");
  });
  await run(browser, "play", { reducedMotion: "no-preference" }, async (page) => {
    await page.goto(`${base}/lessons/${first}?step=rules&lang=en`);
    await page.locator("#b-play").click();
    await at(page, 5);
    await page.locator("#b-play:not(.is-playing)").waitFor({ timeout: 20000 });
    check(await shown(page).locator(".ask").isVisible(), "play stops at a question");
  });
  await run(browser, "open trace", {}, async (page) => {
    await page.goto(`${base}/lessons/${first}?step=veth&lang=en`);
    await shown(page).locator(".open a").click();
    await page.locator("#query").waitFor();
    check(
      new URL(page.url()).searchParams.get("step") === "request/node-a/1/receive",
      "the open trace is at the step's station",
    );
  });
  const page = await open(browser);
  const answer = await page.goto(`${base}/lessons/no-such-lesson`);
  check(answer.status() === 404, "a lesson that is not there is not found");
  await page.context().close();
});

await browser.close();
finish();
