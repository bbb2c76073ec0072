// A network of one's own. It is packed into the fragment of the address, which browsers send to no server: each page about it
// is asked for by POST, with what is packed as the body, and the server forgets it with its answer (internal/share/fragment.go).

import { base64url } from "./base64.ts";
import { ask as askSealed, isSealed } from "./sealed.ts";

const PREFIX = "p1:";
const END = "z";
const KEY = "podpath.own";

/** What the page is about, packed: from the address, else from what this tab saw before. */
export function packed(): string {
  const hash = location.hash.slice(1);
  if (/^p\d+:/.test(hash)) return hash;
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

/** remember keeps what is packed for this tab, which may be too large for an address; false where it cannot. */
function remember(text: string): boolean {
  try {
    sessionStorage.setItem(KEY, text);
    return true;
  } catch {
    return false;
  }
}

/** The fragment that a link about one's own network has; "" where what is packed does not fit one. */
function fragment(): string {
  return location.hash.startsWith(`#${PREFIX}`) ? location.hash : "";
}

/** Whether an address is about one's own network. */
export function asksOwn(href: string): boolean {
  const url = new URL(href, location.href);
  const q = url.searchParams;
  return (
    url.origin === location.origin &&
    (q.get("preset") === "own" || q.getAll("with").some((w) => / preset=own\b/.test(` ${w}`)))
  );
}

/** whole gives an address the fragment that it needs. */
export function whole(href: string): string {
  if (isSealed(href)) return href.replace(/#.*$/, "") + location.hash;
  return asksOwn(href) ? href.replace(/#.*$/, "") + fragment() : href;
}

/** pack makes of a text what a fragment holds: the same as the server would. */
export async function pack(text: string): Promise<string> {
  const kind = /^-- .+ --\s*$/m.test(text) ? "snapshot" : "cluster";
  const json = new TextEncoder().encode(JSON.stringify({ kind, text }));
  const stream = new Blob([json]).stream().pipeThrough(new CompressionStream("gzip"));
  return PREFIX + base64url(new Uint8Array(await new Response(stream).arrayBuffer())) + END;
}

/** ask asks for a page or a file about one's own network. */
function ask(href: string): Promise<Response> {
  return fetch(href.replace(/#.*$/, ""), { method: "POST", body: packed(), headers: { "Content-Type": "text/plain" } });
}

/** unpack shows the page that the address is about in place of the one that stands for it. */
export async function unpack(replace: (page: Document) => void): Promise<void> {
  const holder = document.querySelector<HTMLElement>("[data-unpack]");
  if (!holder) return;
  const show = (what: string) => {
    for (const name of ["unpacking", "missing", "failed"])
      for (const el of holder.querySelectorAll<HTMLElement>(`.${name}`)) el.hidden = name !== what;
  };
  if (!packed()) {
    show("missing");
    return;
  }
  remember(packed());
  try {
    let answer = await ask(location.href);
    if (answer.redirected) {
      // The address where it leads holds the network no more than this one, and the browser has followed without it.
      history.replaceState(history.state, "", whole(answer.url));
      answer = await ask(location.href);
    }
    replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
    void pictures();
  } catch {
    show("failed");
  }
}

/** pictures asks for the pictures on the page, which an <img> cannot ask for by POST. */
async function pictures(): Promise<void> {
  for (const el of document.querySelectorAll<HTMLSourceElement>("picture source")) el.remove();
  for (const img of document.querySelectorAll<HTMLImageElement>("img")) {
    if (!asksOwn(img.src)) continue;
    const answer = await ask(img.src);
    if (answer.ok) img.src = URL.createObjectURL(await answer.blob());
  }
}

/** onLink gives links about one's own network what they lack, before they are followed. Files come by POST. */
export function onLink(ev: Event): void {
  const target = ev.target as Element;
  const a = target.closest?.<HTMLAnchorElement | SVGAElement>("a[href]");
  const href = a?.getAttribute("href");
  if (!a || !href) return;
  if (href.startsWith("#")) {
    // The fragment is taken: the anchor is gone to without it.
    if (ev.type !== "click" || !(asksOwn(location.href) || isSealed(location.href))) return;
    ev.preventDefault();
    const to = document.getElementById(decodeURIComponent(href.slice(1)));
    to?.scrollIntoView();
    to?.focus();
    return;
  }
  if (!asksOwn(href) && !isSealed(href)) return;
  if (ev.type === "click" && a instanceof HTMLAnchorElement && a.hasAttribute("download")) {
    ev.preventDefault();
    void save(a);
    return;
  }
  if (!href.includes("#")) a.setAttribute("href", whole(href));
}

async function save(a: HTMLAnchorElement): Promise<void> {
  const answer = await (isSealed(a.href) ? askSealed(a.href) : ask(a.href));
  const to = document.createElement("a");
  to.href = URL.createObjectURL(await answer.blob());
  to.download = a.download;
  to.click();
  URL.revokeObjectURL(to.href);
}

/** The box that takes a network: its text is packed, and the trace page opens with it. */
export function takeOwn(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-own]");
  if (!form) return;
  const text = form.querySelector("textarea");
  const file = form.querySelector<HTMLInputElement>("input[type=file]");
  const button = form.querySelector("button");
  if (!text || !file || !button) return;
  button.disabled = false;
  const read = async (from: File | undefined) => {
    if (from) text.value = await from.text();
  };
  file.addEventListener("change", () => void read(file.files?.[0]));
  form.addEventListener("dragover", (ev) => ev.preventDefault());
  form.addEventListener("drop", (ev) => {
    ev.preventDefault();
    void read(ev.dataTransfer?.files[0]);
  });
  form.addEventListener("submit", async (ev) => {
    ev.preventDefault();
    const made = await pack(text.value);
    const href = form.dataset.own ?? "";
    const fits = made.length <= Number(form.dataset.most);
    if (remember(made) || fits) location.assign(fits ? `${href}#${made}` : href);
  });
}

interface Asking {
  ctx: { request: { action: string; method: string; body: unknown; headers: Record<string, string> } };
}

/** watch has htmx ask by POST too, and the address keep its fragment. */
export function watch(): void {
  document.addEventListener("htmx:before:request", (ev) => {
    const { request } = (ev as CustomEvent<Asking>).detail.ctx;
    if (!asksOwn(request.action)) return;
    request.method = "POST";
    request.body = packed();
    request.headers["Content-Type"] = "text/plain";
  });
  const keep = () => {
    if (asksOwn(location.href) && held && location.hash !== held)
      history.replaceState(history.state, "", location.pathname + location.search + held);
  };
  const held = fragment();
  document.addEventListener("htmx:after:swap", keep);
  document.addEventListener("htmx:after:history:update", keep);
  document.addEventListener("htmx:before:history:restore", (ev) => {
    if (!asksOwn(location.href)) return;
    ev.preventDefault();
    location.reload();
  });
  for (const type of ["click", "pointerdown", "focusin"]) document.addEventListener(type, onLink, true);
}
