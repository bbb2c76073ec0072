// Presenting together: one presents, two follow; one of them comes late, one is offline for a while and looks around.
//
//	node e2e/rooms.mjs URL [URL]     the second is another server on the same PostgreSQL, which the followers use

import { axe, check, finish, launch, narrow, open, wide } from "./browser.mjs";
import { find } from "./finder.mjs";
import { deleted, shared, traces } from "./pages.mjs";
import { locale, say } from "./words.mjs";

const base = process.argv[2];
const other = process.argv[3] ?? base;
const browser = await launch();
const four = traces(base);

/** Where a room's frame is: which page, which station. */
const inside = (page) => page.frames().find((f) => f !== page.mainFrame());
const at = (page) =>
  inside(page).evaluate(() => ({
    path: location.pathname + location.search,
    to: new URLSearchParams(location.search).get("to"),
    station: Number(document.querySelector(".hop[aria-current]")?.dataset.i ?? -1),
  }));
async function comes(page, what, station, to = "pod/default/netshoot-3") {
  const until = Date.now() + 15000;
  let now = {};
  while (Date.now() < until) {
    now = await at(page).catch(() => ({}));
    if (now.station === station && now.to === to) break;
    await page.waitForTimeout(50);
  }
  check(
    now.station === station && now.to === to,
    `${what}: station ${now.station} to ${now.to}, want ${station} to ${to}`,
  );
}

// What one server keeps, the other opens.
if (other !== base) {
  const made = await shared(new URL(base).origin, four.nodes, { title: "both" });
  const there = await open(browser, { locale: locale.en });
  await there.goto(`${new URL(other).origin}/s/${made.id}`);
  check((await there.title()) === "both · podpath", `the other server shows ${await there.title()}`);
  await deleted(new URL(other).origin, made);
  check(
    (await there.goto(`${new URL(base).origin}/s/${made.id}`)).status() === 410,
    "and what it deletes is gone on the first",
  );
  await there.context().close();
}

const options = (lang, viewport) => ({ viewport, locale: locale[lang], reducedMotion: "reduce" });
const presenter = await open(browser, options("en", wide));
await presenter.goto(four.nodes.replace("/trace", "/share"));
await presenter.locator('form[action="/r"] button').click();
await presenter.waitForURL((u) => u.pathname.startsWith("/r/"));
const room = await presenter.inputValue("#room-link");
check(/\/r\/[0-9a-z]{26}$/.test(room), `the room's link is ${room}`);
const link = room.replace(base.replace(/\/$/, ""), other.replace(/\/$/, ""));
await comes(presenter, "the presenter begins", 0);

const one = await open(browser, options("ko", narrow));
await one.goto(link);
await comes(one, "the first comes", 0);
check(
  (await one.locator(".rbar b:visible").textContent()) === say("ko", "room.following"),
  "the first follows, in Korean",
);
const next = (n = 1) =>
  inside(presenter).evaluate((k) => {
    for (let i = 0; i < k; i++) document.getElementById("b-next").click();
  }, n);
await next(3);
await comes(presenter, "the presenter goes on", 3);
await comes(one, "the first follows", 3);

// Another trace: by the form, as one would.
await inside(presenter).selectOption("#f-to", "internet");
await comes(presenter, "the presenter asks something else", 0, "internet");
await comes(one, "the first follows there", 0, "internet");
await next(4);
await comes(one, "and on", 4, "internet");

const two = await open(browser, options("en", wide));
await two.goto(link);
await comes(two, "who comes late sees the present state", 4, "internet");
if (base === other)
  await presenter.locator(".rbar .count", { hasText: say("en", "room.followers", { n: 2 }) }).waitFor();

// One looks around, the other is offline.
await inside(two).locator('.hop[data-i="1"]').click();
await comes(two, "who looks around is where they went", 1, "internet");
check((await two.locator(".rbar b:visible").textContent()) === say("en", "room.alone"), "and the bar says so");
await one.context().setOffline(true);
await next(2);
await comes(presenter, "the presenter goes on alone", 6, "internet");
await two.waitForTimeout(300);
check((await at(two)).station === 1, "who looks around is left alone");
await two.locator("#room-back").click();
await comes(two, "who comes back is where the presenter is", 6, "internet");
await one.context().setOffline(false);
await comes(one, "who was offline is there again", 6, "internet");

// The presenter's page is loaded anew: nothing is lost, and the presenter goes on.
await presenter.reload();
await comes(presenter, "the presenter's reload", 6, "internet");
check(
  (await presenter.locator(".rbar b:visible").textContent()) === say("en", "room.presenting"),
  "who reloads still presents",
);
await next();
await comes(one, "after the reload, the first", 7, "internet");
await comes(two, "after the reload, the second", 7, "internet");

for (const [page, what] of [
  [presenter, "presenter"],
  [two, "follower"],
]) {
  const faults = await find(page);
  check(faults.length === 0, `${what}: ${faults.join("; ")}`);
  await axe(page, what);
}
// Who follows cannot present.
const forged = await two.evaluate(
  async (path) => (await fetch(`${path}/present`, { method: "POST", body: '{"href":"/"}' })).status,
  new URL(link).pathname,
);
check(forged === 403, `a follower that presents is answered with ${forged}`);
two.problems.length = 0;

// The end.
await presenter.locator('form[action$="/end"] button').click();
await presenter.waitForURL((u) => u.pathname === "/trace");
for (const page of [one, two]) await page.locator(".over h2").waitFor();
check((await two.locator(".over h2").textContent()) === say("en", "room.ended"), "the room is closed for who follows");
const gone = await open(browser, options("en", wide));
const answer = await gone.goto(link);
check(
  answer.status() === 404 && (await gone.locator("h1").textContent()) === say("en", "room.none"),
  "and is not found any more",
);
for (const [page, what] of [
  [presenter, "presenter"],
  [one, "first"],
  [two, "second"],
])
  for (const p of page.problems) check(/ERR_INTERNET_DISCONNECTED|Failed to load/.test(p), `${what}: ${p}`);

await browser.close();
finish();
