// Every page there is, for the scripts that look at all of them: a new page is entered here once. Lessons and questions
// are read from their lists, so that a new one needs no entry. layout.mjs finds a page that is linked and not entered.

const preset = "eks-study";

async function text(url) {
  return (await fetch(url)).text();
}

/** The trace of an address, as the API has it. */
async function document(href) {
  const url = new URL(href);
  url.pathname = "/api/v1/trace";
  return (await fetch(url)).json();
}

/** href with the station that is a share of the way along. */
async function along(href, share) {
  const { stations } = await document(href);
  return `${href}&step=${stations[Math.floor((stations.length - 1) * share)].id}`;
}

/** href with the choice of the option that leads to an address. */
async function leading(href, address) {
  for (const c of (await document(href)).choices ?? [])
    for (const o of c.options) if (o.label.startsWith(address)) return `${href}&choice=${c.id}=${o.value}`;
  throw new Error(`${href}: nothing leads to ${address}`);
}

/** shares a trace and gives what the API says of it. */
export async function shared(origin, href, more = {}) {
  const url = new URL(href);
  const body = JSON.stringify({ query: url.search, step: url.searchParams.get("step") ?? "", ...more });
  const answer = await fetch(`${origin}/api/v1/links`, { method: "POST", body });
  if (answer.status !== 201) throw new Error(`${href} is not shared: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** deleted takes a link back. */
export async function deleted(origin, link) {
  const answer = await fetch(`${origin}/api/v1/links/${link.id}`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${link.deleteKey}` },
  });
  if (answer.status !== 204) throw new Error(`${link.id} is not deleted: ${answer.status}`);
}

function flow(origin, from, to, { path = "/trace", set = [], ...more } = {}) {
  const q = Object.entries({ preset, from, to, proto: "tcp", ...more }).map(([k, v]) => `${k}=${v}`);
  return `${origin}${path}?${[...q, ...set.map((s) => `set=${s}`)].join("&")}`;
}

const pod = (n) => `pod/default/netshoot-${n}`;
const svc = (name) => `svc/default/${name}`;

/** The four traces whose every step is looked at. */
export function traces(base) {
  const { origin } = new URL(base);
  return {
    nodes: flow(origin, pod(2), pod(3)),
    internet: flow(origin, pod(2), "internet"),
    vxlan: flow(origin, pod(1), pod(4), { preset: "onprem-study", cni: "calico-vxlan" }),
    empty: flow(origin, pod(1), svc("web-empty")),
  };
}

