// Network plugins in a real browser: choosing another one, tunnels and what is inside them, the site on premises, and
// packets that the cloud or a policy drops. Prints what failed; exits 1 then.
//
//	node e2e/overlays.mjs URL [part of a group's name]

import { ask, check, finish, group, launch, narrow, run, shownDetail, tabTo } from "./browser.mjs";
import { locale, say } from "./words.mjs";

const base = process.argv[2];
const origin = new URL(base).origin;
const browser = await launch();

// --- pages ------------------------------------------------------------------------------------------------------------

/** The address of a flow from netshoot-1. Several options are a list. */
function trace(preset, to, { set = [], ...more } = {}) {
  const url = new URL(`${origin}/trace`);
  for (const [k, v] of Object.entries({ preset, from: "pod/default/netshoot-1", to, proto: "tcp", ...more }))
    url.searchParams.append(k, v);
  for (const s of set) url.searchParams.append("set", s);
  return url.href;
}

/** The steps of the station that a trace has under an id. */
function stepsAt({ legs, stations }, id) {
  const s = stations.find((x) => x.id === id);
  return legs[s.leg].hops[s.hop].steps.slice(s.first, s.last + 1);
}

const params = (page) => new URL(page.url()).searchParams;

async function until(page, test) {
  await page.waitForURL((u) => test(u.searchParams));
}

/** How the diagram shows a tunnel: where its stations stand, and which parts of the line are cased. */
function drawing() {
  const stations = [...document.querySelectorAll("#dg .st")].map((st) => ({
    i: Number(st.dataset.i),
    id: new URL(st.getAttribute("href"), location.href).searchParams.get("step"),
    here: st.dataset.here,
    x: Number(st.dataset.x),
    y: Number(st.dataset.y),
    wrapped: st.dataset.chip.includes("is-wrapped"),
  }));
  const ports = Object.fromEntries(
    [...document.querySelectorAll("#dg .port")].map((p) => {
      const { x, y, width, height } = p.querySelector("rect").getBBox();
      return [p.id, { virt: p.classList.contains("virt"), text: p.textContent, x, y, width, height }];
    }),
  );
  const at = (q) => [...document.querySelectorAll(q)].map((c) => Number(c.dataset.i));
  return {
    stations: stations.sort((a, b) => a.i - b.i),
    ports,
    cased: at("#dg .casing").sort((a, b) => a - b),
    lines: at("#dg .seg-l").sort((a, b) => a - b),
  };
}

const vxlan = trace("onprem-study", "pod/default/netshoot-4", { cni: "calico-vxlan" });
const ipip = trace("onprem-study", "pod/default/netshoot-4", { cni: "calico-ipip" });

// --- a: another network plugin, the same question ---------------------------------------------------------------------

