// How far a reader has come in each lesson. It stays in the browser: the server does not know.

const KEY = "podpath.lessons";

/** By lesson: the farthest step, of how many, and the one that was shown last. */
type Progress = Record<string, { step: number; total: number; last?: string }>;

function load(): Progress {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return read !== null && typeof read === "object" ? (read as Progress) : {};
  } catch {
    return {}; // no storage, or something else's words in it
  }
}

/** remember keeps which step of a lesson is shown, and the farthest one. */
export function remember(lesson: string, step: number, total: number, last: string): void {
  const all = load();
  all[lesson] = { step: Math.max(step, all[lesson]?.step ?? 0), total, last };
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    // a browser that keeps nothing
  }
}

/** recall writes into the list of lessons how far the reader has come. */
export function recall(): void {
  const all = load();
  for (const item of document.querySelectorAll<HTMLElement>("[data-lesson][data-steps]")) {
    const at = all[item.dataset.lesson ?? ""];
    const say = item.querySelector<HTMLElement>(".done");
    if (!at || !say || typeof at.step !== "number") continue;
    const done = at.step >= Number(item.dataset.steps);
    say.textContent = done ? (say.dataset.done ?? "") : (say.dataset.on ?? "").replace("0", String(at.step));
    const link = item.querySelector<HTMLAnchorElement>("a.card");
    if (link && at.last && !done) {
      const url = new URL(link.href);
      url.searchParams.set("step", at.last); // on from where the reader was
      link.href = url.pathname + url.search;
    }
    item.classList.toggle("is-done", done);
    item.classList.toggle("is-begun", !done);
  }
}
