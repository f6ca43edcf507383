// Text files become part of the message: dropped on the composer, or chosen with its button.
import { h } from '../base/dom.js';

/** A fence that nothing in the text closes. @param {string} text */
const fenceFor = (text) => '`'.repeat(Math.max(3, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length + 1)));

/** @param {string} name @param {string} text */
export const asBlock = (name, text) => {
  const fence = fenceFor(text);
  return `${name}\n${fence}${/\.([\w+]{1,12})$/.exec(name)?.[1] ?? ''}\n${text.replace(/\n?$/, '\n')}${fence}\n`;
};

/** The text of a file, or undefined when it is none: too large, or not UTF-8. @param {File} file @param {number} bytesMax @returns {Promise<string | undefined>} */
export async function textOf(file, bytesMax) {
  if (file.size > bytesMax) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    return text.includes('\0') ? undefined : text.replaceAll('\r\n', '\n');
  } catch {
    return undefined;
  }
}

/** Lets the person choose files. @param {string} accept @param {(files: File[]) => void} chosen */
export function chooseFiles(accept, chosen) {
  const input = h('input', { type: 'file', multiple: true, accept, class: 'unseen', tabindex: -1, 'aria-hidden': 'true' });
  input.addEventListener('change', () => {
    chosen([...(input.files ?? [])]);
    input.remove();
  });
  input.addEventListener('cancel', () => input.remove());
  document.body.append(input);
  input.click();
}