await group("plugin", async () => {
  const before = trace("eks-study", "pod/default/netshoot-3", { dport: "9090", set: ["externalsnat=true"] });
  const ways = {
    "by mouse": async (page) => {
      await page.selectOption("#f-cni", "calico-vxlan");
    },
    "by keyboard": async (page) => {
      await tabTo(page, "#f-cni");
      await page.keyboard.press("ArrowDown");
    },
    "without script": async (page) => {
      await page.selectOption("#f-cni", "calico-vxlan");
      await page.locator("#query button[type=submit]").click();
    },
  };
  for (const [way, act] of Object.entries(ways)) {
    const lang = way === "by keyboard" ? "ko" : "en";
    const what = `plugin, ${way}`;
    await run(browser, what, { locale: locale[lang], javaScriptEnabled: way !== "without script" }, async (page) => {
      await page.goto(before);
      check(
        params(page).getAll("set").join() === "externalsnat=true",
        `${what}: begins with an option of the old plugin`,
      );
      const label = page.getByLabel(say(lang, "ui.cni"), { exact: true });
      check((await label.inputValue()) === "", `${what}: the cluster's own plugin is chosen`);
      await act(page);
      await until(page, (q) => q.get("cni") === "calico-vxlan");
      const q = params(page);
      check(q.get("preset") === "eks-study", `${what}: the cluster stays: ${q}`);
      check(q.get("from") === "pod/default/netshoot-1", `${what}: the source stays: ${q}`);
      check(q.get("to") === "pod/default/netshoot-3", `${what}: the destination stays: ${q}`);
      check(q.get("dport") === "9090", `${what}: the port stays: ${q}`);
      check(q.getAll("set").length === 0, `${what}: the old plugin's option is dropped: ${q}`);
      check((await label.inputValue()) === "calico-vxlan", `${what}: the field has it`);
      check((await page.getByRole("alert").count()) === 0, `${what}: and nothing is wrong`);
      check((await page.locator('[name="set.externalsnat"]').count()) === 0, `${what}: nor is the option offered`);
      check((await page.locator('[name="set.natoutgoing"]').count()) === 1, `${what}: the new plugin's are`);
      const list = await page.locator(".hop .nm").allTextContents();
      check(list.includes(say(lang, "station.encap")), `${what}: the packet goes into a tunnel: ${list}`);
      const end = await page.locator("#dg .lane.req .st").last().getAttribute("aria-label");
      check(end.includes(say(lang, "station.deliver")), `${what}: and arrives: ${end}`);
      // And back to the cluster's own.
      if (way !== "by mouse") return;
      await page.selectOption("#f-cni", "");
      await until(page, (u) => !u.has("cni"));
      const back = await page.locator(".hop .nm").allTextContents();
      check(!back.includes(say(lang, "station.encap")), `${what}: back, there is no tunnel`);
    });
  }
  await run(browser, "plugin, what can be had", {}, async (page) => {
    await page.goto(trace("onprem-study", "pod/default/netshoot-4"));
    const have = await page.locator("#f-cni option").allTextContents();
    check(have.length === 5, `plugin on premises: ${have}`);
    check(!have.some((o) => o.includes(say("en", "cni.aws-vpc-cni"))), `plugin on premises: no VPC CNI: ${have}`);
    await page.goto(`${trace("onprem-study", "pod/default/netshoot-4", { cni: "aws-vpc-cni" })}`);
    check(
      (await page.locator("#f-cni[aria-invalid]").count()) === 1,
      "plugin on premises: asked for all the same, the field is marked",
    );
  });
});

// --- b: tunnels -------------------------------------------------------------------------------------------------------

