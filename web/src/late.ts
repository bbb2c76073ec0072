// What is not looked at yet. The server writes it into <noscript>: to a browser without scripts that is the page as it is,
// to one with scripts a piece of text that is neither parsed nor laid out until it is wanted.

/** late puts what a <noscript> holds in its place, and gives its first element. */
export function late(holder: Element): HTMLElement | null {
  const template = document.createElement("template");
  // In a page that was swapped in it has been parsed, for what parses a fragment runs no scripts.
  if (holder.firstElementChild) template.content.append(...holder.childNodes);
  else template.innerHTML = holder.textContent ?? "";
  const first = template.content.firstElementChild as HTMLElement | null;
  holder.replaceWith(template.content);
  return first;
}