/** Every page: name → address. Names that begin with "no-" are those of pages that say that something is wrong. */
export async function pages(base) {
  const { origin } = new URL(base);
  const of = (from, to, more) => flow(origin, from, to, more);
  const at = (href, step) => `${href}&step=request/${step}`;
  const four = traces(base);
  const web = of(pod(1), svc("web"));
  const picked = await leading(web, "192.168.3.91");
  const far = await leading(of(pod(4), "192.168.1.201", { dport: "80" }), "192.168.2.91");
  const nlb = of("internet", "lb/default/web-nlb-instance");
  const premises = (to, more) => of(pod(1), to, { preset: "onprem-study", ...more });
  const compare = (from, to, beside, more = {}) =>
    `${of(from, to, { path: "/compare", ...more })}${beside.map((w) => `&with=${w}`).join("")}`;
  const tunnels = compare(pod(1), pod(3), ["cni=calico-vxlan", "cni=calico-ipip"]);
  const max = (type, more = "") => `${origin}/maxpods?type=${type}${more}`;
  const drop = at(four.empty, "node-a/1/filter-FORWARD");
  const note = { title: "web-empty: REJECT", notes: { "request/node-a/1/filter-FORWARD": "KUBE-SERVICES\nREJECT" } };
  const frozen = await shared(origin, drop, note);
  const gone = await shared(origin, four.nodes, { title: "gone" });
  await deleted(origin, gone);
  const out = {
    home: `${origin}/`,
    trace: four.nodes,
    "trace-middle": await along(four.nodes, 0.4),
    internet: await along(four.internet, 0.75),
    service: at(picked, "node-a/1/nat-PREROUTING"),
    empty: drop,
    "empty-back": await along(four.empty, 1),
    local: at(of("internet", "node/node-c", { dport: "30081" }), "node-c/1/filter-INPUT"),
    "nlb-instance": at(nlb, "nlb-default-web-nlb-instance/1/fabric"),
    "nlb-ip": at(of("internet", "lb/default/web-nlb-ip"), "nlb-default-web-nlb-ip/1/fabric"),
    "nlb-hairpin": await along(of("node/node-a", "192.168.1.201", { dport: "80" }), 1),
    hairpin: at(of("pod/default/web-1", svc("web")), "node-a/1/nat-POSTROUTING"),
    sticky: at(of(pod(1), svc("web-sticky")), "node-a/1/nat-PREROUTING"),
    headless: of(pod(1), svc("web-headless")),
    "three-nodes": await along(far, 0.3),
    "three-nodes-back": await along(far, 0.8),
    vxlan: at(four.vxlan, "node-a/2/encap"),
    "vxlan-end": await along(four.vxlan, 1),
    ipip: at(premises(pod(4), { cni: "calico-ipip" }), "node-c/2/decap"),
    untold: await along(premises(pod(4), { cni: "calico-bgp" }), 1),
    policy: at(premises("pod/default/web-2", { set: ["networkpolicy=default-deny"] }), "node-b/1/filter-FORWARD"),
    "source-check": await along(of(pod(1), pod(3), { preset: "eks-two-subnets", cni: "calico-bgp" }), 1),
    icmp: of(pod(1), pod(3), { proto: "icmp" }),
    compare: tunnels,
    "compare-two": compare("internet", "lb/default/web-nlb-instance", ["to=lb/default/web-nlb-ip"]),
    "compare-four": `${tunnels}&with=cni=calico-bgp`,
    "compare-only": `${tunnels}&only=differences`,
    "compare-drop": compare(pod(1), "internet", ["set=externalsnat=true"]),
    "compare-ask": `${origin}/compare`,
    node: `${picked.replace("/trace", "/node")}&node=node-a`,
    "node-card": `${origin}/node?preset=${preset}&node=node-a&select=if-ens6&tab=rules`,
    "node-chain": `${picked.replace("/trace", "/node")}&node=node-a#nat-KUBE-SERVICES`,
    "node-plain": `${origin}/node?preset=${preset}&node=node-b`,
    "node-tunnel": `${origin}/node?preset=${preset}&cni=calico-vxlan&node=node-a&tab=iptables`,
    maxpods: max("t3.medium"),
    "maxpods-raised": max("t3.medium", "&mode=prefix&custom=true"),
    "maxpods-capped": max("m5.24xlarge"),
    "maxpods-largest": max("r9g.24xlarge"),
    "maxpods-prefix": max("r9g.24xlarge", "&mode=prefix"),
    "maxpods-unknown": max("mac-m4.metal", "&custom=true"),
    "maxpods-old": max("c4.large", "&mode=prefix"),
    "maxpods-metal": max("i7ie.metal-48xl", "&mode=prefix"),
    "maxpods-cards": max("p5.48xlarge"),
    lessons: `${origin}/lessons`,
    questions: `${origin}/questions`,
    own: `${origin}/own`,
    "own-missing": `${origin}/trace?preset=own&from=a&to=b`,
    share: drop.replace("/trace", "/share"),
    embed: drop.replace("/trace", "/embed"),
    frozen: `${origin}/s/${frozen.id}`,
    "frozen-delete": `${origin}/s/${frozen.id}/delete`,
    "no-link": `${origin}/s/none`,
    "no-link-gone": `${origin}/s/${gone.id}`,
    "no-page": `${origin}/nowhere`,
    "no-lesson": `${origin}/lessons/none`,
    "no-question": `${origin}/questions/none`,
    "no-choice": `${web}&choice=KUBE-SVC-NONE=x`,
    "no-port": of(pod(1), pod(3), { dport: "99999" }),
    "no-comparison": compare(pod(1), pod(3), ["colour=red"]),
    "no-type": max("t3", "&mode=turbo"),
  };
  for (const { id, steps } of await lessons(base)) {
    out[`lesson-${id}`] = `${origin}/lessons/${id}`;
    out[`lesson-${id}-end`] = `${origin}/lessons/${id}?step=${steps.at(-1)}`;
  }
  for (const [, id] of (await text(`${origin}/questions`)).matchAll(/href="\/questions\/([\w-]+)/g))
    out[`question-${id}`] = `${origin}/questions/${id}`;
  return out;
}

/** The lessons as their list has them, with the names of their steps. */
export async function lessons(base) {
  const { origin } = new URL(base);
  const out = [];
  for (const [, id] of (await text(`${origin}/lessons`)).matchAll(/data-lesson="([\w-]+)"/g)) {
    const steps = [
      ...(await text(`${origin}/lessons/${id}`)).matchAll(/class="ldot[^>]*href="[^"]*[?&](?:amp;)?step=([\w-]+)/g),
    ];
    out.push({ id, steps: steps.map(([, step]) => step) });
  }
  return out;
}
