// Presenting together. What is presented stands in a frame: the presenter's frame is watched and told to the server, a follower's
// goes where the server says, until the follower touches it.

import { readable } from "./map.ts";

/** What the server tells: internal/live. */
interface State {
  seq: number;
  href: string;
  followers: number;
}

/** A message from the room to the page in its frame: go to this station. */
interface Go {
  podpath: "go";
  href: string;
}

/** What everybody has their own way. */
const OWN = ["lang", "theme", "project"];

const step = (href: string) => new URL(href, location.href).searchParams.get("step") ?? "";

/** An address without its station: pages that differ in it alone are one page. */
function place(href: string): string {
  const url = new URL(href, location.href);
  url.searchParams.delete("step");
  for (const own of OWN) url.searchParams.delete(own);
  return url.pathname + url.search + url.hash;
}

/** The frame's own address as others should open it: without the presenter's language and theme. */
function plain(at: Location): string {
  const q = new URLSearchParams(at.search);
  for (const own of OWN) q.delete(own);
  const search = q.size > 0 ? `?${readable(q.toString())}` : "";
  return at.pathname + search + at.hash;
}

export class Room {
  private readonly frame: HTMLIFrameElement;
  private readonly id: string;
  private seq: number;
  private latest = "";
  private alone = false;
  private timer = 0;

  constructor(private readonly root: HTMLElement) {
    this.frame = root.querySelector("iframe") as HTMLIFrameElement;
    this.id = root.dataset.room ?? "";
    this.seq = Number(root.dataset.seq);
    this.latest = this.frame.getAttribute("src") ?? "";
    if (root.dataset.presenter !== undefined) this.present();
    else this.follow();
    this.listen();
  }

  /** hears of the room's state, and comes back by itself after a loss (HTML, server-sent events). */
  private listen(): void {
    const events = new EventSource(`/r/${this.id}/events`);
    const lost = this.part(".lost");
    events.addEventListener("open", () => {
      if (lost) lost.hidden = true;
    });
    events.addEventListener("error", () => {
      if (lost) lost.hidden = false;
    });
    events.addEventListener("state", (ev) => this.hear(JSON.parse(ev.data) as State));
    events.addEventListener("end", () => {
      events.close();
      this.part(".over")?.removeAttribute("hidden");
    });
  }

  private hear(state: State): void {
    const count = this.part(".count");
    if (count) {
      count.hidden = false;
      count.textContent = (count.dataset.one ?? "").replace("{n}", String(state.followers));
    }
    if (this.root.dataset.presenter !== undefined || state.seq <= this.seq) return;
    this.seq = state.seq;
    this.latest = state.href;
    if (!this.alone) this.go();
  }

  /** takes the frame to what is presented: to another station of the page that is there, or to another page. */
  private go(): void {
    const inside = this.frame.contentWindow;
    if (inside && place(this.latest) === place(inside.location.href) && step(this.latest)) {
      const go: Go = { podpath: "go", href: this.latest };
      inside.postMessage(go, location.origin);
    } else this.frame.src = this.latest;
  }

  private follow(): void {
    const leave = (ev: Event) => {
      if (!ev.isTrusted) return;
      this.set(true);
    };
    const hook = () => {
      for (const type of ["click", "keydown"]) this.frame.contentDocument?.addEventListener(type, leave, true);
    };
    this.frame.addEventListener("load", hook);
    hook();
    this.part("#room-back")?.addEventListener("click", () => {
      this.set(false);
      this.go();
    });
  }

  /** alone: the follower looks around, and the presenter's moves wait. */
  private set(alone: boolean): void {
    this.alone = alone;
    for (const [what, shown] of [
      [".with-them", !alone],
      [".alone", alone],
      ["#room-back", alone],
    ] as const) {
      const el = this.part(what);
      if (el) el.hidden = !shown;
    }
  }

  private present(): void {
    const tell = () => {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => void this.tell(), 60);
    };
    const hook = () => {
      this.frame.contentDocument?.addEventListener("podpath:step", tell);
      tell();
    };
    this.frame.addEventListener("load", hook);
    if (this.frame.contentDocument?.readyState === "complete") hook();
  }

  private async tell(): Promise<void> {
    const at = this.frame.contentWindow?.location;
    if (!at || at.origin !== location.origin) return;
    const href = plain(at);
    if (href === this.latest) return;
    this.latest = href;
    const answer = await fetch(`/r/${this.id}/present`, { method: "POST", body: JSON.stringify({ href }) }).catch(
      () => null,
    );
    const lost = this.part(".lost");
    if (lost) lost.hidden = answer?.ok ?? false;
    if (!answer?.ok) this.latest = "";
  }

  private part(selector: string): HTMLElement | null {
    return this.root.querySelector<HTMLElement>(selector);
  }
}

/** The station that a room asks its page to go to; -1 for another message. */
export function asked(ev: MessageEvent): number {
  const go = ev.data as Partial<Go>;
  if (ev.origin !== location.origin || ev.source !== parent || go?.podpath !== "go" || typeof go.href !== "string")
    return -1;
  const to = step(go.href);
  for (const a of document.querySelectorAll<Element>(".hop, .st")) {
    const href = a.getAttribute("href");
    if (href && step(href) === to) return Number((a as HTMLElement).dataset.i);
  }
  return -1;
}