await group("tunnel", async () => {
  for (const [href, dev, lang, more, layers] of [
    [vxlan, "vxlan.calico", "en", 50, ["IPv4", "UDP", "VXLAN", "Ethernet", "IPv4", "TCP"]],
    [ipip, "tunl0", "ko", 20, ["IPv4", "IPv4", "TCP"]],
  ]) {
    const what = `tunnel ${dev}, ${lang}`;
    await run(browser, what, { locale: locale[lang] }, async (page) => {
      await page.goto(href);
      const d = await page.evaluate(drawing);
      const find = (id) => d.stations.find((s) => s.id === id);
      const [encap, decap] = [find("request/node-a/2/encap"), find("request/node-c/2/decap")];
      check(encap && decap && encap.i < decap.i, `${what}: into the tunnel and out of it`);
      for (const [s, node] of [
        [encap, "node-a"],
        [decap, "node-c"],
      ]) {
        const port = d.ports[s.here];
        check(s.here === `port-${node}-${dev}`, `${what}: ${s.id} is at ${s.here}`);
        check(port?.virt, `${what}: ${s.here} is drawn as a device that is no card`);
        check(port?.text.includes(dev), `${what}: it has its name: ${port?.text}`);
        const on = s.x > port.x && s.x < port.x + port.width && s.y > port.y && s.y < port.y + port.height;
        check(on, `${what}: ${s.id} at ${s.x},${s.y} stands on ${JSON.stringify(port)}`);
      }
      check(!d.ports["port-node-a-eth0"].virt, `${what}: a card is drawn as a card`);
      // The line is cased behind the encapsulation up to the decapsulation, and nowhere else; so is the packet.
      const way = d.stations.filter((s) => s.id.startsWith("request/"));
      for (const s of way.filter((x) => d.lines.includes(x.i))) {
        const inside = s.i > encap.i && s.i <= decap.i;
        check(d.cased.includes(s.i) === inside, `${what}: the line to station ${s.i + 1} is cased: ${!inside}`);
      }
      check(
        d.cased.some((i) => i > way.length),
        `${what}: the answer's line is cased too`,
      );
      for (const s of way) {
        const inside = s.i >= encap.i && s.i < decap.i;
        check(s.wrapped === inside, `${what}: the packet at station ${s.i + 1} is wrapped: ${s.wrapped}`);
      }
      // Its detail: outer headers, inner headers, and how many bytes that is.
      await page.locator(`.hop[data-i="${encap.i}"]`).click();
      await until(page, (q) => q.get("step") === "request/node-a/2/encap");
      const detail = shownDetail(page);
      check((await detail.locator("h1").textContent()) === say(lang, "station.encap"), `${what}: the detail's title`);
      const stack = await detail.locator(".stack li").evaluateAll((l) =>
        l.map((li) => ({
          type: li.querySelector(".nm").firstChild.textContent.trim(),
          added: Number(/\+(\d+)/.exec(li.querySelector(".bd")?.textContent ?? "")?.[1] ?? 0),
          text: li.querySelector(".bd2").textContent,
        })),
      );
      check(stack.map((l) => l.type).join() === layers.join(), `${what}: layers ${stack.map((l) => l.type)}`);
      check(
        stack[0].text.includes("10.0.1.10") && stack[0].text.includes("10.0.2.12"),
        `${what}: outside ${stack[0].text}`,
      );
      const inner = stack.findLast((l) => l.type === "IPv4");
      check(inner.text.includes("10.244.0.1") && inner.text.includes("10.244.0.129"), `${what}: inside ${inner.text}`);
      const lead = await detail.locator(".lead").textContent();
      check(lead.includes(String(more)), `${what}: ${more} bytes: ${lead}`);
      const tag = await page.locator(`.hop[data-i="${encap.i}"]`).textContent();
      check(tag.includes(`+${more} B`), `${what}: the list says +${more}: ${tag}`);
      const off = await page.locator(`.hop[data-i="${decap.i}"]`).textContent();
      check(off.includes(`−${more} B`), `${what}: and −${more} where it comes out: ${off}`);
      check((await detail.locator(".stack.tun").count()) === 1, `${what}: the stack is drawn as a tunnel's`);
      // One more to the right is the same packet still, as one of the node's own.
      await page.keyboard.press("ArrowRight");
      check(
        (await detail.locator("h1").textContent()) === say(lang, "station.send"),
        `${what}: then the node sends it`,
      );
      const shared = page.url();
      check(
        params(page).get("cni") === `calico-${dev === "tunl0" ? "ipip" : "vxlan"}`,
        `${what}: the address has the plugin`,
      );
      await elsewhere(shared, what, d, lang === "en" ? "ko" : "en");
    });
  }
});

/** elsewhere opens what was shared as somebody else would: other language, small screen, without script. */
async function elsewhere(href, what, d, lang) {
  for (const [name, options] of Object.entries({
    "a phone": { viewport: narrow, hasTouch: true, colorScheme: "dark" },
    "no script": { javaScriptEnabled: false },
  }))
    await run(browser, `${what}, shared, ${name}`, { ...options, locale: locale[lang] }, async (page) => {
      await page.goto(href);
      const there = await page
        .locator("#dg .st")
        .evaluateAll((l) => l.map((s) => new URL(s.getAttribute("href"), location.href).searchParams.get("step")));
      check(
        there.sort().join() ===
          d.stations
            .map((s) => s.id)
            .sort()
            .join(),
        `${what}, shared, ${name}: the same stations`,
      );
      const detail = page.locator(".detail:visible");
      check((await detail.count()) === 1, `${what}, shared, ${name}: one station is open`);
      check(
        (await detail.locator("h1").textContent()) === say(lang, "station.send"),
        `${what}, shared, ${name}: the one shared`,
      );
      check(
        (await page.locator("#f-cni").inputValue()).startsWith("calico-"),
        `${what}, shared, ${name}: the plugin is chosen`,
      );
    });
}

