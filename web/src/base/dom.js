// The only maker of elements: text arrives as text nodes, never as markup.

const svgNamespace = 'http://www.w3.org/2000/svg';

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, unknown>} Properties */

/** @param {Element} element @param {string} name @param {unknown} value */
export function set(element, name, value) {
  if (name.startsWith('on') && typeof value === 'function') {
    element.addEventListener(name.slice(2).toLowerCase(), /** @type {EventListener} */ (value));
  } else if (value === undefined || value === null || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else {
    const text = value === true ? '' : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {Properties} [properties] @param {...Child} children @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  append(element, children);
  return element;
}

/** @param {string} tag @param {Properties} [properties] @param {...Child} children @returns {SVGElement} */
export function s(tag, properties = {}, ...children) {
  const element = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  append(element, children);
  return element;
}

/** @param {Element} element @param {Child[]} children */
function append(element, children) {
  for (const child of children) if (child || child === 0) element.append(child instanceof Node ? child : String(child));
}

/** @param {string} name a symbol of the sprite in index.html */
export const icon = (name) => s('svg', { class: 'icon', 'aria-hidden': 'true' }, s('use', { href: `#i-${name}` }));

/** @param {string} name @param {string} label @param {(event: Event) => void} onclick @param {Properties} [more] */
export const iconButton = (name, label, onclick, more = {}) =>
  h('button', { class: 'icon-button', type: 'button', 'aria-label': label, title: label, onclick, ...more }, icon(name));

/** Writes only what differs, so that selections and screen readers are left alone. @param {Node} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Makes the children of parent exactly these, moving only what is out of place. @param {Element} parent @param {readonly Node[]} wanted */
export function setChildren(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.childNodes]) if (!keep.has(child)) child.remove();
  let place = parent.firstChild;
  for (const node of wanted) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}
