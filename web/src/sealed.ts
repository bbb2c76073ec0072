// Encrypted links: the browser that shares encrypts what is kept, the browser that opens decrypts it, by a key in the fragment,
// which is sent to no server. AES-GCM with 256 bits and a random nonce of 96 (NIST SP 800-38D); a key is used once.

import { base64, base64url, bytes } from "./base64.ts";

const PREFIX = "k1:";
const END = "z";
const NONCE = 12;

/** What was opened: a trace's page shows it, and asks for files of it. */
let opened = "";

/** seal encrypts what the form would have kept, has that kept, and shows the link with its key. */
export async function seal(
  button: HTMLElement,
  replace: (page: Document) => void,
  failed: (text: string) => void,
): Promise<void> {
  const form = button.closest("form");
  if (!form) return;
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") fields.append(name, value);
  try {
    const draft = await fetch("/share/draft", { method: "POST", body: fields });
    if (!draft.ok) throw new Error(draft.statusText);
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
    const made = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, await draft.arrayBuffer());
    const both = new Uint8Array(NONCE + made.byteLength);
    both.set(nonce);
    both.set(new Uint8Array(made), NONCE);
    const body = new URLSearchParams({ sealed: base64(both), lang: document.documentElement.lang });
    const answer = await fetch("/share", { method: "POST", body });
    if (!answer.ok) throw new Error(answer.statusText);
    const raw = new Uint8Array(await crypto.subtle.exportKey("raw", key));
    const fragment = `#${PREFIX}${base64url(raw)}${END}`;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const link = page.querySelector("#sh-id");
    if (link) link.textContent += fragment;
    const open = page.querySelector<HTMLAnchorElement>("#sh-open");
    if (open) open.setAttribute("href", open.getAttribute("href") + fragment);
    replace(page);
  } catch {
    failed(button.dataset.failed ?? "");
  }
}

/** unseal opens an encrypted link and shows its page. */
export async function unseal(replace: (page: Document) => void): Promise<void> {
  const holder = document.querySelector<HTMLElement>("[data-sealed]");
  if (!holder) return;
  const show = (what: string) => {
    for (const name of ["unpacking", "missing", "wrong", "failed"])
      for (const el of holder.querySelectorAll<HTMLElement>(`.${name}`)) el.hidden = name !== what;
  };
  const text = location.hash.slice(1);
  if (!text.startsWith(PREFIX)) {
    show("missing");
    return;
  }
  let sealed: Uint8Array<ArrayBuffer>;
  try {
    const link = await (await fetch(holder.dataset.sealed ?? "")).json();
    sealed = bytes(link.encrypted);
  } catch {
    show("failed");
    return;
  }
  try {
    const raw = bytes(text.slice(PREFIX.length).replace(/z$/, ""));
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
    const plain = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: sealed.subarray(0, NONCE) },
      key,
      sealed.subarray(NONCE),
    );
    opened = new TextDecoder().decode(plain);
  } catch {
    show("wrong");
    return;
  }
  try {
    replace(new DOMParser().parseFromString(await (await ask(location.href)).text(), "text/html"));
  } catch {
    show("failed");
  }
}

/** Whether an address is of the encrypted link that is open here. */
export function isSealed(href: string): boolean {
  const url = new URL(href, location.href);
  const [, s, id] = location.pathname.split("/");
  return (
    location.hash.startsWith(`#${PREFIX}`) &&
    url.origin === location.origin &&
    new RegExp(`^/${s}/${id}(\\.\\w+)?$`).test(url.pathname)
  );
}

/** ask asks for a page or a file of the encrypted link that is open here. */
export function ask(href: string): Promise<Response> {
  return fetch(href.replace(/#.*$/, ""), {
    method: "POST",
    body: opened,
    headers: { "Content-Type": "application/json" },
  });
}