// --- c: on premises ---------------------------------------------------------------------------------------------------

/** What the diagram has of the site: its boxes, and what is written beside the router. */
function site() {
  const inside = (st, box) => {
    const [a, b] = [
      st.querySelector("circle, .oct").getBoundingClientRect(),
      box.querySelector("rect").getBoundingClientRect(),
    ];
    return a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  };
  const devs = [...document.querySelectorAll("#dg .dev")].map((b) => ({
    text: b.textContent.trim(),
    quiet: b.classList.contains("quiet"),
    stations: [...document.querySelectorAll("#dg .lane.req .st")]
      .filter((st) => inside(st, b))
      .map((st) => new URL(st.getAttribute("href"), location.href).searchParams.get("step")),
  }));
  return {
    devs,
    text: document.querySelector("#dg").textContent,
    notes: [...document.querySelectorAll("#dg > text")].map((t) => t.textContent),
  };
}

await group("premises", async () => {
  for (const lang of ["en", "ko"]) {
    const what = `premises, ${lang}`;
    await run(browser, what, { locale: locale[lang] }, async (page) => {
      await page.goto(trace("onprem-study", "pod/default/netshoot-4", { cni: "calico-bgp" }));
      let s = await page.evaluate(site);
      check(s.text.includes(say(lang, "box.site")), `${what}: the outermost box says so`);
      const router = say(lang, "box.routes", { name: "router" });
      const known = ["default → 203.0.113.2", "10.0.1.0/24 → eth1", "10.0.2.0/24 → eth2"];
      const blocks = ["10.244.0.0/26 → 10.0.1.10", "10.244.0.64/26 → 10.0.1.11", "10.244.0.128/26 → 10.0.2.12"];
      check(s.notes.includes(router), `${what}: what the router knows: ${s.notes}`);
      for (const r of known) check(s.notes.includes(r), `${what}: it knows ${r}`);
      for (const r of blocks) check(!s.notes.includes(r), `${what}: untold, it does not know ${r}`);
      const dev = (name) => s.devs.find((d) => d.text.includes(name));
      check(dev("provider")?.stations.length === 2, `${what}: the packet ends at the provider`);
      check(
        (await page.locator("#dg .st.drop").first().getAttribute("href")).includes("provider"),
        `${what}: and is dropped there`,
      );
      const end = page.locator("#dg .st.drop").first();
      check(
        (await end.getAttribute("href")).endsWith("/provider/1/route"),
        `${what}: by its routing, not by its device`,
      );
      const heads = await page.locator(".tl-head").allTextContents();
      const want = [
        say(lang, "place.pod", { name: "netshoot-1" }),
        "node-a",
        say(lang, "place.switch-kind"),
        "router",
        "provider",
      ];
      check(heads.join() === want.join(), `${what}: the timeline's heads are ${heads}`);
      // The nodes tell the router.
      await page.locator(".more > summary").click();
      await page.getByLabel(say(lang, "option.bgp"), { exact: true }).selectOption("true");
      await until(page, (q) => q.getAll("set").join() === "bgp=true");
      await page.waitForFunction(() => document.querySelectorAll("#dg .st.drop").length === 0);
      s = await page.evaluate(site);
      for (const r of blocks) check(s.notes.includes(r), `${what}: told, it knows ${r}: ${s.notes}`);
      for (const rack of ["switch-rack-1", "switch-rack-2"]) {
        check(dev(rack)?.stations.join() === `request/${rack}/1/switch`, `${what}: ${rack} has ${dev(rack)?.stations}`);
        check(!dev(rack)?.quiet, `${what}: ${rack} is in use`);
      }
      const at = s.devs.find((d) => d.text.startsWith("router"))?.stations ?? [];
      check(
        at.includes("request/router/1/route") && at.every((x) => x.startsWith("request/router/")),
        `${what}: the router has ${at}`,
      );
      // By a tunnel it needs to know nothing.
      await page.goto(vxlan);
      s = await page.evaluate(site);
      check(!s.notes.some((n) => n.startsWith("10.244.")), `${what}: with a tunnel it knows no pod: ${s.notes}`);
      check((await page.locator("#dg .st.drop").count()) === 0, `${what}: and the packet arrives`);
    });
  }
});

