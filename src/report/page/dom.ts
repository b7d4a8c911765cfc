/** The element with an id. Throws when the page has none. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${id}`);
  return element;
}

/** A new element with text, classes and what is inside it. Text is never markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  more: { readonly text?: string; readonly className?: string; readonly inside?: readonly Node[] } = {},
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (more.className !== undefined) element.className = more.className;
  if (more.text !== undefined) element.textContent = more.text;
  element.append(...(more.inside ?? []));
  return element;
}