// --- d: drops ---------------------------------------------------------------------------------------------------------

await group("drops", async () => {
  const same = "pod/default/netshoot-3"; // on node-b, in node-a's subnet
  const cases = {
    "source check": [trace("eks-two-subnets", same, { cni: "calico-bgp" }), "VPC", "source-check-failed", "eni-"],
    "security group": [
      trace("eks-two-subnets", same, { cni: "calico-bgp", set: ["sourcecheck=false"] }),
      "VPC",
      "group-ingress-denied",
      "sg-cluster",
    ],
    policy: [
      trace("onprem-study", "pod/default/web-2", { set: ["networkpolicy=default-deny"] }),
      "node-b",
      "rule-drop",
      "End of tier default",
    ],
  };
  for (const lang of ["en", "ko"])
    for (const [name, [href, place, code, culprit]] of Object.entries(cases)) {
      const what = `drop, ${name}, ${lang}`;
      await run(browser, what, { locale: locale[lang], javaScriptEnabled: lang === "en" }, async (page) => {
        const doc = await ask(href);
        const last = doc.stations.findLast((s) => s.leg === 0);
        const drop = stepsAt(doc, last.id).at(-1);
        check(drop.code === code, `${what}: the API says ${drop.code}`);
        await page.goto(href);
        const banner = page.locator("aside.outcome");
        const text = await banner.textContent();
        check(text.includes(say(lang, "ui.outcome-dropped")), `${what}: the banner says ${text}`);
        check(text.includes(place), `${what}: and where: ${text}`);
        if (name === "policy") check(text.includes(culprit), `${what}: and why, by the rule's words: ${text}`);
        await banner.getByRole("link").click();
        check(params(page).get("step") === last.id, `${what}: it leads there: ${params(page)}`);
        check((await page.locator("#dg .st.drop.is-cur .oct").count()) === 1, `${what}: an octagon in the diagram`);
        const err = await page.locator(".detail:visible .err").textContent();
        const would = say(lang, `code.${drop.would.code}`, drop.would.args);
        check(err.includes(say(lang, "ui.would")) && err.includes(would), `${what}: what would help: ${err}`);
        check(would.includes(culprit), `${what}: it names ${culprit}: ${would}`);
        if (name === "policy") {
          const rule = await page
            .locator(".detail:visible .ev li.is-drop, .detail:visible .ev li.is-match")
            .allTextContents();
          check(
            rule.some((r) => r.includes("cali-tw-cali9fb0db7f13e") && r.includes("-j DROP")),
            `${what}: the rule: ${rule}`,
          );
          const pods = await page.locator("#dg .pod").allTextContents();
          check(
            pods.some((p) => p.includes("web-2")),
            `${what}: the destination is drawn, not reached: ${pods}`,
          );
          check(err.includes("NETFILTER_DROP"), `${what}: the kernel's reason: ${err}`);
          check((await page.locator("#dg .st.drop .ttl").textContent()) === "FORWARD", `${what}: in FORWARD`);
        }
      });
    }
  // What lets it through, by the form.
  await run(browser, "drop, undone", {}, async (page) => {
    await page.goto(cases["source check"][0]);
    await page.locator(".more > summary").click();
    for (const [option, value] of [
      ["sourcecheck", "false"],
      ["podingress", "true"],
    ]) {
      check((await page.locator("#dg .st.drop").count()) === 1, `drop, undone: dropped before ${option}`);
      await page.getByLabel(say("en", `option.${option}`), { exact: true }).selectOption(value);
      await until(page, (q) => q.getAll("set").includes(`${option}=${value}`));
    }
    await page.waitForFunction(() => document.querySelectorAll("#dg .st.drop").length === 0);
    check(
      (await page.locator("#dg .lane.rep .st").count()) > 5,
      "drop, undone: then it arrives, and an answer comes back",
    );
  });
});

await browser.close();
finish();
